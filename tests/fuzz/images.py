"""Image files of every kind that is read: each gives a picture that can be written and read again, or a DisError."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from dis_core.images.picture import encode
from dis_core.images.reading import read_picture
from tests.fakes.image_files import deep_png, exif, packed_tiff, png_chunk, random_pixels, saved, tiff, wide_profile
from tests.fuzz.kind import Kind

_MOST_PIXELS_TO_WRITE = 1_000_000


def _seeds() -> list[bytes]:
    return [*_of_pillow(), *_pngs(), *_tiffs(), *_others()]


def _of_pillow() -> Iterator[bytes]:
    smooth = np.add.outer(np.arange(40), np.arange(56)).astype(np.uint8)[..., np.newaxis] * np.array(
        [1, 2, 3], np.uint8
    )
    color, noise = Image.fromarray(smooth), Image.fromarray(random_pixels((24, 17, 3)))
    clear = Image.fromarray(random_pixels((24, 17, 4)))
    full: dict[str, Any] = {"icc_profile": wide_profile(), "exif": exif(6)}
    later = [Image.fromarray(random_pixels((24, 17, 3), seed=seed)) for seed in (1, 2)]
    for image in (color, noise, color.convert("L"), color.convert("CMYK")):
        for progressive in (False, True):
            yield saved(image, "JPEG", progressive=progressive)
    yield saved(color, "JPEG", **full, subsampling=0, comment=b"a comment", restart_marker_rows=1)
    yield saved(noise, "MPO", save_all=True, append_images=later)
    for image in (noise, clear):
        yield saved(image, "WEBP", lossless=True)
        yield saved(image, "WEBP", **full)
        yield saved(image, "AVIF", quality=50)
        yield saved(image, "TGA", compression="tga_rle")
        yield saved(image, "JPEG2000")
        yield saved(image, "ICO", sizes=[(16, 16), (24, 24)])
        yield saved(image, "DDS")
        yield saved(image, "SGI")
        yield saved(image, "BMP")
    yield saved(noise, "PCX")
    yield saved(noise.resize((32, 32)), "ICNS")
    for kind in ("GIF", "PNG", "WEBP"):
        yield saved(noise, kind, save_all=True, append_images=later, duration=50, loop=0)
    yield saved(noise.quantize(8), "GIF", transparency=1)


def _pngs() -> Iterator[bytes]:
    pixels = random_pixels((24, 17, 3))
    yield saved(Image.fromarray(pixels), "PNG", icc_profile=wide_profile(), exif=exif(3), dpi=(300, 300))
    yield saved(Image.fromarray(pixels).quantize(16), "PNG", transparency=1)
    yield saved(Image.fromarray(random_pixels((24, 17, 4))), "PNG")
    yield saved(Image.fromarray(pixels[..., 0]).convert("1"), "PNG")
    text = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b'<x tiff:Orientation="3"/>'))
    old = png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n   4\n00000000\n"))
    profile = png_chunk(b"iCCP", b"wide\0\0" + zlib.compress(wide_profile()))
    for channels in (1, 2, 3, 4):
        deep = deep_png(random_pixels((9, 7, channels), dtype=np.uint16).squeeze(), (b"gAMA", b"\0\1\0\0"))
        yield deep[:33] + profile + text + old + deep[33:]


def _tiffs() -> Iterator[bytes]:
    color = random_pixels((32, 48, 3))
    for compression in (None, "lzw", "adobe_deflate", "zstd", "lzma", "packbits", "jpeg", "webp", "jpeg2000", "png"):
        yield tiff(color, photometric="rgb", compression=compression, tile=(16, 16))
    yield tiff(color, photometric="ycbcr", compression="jpeg", rowsperstrip=16)
    yield tiff(
        random_pixels((9, 9, 4), dtype=np.uint16), photometric="rgb", compression="adobe_deflate", predictor=True
    )
    yield tiff(random_pixels((9, 9, 4), dtype=np.uint16), photometric="separated", iccprofile=wide_profile())
    yield tiff(color, photometric="rgb", bigtiff=True, planarconfig="contig", byteorder=">")
    yield tiff(np.moveaxis(color, -1, 0), photometric="rgb", planarconfig="separate")
    yield packed_tiff([1, 2, 3, 4000], 12)
    for mode in ("1", "P", "L", "LAB", "CMYK"):
        image = Image.fromarray(color).convert(mode) if mode != "LAB" else Image.new("LAB", (20, 10))
        yield saved(image, "TIFF", compression="group4" if mode == "1" else "tiff_lzw")
    yield saved(Image.fromarray(color[::4, ::4].copy()), "TIFF", save_all=True, append_images=[Image.fromarray(color)])


def _others() -> Iterator[bytes]:
    pixels = random_pixels((24, 17, 3))
    yield bytes(imagecodecs.qoi_encode(pixels))
    yield b"P6\n#x\n17 24\n255\n" + pixels.tobytes()
    yield b"P5\n17 24\n4095\n" + random_pixels((24, 17), dtype=np.uint16).tobytes()
    yield b"P4\n17 24\n" + np.packbits(pixels[..., 0] & 1, axis=1).tobytes()
    yield b"P3 3 2 255\n" + b" ".join(b"%d" % value for value in range(18))
    yield b"P1 3 2\n1 0 1\n010"
    yield saved(Image.new("F", (4, 4)), "PPM")
    yield _photoshop(pixels)
    row = b"".join(b"\1" + bytes((value,)) for value in range(40)) + b"\0\0"
    body = row * 8 + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, 40, 8, 1, 8, 1, len(body), 0, 0, 256, 0)
    yield b"BM" + struct.pack("<IHHI", 1078 + len(body), 0, 0, 1078) + header + bytes(1024) + body


def _photoshop(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    height, width, channels = pixels.shape
    header = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", channels, height, width, 8, 3)
    resource = b"8BIM" + struct.pack(">HHI", 1039, 0, 4) + b"abcd"
    sections = struct.pack(">I", 0) + struct.pack(">I", len(resource)) + resource + struct.pack(">I", 0)
    return header + sections + struct.pack(">H", 0) + np.moveaxis(pixels, -1, 0).tobytes()


def _feed(data: bytes) -> None:
    picture = read_picture(data)
    if picture.size[0] * picture.size[1] > _MOST_PIXELS_TO_WRITE:
        return
    picture.srgb()
    again = read_picture(encode(picture, format="png"))
    assert (again.pixels == picture.pixels).all()
    assert again.icc_profile == picture.icc_profile


def _repair(data: bytes) -> bytes:
    """A PNG with all its checksums right; other files as they are."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    repaired, place = bytearray(data[:8]), 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if place + 12 + length > len(data):
            break
        repaired += png_chunk(data[place + 4 : place + 8], data[place + 8 : place + 8 + length])
        place += 12 + length
    return bytes(repaired + data[place:])


IMAGES = Kind("images", _seeds, _feed, _repair)
