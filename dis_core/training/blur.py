"""A Gaussian blur of planes, for augmentation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F


def blurred(planes: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """(C, H, W), blurred along columns and then along rows; border pixels are repeated."""
    reach = min(math.ceil(3 * sigma_px), planes.shape[-1] - 1, planes.shape[-2] - 1)
    if reach < 1:
        return planes
    at = torch.arange(-reach, reach + 1, dtype=planes.dtype)
    taps = torch.exp(-(at**2) / (2 * sigma_px**2))
    taps = (taps / taps.sum()).view(1, 1, 1, -1)
    planes = F.pad(planes[:, None], (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(planes, taps), taps.transpose(2, 3))[:, 0]
