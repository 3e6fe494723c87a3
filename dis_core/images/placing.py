"""Pictures on a canvas of another size, resampled so that nothing of what is transparent shows at the edges."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.images.framing import Placing
    from dis_core.images.picture import Picture
    from dis_core.images.pixels import Pixels

_REACH: Final = 3
"""How many pixels of the coarser grid a Lanczos filter looks to each side."""

_SURE: Final = np.float32(1e-4)
"""What is nearer to 0 or 1 than this is meant to be 0 or 1."""


def placed_picture(picture: Picture, placing: Placing) -> Picture:
    """The picture on a transparent canvas. With a scale of 1 its pixels stay as they are, bit for bit.

    Colors are weighted with their alpha before they are resampled, so that what is transparent colors no edge.
    """
    alpha = np.ones(picture.size, np.float32) if picture.alpha is None else picture.alpha
    region = _region(placing, picture.size)
    pixels: Pixels = np.zeros((*placing.size, picture.pixels.shape[2]), picture.pixels.dtype)
    placed = np.zeros(placing.size, np.float32)
    if region is None:
        return replace(picture, pixels=pixels, alpha=placed)
    if placing.scale == 1:
        pixels[region.target] = picture.pixels[region.source]
        placed[region.target] = alpha[region.source]
        return replace(picture, pixels=pixels, alpha=placed)
    weights = _cut_out(alpha, region)
    raw = _resized(weights, region, "lanczos")
    sharp = _without_rings(raw, _resized(weights, region, "triangle"))
    shown = np.rint(sharp * np.float32(picture.levels)) > 0
    for channel in range(pixels.shape[2]):
        colors = _cut_out(picture.pixels[..., channel], region)
        colors *= weights
        colors = _resized(colors, region, "lanczos")
        np.divide(colors, raw, out=colors, where=shown)
        np.clip(np.rint(colors, out=colors), 0, picture.levels, out=colors)
        pixels[..., channel][region.target] = np.where(shown, colors, 0).astype(pixels.dtype)
    placed[region.target] = sharp
    return replace(picture, pixels=pixels, alpha=placed)


def placed_plane(plane: NDArray[np.float32], placing: Placing) -> NDArray[np.float32]:
    """A matte (H, W) in [0, 1] on an empty canvas, exactly as the alpha of a picture is placed."""
    placed = np.zeros(placing.size, np.float32)
    region = _region(placing, (plane.shape[0], plane.shape[1]))
    if region is None:
        return placed
    if placing.scale == 1:
        placed[region.target] = plane[region.source]
        return placed
    weights = _cut_out(plane, region)
    placed[region.target] = _without_rings(_resized(weights, region, "lanczos"), _resized(weights, region, "triangle"))
    return placed


class _Axis(NamedTuple):
    """What of one axis is resampled: a part of the canvas; the part of the picture; zeros before and after that.

    `first` and `last` say where the part of the canvas begins and ends in the part of the picture, zeros included.
    """

    target: slice
    source: slice
    before: int
    after: int
    first: float
    last: float


class _Region(NamedTuple):
    """The same for both axes, down and across."""

    down: _Axis
    across: _Axis

    @property
    def target(self) -> tuple[slice, slice]:
        return self.down.target, self.across.target

    @property
    def source(self) -> tuple[slice, slice]:
        return self.down.source, self.across.source


def _region(placing: Placing, size: tuple[int, int]) -> _Region | None:
    """Which part of a picture of `size` (height, width) is seen on the canvas, and where; None if nothing is."""
    down = _axis(placing.scale, placing.top, length=size[0], room=placing.size[0])
    across = _axis(placing.scale, placing.left, length=size[1], room=placing.size[1])
    return None if down is None or across is None else _Region(down, across)


def _axis(scale: float, offset: float, *, length: int, room: int) -> _Axis | None:
    """One axis: a picture of `length` pixels on a canvas of `room`. A filter sees zeros around the picture."""
    start, stop = max(math.floor(offset), 0), min(math.ceil(scale * length + offset), room)
    if start >= stop:
        return None
    reach = 0 if scale == 1 else math.ceil(_REACH * max(1.0, 1 / scale))
    first, last = (start - offset) / scale, (stop - offset) / scale
    left, right = math.floor(first) - reach, math.ceil(last) + reach
    source = slice(min(max(left, 0), length), min(max(right, 0), length))
    return _Axis(slice(start, stop), source, source.start - left, right - source.stop, first - left, last - left)


def _cut_out(plane: NDArray[np.float32] | Pixels, region: _Region) -> NDArray[np.float32]:
    """The part of a plane that is resampled, float32, with zeros where the picture ends."""
    down, across = region
    part = plane[region.source].astype(np.float32)
    return np.pad(part, ((down.before, down.after), (across.before, across.after)))


def _resized(part: NDArray[np.float32], region: _Region, kind: str) -> NDArray[np.float32]:
    from PIL import Image

    down, across = region
    size = across.target.stop - across.target.start, down.target.stop - down.target.start
    chosen = Image.Resampling.LANCZOS if kind == "lanczos" else Image.Resampling.BILINEAR
    box = (across.first, down.first, across.last, down.last)
    return np.array(Image.fromarray(part).resize(size, chosen, box=box))


def _without_rings(sharp: NDArray[np.float32], near: NDArray[np.float32]) -> NDArray[np.float32]:
    """A resampled matte without the faint rings that Lanczos leaves around edges: white must be white in a shop.

    `near` is the same by a triangle filter, which sees an edge only as near as it is.
    """
    clean = np.clip(sharp, 0, 1)
    clean[near <= _SURE] = 0
    clean[near >= 1 - _SURE] = 1
    return clean
