"""JPEG files that are cut off, claim too much, or take too long."""

from __future__ import annotations

import io
import os
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from dis_core.errors import NoImage
from dis_core.images.reading import read_picture
from tests.fakes.image_files import exif, large_profile, random_pixels, saved

SMOOTH = np.add.outer(np.arange(160), np.arange(240)).astype(np.uint8)[..., np.newaxis] // 2 + np.array(
    [0, 40, 90], np.uint8
)
KINDS = {
    "baseline": saved(Image.fromarray(SMOOTH), "JPEG", quality=90),
    "without subsampling": saved(Image.fromarray(SMOOTH), "JPEG", quality=90, subsampling=0),
    "progressive": saved(Image.fromarray(SMOOTH), "JPEG", quality=90, progressive=True),
    "gray": saved(Image.fromarray(SMOOTH[..., 0]), "JPEG", quality=90),
}
JPEG = KINDS["baseline"]


def decoded(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(io.BytesIO(data)) as image:
        array = np.asarray(image)
    return array if array.ndim == 3 else array[..., np.newaxis]


def claiming(data: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its header."""
    place = next(data.index(bytes((0xFF, marker))) for marker in (0xC0, 0xC2) if bytes((0xFF, marker)) in data)
    return data[: place + 5] + struct.pack(">HH", height, width) + data[place + 9 :]


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_end_is_read_with_a_remark(kind: str, missing: int) -> None:
    picture = read_picture(KINDS[kind][:-missing])

    assert_array_equal(picture.pixels, decoded(KINDS[kind]))
    assert picture.remarks == ("the end of the file is missing; its pixels are complete",)


def test_a_jpeg_without_its_last_pixels_is_read_with_a_remark_that_counts_them() -> None:
    noisy = saved(Image.fromarray(random_pixels((160, 240, 3))), "JPEG")

    picture = read_picture(noisy[:-200])

    assert_allclose(picture.pixels[:128], decoded(noisy)[:128])
    assert "and with it" in picture.remarks[0]


@pytest.mark.parametrize("kind", ["baseline", "without subsampling", "gray"])
def test_a_jpeg_without_many_of_its_pixels_is_damaged(kind: str) -> None:
    with pytest.raises(NoImage, match="pixels are missing"):
        read_picture(KINDS[kind][: len(KINDS[kind]) * 3 // 4])


def test_a_progressive_jpeg_is_damaged_where_pixels_lack_more_than_detail() -> None:
    with pytest.raises(NoImage, match="pixels are missing"):
        read_picture(KINDS["progressive"][: KINDS["progressive"].index(b"\xff\xda") + 100])


def test_what_follows_the_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.jpg"
    path.write_bytes(JPEG)
    os.truncate(path, 8_000_000_000)

    assert_array_equal(read_picture(path).pixels, decoded(JPEG))


def test_zeros_instead_of_pixels_are_not_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "zeros.jpg"
    path.write_bytes(JPEG[:-100])
    os.truncate(path, 8_000_000_000)

    with pytest.raises(NoImage, match="more data than its pixels need"):
        read_picture(path)


def test_more_pixels_than_the_bytes_can_hold_are_refused_before_they_are_decoded() -> None:
    small = saved(Image.new("RGB", (8, 8)), "JPEG")

    with pytest.raises(NoImage, match="claims 10000 x 10000 pixels in"):
        read_picture(claiming(small, 10_000, 10_000))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_the_shortest_files_that_encoders_make_are_read(mode: str, progressive: bool) -> None:
    blank = Image.new(mode, (2000, 2000))

    picture = read_picture(saved(blank, "JPEG", quality=1, optimize=True, progressive=progressive))

    assert picture.size == (2000, 2000)


def test_more_scans_than_any_encoder_makes_are_refused_at_once() -> None:
    data = KINDS["progressive"]
    last = data[data.rindex(b"\xff\xda") : -2]
    started = time.process_time()

    with pytest.raises(NoImage, match="more than 64 scans"):
        read_picture(data[:-2] + last * 2000 + data[-2:])
    assert time.process_time() - started < 2


def test_comments_without_number_are_refused() -> None:
    with pytest.raises(NoImage, match="more than 5000 parts"):
        read_picture(JPEG[:2] + segment(0xFE, b"") * 6000 + JPEG[2:])


def test_long_junk_between_parts_is_refused_at_once() -> None:
    with pytest.raises(NoImage, match="junk"):
        read_picture(JPEG[:2] + b"\xff\xe0\0\2" + b"\0" * 50_000_000 + JPEG[2:])


def test_a_little_junk_between_parts_is_stepped_over() -> None:
    data = JPEG[:20] + b"\0\0\0" + b"\xff" * 10 + JPEG[20:]

    assert_array_equal(read_picture(data).pixels, decoded(JPEG))


def test_profile_orientation_and_resolution_are_kept_and_comments_do_not_matter() -> None:
    image = Image.fromarray(SMOOTH)
    data = saved(
        image, "JPEG", icc_profile=large_profile(1_200_000), exif=exif(6), dpi=(300, 300), comment=b"x" * 60000
    )

    picture = read_picture(data[:2] + segment(0xE5, b"x" * 60000) + data[2:])

    assert picture.size == (240, 160)
    assert picture.icc_profile == large_profile(1_200_000)
    assert picture.dpi == (300.0, 300.0)
    assert picture.remarks == ()


def test_the_second_image_of_a_file_does_not_matter() -> None:
    mpo = saved(Image.fromarray(SMOOTH), "MPO", append_images=[Image.new("RGB", (16, 16))], save_all=True)

    assert_array_equal(read_picture(mpo).pixels, decoded(mpo))


def test_a_jpeg_that_ends_before_its_pixels_is_damaged() -> None:
    with pytest.raises(NoImage, match="no pixels"):
        read_picture(JPEG[:300])
