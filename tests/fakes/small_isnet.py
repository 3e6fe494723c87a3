"""IS-Net an eighth as wide, at 256 x 256: quick, and with the real classes. Its weights are random, and not its mattes.

What it holds for the subject depends on the image in the small and in the large, so that tests see what goes wrong.
"""

from __future__ import annotations

import torch
from torch import nn

from dis_core.models.isnet.network import MIDDLE_WIDTHS, MIDDLE_WIDTHS_BACK, WIDTHS, ISNet
from dis_core.models.isnet.segmenter import segmenter_of
from dis_core.models.square import SquareSegmenter
from dis_core.protocols import Placement

SIDE_PX = 256
NARROWER = 8
HEAD_BIAS = -4.0
"""With it about half of a photo is held for the subject."""


def small_network(channels: int = 3, *, seed: int = 0) -> ISNet:
    """A narrow network with random weights that keep the signal's strength from layer to layer."""
    generator = torch.Generator().manual_seed(seed)
    network = ISNet(
        channels,
        widths=[width // NARROWER for width in WIDTHS],
        middles=[width // NARROWER for width in MIDDLE_WIDTHS],
        middles_back=[width // NARROWER for width in MIDDLE_WIDTHS_BACK],
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            nn.init.normal_(module.bias, std=0.1, generator=generator)  # type: ignore[arg-type]
    nn.init.constant_(network.head.bias, HEAD_BIAS)  # type: ignore[arg-type]
    return network.eval().to(memory_format=torch.channels_last)


def segmenter(placement: Placement = Placement("cpu")) -> SquareSegmenter:  # noqa: B008 - frozen
    return segmenter_of(small_network().to(placement.device), side_px=SIDE_PX, placement=placement)
