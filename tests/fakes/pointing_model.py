"""A prompt network for tests that guesses by a rule, in the place of the built-in one, and a model that sees all of it.

It knows three nested things at each place where the image is bright: `PART_PX` around the point, the left half of the
bright region, and the whole region. Its answer is at half the image's size, as a network's would be at another.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dis_core.geometry import Box, Points
from dis_core.matte.parts import label_parts
from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.progress import Report, ignore
from dis_core.protocols import Extent, Memory, Placement

GUESSING = replace(
    DIS_LITE,
    name="sam-vit-base",
    aliases=(),
    task="prompt",
    summary="a test",
    loader="tests.fakes.pointing_model:load",
    depth_model=None,
)

PART_PX = 6

loaded: list[Guessing] = []
"""Every network that was loaded, the last one last."""


class Guessing:
    """The network; it notes what it looked at and what it was asked."""

    answer_side_px = 256

    def __init__(self) -> None:
        self.looks = 0
        self.asked: list[tuple[Box | None, Points, Extent]] = []

    def guess(
        self,
        image: NDArray[np.float32],
        *,
        box: Box | None,
        points: Points,
        extent: Extent,
        memory: Memory | None,
        report: Report = ignore,
    ) -> NDArray[np.float32]:
        """What is at the first point, or in the middle of the box."""
        report(0.5, "looking at the image")
        self.asked.append((box, points, extent))
        if memory is None or memory.finding is None:
            self.looks += 1
        if memory is not None:
            memory.finding = "seen"
        x, y = points.subject[0] if box is None else ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        labels, _ = label_parts(image[..., 0] > 0.5)
        region = (labels == labels[int(y), int(x)]) & (labels > 0)
        rows, columns = np.indices(region.shape)
        if extent == "small":
            region &= np.maximum(abs(rows - y), abs(columns - x)) <= PART_PX
        elif extent == "medium":
            region &= columns <= columns[region].mean() if region.any() else region
        answer: NDArray[np.float32] = region[::2, ::2].astype(np.float32)
        return answer


def load(weights: Path, *, placement: Placement) -> Guessing:
    loaded.append(Guessing())
    return loaded[-1]
