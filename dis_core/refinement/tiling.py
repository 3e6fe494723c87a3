"""Where tiles go and how their answers are joined: geometry on arrays, without any network.

A tile's answer counts most in its middle and not at all at its rim, where the network sees only half of the context.
Along each axis the weights of neighbors add up to 1, so tiles that agree leave no seam. Answers are joined as logits:
halfway between a sure 0 and a sure 1 lies an edge, not a gray.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dis_core.planes import Size, blocks, raised_cosine

WORTH_REFINING: Final = 1.25
"""Refinement gains nothing if the image's longer side is at most this many times the side of the network's input."""

STRIP: Final = 4
"""An image is a strip if its shorter side is less than one such part of the side of the network's input."""

OVERLAP: Final = 0.25
"""The share of a tile's side that overlaps the next tile; below a half."""

RAMP: Final = 1 / 8
"""The share of a tile's side over which it fades into the next one, in the middle of the overlap."""

SURE: Final = 1 / 510
"""Half a step of an 8-bit matte: values closer than this to 0 or 1 are sure."""


@dataclass(frozen=True)
class Tile:
    """A part of an image of `size`, and how much its answer counts in each of its rows and columns.

    `row_weights` and `column_weights` are float32 in [0, 1]; the weight of a pixel is their product.
    """

    size: Size
    rows: slice
    columns: slice
    row_weights: NDArray[np.float32]
    column_weights: NDArray[np.float32]

    @property
    def place(self) -> tuple[slice, slice]:
        """(rows, columns), the index of the tile in an array of the image's size."""
        return self.rows, self.columns

    def counts_in_the_middle_of(self, finer: Tile) -> bool:
        """Whether this tile counts more than its neighbors in the middle of a tile of a finer level."""
        weight = 1.0
        for part, own, length, axis_weights, finer_length in (
            (finer.rows, self.rows, self.size[0], self.row_weights, finer.size[0]),
            (finer.columns, self.columns, self.size[1], self.column_weights, finer.size[1]),
        ):
            place = (part.start + part.stop) * length // (2 * finer_length) - own.start
            weight *= axis_weights[place] if 0 <= place < len(axis_weights) else 0
        return weight >= 0.5

    def weights(self) -> NDArray[np.float32]:
        """(rows, columns) float32 in [0, 1]."""
        return self.row_weights[:, np.newaxis] * self.column_weights


def level_sizes(size: Size, side_px: int) -> list[Size]:
    """The sizes at which tiles are run, coarse to fine: each at most twice the one before, the last that of the image.

    `size` is the image's (height, width), `side_px` the side of the square to which the network stretches it. Each axis
    grows by equal factors from `size_seen` on. The list is empty if the image is so small that the network saw it all.
    """
    if max(size) <= WORTH_REFINING * side_px:
        return []
    seen = size_seen(size, side_px)
    steps = math.ceil(max(math.log2(whole / part) for whole, part in zip(size, seen, strict=True)) - 1e-9)
    return [
        (round(seen[0] * (size[0] / seen[0]) ** (step / steps)), round(seen[1] * (size[1] / seen[1]) ** (step / steps)))
        for step in range(1, steps + 1)
    ]


def is_strip(size: Size, side_px: int) -> bool:
    """Whether an image of `size` (height, width) is so narrow that its tiles would show the network next to nothing.

    They would be stretched to a square more than fourfold, and there would be very many of them.
    """
    return min(size) * STRIP < side_px and bool(level_sizes(size, side_px))


def size_seen(size: Size, side_px: int) -> Size:
    """The size that is left of an image in a network whose input is a square of `side_px`; each axis by itself."""
    return min(size[0], side_px), min(size[1], side_px)


def plan_tiles(size: Size, side_px: int) -> Iterator[Tile]:
    """Cover an image of `size` row by row with tiles of `side_px`, or less if the image is smaller.

    At every pixel the weights of all tiles add up to 1.
    """
    columns = list(_plan_axis(size[1], side_px))
    for rows, row_weights in _plan_axis(size[0], side_px):
        for column, column_weights in columns:
            yield Tile(size, rows, column, row_weights, column_weights)


def _plan_axis(length: int, side_px: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Evenly spread parts of one axis, with their weights."""
    side = min(side_px, length)
    step = max(side - round(OVERLAP * side), 1)
    count = 1 + -(-(length - side) // step)
    starts = [index * (length - side) // max(count - 1, 1) for index in range(count)]
    for index, start in enumerate(starts):
        weights = np.ones(side, np.float32)
        if index > 0:
            _fade_in(weights, starts[index - 1] + side - start)
        if index < count - 1:
            _fade_in(weights[::-1], start + side - starts[index + 1])
        yield slice(start, start + side), weights


def _fade_in(weights: NDArray[np.float32], overlap_px: int) -> None:
    """Set weights to 0 and then to a rising ramp, a raised cosine in the middle of the overlap.

    Ramps are narrower than the distance between two tiles, so that a third tile never counts where two fade over.
    """
    rim_px = max((overlap_px - max(round(RAMP * len(weights)), 1)) // 2, 0)
    ramp_px = overlap_px - 2 * rim_px
    weights[:rim_px] = 0
    weights[rim_px : rim_px + ramp_px] = raised_cosine(ramp_px)


def logit(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Finite logits of mattes, float32; `expit` is the inverse. Values outside [0, 1] are clipped."""
    inside = np.clip(alpha, 0, 1) * np.float32(1 - 2 * SURE) + np.float32(SURE)
    logits: NDArray[np.float32] = np.log(inside / (1 - inside))
    return logits


def expit(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of `logit`: mattes in [0, 1], float32."""
    inside = 1 / (1 + np.exp(-logits))
    alpha: NDArray[np.float32] = np.clip((inside - np.float32(SURE)) / np.float32(1 - 2 * SURE), 0, 1)
    return alpha


def shift_logits(matte: NDArray[np.float32], shift: NDArray[np.float32]) -> None:
    """Add to the logits of a matte (H, W) in [0, 1], in place; where 0 is added it stays the same bit for bit."""
    for place in blocks((matte.shape[0], matte.shape[1])):
        moved = shift[place] != 0
        if moved.any():
            part = matte[place]
            part[moved] = expit(logit(part[moved]) + shift[place][moved])
