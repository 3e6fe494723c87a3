"""PDFNet in operators that every runtime has, with its depth as a second input."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from dis_core.models.backbones import plain_swin
from dis_core.models.pdfnet.network import Decoder, Encoder, FusionBlock

EVERYTHING: Final = 2**62


class PDFNetMatte(nn.Module):
    """The matte alone, without the side outputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) and (B, 1, H, W) -> (B, 1, H, W) in [0, 1]."""
        logits: torch.Tensor = self.network(image, depth).logits
        return logits.sigmoid()


def matte(network: nn.Module) -> nn.Module:
    """The network, changed in place, as a module whose answer is the matte.

    It works on everything at once: as a graph, strips would be unrolled to 130,000 nodes.
    """
    for module in network.modules():
        if isinstance(module, Encoder):
            module.pixels_at_once = EVERYTHING
        if isinstance(module, (Decoder, FusionBlock)):
            module.strip_px = EVERYTHING
    plain_swin.in_plain_operators(network)
    return PDFNetMatte(network)
