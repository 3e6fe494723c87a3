"""One sample of training data, or a batch of them."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Sample(NamedTuple):
    """`image` (3, H, W) sRGB; `matte`, `depth` and `trust` (1, H, W); all float32 in [0, 1]. A batch has B in front.

    `trust` is how reliable the matte is: 1 where it is certain, 0 where nothing should be learned from it.
    """

    image: torch.Tensor
    matte: torch.Tensor
    depth: torch.Tensor
    trust: torch.Tensor
