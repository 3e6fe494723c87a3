"""Pixels in whole numbers, which every module about images shares, and alphas among them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""uint8 or uint16 over the whole range, (H, W) or (H, W, channels)."""


def alpha_in_levels(alpha: NDArray[np.float32], dtype: np.dtype[np.uint8 | np.uint16]) -> Pixels:
    """An alpha (H, W) in [0, 1] in whole numbers over the whole range of a type."""
    scaled = alpha * np.float32(np.iinfo(dtype).max)
    levels: Pixels = np.rint(scaled, out=scaled).astype(dtype)
    return levels


def joined_channels(pixels: Pixels, alpha: NDArray[np.float32] | None) -> Pixels:
    """The pixels (H, W, 1 or 3), with the alpha (H, W) in [0, 1], if any, as the last channel over the same range."""
    if alpha is None:
        return pixels
    joined: Pixels = np.concatenate([pixels, alpha_in_levels(alpha, pixels.dtype)[..., np.newaxis]], axis=2)
    return joined
