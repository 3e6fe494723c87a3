"""Arithmetic on planes of bytes, one per pixel, without numpy, which Krita's Python does not have.

A plane is treated as one large integer, so that Python works on all pixels at once. Even and odd bytes are added
separately, so that sums have room to overflow. Eleven such operations on a megapixel take a few milliseconds.
"""

from __future__ import annotations

import re
from typing import Callable, Iterator

_NOT_ZERO = bytes([0] + [255] * 255)


def add(one: bytes, other: bytes) -> bytes:
    """The sum of two planes of the same length, at most 255."""
    return _by_halves(_saturated_sum, one, other)


def subtract(one: bytes, other: bytes) -> bytes:
    """`one` minus `other`, at least 0."""
    return _inverse(add(_inverse(one), other))


def intersect(one: bytes, other: bytes) -> bytes:
    """The smaller of the two at each pixel."""
    return subtract(one, subtract(one, other))


def replace(_one: bytes, other: bytes) -> bytes:
    """`other`."""
    return other


COMBINE: dict[str, Callable[[bytes, bytes], bytes]] = {
    "replace": replace,
    "add": add,
    "subtract": subtract,
    "intersect": intersect,
}
"""By mode: combines the old plane and the new one."""


def differing(one: bytes, other: bytes) -> bytes:
    """255 where the two differ, else 0."""
    return _bitwise(lambda a, b: a ^ b, one, other).translate(_NOT_ZERO)


def both(one: bytes, other: bytes) -> bytes:
    """255 where neither is 0, else 0."""
    return _bitwise(lambda a, b: a & b, one.translate(_NOT_ZERO), other.translate(_NOT_ZERO))


def neither(one: bytes, other: bytes) -> bytes:
    """255 where both are 0, else 0; both are planes of 0 and 255."""
    return _inverse(_bitwise(lambda a, b: a | b, one, other))


def runs(plane: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch of bytes that are not 0."""
    return (match.span() for match in re.finditer(rb"[^\0]+", plane))


def outline(plane: bytes, width: int) -> bytes:
    """255 along both sides of each border between 0 and 255 in a plane of only these, else 0."""
    here = int.from_bytes(plane, "little")
    right, below = here >> 8, here >> (8 * width)
    inside = (1 << (8 * max(len(plane) - width, 0))) - 1  # below the last row is nothing
    borders = ((here ^ right) | (here ^ below)) & inside
    thick = borders | (borders << 8) | (borders << (8 * width))
    return (thick & ((1 << (8 * len(plane))) - 1)).to_bytes(len(plane), "little")


def is_empty(plane: bytes) -> bool:
    """Whether all bytes are 0."""
    return plane == bytes(len(plane))  # 24 megapixels in a hundredth of the time that counting takes


def placed(rows: bytes, width: int, *, left: int, total: int) -> bytes:
    """Rows of `width` pixels as rows of `total` pixels, with `left` zeros before them and the rest after them."""
    if width == total:
        return rows
    before, behind = bytes(left), bytes(total - left - width)
    return b"".join(before + rows[start : start + width] + behind for start in range(0, len(rows), width))


def _by_halves(operation: Callable[[int, int, int], int], one: bytes, other: bytes) -> bytes:
    """Apply the operation to the even and to the odd bytes, each with a free byte above it."""
    length = len(one)
    even = int.from_bytes(b"\xff\0" * ((length + 1) // 2), "little")
    first, second = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    low = operation(first & even, second & even, even)
    high = operation((first >> 8) & even, (second >> 8) & even, even)
    return (low | (high << 8)).to_bytes(length + 2, "little")[:length]


def _saturated_sum(one: int, other: int, even: int) -> int:
    total = one + other
    overflowed = (total >> 8) & (even & ~(even << 1))
    # A 1 above the byte becomes 255 in the byte: 256 - 1.
    return (total | ((overflowed << 8) - overflowed)) & even


def _inverse(plane: bytes) -> bytes:
    return plane.translate(_INVERSE)


def _bitwise(operation: Callable[[int, int], int], one: bytes, other: bytes) -> bytes:
    first, second = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    return operation(first, second).to_bytes(len(one), "little")


_INVERSE = bytes(range(255, -1, -1))
