"""Mattes as planes of bytes, one per pixel, 255 where the subject is."""

from __future__ import annotations

import re
from typing import Sequence

from .settings import Box
from .words import later

NOTHING_LEFT = later("Combined with the selection, nothing of the subject is left. Nothing was changed")

DUST = 5
"""Pixels selected up to this value (2 %) count as not selected: they are invisible, but selections are outlined around
them."""

_WITHOUT_DUST = bytes(0 if value <= DUST else value for value in range(256))
_SUBJECT = re.compile(rb"[\x80-\xff]")


def without_dust(plane: bytes) -> bytes:
    """The plane with values too small to see set to 0."""
    return plane.translate(_WITHOUT_DUST)


def has_subject(plane: bytes) -> bool:
    """Whether at least half of any pixel belongs to the subject."""
    return _SUBJECT.search(plane) is not None


def box_of(plane: bytes, width: int) -> Box:
    """x, y, width and height of the smallest box with all bytes that are not 0, of which there must be one."""
    top = (len(plane) - len(plane.lstrip(b"\0"))) // width
    bottom = -(-len(plane.rstrip(b"\0")) // width)
    rows = [plane[start : start + width] for start in range(top * width, bottom * width, width)]
    left = min(width - len(row.lstrip(b"\0")) for row in rows)
    right = max(len(row.rstrip(b"\0")) for row in rows)
    return left, top, right - left, bottom - top


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box with all of these in it, of which there must be one."""
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top
