"""Boxes and points in pixels of an image: on the subject, or on what is background."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from dis_core.errors import BadRequest


class Box(NamedTuple):
    """A rectangle in pixels of the full image; `right` and `bottom` are the first column and row outside of it."""

    left: int
    top: int
    right: int
    bottom: int


BoxLike: TypeAlias = Box | tuple[int, int, int, int]
"""A box, or the same four numbers as a plain tuple."""

Point: TypeAlias = tuple[float, float]
"""(x, y) in pixels of the full image, from its top left corner."""


@dataclass(frozen=True)
class Points:
    """Points (x, y) in pixels of the full image: some on the `subject`, others on what is `background`."""

    subject: Sequence[Point] = ()
    background: Sequence[Point] = ()

    def __bool__(self) -> bool:
        return bool(self.subject or self.background)


NO_POINTS: Final = Points()


def as_box(box: BoxLike) -> Box:
    """The box that four numbers are. Raises BadRequest if they are not four whole numbers."""
    try:
        left, top, right, bottom = (operator.index(edge) for edge in box)
    except (TypeError, ValueError):
        raise BadRequest(
            f"{box!r} is not a box", hint="a box is (left, top, right, bottom) in whole pixels of the image"
        ) from None
    return Box(left, top, right, bottom)


def checked_box(box: BoxLike, size: tuple[int, int]) -> Box:
    """`box` cut to an image of `size` (height, width).

    Raises BadRequest if nothing is left of it, or if it is not four whole numbers.
    """
    whole = as_box(box)
    height, width = size
    inside = common_part(whole, Box(0, 0, width, height))
    if inside is None:
        raise BadRequest(
            f"the box from ({whole.left}, {whole.top}) to ({whole.right}, {whole.bottom}) is outside the image",
            hint=f"the image is {width} x {height} pixels, and its top left corner is (0, 0)",
        )
    return inside


def common_part(one: Box, other: Box) -> Box | None:
    """What two boxes share, or None if that is nothing."""
    left, top = max(one.left, other.left), max(one.top, other.top)
    right, bottom = min(one.right, other.right), min(one.bottom, other.bottom)
    return Box(left, top, right, bottom) if left < right and top < bottom else None


def moved_into(outer: Box, box: Box) -> Box:
    """A box in the coordinates of another one."""
    x, y = outer.left, outer.top
    return Box(box.left - x, box.top - y, box.right - x, box.bottom - y)


def boxes_within(outer: Box, boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Boxes clipped to an outer one, in its coordinates; boxes outside it are left out."""
    parts = (common_part(box, outer) for box in boxes)
    return tuple(moved_into(outer, part) for part in parts if part is not None)


def points_within(outer: Box, points: Points) -> Points:
    """The points that lie in a box, in its coordinates."""

    def kept(some: Sequence[Point]) -> tuple[Point, ...]:
        return tuple((x - outer.left, y - outer.top) for x, y in some if holds(outer, (x, y)))

    return Points(kept(points.subject), kept(points.background))


def holds(box: Box, point: Point) -> bool:
    """Whether a point lies in a box."""
    x, y = point
    return box.left <= x < box.right and box.top <= y < box.bottom
