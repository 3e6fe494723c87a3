"""Image files for tests, made as other programs make them."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

D65 = (0.3127, 0.3290, 1.0)


def random_pixels(
    shape: tuple[int, ...], *, dtype: type[np.uint8] | type[np.uint16] = np.uint8, seed: int = 0
) -> NDArray[Any]:
    """Values over the whole range of the dtype."""
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


@functools.cache  # the second in which it was made is part of it
def wide_profile() -> bytes:
    """An RGB profile with the primaries of Adobe RGB and a gamma of 2.2."""
    primaries = (0.64, 0.33, 1.0, 0.21, 0.71, 1.0, 0.15, 0.06, 1.0)
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=D65, primaries=primaries, gamma=2.2))


@functools.cache  # as above
def gray_profile(gamma: float = 1.8) -> bytes:
    return bytes(imagecodecs.cms_profile("gray", whitepoint=D65, gamma=gamma))


def cmyk_profile() -> bytes:
    """A CMYK profile in which every mixture of inks but none and full looks like one mid-gray: L* 50.

    It is a table of 2 nodes along each ink: white paper at no ink, black where black ink is full, gray at the others.
    """
    nodes = []
    for node in range(16):
        lightness = 255 if node == 0 else (0 if node % 2 else 128)
        nodes.append(bytes((lightness, 128, 128)))
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + ramp * 4 + b"".join(nodes) + ramp * 3
    table += b"\0" * (-len(table) % 4)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    offset = 128 + 4 + 2 * 12
    tags = struct.pack(">I", 2) + b"A2B0" + struct.pack(">2I", offset, len(table))
    tags += b"wtpt" + struct.pack(">2I", offset + len(table), len(white))
    size = offset + len(table) + len(white)
    header = struct.pack(">I", size) + b"\0\0\0\0" + struct.pack(">I", 0x02400000) + b"prtrCMYKLab "
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    header += struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + tags + table + white


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A file as Pillow writes it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array: NDArray[Any], **options: Any) -> bytes:
    """A file as tifffile writes it."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, metadata=None, **options)
    return buffer.getvalue()


def packed_tiff(row: Sequence[int], bits: int) -> bytes:
    """A gray TIFF of one row whose values take `bits` each, without room between them.

    tifffile reads such files everywhere, but writes them only with the imagecodecs of Python 3.11 and later.
    """
    packed = "".join(f"{value:0{bits}b}" for value in row)
    data = int(packed.ljust(-(-len(packed) // 8) * 8, "0"), 2).to_bytes(-(-len(packed) // 8), "big")
    # Width, height, bits, no compression, black is 0, where the strip is, its rows, its bytes.
    after = 8 + 2 + 8 * 12 + 4
    tags = {256: len(row), 257: 1, 258: bits, 259: 1, 262: 1, 273: after, 278: 1, 279: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + data


def deep_png(array: NDArray[Any], *chunks: tuple[bytes, bytes]) -> bytes:
    """A 16-bit PNG with further chunks before its pixels."""
    data = bytes(imagecodecs.png_encode(array))
    return data[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + data[33:]


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_claiming(width: int, height: int, *, bits: int) -> bytes:
    """A PNG whose header claims any size, with next to no pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + pixels + png_chunk(b"IEND", b"")


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


@functools.cache
def large_profile(size_bytes: int) -> bytes:
    """`wide_profile` with a private tag of this many bytes."""
    profile = wide_profile()
    count = struct.unpack_from(">I", profile, 128)[0]
    tags = [struct.unpack_from(">4sII", profile, 132 + 12 * place) for place in range(count)]
    body = profile[132 + 12 * count :]
    body += b"\0" * (-len(body) % 4)
    table = b"".join(struct.pack(">4sII", name, offset + 12, size) for name, offset, size in tags)
    table += struct.pack(">4sII", b"ZXML", 144 + 12 * count + len(body), size_bytes)
    whole = profile[:128] + struct.pack(">I", count + 1) + table + body + bytes(size_bytes)
    return struct.pack(">I", len(whole)) + whole[4:]
