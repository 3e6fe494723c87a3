"""What of a matte belongs to the thing that was pointed at, where the model that made the matte was not told of it.

What was pointed at is the inside of a box, or what another network guesses. The matte falls into parts, and each
belongs as a whole or not at all: half of its area has to lie there. What sticks out by little and ends there is kept,
because boxes are drawn by hand and hair is long. What goes on beyond what was looked at is cut off: a neighbor that
touches, or more of the thing than was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dis_core.geometry import NO_POINTS, Box, Point, Points
from dis_core.matte.parts import label_parts, number_parts
from dis_core.planes import Plane, dilated
from dis_core.refinement.resizing import enlarged, shrunk
from dis_core.refinement.tiling import size_seen

SIDE_PX: Final = 512
"""Parts are told apart on a matte of this side: sharp enough for that, and quick at any size of image."""

THRESHOLD: Final = 0.5
HAZE: Final = 0.02
"""What is below this after shrinking is nobody's edge."""

MOST_OF_IT: Final = 0.5
"""The share of a part that has to lie in the box."""

OVERHANG: Final = 0.25
"""How large what sticks out of the box may be, as a share of what is kept inside."""

OUTGROWTH: Final = 0.1
"""How large what sticks out of a guess may be, as a share of the guess: hair and straps, and no second head."""

NEARBY: Final = 0.04
"""How far from a guess its thing may reach, as a share of the side of a square that is as large."""

GOOD_SHARE: Final = 0.3
"""How much of a guess a part holds that belongs although it lies mostly outside."""

WORTH_SAYING: Final = 0.02
"""How much of what is kept may be cut off at the box without a word."""

