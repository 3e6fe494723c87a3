"""A JPEG file taken apart: what its decoder needs, and whether it can hold what its header claims.

Decoders believe the header, make one pass over all pixels for each scan, and read markers byte by byte. So the file is
walked first, with bounds, and they get no more than the pixels, the color profile and what says which way is up.
"""

from __future__ import annotations

import io
import random
import re
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np

from dis_core.images.decoded import check_size, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dis_core.images.pixels import Pixels

JPEG_MAGIC: Final = b"\xff\xd8\xff"
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_RESTARTS: Final = range(0xD0, 0xD8)
_WITHOUT_DATA: Final = (0x01, *_RESTARTS, _START)
_FRAMES: Final = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_ARITHMETIC: Final = (0xC9, 0xCA, 0xCB)
_KEPT: Final = (
    (0xE0, b"JFIF"),
    (0xE1, b"Exif\0\0"),
    (0xE1, b"http://ns.adobe.com/xap/"),
    (0xE2, b"ICC_PROFILE\0"),
    (0xEE, b"Adobe"),
)
_BESIDE_PIXELS: Final = (*range(0xE0, 0xF0), 0xFE)
_AFTER_PIXELS: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_WINDOW_BYTES: Final = 1_000_000

# The largest color profile takes 255 segments, and long XMP some hundreds.
_MOST_SEGMENTS: Final = 5000
_MOST_KEPT: Final = 600
_MOST_JUNK_BYTES: Final = 100_000
# Encoders make about 10 scans for three colors and 18 for four; one that searches for the shortest file tries 64.
_MOST_SCANS: Final = 64
# A block of 64 pixels takes two bits at least: one for its brightness, one to say that there is no more. A progressive
# file has the first of them in its first scan. Arithmetic coding has no such bound, and needs far less for white.
MOST_PIXELS_PER_BYTE: Final = 512
_MOST_PIXELS_PER_ARITHMETIC_BYTE: Final = 16 * 512
# A coefficient takes 27 bits at most, and there are up to four for each pixel.
_MOST_BYTES_PER_PIXEL: Final = 16
_ROOM: Final = 1_000_000
_VISIBLE: Final = 16
_MOST_MISSING: Final = 0.05
_FEW_BLOCKS: Final = 4 * 16 * 16


class Frame(NamedTuple):
    """What a JPEG's header says."""

    marker: int
    height: int
    width: int


@dataclass(frozen=True)
class JpegParts:
    """`file` is the JPEG without what its pixels do not need. If `has_end` is not set, the end was added to it."""

    file: bytes
    frame: Frame
    has_end: bool


def take_apart(file: BinaryIO, name: str) -> JpegParts:
    """Read a JPEG up to its end.

    Raises NoImage for what no honest file has, and for fewer bytes than its pixels need.
    """
    walk = _Walk(name)
    for marker, body in _segments(file, name):
        if marker == _END:
            walk.has_end = True
        else:
            walk.take(marker, body)
        if marker == _SCAN:
            for part in _pixels_of_scan(file):
                walk.take_pixels(part)
    return walk.parts()


@dataclass
class _Walk:
    """What was found so far."""

    name: str
    kept: bytearray = field(default_factory=lambda: bytearray(b"\xff\xd8"))
    counts: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    frame: Frame | None = None
    has_end: bool = False
    scans: int = 0
    pixel_bytes: int = 0

    def take(self, marker: int, body: bytes) -> None:
        """Keep a segment if decoding needs it. Raises NoImage for sizes and scans beyond what is accepted."""
        if marker in _FRAMES and self.frame is None:
            self.frame = read_frame(marker, body)
            check_size(self.frame.width, self.frame.height, self.name)
        self.scans += marker == _SCAN
        if self.scans > _MOST_SCANS:
            raise damaged(self.name, f"its pixels come in more than {_MOST_SCANS} scans")
        if marker in _BESIDE_PIXELS:
            kind = next((kind for kind in _KEPT if kind[0] == marker and body.startswith(kind[1])), None)
            if kind is None or self.counts[kind] == _MOST_KEPT:
                return
            self.counts[kind] += 1
        self.kept += struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    def take_pixels(self, part: bytes) -> None:
        """Keep pixels. Raises NoImage if they are more than the header allows."""
        self.pixel_bytes += len(part)
        pixels = 0 if self.frame is None else self.frame.width * self.frame.height
        if self.pixel_bytes > pixels * _MOST_BYTES_PER_PIXEL + _ROOM:
            raise damaged(self.name, "it has more data than its pixels need")
        self.kept += part

    def parts(self) -> JpegParts:
        """Raises NoImage if there are no pixels, or too few bytes for the size that is claimed."""
        if self.frame is None or not self.scans:
            raise damaged(self.name, "it has no pixels")
        per_byte = _MOST_PIXELS_PER_ARITHMETIC_BYTE if self.frame.marker in _ARITHMETIC else MOST_PIXELS_PER_BYTE
        if self.frame.width * self.frame.height > (self.pixel_bytes + 8) * per_byte:
            claim = f"{self.frame.width} x {self.frame.height} pixels in {self.pixel_bytes} bytes"
            raise damaged(self.name, f"it claims {claim}")
        return JpegParts(bytes(self.kept + b"\xff\xd9"), self.frame, self.has_end)


