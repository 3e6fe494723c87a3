"""Draws a part of a picture with a matte over it, for the preview. GIMP's Python has neither numpy nor cairo."""

from __future__ import annotations

import gi

gi.require_version("GdkPixbuf", "2.0")
from typing import Any  # noqa: E402 - the versions come first

from gi.repository import GdkPixbuf, GLib  # noqa: E402
from shared.settings import Box  # noqa: E402

CHECKER_PX = 8
LIGHT, DARK, BLACK, WHITE = 0xFF999999, 0xFF666666, 0xFF000000, 0xFFFFFFFF
"""GIMP's own checkers, and the plain backgrounds, as A, R, G, B."""
BACKGROUNDS = {"black": (BLACK, BLACK), "white": (WHITE, WHITE), "checkers": (LIGHT, DARK)}
DASH_PX = 4
_OPAQUE_WHITE, _OPAQUE_BLACK = 0xFFFFFFFF, 0x000000FF  # as R, G, B, A, which `fill` takes

_HALF = bytes(255 if value >= 128 else 0 for value in range(256))
_VEIL = bytes((255 - value) * 6 // 10 for value in range(256))


def draw(pixels: bytes, matte: bytes | None, size: tuple[int, int], view: str) -> Any:
    """A pixbuf of `size`, (width, height), with the picture's R, G, B, A bytes and what is selected of it.

    `matte` has a row above, a row below and a column on both sides more, so that edges are known at the borders. `view`
    is one of VIEWS.
    """
    width, height = size
    if matte is None:
        return _over(_pixbuf(pixels, size), size, (LIGHT, DARK))
    if view in BACKGROUNDS:
        cut = bytearray(pixels)
        cut[3::4] = _product(pixels[3::4], _inner(matte, size))
        return _over(_pixbuf(bytes(cut), size), size, BACKGROUNDS[view])
    drawn = _over(_pixbuf(pixels, size), size, (LIGHT, DARK))
    overlay = bytearray(4 * width * height)
    if view == "red":
        overlay[0::4] = b"\xff" * (width * height)
        overlay[3::4] = _inner(matte, size).translate(_VEIL)
    else:
        overlay[0::4] = overlay[1::4] = overlay[2::4] = _dashes(size)
        overlay[3::4] = edges(matte, size)
    _pixbuf(bytes(overlay), size).composite(drawn, 0, 0, width, height, 0, 0, 1, 1, GdkPixbuf.InterpType.NEAREST, 255)
    return drawn


def frame(drawn: Any, box: Box) -> None:
    """Draw the outline of a box, in pixels of what was drawn, of which parts may lie outside."""
    x, y, width, height = box
    for distance, color in ((0, _OPAQUE_BLACK), (1, _OPAQUE_WHITE)):
        left, top, right, bottom = x + distance, y + distance, x + width - distance, y + height - distance
        for line in (
            (left, top, right, top + 1),
            (left, bottom - 1, right, bottom),
            (left, top, left + 1, bottom),
            (right - 1, top, right, bottom),
        ):
            _fill(drawn, line, color)


def edges(matte: bytes, size: tuple[int, int]) -> bytes:
    """255 at each pixel outside of the selection, as an outline shows it, that touches one inside; else 0."""
    wide = size[0] + 2
    inside = int.from_bytes(matte.translate(_HALF), "little")
    near = inside << 8 | inside >> 8 | inside << (8 * wide) | inside >> (8 * wide)
    outline = (near & ~inside).to_bytes(len(matte) + wide, "little")
    return _inner(outline, size)


def _inner(plane: bytes, size: tuple[int, int]) -> bytes:
    width, height = size
    wide = width + 2
    return b"".join(plane[wide * row + 1 : wide * row + 1 + width] for row in range(1, height + 1))


def _product(alpha: bytes, matte: bytes) -> bytes:
    if alpha.count(255) == len(alpha):
        return matte
    return bytes(one * other // 255 for one, other in zip(alpha, matte))


def _dashes(size: tuple[int, int]) -> bytes:
    width, height = size
    period = 2 * DASH_PX
    line = (b"\0" * DASH_PX + b"\xff" * DASH_PX) * (width // period + 2)
    rows = b"".join(line[row : row + width] for row in range(period))
    return (rows * (height // period + 1))[: width * height]


def _pixbuf(pixels: bytes, size: tuple[int, int]) -> Any:
    width, height = size
    content = GLib.Bytes.new(pixels)
    return GdkPixbuf.Pixbuf.new_from_bytes(content, GdkPixbuf.Colorspace.RGB, True, 8, width, height, 4 * width)  # noqa: FBT003 - GDK's own


def _over(pixbuf: Any, size: tuple[int, int], colors: tuple[int, int]) -> Any:
    nearest = GdkPixbuf.InterpType.NEAREST
    return pixbuf.composite_color_simple(*size, nearest, 255, CHECKER_PX, *colors)


def _fill(drawn: Any, line: tuple[int, int, int, int], color: int) -> None:
    left, top = max(line[0], 0), max(line[1], 0)
    right, bottom = min(line[2], drawn.get_width()), min(line[3], drawn.get_height())
    if left < right and top < bottom:
        drawn.new_subpixbuf(left, top, right - left, bottom - top).fill(color)
