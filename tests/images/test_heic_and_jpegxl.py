"""HEIC, which pillow-heif reads where it is installed, and JPEG XL, which imagecodecs reads."""

from __future__ import annotations

import io
import sys
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from dis_core.errors import NoImage
from dis_core.images.jpegxl import read_header
from dis_core.images.reading import read_picture
from tests.fakes.image_files import random_pixels, saved

HEIC_BEGINNING = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def jpegxl(array: np.ndarray[Any, Any], **options: Any) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(array, lossless=True, **options))


def heic(color: tuple[int, int, int], **options: Any) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), color)).save(buffer, quality=100, chroma=444, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 2), (9, 7, 3), (300, 7, 4), (2000, 3, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_jpegxl_comes_back_bit_for_bit(shape: tuple[int, ...], dtype: type[np.uint8], container: bool) -> None:
    array = random_pixels(shape, dtype=dtype)

    picture = read_picture(jpegxl(array, usecontainer=container))

    planes = array if array.ndim == 3 else array[..., np.newaxis]
    colors = planes.shape[2] - (planes.shape[2] in (2, 4))
    assert_array_equal(picture.pixels, planes[..., :colors])
    assert (picture.alpha is None) == (colors == planes.shape[2])
    assert picture.remarks == ()


@pytest.mark.parametrize("size", [(64, 64), (8, 200), (1, 1), (600, 800), (900, 1600), (9, 16384), (240, 320)])
def test_the_size_in_the_header_of_a_jpegxl_is_that_of_its_pixels(size: tuple[int, int]) -> None:
    header = read_header(io.BytesIO(jpegxl(np.zeros((*size, 3), np.uint8))), "photo.jxl")

    assert (header.height, header.width) == size


def test_ten_bits_of_a_jpegxl_are_stretched_to_sixteen() -> None:
    ramp = np.linspace(0, 1023, 64).astype(np.uint16).reshape(8, 8)

    picture = read_picture(jpegxl(ramp, bitspersample=10))

    assert_allclose(picture.pixels[..., 0], ramp * (65535 / 1023), atol=0.51)


def test_a_photo_recompressed_as_jpegxl_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    jpeg = saved(Image.new("RGB", (24, 16)), "JPEG", exif=exif)

    picture = read_picture(bytes(imagecodecs.jpegxl_encode_jpeg(jpeg, usecontainer=True)))

    assert picture.size == (24, 16)


def test_of_an_animated_jpegxl_the_first_frame_is_read_and_said() -> None:
    frames = random_pixels((3, 8, 8, 3))

    picture = read_picture(jpegxl(frames))

    assert_array_equal(picture.pixels, frames[0])
    assert "animated" in picture.remarks[0]


def test_a_jpegxl_of_floats_is_refused() -> None:
    with pytest.raises(NoImage, match="floating-point"):
        read_picture(jpegxl(np.zeros((8, 8, 3), np.float32)))


def bits_of(*fields: tuple[int, int]) -> bytes:
    """Numbers, each with so many bits, the lowest bit first."""
    value = place = 0
    for number, bits in fields:
        value |= number << place
        place += bits
    return value.to_bytes(-(-place // 8), "little")


NOT_DEFAULT, NO, YES = (0, 1), (0, 1), (1, 1)
SIZE_64 = ((1, 1), (7, 5), (1, 3))
EIGHT_BITS_RGB = (NOT_DEFAULT, NO, NO, (0, 2), YES, (0, 2))
"""ImageMetadata up to the colors: no extra fields, 8-bit whole numbers, no extra channels."""
SRGB_WHITE, RGB = (1, 2), (0, 2)


def code(number: int) -> tuple[tuple[int, int], ...]:
    """An enumerated value as U32(0, 1, 2 + u(4), 18 + u(6))."""
    return ((number, 2),) if number < 2 else ((2, 2), (number - 2, 4)) if number < 18 else ((3, 2), (number - 18, 6))


def jpegxl_stating(primaries: int, transfer: int, *, xyb: int = 1) -> bytes:
    """The beginning of a JPEG XL file whose colors are these; its pixels are missing."""
    colors = (NOT_DEFAULT, NO, RGB, SRGB_WHITE, *code(primaries), NO, *code(transfer), *code(0))
    return b"\xff\x0a" + bits_of(*SIZE_64, *EIGHT_BITS_RGB, (xyb, 1), *colors) + b"\0" * 30


def test_display_p3_of_a_jpegxl_is_understood() -> None:
    header = read_header(io.BytesIO(jpegxl_stating(11, 13)), "photo.jxl")

    assert header.stated is not None
    assert header.stated.chromaticities == (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)


@pytest.mark.parametrize("transfer", [16, 18])
def test_curves_of_hdr_in_a_jpegxl_are_refused(transfer: int) -> None:
    with pytest.raises(NoImage, match="HDR"):
        read_picture(jpegxl_stating(9, transfer))


def test_a_jpegxl_bomb_is_refused_before_anything_is_decoded() -> None:
    bomb = b"\xff\x0a" + bits_of((0, 1), (3, 2), (2**30 - 1, 30), (1, 3), (1, 1))

    with pytest.raises(NoImage, match="300 megapixels"):
        read_picture(bomb + b"\0" * 40)


@pytest.mark.parametrize("keep", range(2, 40, 3))
def test_a_jpegxl_that_is_cut_off_is_damaged(keep: int) -> None:
    with pytest.raises(NoImage, match="damaged"):
        read_picture(jpegxl(random_pixels((9, 7, 3)))[:keep])


def test_a_heic_photo_is_read_where_pillow_heif_is_installed() -> None:
    picture = read_picture(heic((200, 120, 100)))

    assert picture.size == (48, 64)
    assert_allclose(picture.pixels[20, 20], (200, 120, 100), atol=3)


def test_reading_a_heic_photo_changes_nothing_in_pillow() -> None:
    data = heic((200, 120, 100))

    read_picture(data)

    assert "HEIF" not in Image.OPEN


def test_display_p3_of_a_heic_photo_is_kept() -> None:
    data = bytearray(heic((200, 120, 100)))
    place = data.index(b"nclx") + 4
    data[place : place + 4] = b"\0\x0c\0\x0d"

    assert_allclose(read_picture(bytes(data)).srgb()[20, 20] * 255, (213, 115, 95), atol=4)


def test_a_heic_photo_in_hdr_is_refused() -> None:
    data = bytearray(heic((200, 120, 100)))
    place = data.index(b"nclx") + 4
    data[place : place + 4] = b"\0\x09\0\x10"

    with pytest.raises(NoImage, match="HDR"):
        read_picture(bytes(data))


def test_without_pillow_heif_a_heic_photo_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(NoImage, match="HEIC") as failure:
        read_picture(HEIC_BEGINNING)

    assert "dis-core[heic]" in failure.value.hint


def test_a_damaged_heic_photo_is_refused() -> None:
    data = heic((200, 120, 100))

    with pytest.raises(NoImage, match="damaged"):
        read_picture(data[: len(data) // 3])
