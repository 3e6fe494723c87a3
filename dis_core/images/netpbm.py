"""Netpbm's bitmaps, graymaps and pixmaps (P1 to P6): Pillow reads most slowly, and long comments for minutes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import numpy as np

from dis_core.images.decoded import Decoded, check_size, damaged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.images.pixels import Pixels

NETPBM_MAGIC: Final = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")
_BITMAPS: Final = (b"P1", b"P4")
_PIXMAPS: Final = (b"P3", b"P6")
_AS_TEXT: Final = (b"P1", b"P2", b"P3")
_LONGEST_HEADER: Final = 65536
_GAP: Final = rb"(?:\s|#[^\r\n]*[\r\n])"
_NUMBER: Final = _GAP + rb"+(\d{1,9})"
_COMMENT: Final = re.compile(rb"#[^\r\n]*")
_STRANGE: Final = re.compile(rb"[^0-9\s]")
_MOST_BYTES_PER_NUMBER: Final = 16
_TEXT_BYTES_AT_ONCE: Final = 4_000_000


class _Header(NamedTuple):
    kind: bytes
    width: int
    height: int
    white: int
    length: int


def decode(file: BinaryIO, name: str) -> Decoded:
    """All pixels of the first image. Raises NoImage if it is damaged, or has comments that are longer than it is."""
    header = _read_header(file, name)
    check_size(header.width, header.height, name, bits=header.white.bit_length())
    file.seek(header.length)
    values = _read_text(file, header, name) if header.kind in _AS_TEXT else _read_bytes(file, header, name)
    if header.kind in _BITMAPS:
        return Decoded(np.where(values, np.uint8(0), np.uint8(255)))  # 1 is black
    return Decoded(_over_whole_range(values, header.white))


def _read_header(file: BinaryIO, name: str) -> _Header:
    file.seek(0)
    head = file.read(_LONGEST_HEADER)
    numbers = 2 if head[:2] in _BITMAPS else 3
    found = re.compile(rb"P[1-6]" + _NUMBER * numbers + (_GAP if head[:2] in _AS_TEXT else rb"\s")).match(head)
    if found is None:
        raise damaged(name, "its header makes no sense, or is longer than 64 kB")
    width, height, white = (*map(int, found.groups()), 1)[:3]
    if not 1 <= white <= 65535:
        raise damaged(name, f"white is {white}, which is not between 1 and 65535")
    return _Header(head[:2], width, height, white, found.end())


def _shape(header: _Header) -> tuple[int, ...]:
    return (header.height, header.width, 3) if header.kind in _PIXMAPS else (header.height, header.width)


def _read_bytes(file: BinaryIO, header: _Header, name: str) -> NDArray[Any]:
    shape = _shape(header)
    if header.kind in _BITMAPS:
        shape = header.height, -(-header.width // 8)
    dtype: np.dtype[Any] = np.dtype(">u2" if header.white > 255 else np.uint8)
    size_bytes = int(np.prod(shape)) * dtype.itemsize
    data = file.read(size_bytes)
    if len(data) < size_bytes:
        raise damaged(name, "parts of its pixels are missing")
    values: NDArray[Any] = np.frombuffer(data, dtype).reshape(shape)
    return np.unpackbits(values, axis=1, count=header.width) if header.kind in _BITMAPS else values


def _read_text(file: BinaryIO, header: _Header, name: str) -> NDArray[np.uint16]:
    """Numbers that are written out; in bitmaps they are digits with or without room between them."""
    count = int(np.prod(_shape(header)))
    text = _COMMENT.sub(b"", file.read(count * _MOST_BYTES_PER_NUMBER + 1_000_000))
    strange = _STRANGE.search(text)
    if strange:
        text = text[: strange.start()]
    if header.kind in _BITMAPS:
        digits = np.frombuffer(b"".join(text.split()), np.uint8)[:count]
        values = (digits != ord("0")).astype(np.uint16)
    else:
        values = _numbers(text, count)
    if len(values) < count:
        raise damaged(name, "parts of its pixels are missing")
    shaped: NDArray[np.uint16] = values.reshape(_shape(header))
    return shaped


def _numbers(text: bytes, count: int) -> NDArray[np.uint16]:
    """The first `count` numbers of digits and spaces, or all if they are fewer; those beyond 65535 become 65535."""
    if len(text) < 2 * count - 1:
        return np.empty(0, np.uint16)
    numbers = np.empty(count, np.uint16)
    start = found = 0
    while found < count and start < len(text):
        end = _end_of_number(text, start + _TEXT_BYTES_AT_ONCE)
        part = text[start:end].strip()
        if part:
            some = np.fromstring(part, np.int64, sep=" ")[: count - found]
            numbers[found : found + len(some)] = np.minimum(some, 65535)
            found += len(some)
        start = end
    return numbers[:found]


def _end_of_number(text: bytes, place: int) -> int:
    """The next place that is not within a number."""
    while place < len(text) and not text[place : place + 1].isspace():
        place += 1
    return min(place, len(text))


def _over_whole_range(values: NDArray[Any], white: int) -> Pixels:
    """A copy as uint8 for values up to 255, else as uint16, with `white` as the highest; those beyond it are white."""
    full, dtype = (255, np.uint8) if white <= 255 else (65535, np.uint16)
    stretched: Pixels = np.rint(np.arange(white + 1) * (full / white)).astype(dtype)
    pixels: Pixels = values.astype(dtype) if white == full else stretched[np.minimum(values, white)]
    return pixels
