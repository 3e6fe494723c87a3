"""The separate things in a matte: two people side by side, a flock of birds."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_SHARE: Final = 1 / 10_000
"""Of the image; anything smaller is a speck, which belongs to no part."""

PART_FROM: Final = 0.5
"""How much subject a pixel has to be at least to hold parts together, where nothing else is asked for."""

WIDEST_EDGE_PX: Final = 128
"""How far from a part a soft pixel may be to belong to it."""


def label_parts(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the connected regions of a mask (H, W), from 1 on; pixels that touch at a corner are connected.

    Returns the numbers, (H, W) int32 with 0 outside, and how many there are. Runs of pixels in a row are joined with
    those that they touch in the row above (union-find), so the time depends on how many runs there are.
    """
    starts, ends, rows = runs_of(mask)
    parent = np.arange(len(starts))
    for upper, lower in touching(starts, ends, rows):
        parent[root(parent, upper)] = root(parent, lower)
    roots = np.array([root(parent, run) for run in range(len(starts))], np.int64)
    found, numbers = np.unique(roots, return_inverse=True)
    labels = np.zeros(mask.shape, np.int32)
    for start, end, row, number in zip(starts, ends, rows, numbers + 1, strict=True):
        labels[row, start:end] = number
    return labels, len(found)


def runs_of(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The first column, the column after the last, and the row of every run of pixels, from top to bottom."""
    steps = np.diff(mask.astype(np.int8), axis=1, prepend=0, append=0)
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return starts, ends, rows


def touching(starts: NDArray[np.int64], ends: NDArray[np.int64], rows: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs of runs in neighboring rows that touch, also at a corner."""
    pairs = []
    upper = 0
    for lower in range(len(starts)):
        while upper < lower and (
            rows[upper] < rows[lower] - 1 or (rows[upper] == rows[lower] - 1 and ends[upper] < starts[lower])
        ):
            upper += 1
        other = upper
        while other < lower and rows[other] == rows[lower] - 1 and starts[other] <= ends[lower]:
            pairs.append((other, lower))
            other += 1
    return pairs


def root(parent: NDArray[np.int64], run: int) -> int:
    """The run that stands for all that a run is connected with."""
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = int(parent[run])
    return run


def spread(labels: NDArray[np.int32], alpha: NDArray[np.float32]) -> NDArray[np.int32]:
    """Let numbers grow into the soft pixels around them, ring by ring; where two meet, each keeps what it reached."""
    height, width = labels.shape
    padded = np.pad(labels, 1)
    y, x = np.nonzero((labels == 0) & (alpha > 0))
    for _ in range(WIDEST_EDGE_PX):
        around = np.stack([padded[y + down, x + right] for down in range(3) for right in range(3)])
        reached = around.max(axis=0)
        is_reached = reached > 0
        if not is_reached.any():
            break
        padded[y[is_reached] + 1, x[is_reached] + 1] = reached[is_reached]
        y, x = y[~is_reached], x[~is_reached]
    return padded[1 : height + 1, 1 : width + 1]


def number_parts(alpha: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.int32], list[int]]:
    """Which part each pixel of a matte (H, W) belongs to, and the parts' areas in pixels.

    The numbers, (H, W) int32, count from 1 on with the largest part first; 0 belongs to none. Parts are what is
    connected where the matte is at least `threshold`; soft pixels go to the part that they surround.
    """
    labels, count = label_parts(alpha >= np.float32(threshold))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = [part for part in np.argsort(-areas, kind="stable") if areas[part] >= LEAST_SHARE * alpha.size]
    number_of = np.zeros(count + 1, np.int32)
    for number, part in enumerate(order, start=1):
        number_of[part + 1] = number
    return number_of[spread(labels, alpha)], [int(areas[part]) for part in order]


def split_matte(alpha: NDArray[np.float32], threshold: float) -> list[NDArray[np.float32]]:
    """The matte (H, W) of each separate part alone, as `number_parts` tells them apart, the largest first."""
    numbers, areas = number_parts(alpha, threshold)
    return [np.where(numbers == number, alpha, np.float32(0)) for number in range(1, len(areas) + 1)]
