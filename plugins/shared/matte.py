"""Gray mattes as planes of bytes, one per pixel, 255 where the subject is."""

from __future__ import annotations

import re

DUST = 5
"""Up to here, 2 %, a pixel counts as not selected at all: nobody sees it, but selections are outlined around it."""

_WITHOUT_DUST = bytes(0 if value <= DUST else value for value in range(256))
_SUBJECT = re.compile(rb"[\x80-\xff]")


def without_dust(plane: bytes) -> bytes:
    """The plane with what nobody would see set to 0."""
    return plane.translate(_WITHOUT_DUST)


def has_subject(plane: bytes) -> bool:
    """Whether any pixel belongs to the subject by half."""
    return _SUBJECT.search(plane) is not None