def read_frame(marker: int, body: bytes) -> Frame:
    """The size that a header claims; 0 x 0 if it is too short."""
    return Frame(marker, *struct.unpack_from(">HH", body, 1)) if len(body) >= 6 else Frame(marker, 0, 0)


def first_frame(data: bytes, name: str) -> Frame | None:
    """The header of a JPEG that is part of another file, or None if there is none. Raises NoImage if it is damaged."""
    stream = io.BytesIO(data)
    return next((read_frame(marker, body) for marker, body in _segments(stream, name) if marker in _FRAMES), None)


def with_noise(parts: JpegParts) -> bytes:
    """The file with noise where its end is missing: pixels that differ from those of `parts.file` are not there."""
    noise = random.Random(0).randbytes(len(parts.file) // 4 + 4096).replace(b"\xff", b"\0")  # noqa: S311  no secret
    return parts.file[:-2] + noise + b"\xff\xd9"


def remark_on_missing(array: Pixels, with_noise: Pixels, name: str) -> str:
    """What to say of a picture without its end. Raises NoImage if more is missing than one would overlook."""
    missing = sum(  # row by row, because differences take twice the memory of pixels
        int(
            np.count_nonzero(
                np.abs(np.subtract(row, other, dtype=np.int16)).reshape(len(row), -1).max(axis=1) > _VISIBLE
            )
        )
        for row, other in zip(array, with_noise, strict=True)
    )
    share = missing / (array.shape[0] * array.shape[1])
    if share > _MOST_MISSING and missing > _FEW_BLOCKS:
        raise damaged(name, f"about {share:.0%} of its pixels are missing")
    return "the end of the file is missing" + (
        f", and with it {missing} pixels" if missing else "; its pixels are complete"
    )


def _segments(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Each marker with its data, up to the end of the image or of the file; pixels are left to the caller."""
    file.seek(0)
    for _ in range(_MOST_SEGMENTS):
        marker = _next_marker(file, name)
        if marker is None:
            return
        if marker == _END:
            yield marker, b""
            return
        if marker in _WITHOUT_DATA:
            continue
        length = int.from_bytes(file.read(2), "big")
        body = file.read(max(length - 2, 0))
        if len(body) < length - 2:
            return
        yield marker, body
    raise damaged(name, f"it consists of more than {_MOST_SEGMENTS} parts")


def _next_marker(file: BinaryIO, name: str) -> int | None:
    """The next marker, after junk if there is some; None at the end of the file."""
    junk = 0
    while junk < _MOST_JUNK_BYTES:
        byte = file.read(1)
        if not byte:
            return None
        if byte == b"\xff":
            while byte == b"\xff" and junk < _MOST_JUNK_BYTES:
                byte = file.read(1)
                junk += 1
            if byte not in (b"", b"\0", b"\xff"):
                return byte[0]
        junk += 1
    raise damaged(name, "there is junk between its parts")


def _pixels_of_scan(file: BinaryIO) -> Iterator[bytes]:
    """What follows a scan's header up to the next marker, where the file is left."""
    while True:
        start = file.tell()
        window = file.read(_WINDOW_BYTES)
        found = _AFTER_PIXELS.search(window)
        if found:
            file.seek(start + found.start())
            yield window[: found.start()]
            return
        # A marker may begin with the last byte.
        cut = len(window) - (len(window) > 1 and window.endswith(b"\xff"))
        yield window[:cut]
        if len(window) < _WINDOW_BYTES:
            return
        file.seek(start + cut)
