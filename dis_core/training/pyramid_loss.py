"""The loss of DIS-Lite's outputs: soft cross entropy and soft IoU, weighted towards edges, at every scale.

Logits are (B, 1, h, w) of several sizes; mattes and trust are (B, 1, H, W) in [0, 1]. An image's loss does not depend
on the rest of its batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from dis_core.models.resample import box_mean, size_of

SHARES = (1.0, 1.0, 0.5, 0.5, 0.25)
"""The weights of the outputs, from fine to coarse."""
EDGE_WEIGHT = 4.0
EDGE_REACH = 15 / 256
"""How close to an edge a pixel gets more weight, as a share of the side."""


def pyramid_loss(outputs: Sequence[torch.Tensor], matte: torch.Tensor, trust: torch.Tensor) -> torch.Tensor:
    """The sum over all outputs, each compared with the matte at its own size."""
    total = torch.zeros((), device=matte.device)
    for logits, share in zip(outputs, SHARES, strict=True):
        truth, believed = (F.adaptive_avg_pool2d(plane, size_of(logits)) for plane in (matte, trust))
        total = total + share * soft_loss(logits, truth, believed)
    return total


def soft_loss(logits: torch.Tensor, truth: torch.Tensor, trust: torch.Tensor) -> torch.Tensor:
    """Weighted cross entropy plus one minus weighted IoU, both of soft values; the mean over the images.

    Trust counts twice: it weights the pixels within an image, and its mean weights the image within the batch.
    """
    reach = max(round(size_of(logits)[1] * EDGE_REACH), 1)
    weight = (1 + EDGE_WEIGHT * (box_mean(truth, reach) - truth).abs()) * trust.clamp(min=1e-3)
    over_pixels = (1, 2, 3)
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    entropy = (weight * entropy).sum(over_pixels) / weight.sum(over_pixels)
    found = logits.sigmoid()
    both = (weight * found * truth).sum(over_pixels)
    either = (weight * (found + truth - found * truth)).sum(over_pixels)
    return ((entropy + 1 - (both + 1) / (either + 1)) * trust.mean(over_pixels)).mean()
