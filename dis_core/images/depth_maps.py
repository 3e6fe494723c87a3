"""Depth maps that a user brings along, as a file or as an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dis_core.errors import BadRequest
from dis_core.images.reading import read_picture


def read_depth(path: Path) -> NDArray[np.float32]:
    """A depth map from an image file, (H, W) float32: its gray values, or the mean of its colors.

    Raises NoImage.
    """
    mean: NDArray[np.float32] = read_picture(path).pixels.mean(axis=2, dtype="float32")
    return mean


def checked_depth(depth: NDArray[np.floating[Any]], size: tuple[int, int]) -> NDArray[np.floating[Any]]:
    """The user's depth map as (H, W) of some floating type.

    Raises BadRequest if it is not a plane of numbers, or not of the image's size (height, width).
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or depth.dtype.kind not in "uif":
        raise BadRequest(
            f"the depth map must be a plane of numbers, not an array of shape {depth.shape} and type {depth.dtype}",
            hint="give an array of the image's height and width",
        )
    if depth.shape != size:
        shape = " x ".join(str(side) for side in reversed(depth.shape))
        raise BadRequest(
            f"the depth map is {shape} pixels, but the image is {size[1]} x {size[0]}",
            hint="give one gray value per pixel of the image, near = bright",
        )
    return depth if depth.dtype.kind == "f" else depth.astype(np.float32)
