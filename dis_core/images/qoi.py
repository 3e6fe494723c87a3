"""QOI files, read with imagecodecs: Pillow takes a second for each megapixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from dis_core.images.decoded import Decoded, check_size, damaged, decoding

if TYPE_CHECKING:
    from dis_core.images.pixels import Pixels

QOI_MAGIC: Final = b"qoif"
_HEADER_BYTES: Final = 14
_END: Final = b"\0\0\0\0\0\0\0\1"
_LONGEST_RUN: Final = 62  # pixels in one byte
_MOST_BYTES_PER_PIXEL: Final = 5


def decode(file: BinaryIO, name: str) -> Decoded:
    """All pixels. Raises NoImage if the file is damaged or has too few bytes for what it claims."""
    import imagecodecs

    file.seek(0)
    header = file.read(_HEADER_BYTES)
    width, height = int.from_bytes(header[4:8], "big"), int.from_bytes(header[8:12], "big")
    check_size(width, height, name)
    data = header + file.read(width * height * _MOST_BYTES_PER_PIXEL + len(_END))
    if (len(data) - _HEADER_BYTES) * _LONGEST_RUN < width * height:
        raise damaged(name, f"it claims {width} x {height} pixels in {len(data)} bytes")
    if _END not in data:  # the decoder would repeat the last pixel
        raise damaged(name, "parts of its pixels are missing")
    with decoding(name):
        array: Pixels = imagecodecs.qoi_decode(data)
    return Decoded(array)
