"""Feature maps made strip by strip from top to bottom, so that at full size they need never exist as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from dis_core.models.resample import Size, mix_rows_to_corners, resize_to_corners
from dis_core.models.tensors import packed

MakeRows = Callable[[slice], torch.Tensor]
"""Makes rows of a map, (B, C, rows, W); the slice counts them from the top of the map."""

LOOK_BACK = 8
"""So many rows a buffer keeps above those asked for: who asks next may look back by the halo of a convolution, also of
one over a map of half the size."""


@dataclass(frozen=True)
class Rows:
    """Neighboring rows of a map of `height` rows: `values` (B, C, rows, W); the first is row `start`."""

    values: torch.Tensor
    start: int
    height: int

    @classmethod
    def all_of(cls, x: torch.Tensor) -> Rows:
        """Every row of (B, C, H, W)."""
        return cls(x, 0, x.shape[2])

    def cut(self, rows: slice) -> torch.Tensor:
        """(B, C, rows, W): some of these rows, counted from the top of the whole map. Raises IndexError."""
        if rows.start < self.start or rows.stop > self.start + self.values.shape[2]:
            raise IndexError(f"rows {rows.start} to {rows.stop} are not available, only those from {self.start} on")
        return self.values[:, :, rows.start - self.start : rows.stop - self.start]

    def resized(self, size: Size, rows: slice) -> torch.Tensor:
        """Rows of the whole map's `resize_to_corners(..., size)`; raises IndexError if `rows_beneath` are not here."""
        source = rows_beneath(rows, size[0], self.height)
        wide = resize_to_corners(self.cut(source), (source.stop - source.start, size[1]))
        return mix_rows_to_corners(wide, source.start, (self.height, size[0]), rows)


class RowBuffer:
    """The rows made last of a map of `height` rows, each made once by `make`, when it is first asked for.

    They are asked for from the top of the map to its bottom.
    """

    def __init__(self, height: int, make: MakeRows) -> None:
        self.height = height
        self.make = make
        self.strip: Rows | None = None

    def rows(self, wanted: slice) -> Rows:
        """At least the wanted rows."""
        if self.strip is None:
            self.strip = Rows(self.make(slice(0, wanted.stop)), 0, self.height)
        made = self.strip.start + self.strip.values.shape[2]
        if wanted.stop > made:
            start = max(wanted.start - LOOK_BACK, self.strip.start)
            kept = self.strip.cut(slice(start, made))
            self.strip = Rows(torch.cat([kept, self.make(slice(made, wanted.stop))], 2), start, self.height)
        return self.strip


def convolved(layer: Callable[[torch.Tensor], torch.Tensor], make: MakeRows, rows: slice, height: int) -> torch.Tensor:
    """Rows of a 3x3 convolution over a map of `height` rows; `make` gives the input rows that it needs."""
    seen = slice(max(rows.start - 1, 0), min(rows.stop + 1, height))
    return Rows(layer(packed(make(seen))), seen.start, height).cut(rows)


def convolved_in_strips(
    layer: Callable[[torch.Tensor], torch.Tensor], make: MakeRows, size: Size, *, pixels_at_once: int
) -> torch.Tensor:
    """A 3x3 convolution over a map of `size`; `make` gives its rows in order, a few at a time."""
    height, width = size
    count = max(pixels_at_once // width, LOOK_BACK)
    strips = [slice(top, min(top + count, height)) for top in range(0, height, count)]
    return torch.cat([convolved(layer, make, rows, height) for rows in strips], 2)


def rows_beneath(rows: slice, height: int, source_height: int) -> slice:
    """The rows of a map of `source_height` that rows of its `resize_to_corners` to `height` are mixed from."""
    steps, source_steps = max(height - 1, 1), source_height - 1
    return slice(rows.start * source_steps // steps, min((rows.stop - 1) * source_steps // steps + 2, source_height))
