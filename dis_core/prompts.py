"""Prompts: what boxes and points say about which subject of an image is meant."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias, cast

from dis_core.errors import BadRequest
from dis_core.geometry import Box, BoxLike, Point, Points, checked_box, holds

PromptLike: TypeAlias = BoxLike | Points | Sequence[BoxLike | Points]
"""What says which subject is meant: a box, points, or several of them."""


class Wanted(NamedTuple):
    """One object that a user means: a box around it, points on it and beside it, or both."""

    box: Box | None
    points: Points


def checked_prompt(given: PromptLike, size: tuple[int, int]) -> tuple[tuple[Box, ...], Points]:
    """The boxes, cut to an image of `size` (height, width), and all points of a prompt.

    Raises BadRequest for what is neither, for a box that holds nothing of the image, a point outside of it, and a
    prompt without anything that is the subject.
    """
    boxes: list[Box] = []
    subject: list[Point] = []
    background: list[Point] = []
    for part in parts_of(given):
        if isinstance(part, Points):
            subject += _checked_points(part.subject, size)
            background += _checked_points(part.background, size)
        else:
            boxes.append(checked_box(part, size))
    if not boxes and not subject:
        what = "only says what is background" if background else "holds neither a box nor a point"
        raise BadRequest(f"the prompt {what}", hint="name the subject too, by a box or by a point on it")
    return tuple(boxes), Points(tuple(subject), tuple(background))


def parts_of(given: PromptLike) -> Sequence[BoxLike | Points]:
    if isinstance(given, Points):
        return [given]
    items = list(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else None
    if items is None:
        raise BadRequest(f"{given!r} is no prompt", hint="give a Box, Points, or several of them")
    is_box = bool(items) and all(isinstance(item, numbers.Number) for item in items)
    return [cast("BoxLike", given)] if is_box else cast("list[BoxLike | Points]", items)


def _checked_points(points: Sequence[Point], size: tuple[int, int]) -> list[Point]:
    # Whoever forgets the brackets, Points(150, 200), has no sequence here.
    return [_checked_point(point, size) for point in (points if isinstance(points, Iterable) else [points])]


def _checked_point(point: Point, size: tuple[int, int]) -> Point:
    try:
        x, y = (float(coordinate) for coordinate in point)
    except (TypeError, ValueError):
        raise BadRequest(f"{point!r} is no point", hint="a point is (x, y) in pixels of the image") from None
    height, width = size
    if not (math.isfinite(x) and math.isfinite(y) and 0 <= x < width and 0 <= y < height):
        raise BadRequest(
            f"the point ({x:g}, {y:g}) is not in the image",
            hint=f"the image is {width} x {height} pixels; its top left corner is (0, 0)",
        )
    return x, y


def wanted_objects(boxes: Sequence[Box], points: Points) -> list[Wanted]:
    """The objects that boxes and points mean.

    Each box is one, and has the points that lie in it, which may be those of several boxes. Points on the subject that
    lie in no box are on one more object, all on the same. Points on the background that lie in no box say of every
    object what is none of it.
    """

    def free(some: Sequence[Point]) -> tuple[Point, ...]:
        return tuple(point for point in some if not any(holds(box, point) for box in boxes))

    def within(box: Box, some: Sequence[Point]) -> tuple[Point, ...]:
        return tuple(point for point in some if holds(box, point))

    beside = free(points.background)
    objects = [
        Wanted(box, Points(within(box, points.subject), within(box, points.background) + beside)) for box in boxes
    ]
    if elsewhere := free(points.subject):
        objects.append(Wanted(None, Points(elsewhere, beside)))
    return objects
