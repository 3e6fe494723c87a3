"""Paths, streams, arrays and Pillow images as pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageCms

from dis_core.errors import NoImage
from dis_core.images.picture import Picture
from dis_core.images.reading import as_picture, read_picture
from tests.fakes.image_files import random_pixels, saved

if TYPE_CHECKING:
    from pathlib import Path


def test_paths_streams_and_bytes_give_the_same_picture(tmp_path: Path) -> None:
    data = saved(Image.fromarray(random_pixels((7, 5, 3))), "PNG")
    path = tmp_path / "photo.jpg"  # the ending may lie
    path.write_bytes(data)

    pictures = [read_picture(source) for source in (str(path), path, data, io.BytesIO(data))]

    assert [picture.name for picture in pictures] == [str(path), str(path), "the image", "the image"]
    for picture in pictures:
        assert_array_equal(picture.pixels, pictures[0].pixels)


def test_a_stream_is_read_from_where_it_stands() -> None:
    stream = io.BytesIO(b"before" + saved(Image.new("L", (3, 2)), "PNG"))
    stream.seek(6)

    assert read_picture(stream).size == (2, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_arrays_of_whole_numbers_are_taken_as_they_are(channels: int | None, dtype: type[np.uint8]) -> None:
    array = random_pixels((4, 6) if channels is None else (4, 6, channels), dtype=dtype)

    picture = as_picture(array)

    planes = array if array.ndim == 3 else array[..., np.newaxis]
    assert_array_equal(picture.pixels, planes[..., : 1 if planes.shape[2] < 3 else 3])
    if channels in (2, 4):
        assert_array_equal(picture.alpha_levels(), planes[..., -1])


def test_a_picture_does_not_change_with_the_array_it_was_made_from() -> None:
    array = np.zeros((3, 3, 3), np.uint8)
    picture = as_picture(array)

    array[:] = 7

    assert_array_equal(picture.pixels, 0)


@pytest.mark.parametrize("dtype", ["<u2", ">u2", ">f4"])
def test_arrays_of_either_byte_order_are_taken(dtype: str) -> None:
    levels = random_pixels((4, 6, 3), dtype=np.uint16)
    array = (levels if dtype.endswith("u2") else levels / 65535).astype(dtype)

    picture = as_picture(array)

    assert picture.pixels.dtype == np.uint16
    assert_array_equal(picture.pixels, levels)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_of_floats_become_16_bits_and_keep_their_alpha(dtype: type[np.float32]) -> None:
    array = np.random.default_rng(0).random((4, 6, 4)).astype(dtype)

    picture = as_picture(array)

    assert picture.pixels.dtype == np.uint16
    assert_allclose(picture.srgb(), array[..., :3], atol=0.51 / 65535)
    assert picture.alpha is not None
    assert_allclose(picture.alpha, array[..., 3], atol=1e-7)


@pytest.mark.parametrize(
    "array",
    [
        np.full((2, 2, 3), 1.01),
        np.full((2, 2, 3), -0.01),
        np.full((2, 2, 3), np.nan),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((2, 2, 3), np.int32),
        np.zeros((2, 2), bool),
    ],
)
def test_arrays_that_are_no_image_are_refused(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    with pytest.raises(NoImage) as failure:
        as_picture(array)

    assert failure.value.hint or "no pixels" in failure.value.message


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"])
def test_pillow_images_of_every_mode_are_taken(mode: str) -> None:
    if mode == "LAB":
        image = ImageCms.profileToProfile(
            Image.new("RGB", (3, 2), "white"),
            ImageCms.createProfile("sRGB"),
            ImageCms.createProfile("LAB"),
            outputMode="LAB",
        )
        assert image is not None
    elif mode == "CMYK":
        image = Image.new("CMYK", (3, 2), (0, 0, 0, 0))
    else:
        image = Image.new("RGBA" if mode in ("RGBa", "PA") else "RGB", (3, 2), "white")
        image = image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)

    picture = as_picture(image)

    assert picture.size == (2, 3)
    assert_allclose(picture.srgb(), 1.0, atol=1 / 255)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pillow_images_of_floats_and_32_bits_are_refused(mode: str) -> None:
    with pytest.raises(NoImage, match="not supported"):
        as_picture(Image.new(mode, (3, 2)))


def test_a_16_bit_pillow_image_is_taken_exactly() -> None:
    gray = random_pixels((4, 3), dtype=np.uint16)

    picture = as_picture(Image.fromarray(gray))

    assert_array_equal(picture.pixels[..., 0], gray)


def test_a_picture_is_taken_as_it_is() -> None:
    picture = Picture(np.zeros((2, 2, 3), np.uint8))

    assert as_picture(picture) is picture


def test_other_objects_are_a_type_error() -> None:
    with pytest.raises(TypeError, match="list"):
        as_picture([[1, 2], [3, 4]])  # type: ignore[arg-type]  # what this test is about


@settings(deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.sampled_from([1, 2, 3, 4]),
    deep=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_picture_survives_the_way_to_pillow_and_back(
    height: int, width: int, channels: int, deep: bool, seed: int
) -> None:
    array = random_pixels((height, width, channels), dtype=np.uint16 if deep else np.uint8, seed=seed)
    picture = as_picture(array)

    again = as_picture(picture.pil())

    assert_array_equal(again.pixels, picture.eight_bits().pixels)
    if picture.alpha is not None:
        assert_array_equal(again.eight_bits().alpha_levels(), picture.eight_bits().alpha_levels())
