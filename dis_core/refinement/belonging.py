"""What of a matte belongs to the thing that a box surrounds, where the model was not told of the box itself.

The matte falls into parts, and each belongs as a whole or not at all: half of its area has to lie in the box. What
sticks out of the box by little and ends there is kept, because boxes are drawn by hand and hair is long. What goes on
beyond what was looked at is cut off at the box: a neighbor that touches, or more of the thing than was asked for.
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

WORTH_SAYING: Final = 0.02
"""How much of what is kept may be cut off at the box without a word."""

REACH_PX: Final = 3
"""How far from a part a point may be to be on it, and how far a part's soft edge may go on, on the shrunk matte."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Belonging:
    """What is kept of a matte: `alpha`, (H, W) float32 in [0, 1], and what the user should know of it.

    `is_cut` says that more than the overhang lay beyond the box. `not_separable` are the background points on the very
    thing that is kept, and `on_nothing` the subject points where the model has found nothing.
    """

    alpha: Plane
    is_cut: bool = False
    not_separable: tuple[Point, ...] = ()
    on_nothing: tuple[Point, ...] = ()


def kept_in_box(alpha: Plane, box: Box, points: Points = NO_POINTS, *, goes_on: tuple[bool, ...]) -> Belonging:
    """What belongs to the thing in a box, of a matte of the box with a margin, (H, W) float32 in [0, 1].

    A part with a subject point on it belongs, wherever it lies, and one with a background point does not, if something
    else is left. `goes_on` says for the left, upper, right and lower side of the matte whether the image goes on there.
    """
    size = alpha.shape[0], alpha.shape[1]
    seen = size_seen(size, SIDE_PX) if max(size) > SIDE_PX else size
    small = shrunk(alpha, seen)
    scale = seen[1] / size[1], seen[0] / size[0]
    numbers, areas = number_parts(np.where(small > HAZE, small, np.float32(0)), THRESHOLD)
    inside = _box_mask(box, seen, scale)
    chosen = _chosen(numbers, len(areas), inside, points, scale)
    kept = np.isin(numbers, list(chosen.parts))
    beyond = _beyond(kept & ~inside, kept & inside, goes_on)
    others = (numbers > 0) & ~kept
    weights = 1 - enlarged(_grown(others, kept).astype(np.float32), size)
    out = enlarged(_grown(kept & ~beyond, others | beyond).astype(np.float32), size)
    weights = np.where(_box_mask(box, size, (1.0, 1.0)), weights, np.minimum(weights, out))
    is_cut = np.count_nonzero(beyond) > WORTH_SAYING * np.count_nonzero(kept)
    return Belonging(alpha * weights, bool(is_cut), chosen.not_separable, chosen.on_nothing)


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


def _beyond(outside: Mask, inside: Mask, goes_on: tuple[bool, ...]) -> Mask:
    """What of the parts outside of the box is cut off: what does not end in the margin, and what is large."""
    labels, _ = label_parts(outside)
    left, top, right, bottom = goes_on
    sides = ((labels[:, 0], left), (labels[0], top), (labels[:, -1], right), (labels[-1], bottom))
    cut = {int(number) for side, is_open in sides if is_open for number in np.unique(side)}
    areas = np.bincount(labels.ravel())
    cut |= {number for number, area in enumerate(areas) if area > OVERHANG * np.count_nonzero(inside)}
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
