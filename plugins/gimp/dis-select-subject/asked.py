"""What the painter asked for in the preview: a box to look in, and clicks that drop parts or bring them back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Sequence, Tuple

from shared.settings import Box, Region

Place = Tuple[int, int]
"""x and y in pixels of the source, from its top left."""


@dataclass(frozen=True)
class Asked:
    """All that was asked for, in the order of the clicks; `box` is None for the whole source."""

    box: Box | None = None
    clicks: tuple[Place, ...] = ()

    def clicked(self, place: Place) -> Asked:
        """The same and one more click."""
        return replace(self, clicks=(*self.clicks, place))


@dataclass(frozen=True)
class Found:
    """A matte of the source, and the number of the part that each of its pixels belongs to, 0 for none.

    `numbers` is None until the parts are numbered. `path` is the file of the matte, of more than 8 bits.
    """

    matte: bytes
    width: int
    path: str = ""
    numbers: bytes | None = None

    def part_at(self, place: Place) -> int:
        """The number of the part at a place; 0 where there is none."""
        x, y = place
        inside = 0 <= x < self.width and 0 <= y * self.width < len(self.matte)
        return self.numbers[y * self.width + x] if self.numbers is not None and inside else 0

    def place_of(self, number: int) -> Place | None:
        """A place that belongs to a part; None if there is no such part."""
        index = -1 if self.numbers is None else self.numbers.find(number)
        return None if index < 0 else (index % self.width, index // self.width)

    def dropped(self, clicks: Sequence[Place]) -> frozenset[int]:
        """The parts that were clicked an odd number of times."""
        dropped: frozenset[int] = frozenset()
        for number in map(self.part_at, clicks):
            dropped ^= {number} - {0}
        return dropped

    def without(self, clicks: Sequence[Place]) -> bytes:
        """The matte without the parts that the clicks have dropped."""
        dropped = self.dropped(clicks)
        if self.numbers is None or not dropped:
            return self.matte
        kept = bytearray(self.matte)
        for number in dropped:
            # Run by run: as one whole number, a large picture would take ten times as long.
            for run in re.finditer(re.escape(bytes([number])) + b"+", self.numbers):
                kept[run.start() : run.end()] = bytes(run.end() - run.start())
        return bytes(kept)


def region_in_box(box: Box | None) -> Region | None:
    """Where to look for what is in a box that was drawn, with any model; None without a box."""
    return None if box is None else Region(subject_box=box)
