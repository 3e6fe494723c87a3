"""What Pillow cannot do with PNG files: 16 bits per channel, and writing them quickly, with imagecodecs."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from dis_core.images.decoded import decoding
from dis_core.images.pixels import joined_channels
from dis_core.images.png_chunks import PNG_MAGIC, chunk
from dis_core.images.stated_colors import is_hdr_transfer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.images.pixels import Pixels

_COLOR_TYPES: Final = {1: 0, 2: 4, 3: 2, 4: 6}
"""PNG's numbers for gray, gray with alpha, RGB and RGBA, by the number of channels."""

_UP: Final = 2
"""The filter of all rows: differences to the row above. Trying all five in each row takes three times as long, for
files that are between 2 % smaller and 14 % larger."""

_COMPRESSION: Final = 2  # of libdeflate; as small as zlib's 4 or smaller, and three times as fast
_STRIP_ROWS: Final = 64
_MOST_IN_CHUNK: Final = 2**30  # PNG allows twice as much
_INCHES_PER_METER: Final = 1 / 0.0254


def is_deep(head: bytes) -> bool:
    """Whether a file that begins with these 32 bytes is a PNG of 16 bits per channel."""
    return head.startswith(PNG_MAGIC) and len(head) > 24 and head[24] == 16


def is_hdr(chunks: dict[bytes, bytes]) -> bool:
    """Whether the cICP chunk says that the pixels have the brightness curve of HDR video, which is far from sRGB."""
    return len(chunks.get(b"cICP", b"")) >= 2 and is_hdr_transfer(chunks[b"cICP"][1])


def decode_deep(file: bytes, name: str) -> Pixels:
    """All pixels of a 16-bit PNG, given as the bytes of its file: (H, W) or (H, W, 2 to 4) uint16.

    Raises NoImage if the file is damaged.
    """
    import imagecodecs

    with decoding(name):
        array: Pixels = imagecodecs.png_decode(file)
    return array


def encode_png(
    pixels: Pixels,
    alpha: NDArray[np.float32] | None,
    *,
    icc_profile: bytes | None,
    dpi: tuple[float, float] | None,
) -> bytes:
    """A PNG file of (H, W, 1 or 3) uint8 or uint16 with a straight alpha, (H, W) in [0, 1]."""
    import imagecodecs

    height, width = pixels.shape[:2]
    channels = pixels.shape[2] + (alpha is not None)
    header = struct.pack(">IIBBBBB", width, height, pixels.itemsize * 8, _COLOR_TYPES[channels], 0, 0, 0)
    parts = [PNG_MAGIC, chunk(b"IHDR", header)]
    if icc_profile is not None:
        parts.append(chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile, 9)))
    if dpi is not None:
        along_x, along_y = (min(round(dots * _INCHES_PER_METER), 2**31 - 1) for dots in dpi)
        parts.append(chunk(b"pHYs", struct.pack(">IIB", along_x, along_y, 1)))
    data = memoryview(imagecodecs.deflate_encode(_filtered(pixels, alpha), level=_COMPRESSION))
    parts += [chunk(b"IDAT", data[at : at + _MOST_IN_CHUNK]) for at in range(0, len(data), _MOST_IN_CHUNK)]
    return b"".join([*parts, chunk(b"IEND", b"")])


def _filtered(pixels: Pixels, alpha: NDArray[np.float32] | None) -> bytearray:
    """All rows as PNG wants them compressed: the number of the filter, and the differences to the row above."""
    height, width = pixels.shape[:2]
    row_bytes = 1 + width * (pixels.shape[2] + (alpha is not None)) * pixels.itemsize
    filtered = bytearray(height * row_bytes)
    rows = np.frombuffer(filtered, np.uint8).reshape(height, row_bytes)
    rows[:, 0] = _UP
    above = np.zeros((1, row_bytes - 1), np.uint8)
    # Strip by strip, so that what lies between the picture and the file exists for a few rows only.
    for top in range(0, height, _STRIP_ROWS):
        part = slice(top, top + _STRIP_ROWS)
        strip = joined_channels(pixels[part], None if alpha is None else alpha[part])
        big_endian = np.ascontiguousarray(strip, strip.dtype.newbyteorder(">"))
        levels = big_endian.view(np.uint8).reshape(len(strip), -1)
        differences = rows[part, 1:]
        np.subtract(levels[:1], above, out=differences[:1])
        np.subtract(levels[1:], levels[:-1], out=differences[1:])
        above = levels[-1:]
    return filtered
