"""The common interface of what can be trained: samples in, losses out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import nn

from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD
from dis_core.training.sample import Sample


class Losses(NamedTuple):
    """Scalars: what is minimized, and its parts."""

    total: torch.Tensor
    matte: torch.Tensor
    depth: torch.Tensor


class Learner(nn.Module, ABC):
    """A network together with its losses. `needs_depth` says whether `find_matte` must be given the samples' depth."""

    needs_depth: bool

    @abstractmethod
    def forward(self, batch: Sample, is_exact: torch.Tensor) -> Losses:
        """The losses of one batch; `is_exact` (B,) says which samples show their exact depth to the network."""

    @abstractmethod
    def find_matte(self, image: torch.Tensor, depth: torch.Tensor | None = None) -> torch.Tensor:
        """(B, 3, H, W) in [0, 1] -> mattes (B, 1, H, W)."""

    @abstractmethod
    def exported(self) -> dict[str, nn.Module]:
        """The networks whose weights a run saves, by file name; the first one makes the mattes."""


def normalize(image: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) sRGB in [0, 1], normalized by ImageNet's mean and standard deviation."""
    mean, std = IMAGENET_MEAN.to(image.device), IMAGENET_STD.to(image.device)
    return ((image - mean) / std).contiguous(memory_format=torch.channels_last)
