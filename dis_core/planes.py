"""Planes as large as an image: how they are called, and how to work on them block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
"""(height, width) in pixels."""

Plane = NDArray[np.float32]
"""(H, W), one number for each pixel."""

BLOCK_PX: Final = 512

RUN_PX: Final = 256
"""Small blocks beside each other are joined up to this width, because each call costs as much as some pixels."""


def blocks(size: Size, side_px: int | None = None) -> Iterator[tuple[slice, slice]]:
    """An image of `size` in blocks, so that intermediate results never exist for all of it at once.

    `side_px` is for those that need smaller ones.
    """
    side_px = side_px or BLOCK_PX
    for top in range(0, size[0], side_px):
        for left in range(0, size[1], side_px):
            yield slice(top, min(top + side_px, size[0])), slice(left, min(left + side_px, size[1]))


def any_in_blocks(mask: NDArray[np.bool_], side_px: int) -> NDArray[np.bool_]:
    """For each of the `blocks`, in rows and columns, whether it has a pixel of the mask, (H, W)."""
    rows = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], side_px), axis=0)
    found: NDArray[np.bool_] = np.logical_or.reduceat(rows, np.arange(0, mask.shape[1], side_px), axis=1)
    return found


def joined_in_rows(places: Iterable[tuple[slice, slice]]) -> Iterator[tuple[slice, slice]]:
    """Some of the `blocks` in their order, those beside each other as one, up to about `RUN_PX` wide."""
    run: tuple[slice, slice] | None = None
    for rows, columns in places:
        if run is not None and run[0] == rows and run[1].stop == columns.start <= run[1].start + RUN_PX:
            run = rows, slice(run[1].start, columns.stop)
            continue
        if run is not None:
            yield run
        run = rows, columns
    if run is not None:
        yield run


def with_margin(part: slice, margin_px: int, length: int) -> slice:
    """A part of an axis of `length`, extended by a margin on both sides but not beyond the axis."""
    return slice(max(part.start - margin_px, 0), min(part.stop + margin_px, length))


def part_within(part: slice, outer: slice) -> slice:
    """Where a part of an axis lies within a larger part that contains it."""
    return slice(part.start - outer.start, part.stop - outer.start)


def dilated(mask: NDArray[np.bool_], reach_px: int) -> NDArray[np.bool_]:
    """The mask (H, W) and all pixels within `reach_px` rows and columns of it: a square dilation."""
    return ~_eroded(~mask, reach_px)


def _eroded(mask: NDArray[Any], reach_px: int) -> NDArray[np.bool_]:
    """The pixels that have only pixels of the mask within `reach_px` rows and columns; outside the image all count."""
    for _ in range(2):
        mask = _eroded_along_rows(mask, reach_px).T
    return mask


def _eroded_along_rows(mask: NDArray[Any], reach_px: int) -> NDArray[Any]:
    run = np.pad(mask, ((0, 0), (reach_px, reach_px)), constant_values=True)
    length, wanted = 1, 2 * reach_px + 1
    while length < wanted:  # run[:, x] says whether the `length` pixels from x on all belong to the mask
        step = min(length, wanted - length)
        run = run[:, :-step] & run[:, step:]
        length += step
    return run


def raised_cosine(length_px: int) -> NDArray[np.float32]:
    """A ramp from 0 to 1 over `length_px` pixels, float32; together with its mirror image it adds up to 1."""
    positions = (np.arange(length_px, dtype=np.float32) + np.float32(0.5)) / np.float32(max(length_px, 1))
    weights: NDArray[np.float32] = np.sin(positions * np.float32(np.pi / 2)) ** 2
    return weights
