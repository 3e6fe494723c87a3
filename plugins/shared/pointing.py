"""What the user points at in an image, a box or a place, and what dis-core is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from .settings import Box, Region, cut_to
from .words import _, later

Point = Tuple[int, int]
"""x, y of a pixel."""

OUTSIDE = later("That is outside the layer. Set “Search in” to “Whole image”, or choose another layer")


@dataclass(frozen=True)
class Told:
    """A box around one subject, or a point on it, in pixels of the image."""

    box: Box | None = None
    point: Point | None = None


def told_region(told: Told, source: Box) -> Region:
    """What dis-core is told of it, in pixels of the source."""
    x, y = told.point or (0, 0)
    inside = cut_to(told.box or (x, y, 1, 1), source)
    if inside is None:
        return Region(refusal=_(OUTSIDE))
    return Region(points=(inside[:2],)) if told.box is None else Region(subject_box=inside)
