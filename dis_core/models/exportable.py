"""Networks as other programs want them: planes in, one plane out, and nothing that only torch knows."""

from __future__ import annotations

import torch
from torch import nn


class Matte(nn.Module):
    """The matte that the logits of a network stand for."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The network's input -> (B, 1, H, W) in [0, 1]."""
        logits: torch.Tensor = self.network(image)
        return logits.sigmoid()


class InHalf(nn.Module):
    """A network with its weights in float16, and planes of float32 on both sides of it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.half()

    def forward(self, *planes: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.network(*(plane.half() for plane in planes))
        return answer.float()


def as_it_is(network: nn.Module) -> nn.Module:
    """A network that is such a one already."""
    return network
