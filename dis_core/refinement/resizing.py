"""Resizing planes for refinement."""

from __future__ import annotations

import torch

from dis_core.models.resample import resize_by_area, shrink_smoothly
from dis_core.models.tensors import to_array, to_tensor
from dis_core.planes import Plane, Size


def shrunk(array: Plane, size: Size) -> Plane:
    """(H, W) or (H, W, C) float32 at a smaller size, antialiased; the array itself if it has that size already."""
    if array.shape[:2] == size:
        return array
    with torch.inference_mode():
        return to_array(shrink_smoothly(to_tensor(array), size))


def enlarged(plane: Plane, size: Size) -> Plane:
    """(h, w) float32 at a larger size, (H, W)."""
    with torch.inference_mode():
        return to_array(resize_by_area(to_tensor(plane), size))
