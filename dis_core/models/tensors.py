"""Between the arrays of this package and the tensors of its networks."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.models import network_inputs

IMAGENET_MEAN = torch.tensor(network_inputs.IMAGENET_MEAN).view(1, 3, 1, 1)
IMAGENET_STD = torch.tensor(network_inputs.IMAGENET_STD).view(1, 3, 1, 1)


def to_tensor(array: NDArray[np.float32]) -> torch.Tensor:
    """(H, W, C) or (H, W) float32 -> (1, C, H, W) float32 on the CPU; a view where the layout allows one."""
    planes = array[:, :, None] if array.ndim == 2 else array
    return torch.from_numpy(planes).permute(2, 0, 1)[None]


def size_of_array(array: NDArray[np.float32]) -> tuple[int, int]:
    """(height, width) of an image or a plane."""
    return array.shape[0], array.shape[1]


def to_array(planes: torch.Tensor) -> NDArray[np.float32]:
    """(1, C, H, W) of any float type on any device -> (H, W, C) float32, or (H, W) where C is 1; contiguous."""
    array = planes[0].permute(1, 2, 0).to("cpu", torch.float32).contiguous().numpy()
    return array[:, :, 0] if array.shape[2] == 1 else array


def packed(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) without gaps in memory, channels last unless it is in the usual order: as convolutions want it.

    A slice of a map or of a kernel has gaps. CPUs and CUDA allow for them; Apple's GPUs read a slice that is channels
    last, or a kernel's slice, as if it had none (pytorch/pytorch, issues 180984 and 192212, both mended in 2026).
    """
    if x.is_contiguous():
        return x
    return x.contiguous(memory_format=torch.channels_last)
