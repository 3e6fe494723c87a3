"""One sample of training data, or a batch of them."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Sample(NamedTuple):
    """`image` (3, H, W) sRGB, `matte` and `depth` (1, H, W), all float32 in [0, 1]; stacked, each with a B in front."""

    image: torch.Tensor
    matte: torch.Tensor
    depth: torch.Tensor
