"""dis-core with six more models, for tests: `python -m tests.hosts.quick_dis_core` is the same command otherwise.

`bright` is exact and instant, and so is `bright-where-told` where it is told to look; `endless` works until it is
stopped, `absent` is on the Hub only, `by-hand` is not even there and needs `absent`, and `needy` a package that nobody
has.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dis_core.cli.main import run
from dis_core.model_spec import WeightsFile
from dis_core.progress import Report, ignore
from dis_core.protocols import NO_PROMPT, DepthEstimator, Placement, Prompt, Quality, Segmentation
from dis_core.registry import manager as registry
from tests.fakes.bright_model import BRIGHT, BRIGHT_WHERE_TOLD

ENDLESS = replace(BRIGHT, name="endless", loader="tests.hosts.quick_dis_core:load_endless")
ABSENT = replace(
    BRIGHT,
    name="absent",
    weights=WeightsFile("someone/absent", "model.safetensors", size_bytes=2_000_000),
    embedded=False,
)
BY_HAND = replace(
    ABSENT,
    name="by-hand",
    weights=WeightsFile(None, "model.pth", homepage="https://example.org/model"),
    companions=("absent",),
)
NEEDY = replace(ABSENT, name="needy", extra="more", packages=("a_package_that_nobody_has",))


class Endless:
    """Reports that it works, and works."""

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        while True:
            report(0.5, "working endlessly")
            time.sleep(0.05)

    def side_for(self, quality: Quality) -> int:
        return 4096

    def segment_tiles(
        self, tiles: Sequence[NDArray[np.float32]], *, known: Sequence[Segmentation], quality: Quality
    ) -> list[NDArray[np.float32]]:
        raise NotImplementedError


def load_endless(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Endless:
    return Endless()


if __name__ == "__main__":
    more = (BRIGHT, BRIGHT_WHERE_TOLD, BY_HAND, NEEDY, ENDLESS, ABSENT)
    known = {**registry.models(), **{spec.name: spec for spec in more}}
    registry.models = lambda: known
    sys.exit(run(sys.argv[1:]))
