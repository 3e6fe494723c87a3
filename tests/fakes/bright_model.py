"""A model for tests of what lies around models: exact, instant, and loaded through the plug-in hook like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.models.pdfnet.segmenter import scale_to_unit
from dis_core.progress import Report, ignore
from dis_core.protocols import NO_PROMPT, DepthEstimator, Placement, Prompt, Quality, Segmentation

BRIGHT = replace(DIS_LITE, name="bright", aliases=(), loader="tests.fakes.bright_model:load")
"""What is brighter than a half is the subject. Its weights file is the embedded one, which it does not look at."""

BRIGHT_WITH_DEPTH = replace(BRIGHT, name="bright-with-depth", depth_model="depth-tiny")

loaded: list[BrightIsSubject] = []
"""Every segmenter that was loaded, the last one last."""


class BrightIsSubject:
    """The segmenter; it notes what it was shown."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.float32]] = []
        self.prompts: list[Prompt] = []

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        report(0.5, "segmenting")
        self.seen.append(image)
        self.prompts.append(prompt)
        depth = None if prompt.depth is None else scale_to_unit(prompt.depth)
        return Segmentation((image.mean(axis=2) > 0.5).astype(np.float32), depth)

    def side_for(self, quality: Quality) -> int:
        return 4096

    def segment_tiles(
        self,
        tiles: Sequence[NDArray[np.float32]],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> list[NDArray[np.float32]]:
        return [self(tile, quality=quality).alpha for tile in tiles]


def load(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> BrightIsSubject:
    loaded.append(BrightIsSubject())
    return loaded[-1]


BRIGHT_WHERE_TOLD = replace(
    BRIGHT, name="bright-where-told", loader="tests.fakes.bright_model:load_told", prompts=("box", "points")
)
"""What is brighter than a half in a box, or within `REACH_PX` of a point on the subject, is the subject."""

REACH_PX = 10

SPECS = {spec.name: spec for spec in (BRIGHT, BRIGHT_WITH_DEPTH, BRIGHT_WHERE_TOLD)}


class BrightWhereTold(BrightIsSubject):
    """The segmenter."""

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        bright = super().__call__(image, prompt=prompt, quality=quality, report=report).alpha
        told = np.zeros_like(bright)
        for left, top, right, bottom in prompt.boxes:
            told[top:bottom, left:right] = 1
        rows, columns = np.indices(bright.shape)
        for x, y in prompt.points.subject:
            told[np.hypot(rows - y, columns - x) <= REACH_PX] = 1
        for x, y in prompt.points.background:
            told[np.hypot(rows - y, columns - x) <= REACH_PX] = 0
        return Segmentation(bright * told)


def load_told(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> BrightWhereTold:
    loaded.append(BrightWhereTold())
    return loaded[-1]  # type: ignore[return-value]  # just appended
