"""An image as an array goes through IS-Net and comes out as a matte."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from dis_core.models.isnet.network import ISNet
from dis_core.models.resample import Size, resize_by_area
from dis_core.models.square import SquareSegmenter
from dis_core.models.unfilled import unfilled
from dis_core.models.value_range import own_extremes
from dis_core.protocols import DepthEstimator, Placement
from dis_core.weights.checkpoint import load_strictly

SIDE_PX: Final = 1024

ANSWER_SHARE: Final = 1 / 2
"""The network halves its input before anything else, and its finest answer is of that size."""

BEST_SCALES: Final = (0.75, 1.0)
"""Of the views of "best": at 1.25 the network loses large subjects, on one photograph in three."""

NEARLY: Final = 2**-12
"""A resized value this little below a whole number is that number; the difference is rounding."""


def to_input(image: torch.Tensor, size: Size) -> torch.Tensor:
    """(B, 3, H, W) in [0, 1] as the network knows images: whole levels, rounded down, in [-0.5, 0.5]."""
    levels = (resize_by_area(image, size) * 255 + NEARLY).floor()
    return levels / 255 - 0.5


def filled(channels: int, weights: Path, placement: Placement) -> ISNet:
    """The network of so many input channels with its weights, where it is to run. Raises WeightsCorrupt."""
    with unfilled():
        network = ISNet(channels)
    load_strictly(network, weights)
    network.eval().to(placement.device).to(memory_format=torch.channels_last)
    return network


def segmenter_of(network: ISNet, *, side_px: int, placement: Placement) -> SquareSegmenter:
    """The network with the authors' way into it and out of it."""
    return SquareSegmenter(
        network,
        side_px=side_px,
        placement=placement,
        to_input=to_input,
        resize=resize_by_area,
        extremes_of=own_extremes,
        best_scales=BEST_SCALES,
        answer_share=ANSWER_SHARE,
    )


def load_network(weights: Path, *, placement: Placement) -> ISNet:
    """The 44 M network."""
    return filled(3, weights, placement)


def load(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> SquareSegmenter:  # noqa: ARG001 - a MatteLoader is given it
    """The published network, whose input is 1024 x 1024."""
    return segmenter_of(load_network(weights, placement=placement), side_px=SIDE_PX, placement=placement)
