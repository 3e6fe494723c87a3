"""Arithmetic on planes of bytes, one per pixel, without numpy, which GIMP's Python does not have."""

from __future__ import annotations

import re
from typing import Callable, Iterator

_NOT_ZERO = bytes([0] + [255] * 255)
_SOFT = re.compile(rb"[\x01-\xfe]+")


def is_empty(plane: bytes) -> bool:
    """Whether all bytes are 0."""
    return plane.count(0) == len(plane)


def is_full(plane: bytes) -> bool:
    """Whether all bytes are 255."""
    return plane.count(255) == len(plane)


def runs(plane: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch of bytes that are not 0."""
    return (match.span() for match in re.finditer(rb"[^\0]+", plane))


def cleaned(alpha: bytes, seen_alpha: bytes) -> bytes:
    """255 where the subject covers a pixel, but less than the source did; else 0."""
    differing = _bitwise(lambda a, b: a ^ b, alpha, seen_alpha).translate(_NOT_ZERO)
    return _bitwise(lambda a, b: a & b, differing, alpha.translate(_NOT_ZERO))


def smaller(alpha: bytes, seen_alpha: bytes) -> bytes:
    """The smaller of the two at each pixel."""
    if is_full(seen_alpha):
        return alpha
    # Bitwise where the source is opaque (`alpha`) or transparent (0), one by one in between.
    result = bytearray(_bitwise(lambda a, b: a & b, alpha, seen_alpha))
    for start, end in _soft_runs(seen_alpha):
        result[start:end] = map(min, alpha[start:end], seen_alpha[start:end])
    return bytes(result)


def quotient(alpha: bytes, seen_alpha: bytes) -> bytes:
    """The mask that turns `seen_alpha` into `alpha`, which is nowhere larger."""
    if is_full(seen_alpha):
        return alpha
    result = bytearray(alpha)
    for start, end in _soft_runs(seen_alpha):
        pairs = zip(alpha[start:end], seen_alpha[start:end])
        result[start:end] = bytes((255 * wanted + seen // 2) // seen for wanted, seen in pairs)
    return bytes(result)


def _soft_runs(plane: bytes) -> Iterator[tuple[int, int]]:
    return (match.span() for match in _SOFT.finditer(plane))


def _bitwise(operation: Callable[[int, int], int], one: bytes, other: bytes) -> bytes:
    first, second = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    return operation(first, second).to_bytes(len(one), "little")
