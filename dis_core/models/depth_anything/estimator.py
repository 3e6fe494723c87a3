"""Relative depth from one image: Depth Anything V2 (Yang et al., NeurIPS 2024) through transformers.

The network is transformers'; how an image gets into it and out of it is ours, after the authors' own code: the shorter
side becomes 518, both sides multiples of 14, bicubic without antialiasing, ImageNet statistics, and the answer is
enlarged bilinearly with the corners' centers fixed. The sizes are theirs exactly; the resampled colors differ from
OpenCV's by less than 1e-4 of their range, on white noise (test_depth_input_equals_the_authors_preprocessing).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.device import run_on
from dis_core.models.progress_hooks import Stages
from dis_core.models.resample import Size, resize_bicubic, resize_to_corners
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD, to_array, to_tensor
from dis_core.models.unfilled import unfilled
from dis_core.progress import Report, ignore
from dis_core.protocols import Placement
from dis_core.weights.checkpoint import load_strictly

if TYPE_CHECKING:
    from transformers import DepthAnythingForDepthEstimation

TOKEN_PX = 14
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
            depth: torch.Tensor = self.network(x.to(self.placement.device)).predicted_depth
            full = resize_to_corners(depth[:, None].float().cpu(), (height, width))
        report(1.0, "estimating depth")
        return to_array(full)

    def prepare(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 3, H, W) in [0, 1] -> the network's normalized input."""
        size = input_size((image.shape[2], image.shape[3]), self.shorter_side_px)
        return (resize_bicubic(image, size) - IMAGENET_MEAN) / IMAGENET_STD


def build_network(
    *, width: int, depth: int, heads: int, taps: Sequence[int], neck: Sequence[int], fusion: int, head: int
) -> DepthAnythingForDepthEstimation:
    """The network of one size: a DINOv2 backbone of `depth` blocks, tapped after those in `taps`, and a DPT head."""
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone = Dinov2Config(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        image_size=518,
        patch_size=TOKEN_PX,
        out_indices=list(taps),  # type: ignore[call-arg]  # transformers takes it but does not declare it
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=TOKEN_PX,
        reassemble_hidden_size=width,
        neck_hidden_sizes=list(neck),
        fusion_hidden_size=fusion,
        head_hidden_size=head,
    )
    return DepthAnythingForDepthEstimation(config)


def small_network() -> DepthAnythingForDepthEstimation:
    """Depth-Anything-V2-Small: 25 M parameters."""
    return build_network(width=384, depth=12, heads=6, taps=(3, 6, 9, 12), neck=(48, 96, 192, 384), fusion=64, head=32)


def base_network() -> DepthAnythingForDepthEstimation:
    """Depth-Anything-V2-Base: 97 M parameters."""
    return build_network(
        width=768, depth=12, heads=12, taps=(3, 6, 9, 12), neck=(96, 192, 384, 768), fusion=128, head=32
    )


def large_network() -> DepthAnythingForDepthEstimation:
    """Depth-Anything-V2-Large: 335 M parameters."""
    return build_network(
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
    network = load(build, weights).to(placement.device)
    return DepthAnything(network, placement=placement, shorter_side_px=518)
