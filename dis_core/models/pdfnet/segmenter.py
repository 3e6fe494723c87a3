"""An image as an array goes through PDFNet and comes out as a matte."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.errors import BadRequest
from dis_core.models.backbones.efficientnet import CHANNELS, folded_backbone
from dis_core.models.pdfnet.checkpoint import published_network
from dis_core.models.pdfnet.network import PIXELS_AT_ONCE, BoundaryPrior, PDFNet
from dis_core.models.resample import Size, resize_to_corners, shrink_smoothly
from dis_core.models.square import SquareBase
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD, size_of_array, to_tensor
from dis_core.models.unfilled import unfilled
from dis_core.progress import Report, ignore, span
from dis_core.protocols import NO_PROMPT, DepthEstimator, Memory, Placement, Prompt, Quality, Segmentation
from dis_core.weights.checkpoint import load_strictly

TINY_BACKBONE: Final = "efficientnet-lite0"
MULTIPLE_PX = 256
"""The eight patches of a side are seen at their own stride of 32."""


class PDFNetSegmenter(SquareBase):
    """A loaded PDFNet with its depth input.

    `side_px` is the side of the network's square input. `resize` brings photographs to it: the published weights were
    trained with plain bilinear sampling, corners' centers fixed. `estimate_depth` is called where the user gives none.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        side_px: int,
        placement: Placement,
        estimate_depth: DepthEstimator | None,
        resize: Callable[[torch.Tensor, Size], torch.Tensor] = resize_to_corners,
    ) -> None:
        super().__init__(
            network,
            side_px=side_px,
            multiple_px=MULTIPLE_PX,
            placement=placement,
            enlarge=resize_to_corners,
            logits_of=operator.attrgetter("logits"),
        )
        self.estimate_depth = estimate_depth
        self.resize = resize

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        """Find the subject of `image`, (H, W, 3) float32 sRGB in [0, 1].

        The matte comes back at (H, W). The depth in the answer is the one used, scaled to [0, 1].

        Raises OutOfMemory, BadRequest if there is no depth at all, and what `report` raises.
        """
        return self.segment_remembering(image, Memory(), prompt=prompt, quality=quality, report=report)

    def segment_remembering(
        self,
        image: NDArray[np.float32],
        memory: Memory,
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        """As a call; `memory` holds the depth that was estimated of `image`, if that was wanted.

        Raises what a call does.
        """
        if prompt.depth is None and memory.finding is None:
            memory.finding = self.depth_of(image, prompt, span(report, 0.0, 0.3))
        depth = scale_to_unit(memory.finding if prompt.depth is None else prompt.depth)
        report(0.3, "segmenting")
        (alpha,) = self.segment_at_once([image], [depth], quality, span(report, 0.3, 1.0))
        report(1.0, "segmenting")
        return Segmentation(alpha, depth)

    def segment_tiles(
        self,
        tiles: Sequence[NDArray[np.float32]],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> list[NDArray[np.float32]]:
        """The mattes, (H, W) each, of parts of one image, (H, W, 3) each, in one batch.

        What is `known` of each is looked at for the whole image's depth; a part without it gets an estimate of its own.

        Raises OutOfMemory, BadRequest if there is no depth at all, and what `report` raises.
        """
        depth_share = 0.3 if any(part.depth is None for part in known) else 0.0
        depths = []
        for i, (tile, part) in enumerate(zip(tiles, known, strict=True)):
            own = span(report, depth_share * i / len(tiles), depth_share * (i + 1) / len(tiles))
            depths.append(self.depth_of(tile, Prompt(depth=part.depth), own))
        rest = span(report, depth_share, 1.0)
        return self.segment_at_once(tiles, [scale_to_unit(depth) for depth in depths], quality, rest)

    def segment_at_once(
        self,
        images: Sequence[NDArray[np.float32]],
        depths: Sequence[NDArray[np.float32]],
        quality: Quality,
        report: Report,
    ) -> list[NDArray[np.float32]]:
        """The mattes of images with depths in [0, 1], in one batch."""

        def planes_at(number: int, size: Size) -> tuple[torch.Tensor, torch.Tensor]:
            photo = (self.resize(to_tensor(images[number]), size) - IMAGENET_MEAN) / IMAGENET_STD
            return photo, scale_each_to_unit(self.resize(to_tensor(depths[number]), size))

        sizes = [size_of_array(image) for image in images]
        return [answer for answer, _ in self.answers(sizes, planes_at, quality=quality, report=report)]

    def depth_of(self, image: NDArray[np.float32], prompt: Prompt, report: Report) -> NDArray[np.floating[Any]]:
        """The user's depth map or an estimate, (H, W) of any range."""
        if prompt.depth is not None:
            return prompt.depth
        if self.estimate_depth is None:
            raise BadRequest(
                "this model needs a depth map, and there is no depth model to estimate one", hint="use `depth`"
            )
        return self.estimate_depth(image, report=report)


def scale_to_unit(depth: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(H, W) of any range as float32 in [0, 1], by its own extremes; a constant map becomes 0.

    Where the depth is infinite it is as near or as far as the finite rest gets; where it is not a number, far.
    """
    values = depth.astype(np.float64 if depth.dtype.itemsize > 4 else np.float32)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (values.dtype.type(0), values.dtype.type(0))
    if not high > low:
        return np.zeros(depth.shape, np.float32)
    np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    # Halves, because the distance between the largest and the smallest number that there is would be infinite.
    values /= 2
    values -= low / 2
    values /= high / 2 - low / 2
    return values.astype(np.float32)


def scale_each_to_unit(depth: torch.Tensor) -> torch.Tensor:
    """Scale each image of (B, 1, H, W) to [0, 1] by its own extremes, as the network was trained; a constant one to 0.

    The authors take the extremes over the whole batch; with one image the two are the same.
    """
    low, high = depth.amin((1, 2, 3), keepdim=True), depth.amax((1, 2, 3), keepdim=True)
    return (depth - low) / torch.where(high > low, high - low, torch.ones_like(high))


def load_network(weights: Path, *, placement: Placement) -> PDFNet:
    """The 94 M network in its first revision, to which the published weights belong."""
    with unfilled():
        network = published_network(BoundaryPrior(), pixels_at_once=pixels_at_once(placement))
    return filled(network, weights, placement)


def load_published(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> PDFNetSegmenter:
    """The published network, whose input is 1024 x 1024."""
    network = load_network(weights, placement=placement)
    return PDFNetSegmenter(network, side_px=1024, placement=placement, estimate_depth=estimate_depth)


def pixels_at_once(placement: Placement) -> int:
    """How many pixels the network should work on at once: a GPU wants all 64 patches in one batch, to be busy."""
    return PIXELS_AT_ONCE if placement.device == "cpu" else 1024 * 1024


def filled(network: PDFNet, weights: Path, placement: Placement) -> PDFNet:
    """The network with its weights where it is to run. Raises WeightsCorrupt."""
    load_strictly(network, weights)
    # Channels last: convolutions are faster so on every device, and what follows keeps the layout that they give.
    network.eval().to(placement.device).to(memory_format=torch.channels_last)
    return network


def tiny_network() -> PDFNet:
    """A small PDFNet to train: an EfficientNet-Lite0 as backbone, 32 wide, 3.6 M parameters."""
    backbone = folded_backbone(TINY_BACKBONE, levels=4)
    return PDFNet(backbone, channels=CHANNELS[TINY_BACKBONE], width=32, boundary_prior=BoundaryPrior())


def load_tiny(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> PDFNetSegmenter:
    """A small PDFNet that was trained with `dis-core train`, whose input is 512 x 512."""
    with unfilled():
        network = tiny_network()
    return PDFNetSegmenter(
        filled(network, weights, placement),
        side_px=512,
        placement=placement,
        estimate_depth=estimate_depth,
        resize=shrink_smoothly,
    )
