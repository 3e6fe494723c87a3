"""Places drawn quickly from flat shapes: walls, shelves, windows, leaves, with the depth of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from dis_core.planes import Plane
from dis_core.scenes.textures import Picture, fractal, unit_range

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Color = NDArray[np.float32]


class Sketch:
    """A picture and its depth, drawn from back to front; x and y run from 0 to 1 over the width and the height."""

    def __init__(self, size: tuple[int, int], color: Color, depth: float) -> None:
        # Edges of a large picture are fine enough without antialiasing: places are mostly out of focus.
        fineness = 2 if max(size) <= 384 else 1
        self._colors = Image.new("RGB", (size[1] * fineness, size[0] * fineness), eight_bits(color))
        self._depths = Image.new("F", (size[1], size[0]), depth)
        self._fineness = fineness
        self._extent = np.array([size[1], size[0]], dtype=np.float64)
        self._draw, self._draw_depth = ImageDraw.Draw(self._colors), ImageDraw.Draw(self._depths)

    def shape(self, points: ArrayLike, color: Color, depth: float | None = None) -> None:
        """A filled polygon, (n, 2); without a `depth` it only changes the color."""
        place = np.asarray(points, dtype=np.float64) * self._extent
        self._draw.polygon((place * self._fineness).ravel().tolist(), fill=eight_bits(color))
        if depth is not None:
            self._draw_depth.polygon(place.ravel().tolist(), fill=depth)

    def box(
        self, left: float, top: float, right: float, bottom: float, color: Color, depth: float | None = None
    ) -> None:
        """A filled rectangle, upright."""
        self.shape(((left, top), (right, top), (right, bottom), (left, bottom)), color, depth)

    def solid(
        self, box: tuple[float, float, float, float], color: Color, depth: float, *, bevel: float = 0.006
    ) -> None:
        """A box that stands out: a shadow beside it, a light upper edge and a dark lower one."""
        left, top, right, bottom = box
        self.box(left + bevel * 2, top + bevel * 2, right + bevel * 2, bottom + bevel, color * np.float32(0.35))
        self.box(left, top, right, bottom, color, depth)
        self.box(left, top, right, min(top + bevel, bottom), np.clip(color * np.float32(1.35), 0, 1))
        self.box(left, max(bottom - bevel, top), right, bottom, color * np.float32(0.6))

    def upright(self, box: tuple[float, float, float, float], color: Color, depth: float) -> None:
        """A round post, jar or trunk: dark at its sides, lit from one of them."""
        left, top, right, bottom = box
        edges = np.linspace(left, right, 6)
        self.box(left, top, right, bottom, color * np.float32(0.55), depth)
        for strip, tone in ((1, 0.9), (2, 1.15), (3, 0.9)):
            self.box(edges[strip], top, edges[strip + 1], bottom, np.clip(color * np.float32(tone), 0, 1))

    def disc(self, x: float, y: float, radius: float, color: Color, depth: float | None = None) -> None:
        """A circle, its `radius` in heights of the picture."""
        turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        across = radius * self._extent[1] / self._extent[0]
        self.shape(np.stack([x + across * np.cos(turn), y + radius * np.sin(turn)], axis=-1), color, depth)

    def seen(self, rng: np.random.Generator, *, aslant: float, roughness: float) -> tuple[Picture, Plane]:
        """What has been drawn, its surfaces a little uneven; `aslant` turns the wall away to one side, 0 is frontal."""
        width, height = self._depths.size
        colors = self._colors.reduce(self._fineness) if self._fineness > 1 else self._colors
        depths = self._depths
        if aslant:
            matrix = _turned_away(aslant, width, height)
            method, bilinear = Image.Transform.PERSPECTIVE, Image.Resampling.BILINEAR
            colors = colors.transform((width, height), method, matrix, bilinear)
            depths = depths.transform((width, height), method, matrix, bilinear)
        uneven = fractal(rng, (height, width), slope=rng.uniform(0.9, 1.7)) * np.float32(
            rng.uniform(0.2, 1) * roughness
        )
        picture: Picture = unit_range(colors) * (1 + uneven)[..., None]
        return np.clip(picture, 0, 1), np.array(depths, dtype=np.float32)


def eight_bits(color: Color) -> tuple[int, int, int]:
    """A color in [0, 1] as Pillow takes it, 0 to 255 each."""
    red, green, blue = (np.clip(color, 0, 1) * 255).astype(int).tolist()
    return red, green, blue


def _turned_away(aslant: float, width: int, height: int) -> tuple[float, ...]:
    """Pillow's eight numbers for a wall whose right (`aslant` < 0) or left end is farther, without bare corners."""
    g = -aslant / width
    middle = 0.55 * height
    keep = min(1.0, 1 + g * width)
    return (1 + g * width, 0, 0, middle * g, keep, middle * (1 - keep), g, 0)
