"""Hardening, growing, shrinking and feathering the edges of a matte, by whole pixels.

All work block by block and skip blocks where nothing changes, so the time depends on the edges of a large picture,
not on its area.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from dis_core import planes
from dis_core.planes import Plane, blocks, part_within, with_margin

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_SMALL_BLOCK_PX: Final = 128


def reshape_edges(matte: Plane, *, threshold: float | None = None, grow_px: int = 0, feather_px: int = 0) -> Plane:
    """The matte, (H, W) float32 in [0, 1], with its edges made hard, then moved and then softened; itself if none is.

    With a `threshold`, values of at least that become 1 and the others 0. `grow_px` below 0 moves edges inwards. What
    lies outside the picture does not count. More pixels take more time.
    """
    if threshold is not None:
        matte = (matte >= np.float32(threshold)).astype(np.float32)
    if grow_px > 0:
        matte = grow(matte, grow_px)
    elif grow_px < 0:
        matte = np.subtract(1, grow(np.subtract(1, matte), -grow_px))
    return feather(matte, feather_px) if feather_px else matte


def grow(matte: Plane, reach_px: int) -> Plane:
    """The largest value within a disc of this radius around each pixel, inside the picture."""
    return _block_by_block(matte, reach_px, lambda part: _largest_in_disc(part, reach_px))


def feather(matte: Plane, reach_px: int) -> Plane:
    """A smooth mean over the surroundings: a hard edge becomes a ramp from `reach_px` outside to as far inside.

    Three box means are applied one after the other. Their radii add up to the reach, so nothing farther away counts,
    and together they weigh pixels almost like a Gaussian bell. At the border of the picture the mean is over what lies
    inside, so that a subject that is cut off there does not fade.
    """
    # Small blocks stay in the processor's cache, and more of them have no edge.
    side_px = min(planes.BLOCK_PX, max(_SMALL_BLOCK_PX, 4 * reach_px))
    return _block_by_block(matte, reach_px, lambda part: _smoothed(part, reach_px), side_px=side_px)


def _block_by_block(
    matte: Plane, reach_px: int, change: Callable[[Plane], Plane], *, side_px: int | None = None
) -> Plane:
    """Apply `change` to each block with `reach_px` of its surroundings; it must leave constant planes as they are."""
    height, width = matte.shape
    result: Plane = matte.copy()
    for rows, columns in blocks((height, width), side_px):
        around = with_margin(rows, reach_px, height), with_margin(columns, reach_px, width)
        part = matte[around]
        if part.min() != part.max():
            changed = change(part)
            result[rows, columns] = changed[part_within(rows, around[0]), part_within(columns, around[1])]
    return result


def _largest_in_disc(part: Plane, radius_px: int) -> Plane:
    """Row by row: a disc is a stack of rows that get shorter farther from its center.

    A pixel is inside if its center is less than half a pixel beyond the radius: x * x + y * y <= r * r + r.
    """
    by_half_width: dict[int, list[int]] = {}
    for y in range(radius_px + 1):
        by_half_width.setdefault(math.isqrt(radius_px * radius_px + radius_px - y * y), []).append(y)
    largest: Plane = part.copy()
    row = part
    for half_width in range(radius_px + 1):
        if half_width:
            row = _one_wider(row)
        for y in by_half_width.get(half_width, ()):
            reach = len(part) - y
            if reach > 0:
                np.maximum(largest[y:], row[:reach], out=largest[y:])
                np.maximum(largest[:reach], row[y:], out=largest[:reach])
    return largest


def _one_wider(row: Plane) -> Plane:
    """The largest of each value and its two neighbors in the row."""
    wider: Plane = row.copy()
    np.maximum(wider[:, 1:], row[:, :-1], out=wider[:, 1:])
    np.maximum(wider[:, :-1], row[:, 1:], out=wider[:, :-1])
    return wider


def _smoothed(part: Plane, reach_px: int) -> Plane:
    means = part.astype(np.float64)
    radii_px = [radius_px for radius_px in ((reach_px + rest) // 3 for rest in range(3)) if radius_px]
    for _ in range(2):  # down the columns, then along the rows, as columns of the other way round
        for radius_px in radii_px:
            means = _means_down(means, radius_px)
        means = np.ascontiguousarray(means.T)
    smooth: Plane = np.clip(means, 0, 1).astype(np.float32)
    return smooth


def _means_down(plane: NDArray[np.float64], radius_px: int) -> NDArray[np.float64]:
    """The mean over `radius_px` pixels above and below each pixel, of what lies inside.

    Each sum is the difference of two running sums, so that wide windows cost no more than narrow ones.
    """
    height = len(plane)
    running = np.zeros((height + 1, plane.shape[1]))
    np.cumsum(plane, axis=0, out=running[1:])
    ends = np.minimum(np.arange(height) + radius_px + 1, height)
    starts = np.maximum(np.arange(height) - radius_px, 0)
    means: NDArray[np.float64] = running[ends]
    means -= running[starts]
    means /= (ends - starts)[:, None]
    return means
