"""An image as an array goes through DIS-Lite and comes out as a matte."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from dis_core.models.backbones.efficientnet import CHANNELS, folded_backbone
from dis_core.models.dis_lite.network import MULTIPLE_PX, BothWays, DisLite
from dis_core.models.resample import Size, resize_by_area, shrink_smoothly
from dis_core.models.square import SquareSegmenter
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD
from dis_core.models.unfilled import unfilled
from dis_core.protocols import DepthEstimator, Placement
from dis_core.weights.checkpoint import load_strictly

BACKBONE: Final = "efficientnet-lite2"
SIDE_PX = 448

LARGER_PX: Final = 576
"""A larger look improved the test photographs most at 4/3 and 3/2 of the side, when that was 384; this is 9/7 of it."""


def network() -> DisLite:
    """The network of the embedded weights."""
    return DisLite(folded_backbone(BACKBONE, levels=4), CHANNELS[BACKBONE])


def load_network(weights: Path, *, placement: Placement) -> BothWays:
    """The network that looks at an image both ways round; the one that looks once is its `network`."""
    with unfilled():
        empty = network()
    load_strictly(empty, weights)
    # Channels last: convolutions are faster so.
    return BothWays(empty.eval().to(placement.device).to(memory_format=torch.channels_last)).eval()


def load(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> SquareSegmenter:
    """The embedded model from a verified file; it looks at no depth.

    It looks at every image both ways round: that costs as much again, and 0.01 of IoU is better for it. At what comes
    after that, a larger look or tiles, it looks one way, because a second one was no better.
    """
    del estimate_depth
    loaded = load_network(weights, placement=placement)
    return SquareSegmenter(
        loaded,
        side_px=SIDE_PX,
        multiple_px=MULTIPLE_PX,
        placement=placement,
        to_input=to_input,
        resize=resize_by_area,
        near=loaded.network,
        larger_px=LARGER_PX,
    )


def to_input(image: torch.Tensor, size: Size) -> torch.Tensor:
    """(B, 3, H, W) in [0, 1] at `size`, with ImageNet's statistics taken out."""
    return (shrink_smoothly(image, size) - IMAGENET_MEAN) / IMAGENET_STD
