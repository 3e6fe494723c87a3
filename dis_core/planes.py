"""Large arrays, looked at block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
"""(height, width) in pixels."""

BLOCK_PX: Final = 512


def rising(length_px: int) -> NDArray[np.float32]:
    """A raised cosine from 0 to 1 over so many pixels, float32; with its mirror image it adds up to 1."""
    positions = (np.arange(length_px, dtype=np.float32) + np.float32(0.5)) / np.float32(max(length_px, 1))
    weights: NDArray[np.float32] = np.sin(positions * np.float32(np.pi / 2)) ** 2
    return weights


def blocks(size: Size) -> Iterator[tuple[slice, slice]]:
    """An image of `size` in blocks, so that what is computed on the way never exists for all of it at once."""
    for top in range(0, size[0], BLOCK_PX):
        for left in range(0, size[1], BLOCK_PX):
            yield slice(top, min(top + BLOCK_PX, size[0])), slice(left, min(left + BLOCK_PX, size[1]))


def with_margin(part: slice, margin_px: int, length: int) -> slice:
    """A part of an axis of `length` with so much more on both sides, as far as the axis reaches."""
    return slice(max(part.start - margin_px, 0), min(part.stop + margin_px, length))


def part_within(part: slice, outer: slice) -> slice:
    """Where a part of an axis lies in an outer part that holds it."""
    return slice(part.start - outer.start, part.stop - outer.start)


def grown(mask: NDArray[np.bool_], reach_px: int) -> NDArray[np.bool_]:
    """The mask (H, W) and all within so many rows and columns of it."""
    return ~_full_within(~mask, reach_px)


def _full_within(mask: NDArray[Any], reach_px: int) -> NDArray[np.bool_]:
    """Which pixels have only pixels of the mask within so many rows and columns, as far as the image reaches."""
    for _ in range(2):
        mask = _full_along_rows(mask, reach_px).T
    return mask


def _full_along_rows(mask: NDArray[Any], reach_px: int) -> NDArray[Any]:
    run = np.pad(mask, ((0, 0), (reach_px, reach_px)), constant_values=True)
    length, wanted = 1, 2 * reach_px + 1
    while length < wanted:  # run[:, x] says whether `length` pixels from x on are of the mask
        step = min(length, wanted - length)
        run = run[:, :-step] & run[:, step:]
        length += step
    return run
