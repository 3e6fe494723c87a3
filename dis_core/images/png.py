"""What Pillow cannot do with PNG files: 16 bits per channel, read and written with imagecodecs."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from dis_core.images.decoded import decoding
from dis_core.images.png_chunks import PNG_MAGIC, chunk
from dis_core.images.stated_colors import is_hdr_transfer

if TYPE_CHECKING:
    from dis_core.images.pixels import Pixels

_AFTER_HEADER: Final = 33  # 8 bytes of magic, and IHDR with length, name and checksum
_COMPRESSION: Final = 4  # takes half as long as the usual 6; files are 2 % larger
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


def encode_png(array: Pixels, *, icc_profile: bytes | None, dpi: tuple[float, float] | None) -> bytes:
    """A PNG file of (H, W, 1 to 4) uint8 or uint16; a second or fourth channel is a straight alpha."""
    import imagecodecs

    plane_or_more = array[..., 0] if array.shape[2] == 1 else array
    data = imagecodecs.png_encode(np.ascontiguousarray(plane_or_more), level=_COMPRESSION)
    extra = b""
    if icc_profile is not None:
        extra += chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile, 9))
    if dpi is not None:
        along_x, along_y = (min(round(dots * _INCHES_PER_METER), 2**31 - 1) for dots in dpi)
        extra += chunk(b"pHYs", struct.pack(">IIB", along_x, along_y, 1))
    return b"".join((data[:_AFTER_HEADER], extra, data[_AFTER_HEADER:]))
