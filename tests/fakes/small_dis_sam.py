"""DIS-SAM with a tiny SAM and a narrow refiner, at 256 x 256: quick, and with the real classes. Weights are random."""

from __future__ import annotations

from dis_core.geometry import Box
from dis_core.models.dis_sam.segmenter import DisSamSegmenter
from dis_core.protocols import Placement, Prompt
from tests.fakes.small_isnet import small_network
from tests.recipes.sam import SIDE_PX, tiny_sam


def segmenter(placement: Placement = Placement("cpu")) -> DisSamSegmenter:  # noqa: B008 - frozen
    refiner = small_network(5).to(placement.device)
    return DisSamSegmenter(refiner, sam=tiny_sam(placement), side_px=SIDE_PX, placement=placement)


def middle_of(size: tuple[int, int]) -> Prompt:
    """A box around the middle of an image of `size` (height, width)."""
    height, width = size
    left, top = width // 5, height // 5
    return Prompt(boxes=(Box(left, top, max(width - left, left + 1), max(height - top, top + 1)),))
