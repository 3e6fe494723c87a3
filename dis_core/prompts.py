"""What can be asked of one image: `SegmentOptions`, and what boxes and points say about which subject is meant."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, cast, get_args

from dis_core.errors import BadRequest
from dis_core.geometry import NO_POINTS, Box, BoxLike, Point, Points, as_box, checked_box, holds
from dis_core.model_spec import Precision
from dis_core.protocols import MAX_TILES, Exposure, Extent, Quality

PromptLike: TypeAlias = BoxLike | Points | Sequence[BoxLike | Points]
"""What says which subject is meant: a box, points, or several of them."""


@dataclass(frozen=True)
class SegmentOptions:
    """How to find the subject of one image: the one value that Python, the command line, jobs and the daemon share.

    The fields are the keyword arguments of `dis_core.segment`; they are explained at `Pipeline.segment`. Two differ, so
    that the value can travel between processes as JSON: `boxes` and `points` together are its `prompt`, and `depth`
    is not an array but the image file of a depth map. A pipeline ignores `device` and `precision`: it has its own.
    """

    model: str | None = None
    device: str = "auto"
    precision: Precision = "full"
    quality: Quality = "normal"
    refine: str = "auto"
    max_tiles: int = MAX_TILES
    roi: Box | None = None
    boxes: tuple[Box, ...] = ()
    points: Points = NO_POINTS
    depth: Path | None = None
    depth_model: str | None = None
    accept_noncommercial: bool = False
    exposure: Exposure = "auto"
    prompt_model: str | None = None
    extent: Extent = "auto"


DEFAULTS: Final = SegmentOptions()

EXTENTS: Final = get_args(Extent)


class PromptObject(NamedTuple):
    """One object that a user means: a box around it, points on it and beside it, or both."""

    box: Box | None
    points: Points


def split_prompt(prompt: PromptLike | None) -> tuple[tuple[Box, ...], Points]:
    """The boxes and all the points of a prompt, without checking them against an image.

    Raises BadRequest for anything else, and for a prompt that holds nothing.
    """
    boxes: list[Box] = []
    subject: list[Point] = []
    background: list[Point] = []
    for part in () if prompt is None else _parts_of(prompt):
        if isinstance(part, Points):
            subject += _as_points(part.subject)
            background += _as_points(part.background)
        else:
            boxes.append(as_box(part))
    if prompt is not None and not (boxes or subject or background):
        raise BadRequest(f"the prompt {prompt!r} is empty", hint="give a Box, Points, or a list of them")
    return tuple(boxes), Points(tuple(subject), tuple(background))


def checked_prompt(boxes: Sequence[Box], points: Points, size: tuple[int, int]) -> tuple[tuple[Box, ...], Points]:
    """The boxes, cut to an image of `size` (height, width), and the points.

    Raises BadRequest for a box or a point outside the image, and if nothing says what the subject is.
    """
    if points.background and not (boxes or points.subject):
        raise BadRequest(
            "the prompt only says what is background", hint="also mark the subject, with a box or a point on it"
        )
    for point in (*points.subject, *points.background):
        _refuse_outside(point, size)
    return tuple(checked_box(box, size) for box in boxes), points


def _parts_of(prompt: PromptLike) -> Sequence[BoxLike | Points]:
    if isinstance(prompt, Points):
        return [prompt]
    items = list(prompt) if isinstance(prompt, Iterable) and not isinstance(prompt, (str, bytes)) else None
    if items is None:
        raise BadRequest(f"the prompt {prompt!r} is not a box or points", hint="give a Box, Points, or a list of them")
    is_box = bool(items) and all(isinstance(item, numbers.Number) for item in items)
    return [cast("BoxLike", prompt)] if is_box else cast("list[BoxLike | Points]", items)


def _as_points(points: Sequence[Point]) -> list[Point]:
    # Points(150, 200), with the brackets forgotten, has a number here.
    return [_as_point(point) for point in (points if isinstance(points, Iterable) else [points])]


def _as_point(point: Point) -> Point:
    try:
        x, y = (float(coordinate) for coordinate in point)
    except (TypeError, ValueError):
        raise BadRequest(f"{point!r} is not a point", hint="a point is (x, y) in pixels of the image") from None
    return x, y


def _refuse_outside(point: Point, size: tuple[int, int]) -> None:
    (x, y), (height, width) = point, size
    if not (math.isfinite(x) and math.isfinite(y) and 0 <= x < width and 0 <= y < height):
        raise BadRequest(
            f"the point ({x:g}, {y:g}) is outside the image",
            hint=f"the image is {width} x {height} pixels, and its top left corner is (0, 0)",
        )


def prompt_objects(boxes: Sequence[Box], points: Points) -> list[PromptObject]:
    """The objects that boxes and points mean.

    Each box is one object, together with the points inside the box; a point can be inside several boxes. Subject points
    outside all boxes belong to one more object, all to the same. Background points outside all boxes count for every
    object.
    """

    def free(some: Sequence[Point]) -> tuple[Point, ...]:
        return tuple(point for point in some if not any(holds(box, point) for box in boxes))

    def within(box: Box, some: Sequence[Point]) -> tuple[Point, ...]:
        return tuple(point for point in some if holds(box, point))

    beside = free(points.background)
    objects = [
        PromptObject(box, Points(within(box, points.subject), within(box, points.background) + beside)) for box in boxes
    ]
    if elsewhere := free(points.subject):
        objects.append(PromptObject(None, Points(elsewhere, beside)))
    return objects
