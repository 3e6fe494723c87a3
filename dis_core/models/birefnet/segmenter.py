"""An image as an array goes through BiRefNet and comes out as a matte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from dis_core.models.birefnet.network import MULTIPLE_PX, BiRefNet, large_network, lite_network
from dis_core.models.resample import Size, shrink_smoothly
from dis_core.models.square import SquareSegmenter, rounded, square_of
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD
from dis_core.models.unfilled import unfilled
from dis_core.protocols import DepthEstimator, Placement
from dis_core.weights.checkpoint import load_strictly


@dataclass(frozen=True)
class Loader:
    """Brings weights to life in the network that they are of, with the side that they were trained with."""

    make_network: Callable[[], BiRefNet]
    side_px: int
    size_for: Callable[[int], Size] = square_of

    def __call__(
        self,
        weights: Path,
        *,
        placement: Placement,
        estimate_depth: DepthEstimator | None,  # noqa: ARG002 - every loader is given one
    ) -> SquareSegmenter:
        """Raises WeightsCorrupt."""
        network = self.network(weights, placement=placement)
        return segmenter_of(network, side_px=self.side_px, placement=placement, size_for=self.size_for)

    def network(self, weights: Path, *, placement: Placement) -> BiRefNet:
        """The network alone. Raises WeightsCorrupt."""
        with unfilled():
            network = self.make_network()
        load_strictly(network, weights)
        return where_it_runs(network, placement)


def wide(height_px: int) -> Size:
    """The size of an input that is 16 by 9, at 1440 as BiRefNet_lite-2K was trained; images of any shape fill it."""
    return height_px, rounded(height_px * 16 / 9, MULTIPLE_PX)


load_512 = Loader(large_network, 512)
load_1024 = Loader(large_network, 1024)
load_2048 = Loader(large_network, 2048)
load_lite = Loader(lite_network, 1024)
load_lite_2k = Loader(lite_network, 1440, wide)


def segmenter_of(
    network: BiRefNet, *, side_px: int, placement: Placement, size_for: Callable[[int], Size] = square_of
) -> SquareSegmenter:
    """A network with its weights as a segmenter, where it is to run."""
    return SquareSegmenter(
        where_it_runs(network, placement),
        side_px=side_px,
        size_for=size_for,
        placement=placement,
        to_input=to_input,
        multiple_px=MULTIPLE_PX,
    )


def where_it_runs(network: BiRefNet, placement: Placement) -> BiRefNet:
    """The network on its device."""
    # Channels last: convolutions are faster so on every device, and it is how the deformable ones read their map.
    network.eval().to(placement.device).to(memory_format=torch.channels_last)
    return network


def to_input(image: torch.Tensor, size: Size) -> torch.Tensor:
    """(1, 3, H, W) in [0, 1] as the network sees it: antialiased, as the authors' own examples have it."""
    return (shrink_smoothly(image, size) - IMAGENET_MEAN) / IMAGENET_STD
