"""Growing, shrinking and feathering the edges of a matte, by whole pixels.

All work block by block and skip blocks where nothing changes, so the time depends on the edges of a large picture,
not on its area.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from dis_core.models.resample import window_sums
from dis_core.planes import Plane, blocks, part_within, with_margin

if TYPE_CHECKING:
    from collections.abc import Callable


def reshape_edges(matte: Plane, *, grow_px: int = 0, feather_px: int = 0) -> Plane:
    """The matte, (H, W) float32 in [0, 1], with its edges first moved and then softened; itself if both are 0.

    `grow_px` below 0 moves them inwards. What lies outside the picture does not count. More pixels take more time.
    """
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
    return _block_by_block(matte, reach_px, lambda part: _smoothed(part, reach_px))


def _block_by_block(matte: Plane, reach_px: int, change: Callable[[Plane], Plane]) -> Plane:
    """Apply `change` to each block with `reach_px` of its surroundings; it must leave constant planes as they are."""
    height, width = matte.shape
    result: Plane = matte.copy()
    for rows, columns in blocks((height, width)):
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
    with torch.inference_mode():
        means = torch.from_numpy(part.astype(np.float64))
        for radius_px in filter(None, [(reach_px + rest) // 3 for rest in range(3)]):
            for axis in (1, 0):
                counts = window_sums(torch.ones(means.shape[axis], dtype=torch.float64), 0, radius_px)
                means = window_sums(means, axis, radius_px) / (counts if axis == 1 else counts[:, None])
        smooth: Plane = means.clamp(0, 1).float().numpy()
    return smooth
