"""Relative depth from one image: Depth Anything V2 (Yang et al., NeurIPS 2024), loaded and with a way in and out.

How an image gets into the network and out of it follows the authors' own code: the shorter side becomes 518, both sides
multiples of 14, bicubic without antialiasing, ImageNet statistics, and the answer is enlarged bilinearly with the
corners' centers fixed. The sizes are theirs exactly; the resampled colors differ from OpenCV's by less than 1e-4 of
their range, on white noise (test_depth_input_equals_the_authors_preprocessing).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.device import run_on
from dis_core.models.depth_anything.network import TOKEN_PX, DepthAnythingNetwork
from dis_core.models.progress_hooks import Stages
from dis_core.models.resample import Size, resize_bicubic, resize_to_corners
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD, to_array, to_tensor
from dis_core.models.unfilled import unfilled
from dis_core.progress import Report, ignore
from dis_core.protocols import Placement
from dis_core.weights.checkpoint import load_strictly

SIDE_PX = 518
"""The shorter side of what the published networks look at."""

LONGEST_TO_SHORTEST = 4
"""Images more extreme than 4 : 1 are squeezed to it: a one-pixel line would otherwise become millions of tokens."""


def input_size(image_size: Size, shorter_side_px: int) -> Size:
    """(height, width) at which the network sees an image of `image_size`: the authors' "lower bound" rule.

    The shorter side becomes `shorter_side_px`, the other follows in proportion, rounded to the nearest multiple of 14.
    """
    height, width = image_size
    scale = max(shorter_side_px / height, shorter_side_px / width)
    longest_px = LONGEST_TO_SHORTEST * shorter_side_px

    def side(length: int) -> int:
        rounded = round(min(scale * length, longest_px) / TOKEN_PX) * TOKEN_PX
        return max(rounded, shorter_side_px)

    return side(height), side(width)


class DepthAnything:
    """A loaded depth network that takes and returns arrays."""

    def __init__(
        self,
        network: nn.Module,
        *,
        placement: Placement,
        shorter_side_px: int,
    ) -> None:
        self.network = network
        self.placement = placement
        self.stages = Stages(network)
        self.shorter_side_px = shorter_side_px

    def __call__(self, image: NDArray[np.float32], *, report: Report = ignore) -> NDArray[np.float32]:
        """Estimate the depth of `image`, (H, W, 3) float32 sRGB in [0, 1].

        Returns relative inverse depth, (H, W) float32, near = large, in the network's own unit.
        """
        report(0.0, "estimating depth")
        height, width = image.shape[:2]
        with run_on(self.placement), self.stages.reporting(report, "estimating depth"):
            x = self.prepare(to_tensor(image))
            depth: torch.Tensor = self.network(x.to(self.placement.device))
            full = resize_to_corners(depth.float().cpu(), (height, width))
        report(1.0, "estimating depth")
        return to_array(full)

    def prepare(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 3, H, W) in [0, 1] -> the network's normalized input."""
        size = input_size((image.shape[2], image.shape[3]), self.shorter_side_px)
        return (resize_bicubic(image, size) - IMAGENET_MEAN) / IMAGENET_STD


def small_network() -> DepthAnythingNetwork:
    """Depth-Anything-V2-Small: 25 M parameters."""
    return DepthAnythingNetwork(
        width=384, depth=12, heads=6, taps=(3, 6, 9, 12), neck=(48, 96, 192, 384), fusion=64, head=32
    )


def base_network() -> DepthAnythingNetwork:
    """Depth-Anything-V2-Base: 97 M parameters."""
    return DepthAnythingNetwork(
        width=768, depth=12, heads=12, taps=(3, 6, 9, 12), neck=(96, 192, 384, 768), fusion=128, head=32
    )


def large_network() -> DepthAnythingNetwork:
    """Depth-Anything-V2-Large: 335 M parameters."""
    return DepthAnythingNetwork(
        width=1024, depth=24, heads=16, taps=(5, 12, 18, 24), neck=(256, 512, 1024, 1024), fusion=256, head=32
    )


def load(build: Callable[[], nn.Module], weights: Path) -> nn.Module:
    """Build a network without initializing it and fill it from a verified file."""
    with unfilled():
        network = build()
    load_strictly(network, weights)
    return network.eval()


def load_small(weights: Path, *, placement: Placement) -> DepthAnything:
    return _published(small_network, weights, placement)


def load_base(weights: Path, *, placement: Placement) -> DepthAnything:
    return _published(base_network, weights, placement)


def load_large(weights: Path, *, placement: Placement) -> DepthAnything:
    return _published(large_network, weights, placement)


def _published(build: Callable[[], nn.Module], weights: Path, placement: Placement) -> DepthAnything:
    network = _network(build, weights, placement=placement)
    return DepthAnything(network, placement=placement, shorter_side_px=SIDE_PX)


def _network(build: Callable[[], nn.Module], weights: Path, *, placement: Placement) -> nn.Module:
    return load(build, weights).to(placement.device)


load_small_network = functools.partial(_network, small_network)
load_base_network = functools.partial(_network, base_network)
load_large_network = functools.partial(_network, large_network)
