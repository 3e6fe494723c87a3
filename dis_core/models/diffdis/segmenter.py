"""An image as an array goes through DiffDIS, with the same noise each time, and comes out as a matte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import nn

from dis_core.models.diffdis.checkpoint import published_autoencoder, published_denoiser
from dis_core.models.diffdis.network import LATENT_PX, DiffDIS
from dis_core.models.diffdis.spec import SD_TURBO_AUTOENCODER
from dis_core.models.resample import Size, shrink_smoothly, size_of
from dis_core.models.square import SquareSegmenter
from dis_core.models.tensors import to_array
from dis_core.models.unfilled import unfilled
from dis_core.models.value_range import Extremes, own_extremes
from dis_core.protocols import DepthEstimator, Placement
from dis_core.weights.checkpoint import load_strictly

Network = TypeVar("Network", bound=nn.Module)

MULTIPLE_PX: Final = 64
"""Eight pixels are one place of the latents, and the UNet halves them three times."""

SEED: Final = 0
"""The authors draw new noise each time; here the same image always gives the same result."""


class SeededDiffDIS(nn.Module):
    """DiffDIS with the noise that it starts from: pictures in, masks out, and between which values each is stretched.

    All pictures of a batch start from the same noise, so that they get the masks that they get alone.
    """

    def __init__(self, network: DiffDIS, draw_noise: Callable[[tuple[int, ...]], torch.Tensor]) -> None:
        super().__init__()
        self.network = network
        self.draw_noise = draw_noise

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) in [-1, 1] -> (B, 3, S, S) in [0, 1]: a mask, and two planes full of its extremes.

        They are planes so that of several views they are averaged as the masks are.
        """
        side = size_of(pictures)[0] // LATENT_PX
        noise = self.draw_noise((1, 4, side, side)).to(pictures.device)
        masks: torch.Tensor = self.network(pictures, noise.expand(len(pictures), -1, -1, -1))
        extremes = torch.tensor([own_extremes(to_array(mask[None])) for mask in masks], device=masks.device)
        return torch.cat([masks, extremes[:, :, None, None].expand(-1, -1, *size_of(masks))], 1)


class DiffDISSegmenter(SquareSegmenter):
    """A loaded DiffDIS, which needs nothing but the image."""

    def __init__(
        self,
        network: DiffDIS,
        *,
        side_px: int,
        placement: Placement,
        draw_noise: Callable[[tuple[int, ...]], torch.Tensor] | None = None,
    ) -> None:
        super().__init__(
            SeededDiffDIS(network, draw_noise or seeded_noise),
            side_px=side_px,
            multiple_px=MULTIPLE_PX,
            placement=placement,
            to_input=to_input,
            resize=shrink_smoothly,
            activation=lambda masks: masks,
        )

    def read(self, answer: torch.Tensor, size: Size) -> tuple[NDArray[np.float32], Extremes]:
        """The mask as the network drew it, at the image's size, and its extremes before it was resized."""
        mask, lowest, highest = answer[0]
        return to_array(self.enlarge(mask[None, None], size)), (float(lowest[0, 0]), float(highest[0, 0]))


def to_input(image: torch.Tensor, size: Size) -> torch.Tensor:
    """(1, 3, H, W) in [0, 1] as the network saw photos in training: shrunk smoothly, in [-1, 1]."""
    return shrink_smoothly(image, size) * 2 - 1


def seeded_noise(shape: tuple[int, ...]) -> torch.Tensor:
    """Normally distributed numbers on the CPU, float32, always the same for a shape: on every device and machine."""
    # Not torch's: which numbers its seeds give may differ between its versions and between processors.
    random = np.random.Generator(np.random.PCG64(SEED))
    return torch.from_numpy(random.standard_normal(shape, dtype=np.float32))


def load_network(weights_file: Path, *, placement: Placement, companions: Mapping[str, Path]) -> DiffDIS:
    """The network of the published weights, with SD-Turbo's autoencoder."""
    with unfilled():
        denoiser = published_denoiser()
    load_strictly(denoiser, weights_file)
    network = DiffDIS(denoiser, load_autoencoder(companions[SD_TURBO_AUTOENCODER.name], placement=placement))
    return on_its_device(network, placement)


def load_published(
    weights_file: Path,
    *,
    placement: Placement,
    estimate_depth: DepthEstimator | None,  # noqa: ARG001 - of every loader, and this network wants no depth
    companions: Mapping[str, Path],
) -> DiffDISSegmenter:
    """The published network, at 1024 x 1024."""
    network = load_network(weights_file, placement=placement, companions=companions)
    return DiffDISSegmenter(network, side_px=1024, placement=placement)


def load_autoencoder(weights_file: Path, *, placement: Placement) -> AutoencoderKL:
    """SD-Turbo's autoencoder, a part of DiffDIS and no model of its own."""
    with unfilled():
        autoencoder = published_autoencoder()
    load_strictly(autoencoder, weights_file)
    return on_its_device(autoencoder, placement)


def on_its_device(network: Network, placement: Placement) -> Network:
    """The network on its device, in the memory layout with the fastest convolutions."""
    return network.eval().to(placement.device).to(memory_format=torch.channels_last)
