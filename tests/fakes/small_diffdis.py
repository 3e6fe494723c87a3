"""The smallest honest DiffDIS: the real classes with few channels and weights that follow from a recipe."""

from __future__ import annotations

from dis_core.models.diffdis.segmenter import DiffDISSegmenter, on_its_device
from dis_core.protocols import Placement
from tests.recipes.diffdis import tiny_network

SIDE_PX = 256


def segmenter(placement: Placement = Placement("cpu")) -> DiffDISSegmenter:  # noqa: B008 - frozen
    return DiffDISSegmenter(on_its_device(tiny_network(), placement), side_px=SIDE_PX, placement=placement)
