"""The only calls of torch's `interpolate`: how a picture or a feature map is resized decides what a network computes.

Published networks were trained with one kind of resize each, and another kind quietly makes them a different network;
so each kind has one function here, named after what it does at the corners.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

Size = tuple[int, int]
"""(height, width) in pixels of the map in question."""


def size_of(x: torch.Tensor) -> Size:
    """(height, width) of a (B, C, H, W) tensor."""
    return x.shape[-2], x.shape[-1]


def resize_to_corners(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Bilinear, the centers of the corner pixels stay (`align_corners=True`): every resize inside PDFNet."""
    if size_of(x) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def resize_by_area(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Bilinear, the outer edges of the image stay where they are (`align_corners=False`), without antialiasing."""
    if size_of(x) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def shrink_smoothly(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Bilinear with antialiasing, outer edges fixed: for photographs on their way into a network."""
    if size_of(x) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)


def resize_bicubic(x: torch.Tensor, size: Size) -> torch.Tensor:
    """Bicubic (a = -0.75, as OpenCV's), outer edges fixed, without antialiasing."""
    if size_of(x) == size:
        return x
    return F.interpolate(x, size=size, mode="bicubic", align_corners=False)


def part_of_resized(x: torch.Tensor, size: Size, rows: slice, columns: slice) -> torch.Tensor:
    """`resize_by_area(x, size)[:, :, rows, columns]` without the rest, for sizes at which the whole is too large.

    As products of small matrices, which take a third of the time of picking rows and columns and mixing them.
    """
    top, down = _mixing(rows, x.shape[-2], size[0])
    left, right = _mixing(columns, x.shape[-1], size[1])
    x = x[:, :, top : top + down.shape[1], left : left + right.shape[1]]
    # Columns first, while the rows are few.
    x = torch.matmul(x, torch.from_numpy(right).to(x.device, x.dtype).T)
    return torch.matmul(torch.from_numpy(down).to(x.device, x.dtype), x)


def mix_rows_to_corners(x: torch.Tensor, start: int, heights: tuple[int, int], rows: slice) -> torch.Tensor:
    """Rows of a map resized along its columns as by `resize_to_corners`, where only some of its rows are at hand.

    `x` (B, C, h, W) are rows from `start` of a map whose height becomes the second of `heights` instead of the first.
    """
    # Multiplied first: a product of whole numbers divides to a whole number where it should.
    down = _between(_positions(rows) * (heights[0] - 1) / max(heights[1] - 1, 1), heights[0])
    return _mixed_rows(x, start, down)


def box_mean(x: torch.Tensor, radius_px: int) -> torch.Tensor:
    """The mean over the square window around each pixel of (..., H, W), of what lies inside of the image."""
    for axis, padding in ((-1, (radius_px, radius_px)), (-2, (0, 0, radius_px, radius_px))):
        length = x.shape[axis]
        places = torch.arange(length, device=x.device)
        counts = (places + radius_px).clamp(max=length - 1) - (places - radius_px).clamp(min=0) + 1
        counts = counts.to(x.dtype)
        x = _sums_by_doubling(F.pad(x, padding), axis, 2 * radius_px + 1, length)
        x = x / (counts if axis == -1 else counts[:, None])
    return x


def _sums_by_doubling(padded: torch.Tensor, axis: int, window: int, length: int) -> torch.Tensor:
    """The sums of `window` neighbors along an axis, of which `length` fit: out of sums of 1, 2, 4 and so on.

    Average pooling adds up each window anew, which takes five times as long for a window of nine.
    """
    run, width, place = padded, 1, 0
    total: torch.Tensor | None = None
    while True:
        if window & width:
            piece = run.narrow(axis, place, length)
            total = piece if total is None else total + piece
            place += width
        if 2 * width > window:
            break
        rest = run.shape[axis] - width
        run = run.narrow(axis, 0, rest) + run.narrow(axis, width, rest)
        width *= 2
    assert total is not None  # noqa: S101 - every window has a highest bit
    return total


def box_sums(x: torch.Tensor, radius_px: int) -> torch.Tensor:
    """The sum over the square window around each pixel of (..., H, W) that has all of it: (..., H - 2r, W - 2r)."""
    for axis in (-2, -1):
        x = _sums_by_doubling(x, axis, 2 * radius_px + 1, x.shape[axis] - 2 * radius_px)
    return x


def cell_means(x: torch.Tensor, side_px: int) -> torch.Tensor:
    """The mean over each cell of `side_px` by `side_px` of (B, C, H, W); the last ones may be smaller."""
    return F.avg_pool2d(x, side_px, ceil_mode=True, count_include_pad=False)


def cell_sums(x: torch.Tensor, side_px: int) -> torch.Tensor:
    """The sum over each cell of `side_px` by `side_px` of (C, H, W); the last ones may be smaller."""
    height, width = size_of(x)
    x = F.pad(x, (0, -width % side_px, 0, -height % side_px))
    # Rows first: that adds up long runs of memory.
    rows = x.view(x.shape[0], -1, side_px, x.shape[2]).sum(2)
    return rows.view(*rows.shape[:2], -1, side_px).sum(3)


class _Between(NamedTuple):
    """For pixels of a resized axis: the two old pixels they lie between, and how far on the way to the second."""

    before: torch.Tensor
    after: torch.Tensor
    share: torch.Tensor

    def beside(self, x: torch.Tensor) -> _Between:
        """The same where `x` is, with shares of its type."""
        return _Between(self.before.to(x.device), self.after.to(x.device), self.share.to(x.device, x.dtype))


def _mixed_rows(x: torch.Tensor, start: int, down: _Between) -> torch.Tensor:
    """New rows of (B, C, h, W), which are the old ones from row `start` on."""
    down = down.beside(x)
    # Three times as fast as x[:, :, rows].
    before, after = x.index_select(2, down.before - start), x.index_select(2, down.after - start)
    return torch.lerp(before, after, down.share[:, None])


def _mixing(part: slice, old_length: int, new_length: int) -> tuple[int, NDArray[np.float32]]:
    """How a part of a resized axis is made of the old one: where that begins, and (new, old) weights from there on."""
    return _mixing_from_to(part.start, part.stop, old_length, new_length)


@functools.lru_cache(maxsize=64)  # rows are the same for all blocks of a row
def _mixing_from_to(start: int, stop: int, old_length: int, new_length: int) -> tuple[int, NDArray[np.float32]]:
    positions = (np.arange(start, stop) + 0.5) * (old_length / new_length) - 0.5
    positions = positions.clip(0, old_length - 1)
    before = positions.astype(np.int64)
    after, share = np.minimum(before + 1, old_length - 1), (positions - before).astype(np.float32)
    first, number = int(before[0]), np.arange(stop - start)
    weights = np.zeros((stop - start, int(after[-1]) - first + 1), np.float32)
    weights[number, before - first] = 1 - share
    weights[number, after - first] += share
    return first, weights


def _positions(part: slice) -> torch.Tensor:
    """On the CPU, because Apple's GPUs know no float64, and float32 puts pixels of large maps in the wrong place."""
    return torch.arange(part.start, part.stop, dtype=torch.float64)


def _between(positions: torch.Tensor, length: int) -> _Between:
    positions = positions.clamp(0, length - 1)
    before = positions.long()
    return _Between(before, (before + 1).clamp(max=length - 1), (positions - before).float())
