"""A small PNG of a picture, as notebooks show it: transparent parts over a checkerboard."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from dis_core.images.color_profiles import to_srgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_SIDE_PX: Final = 1024
SQUARE_PX: Final = 12
LIGHT, DARK = 255, 204


def preview_png(image: Image.Image, *, icc_profile: bytes | None) -> bytes:
    """An image in L, LA, RGB or RGBA as an opaque PNG in sRGB, shrunk to at most 1024 pixels to a side."""
    image.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX), Image.Resampling.BOX, reducing_gap=None)
    bands = np.asarray(image)
    bands = bands[..., np.newaxis] if bands.ndim == 2 else bands
    channels = 1 if image.mode in ("L", "LA") else 3
    colors = np.ascontiguousarray(bands[..., :channels])
    if icc_profile is not None:
        colors = to_srgb(colors, icc_profile)
    if bands.shape[2] > channels:
        share = bands[..., channels:] / np.float32(255)
        board = checkerboard(*bands.shape[:2])[..., np.newaxis]
        colors = np.rint(colors * share + board * (1 - share)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colors[..., 0] if colors.shape[2] == 1 else colors).save(buffer, "PNG")
    return buffer.getvalue()


def checkerboard(height: int, width: int) -> NDArray[np.uint8]:
    """Light and dark squares, (height, width) uint8."""
    rows, columns = (np.arange(length) // SQUARE_PX for length in (height, width))
    board: NDArray[np.uint8] = np.where((rows[:, np.newaxis] + columns) % 2, DARK, LIGHT).astype(np.uint8)
    return board