REACH_PX: Final = 3
"""How far from a part a point may be to be on it, and how far a part's soft edge may go on, on the shrunk matte."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Belonging:
    """What is kept of a matte: `alpha`, (H, W) float32 in [0, 1], and what the user should know of it.

    `is_cut` says that more than the overhang was cut off. `covered` is how much of the guess is kept, if there was one.
    `not_separable` are the background points on the very thing that is kept, and `on_nothing` the subject points where
    the model has found nothing.
    """

    alpha: Plane
    is_cut: bool = False
    covered: float = 1.0
    not_separable: tuple[Point, ...] = ()
    on_nothing: tuple[Point, ...] = ()


Sides = tuple[bool, bool, bool, bool]
"""Whether the image goes on at the left, upper, right and lower side of a matte of a part of it."""


def kept_in_box(alpha: Plane, box: Box, points: Points = NO_POINTS, *, goes_on: Sides) -> Belonging:
    """What belongs to the thing in a box, of a matte of the box with a margin, (H, W) float32 in [0, 1].

    A part with a subject point on it belongs, wherever it lies, and one with a background point does not, if something
    else is left.
    """
    parts = _parts_of(alpha)
    inside = _box_mask(box, parts.seen, parts.scale)
    chosen = _chosen(parts.numbers, parts.count, inside, points, parts.scale)
    kept = np.isin(parts.numbers, list(chosen.parts))
    beyond = _beyond(kept & ~inside, OVERHANG * np.count_nonzero(kept & inside), goes_on)
    weights = parts.weights(kept, beyond, inside=_box_mask(box, parts.size, (1.0, 1.0)))
    return Belonging(alpha * weights, _is_worth_saying(beyond, kept), 1.0, chosen.not_separable, chosen.on_nothing)


def kept_of_guess(alpha: Plane, guess: Plane, *, goes_on: Sides) -> Belonging:
    """What belongs to a thing that was roughly guessed, of a matte of the guess with a margin.

    Both are (H, W) float32 in [0, 1], of the same place and any size each. A part belongs if it lies mostly in the
    guess, or holds a good share of it: then what sticks out and is large is cut off along the outline of the guess.
    """
    parts = _parts_of(alpha)
    rough = _resized(guess, parts.seen) >= THRESHOLD
    area = np.count_nonzero(rough)
    reach_px = max(REACH_PX, round(NEARBY * area**0.5))
    near = dilated(rough, reach_px)
    whole, within, shared = parts.areas(), parts.areas(near), parts.areas(rough)
    chosen = [
        part
        for part in range(1, parts.count + 1)
        if within[part] >= MOST_OF_IT * whole[part] or shared[part] >= GOOD_SHARE * area
    ]
    kept = np.isin(parts.numbers, chosen)
    outside, solid = kept & ~near, parts.small >= THRESHOLD
    beyond = _beyond(outside, OUTGROWTH * area, goes_on)
    # A neighbor that touches is cut off at the guess; a shadow or haze, which has nothing solid, where it leaves it.
    attached = dilated(_beyond(outside & solid, OUTGROWTH * area, goes_on), reach_px + 1)
    beyond = (beyond | attached) & kept & ~rough
    weights = parts.weights(kept, beyond, inside=enlarged((near & ~beyond).astype(np.float32), parts.size))
    found = kept & ~beyond & rough & (parts.small >= THRESHOLD)
    covered = np.count_nonzero(found) / area if area else 1.0
    return Belonging(alpha * weights, _is_worth_saying(beyond & solid, kept), covered)


@dataclass(frozen=True)
class _Parts:
    """A matte of `size`, shrunk to `seen`: `small`, and the `numbers` of the parts that it falls into, from 1 on."""

    size: tuple[int, int]
    seen: tuple[int, int]
    small: Plane
    numbers: NDArray[np.int32]
    count: int

    @property
    def scale(self) -> tuple[float, float]:
        """What x and y are multiplied by."""
        return self.seen[1] / self.size[1], self.seen[0] / self.size[0]

    def areas(self, where: Mask | None = None) -> NDArray[np.int64]:
        """The area of each part by its number, or of what of it is in a mask."""
        numbers = self.numbers if where is None else self.numbers[where]
        return np.bincount(numbers.ravel(), minlength=self.count + 1)

    def weights(self, kept: Mask, beyond: Mask, *, inside: Mask | Plane) -> Plane:
        """What the matte is multiplied by, (H, W): 0 on other parts and on what is `beyond`.

        What belongs to no part is kept where `inside`, (H, W), is 1, and at the edges of what is kept.
        """
        others = (self.numbers > 0) & ~kept
        apart = 1 - enlarged(_grown(others, kept).astype(np.float32), self.size)
        own = enlarged(_grown(kept & ~beyond, others | beyond).astype(np.float32), self.size)
        weights: Plane = np.minimum(apart, np.maximum(own, inside.astype(np.float32, copy=False)))
        return weights


def _parts_of(alpha: Plane) -> _Parts:
    size = alpha.shape[0], alpha.shape[1]
    seen = size_seen(size, SIDE_PX)
    small = shrunk(alpha, seen)
    numbers, areas = number_parts(np.where(small > HAZE, small, np.float32(0)), THRESHOLD)
    return _Parts(size, seen, small, numbers, len(areas))


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    """A plane at another size, smaller along one axis and larger along the other, perhaps."""
    smaller = min(plane.shape[0], size[0]), min(plane.shape[1], size[1])
    return enlarged(shrunk(plane, smaller), size)


def _is_worth_saying(beyond: Mask, kept: Mask) -> bool:
    return bool(np.count_nonzero(beyond) > WORTH_SAYING * np.count_nonzero(kept))


@dataclass(frozen=True)
class _Chosen:
    parts: frozenset[int]
    not_separable: tuple[Point, ...]
    on_nothing: tuple[Point, ...]


def _chosen(
    numbers: NDArray[np.int32], count: int, inside: Mask, points: Points, scale: tuple[float, float]
) -> _Chosen:
    """Which of the parts belong, by number, and the points that could not be followed."""
    whole = np.bincount(numbers.ravel(), minlength=count + 1)
    within = np.bincount(numbers[inside], minlength=count + 1)
    parts = {part for part in range(1, count + 1) if within[part] >= MOST_OF_IT * whole[part]}
    wanted = {point: _part_at(numbers, point, scale) for point in points.subject}
    unwanted = {point: _part_at(numbers, point, scale) for point in points.background}
    asked_for = {part for part in wanted.values() if part}
    refused = {part for part in unwanted.values() if part} - asked_for
    parts |= asked_for
    if not parts - refused:
        refused = set()  # the model saw one thing where the user sees two
    left = frozenset(parts - refused)
    return _Chosen(
        left,
        tuple(point for point, part in unwanted.items() if part in left),
        tuple(point for point, part in wanted.items() if not part),
    )


def _part_at(numbers: NDArray[np.int32], point: Point, scale: tuple[float, float]) -> int:
    """The number of the part at a point or near it; 0 if there is none."""
    height, width = numbers.shape
    x, y = int(point[0] * scale[0]), int(point[1] * scale[1])
    if not (0 <= x < width and 0 <= y < height):
        return 0
    near = numbers[max(y - REACH_PX, 0) : y + REACH_PX + 1, max(x - REACH_PX, 0) : x + REACH_PX + 1]
    found = np.bincount(near.ravel())[1:]
    return int(numbers[y, x]) or (int(found.argmax()) + 1 if found.any() else 0)


def _beyond(outside: Mask, most: float, goes_on: Sides) -> Mask:
    """What sticks out and is cut off: what does not end in the margin, and what is larger than `most` pixels."""
    labels, _ = label_parts(outside)
    left, top, right, bottom = goes_on
    sides = ((labels[:, 0], left), (labels[0], top), (labels[:, -1], right), (labels[-1], bottom))
    cut = {int(number) for side, is_open in sides if is_open for number in np.unique(side)}
    cut |= {number for number, area in enumerate(np.bincount(labels.ravel())) if area > most}
    return np.isin(labels, list(cut - {0}))


def _grown(mask: Mask, others: Mask) -> Mask:
    """A mask that reaches over the soft edges around it, but not into what is somebody else's."""
    return dilated(mask, REACH_PX) & ~(others & ~mask)


def _box_mask(box: Box, size: tuple[int, int], scale: tuple[float, float]) -> Mask:
    mask = np.zeros(size, np.bool_)
    left, right = round(box.left * scale[0]), max(round(box.right * scale[0]), round(box.left * scale[0]) + 1)
    top, bottom = round(box.top * scale[1]), max(round(box.bottom * scale[1]), round(box.top * scale[1]) + 1)
    mask[top:bottom, left:right] = True
    return mask
