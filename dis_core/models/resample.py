"""The only calls of torch's `interpolate`: how a picture or a feature map is resized decides what a network computes.

Published networks were trained with one kind of resize each, and another kind quietly makes them a different network;
so each kind has one function here, named after what it does at the corners.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

Size = tuple[int, int]
"""(height, width) in pixels of the map in question."""


def size_of(x: torch.Tensor) -> Size:
    """(height, width) of a (B, C, H, W) tensor."""
    return x.shape[-2], x.shape[-1]


def resize_to_corners(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Bilinear, the centres of the corner pixels stay (`align_corners=True`): every resize inside PDFNet."""
    if size_of(x) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def resize_by_area(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Bilinear, the outer edges of the image stay where they are (`align_corners=False`), without antialiasing."""
    if size_of(x) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def shrink_smoothly(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Bilinear with antialiasing, outer edges fixed: for photographs on their way into a network."""
    if size_of(x) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)


def resize_bicubic(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Bicubic (a = -0.75, as OpenCV's), outer edges fixed, without antialiasing."""
    if size_of(x) == size:
        return x
    return F.interpolate(x, size=size, mode="bicubic", align_corners=False)
