"""What the headers of images inside other files claim: decoders believe them, whatever the file around them says."""

from __future__ import annotations

import struct
from typing import Final

from dis_core.images import jpeg
from dis_core.images.decoded import damaged
from dis_core.images.png_chunks import PNG_MAGIC

# Compressions by their number in TIFF. Those that are nothing but a stream of bytes get a buffer of the right size.
_STREAMS: Final = (1, 5, 8, 32773, 32946, 34925, 34926, 50000)
_JPEG: Final = (6, 7, 33007, 34892)
_JPEG_2000: Final = (33003, 33004, 33005, 34712)
_WEBP: Final = (34927, 50001)
_PNG: Final = 34933
_START_OF_JPEG_2000: Final = b"\xff\x4f\xff\x51"


def has_inner_header(compression: int) -> bool:
    """Whether parts compressed like this say themselves how large they are."""
    return compression not in _STREAMS


def check_inner_header(compression: int, data: bytes, *, most_pixels: int, name: str) -> None:
    """Raises NoImage if a part claims more pixels than it has room for, or if we cannot know what it claims."""
    claimed = _claimed_size(compression, data, name)
    if claimed is None:
        raise damaged(name, f"its compression, number {compression} of TIFF, is not supported")
    width, height = claimed
    # Parts may be filled up to whole blocks.
    if width * height > 2 * most_pixels + 4096:
        raise damaged(name, f"a part of {most_pixels} pixels claims {width} x {height}")
    if compression in _JPEG and width * height > (len(data) + 8) * jpeg.MOST_PIXELS_PER_BYTE:
        raise damaged(name, f"a part claims {width} x {height} pixels in {len(data)} bytes")


def _claimed_size(compression: int, data: bytes, name: str) -> tuple[int, int] | None:
    """(width, height); 0 x 0 without a header, which no decoder accepts; None for an unknown compression."""
    if compression in _JPEG:
        frame = jpeg.first_frame(data, name)
        return (0, 0) if frame is None else (frame.width, frame.height)
    if compression in _JPEG_2000:
        start = data.find(_START_OF_JPEG_2000)
        return _size_of_jpeg_2000(data[start:]) if start >= 0 else (0, 0)
    if compression in _WEBP:
        return _size_of_webp(data)
    if compression == _PNG:
        return _numbers(">8x8xII", data) if data.startswith(PNG_MAGIC) else (0, 0)
    return None


def _size_of_jpeg_2000(codestream: bytes) -> tuple[int, int]:
    # 4 bytes of markers, length, profile; then the size of the canvas. Where the image begins on it takes some off.
    return _numbers(">4x2x2xII", codestream)


def _size_of_webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = _numbers("<26xHH", data)
    return width & 0x3FFF, height & 0x3FFF


def _numbers(kind: str, data: bytes) -> tuple[int, int]:
    if len(data) < struct.calcsize(kind):
        return 0, 0
    first, second = struct.unpack_from(kind, data)
    return first, second
