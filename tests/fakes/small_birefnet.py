"""A BiRefNet of three million parameters with seeded random weights, for tests of all around it."""

from __future__ import annotations

import torch
from torch import nn

from dis_core.models.backbones.swin import Swin
from dis_core.models.birefnet.network import BiRefNet
from dis_core.models.birefnet.segmenter import segmenter_of, wide
from dis_core.models.square import SquareSegmenter
from dis_core.protocols import Placement

SIDE_PX = 256


def network() -> BiRefNet:
    """All kinds of layers, each as small as it may be; odd blocks shift their windows."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = Swin(embedding=8, depths=(1, 2, 1, 1), heads=(1, 2, 2, 4), window=7)
        small = BiRefNet(backbone, embedding=8, width=8)
        for module in small.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)  # louder than torch's own, so that a matte is not just gray
    return small.eval()


def segmenter(placement: Placement = Placement("cpu")) -> SquareSegmenter:  # noqa: B008 - a frozen value
    """It finds nothing in particular, but not everywhere the same."""
    return segmenter_of(network(), side_px=SIDE_PX, placement=placement)


def wide_segmenter(placement: Placement = Placement("cpu")) -> SquareSegmenter:  # noqa: B008 - a frozen value
    """The same with an input that is not square, as BiRefNet_lite-2K has it."""
    return segmenter_of(network(), side_px=SIDE_PX, placement=placement, size_for=wide)
