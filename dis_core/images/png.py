"""What Pillow cannot do with PNG files: 16 bits per channel (with imagecodecs), and reading chunks without pixels."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from dis_core.images.decoded import decoding
from dis_core.images.stated_colors import is_hdr_transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dis_core.images.pixels import Pixels

PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_AFTER_HEADER: Final = 33  # 8 bytes of magic, and IHDR with length, name and checksum
_COMPRESSION: Final = 4  # takes half as long as the usual 6; files are 2 % larger
_INCHES_PER_METER: Final = 1 / 0.0254
_SMALL_BYTES: Final = 4_000_000


def is_deep(head: bytes) -> bool:
    """Whether a file that begins with these 32 bytes is a PNG of 16 bits per channel."""
    return head.startswith(PNG_MAGIC) and len(head) > 24 and head[24] == 16


def read_small_chunks(file: BinaryIO) -> dict[bytes, bytes]:
    """The chunks of a PNG by name, except pixels and very long ones; of several with the same name, the first.

    Reading stops quietly where the file is cut off. The file is left at its beginning.
    """
    file.seek(len(PNG_MAGIC))
    chunks: dict[bytes, bytes] = {}
    for name, length in _chunk_headers(file):
        if name in (b"IDAT", b"fdAT") or length > _SMALL_BYTES:
            file.seek(length, 1)
        else:
            chunks.setdefault(name, file.read(length))
    file.seek(0)
    return chunks


def is_hdr(chunks: dict[bytes, bytes]) -> bool:
    """Whether the cICP chunk says that the pixels have the brightness curve of HDR video, which is far from sRGB."""
    return len(chunks.get(b"cICP", b"")) >= 2 and is_hdr_transfer(chunks[b"cICP"][1])


def decode_deep(file: BinaryIO, name: str) -> Pixels:
    """All pixels of a 16-bit PNG: (H, W) or (H, W, 2 to 4) uint16.

    Raises NoImage if the file is damaged.
    """
    import imagecodecs

    with decoding(name):
        array: Pixels = imagecodecs.png_decode(file.read())
    return array


def encode_png(array: Pixels, *, icc_profile: bytes | None, dpi: tuple[float, float] | None) -> bytes:
    """A PNG file of (H, W, 1 to 4) uint8 or uint16; a second or fourth channel is a straight alpha."""
    import imagecodecs

    plane_or_more = array[..., 0] if array.shape[2] == 1 else array
    data = imagecodecs.png_encode(np.ascontiguousarray(plane_or_more), level=_COMPRESSION)
    extra = b""
    if icc_profile is not None:
        extra += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile, 9))
    if dpi is not None:
        along_x, along_y = (min(round(dots * _INCHES_PER_METER), 2**31 - 1) for dots in dpi)
        extra += _chunk(b"pHYs", struct.pack(">IIB", along_x, along_y, 1))
    return b"".join((data[:_AFTER_HEADER], extra, data[_AFTER_HEADER:]))


def _chunk_headers(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk; the caller reads or skips the data, and the checksum is skipped here."""
    while len(header := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", header)
        yield name, length
        file.seek(4, 1)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
