"""Mattes as planes of bytes, one per pixel, 255 where the subject is."""

from __future__ import annotations

import re

NOTHING_LEFT = "Combined with the selection, nothing of the subject is left. Nothing was changed"

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
