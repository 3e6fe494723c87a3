"""Mattes, and what can be made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dis_core.errors import BadRequest, OutputExists
from dis_core.images.formats import OutputFormat
from dis_core.images.picture import Picture, encode
from dis_core.images.reading import read_picture
from dis_core.matte.matte import Matte
from tests.fakes.image_files import random_pixels, wide_profile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def ramp(height: int = 40, width: int = 60) -> NDArray[np.float32]:
    """0 on the left, 1 on the right, and a slope of 20 pixels between."""
    slope = np.clip((np.arange(width) - 20) / 20, 0, 1).astype(np.float32)
    return np.tile(slope, (height, 1))


def matte_of(
    alpha: NDArray[np.float32], *, dtype: type[np.uint8] | type[np.uint16] = np.uint8, channels: int = 3
) -> Matte:
    pixels = random_pixels((*alpha.shape, channels), dtype=dtype)
    return Matte(alpha, model="test@1", picture=Picture(pixels, icc_profile=wide_profile() if channels == 3 else None))


@pytest.mark.parametrize("colors", ["clean", "original"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("format_", "dtype"),
    [("png", np.uint8), ("png", np.uint16), ("tiff", np.uint8), ("tiff", np.uint16), ("webp", np.uint8)],
)
def test_where_the_matte_is_1_the_file_holds_the_pictures_pixels_bit_for_bit(
    format_: OutputFormat, dtype: type[np.uint8], channels: int, colors: str
) -> None:
    matte = matte_of(ramp(), dtype=dtype, channels=channels)
    assert matte.picture is not None

    cutout = matte.cutout(colors="clean" if colors == "clean" else "original")
    written = read_picture(encode(cutout, format=format_))

    covered = matte.alpha == 1
    expected = matte.picture.pixels[covered]
    assert_array_equal(written.pixels[covered], np.broadcast_to(expected, written.pixels[covered].shape))
    assert written.alpha is not None
    assert_array_equal(written.alpha[covered], 1)
    assert written.icc_profile == matte.picture.icc_profile


def test_clean_colors_lose_the_background() -> None:
    alpha = ramp()
    pixels = np.rint(np.array([200, 40, 40]) * alpha[..., None] + np.array([20, 200, 60]) * (1 - alpha[..., None]))
    matte = Matte(alpha, model="test@1", picture=Picture(pixels.astype(np.uint8)))

    clean, original = matte.cutout(), matte.cutout(colors="original")

    half = (alpha > 0.3) & (alpha < 0.7)
    error = np.abs(clean.pixels[half].astype(int) - [200, 40, 40]).mean()
    assert error < 15
    assert error < np.abs(original.pixels[half].astype(int) - [200, 40, 40]).mean() / 3


def test_clean_colors_hold_nothing_of_what_is_fully_transparent() -> None:
    matte = matte_of(ramp())

    cutout = matte.cutout()

    assert_array_equal(cutout.pixels[matte.alpha == 0], 0)


def test_original_colors_are_all_of_the_pictures() -> None:
    matte = matte_of(ramp())
    assert matte.picture is not None

    cutout = matte.cutout(colors="original")

    assert_array_equal(cutout.pixels, matte.picture.pixels)


def test_the_pictures_own_alpha_is_multiplied_in() -> None:
    alpha, own = ramp(), np.linspace(0, 1, 40 * 60).reshape(40, 60).astype(np.float32)
    picture = Picture(random_pixels((40, 60, 3)), own)

    cutout = Matte(alpha, model="test@1").cutout(picture)

    assert cutout.alpha is not None
    assert_allclose(cutout.alpha, alpha * own, atol=1 / 255)


def test_a_matte_that_is_nearly_1_counts_as_1_at_the_pictures_bit_depth() -> None:
    matte = matte_of(np.full((8, 8), 0.999, np.float32))
    assert matte.picture is not None

    cutout = matte.cutout()

    assert_array_equal(cutout.alpha, 1)
    assert_array_equal(cutout.pixels, matte.picture.pixels)


def test_cutting_out_changes_neither_the_matte_nor_the_picture() -> None:
    matte = matte_of(ramp())
    assert matte.picture is not None
    alpha, pixels = matte.alpha.copy(), matte.picture.pixels.copy()

    matte.cutout()

    assert_array_equal(matte.alpha, alpha)
    assert_array_equal(matte.picture.pixels, pixels)


def test_another_picture_of_the_same_size_can_be_cut_out() -> None:
    other = Picture(random_pixels((40, 60, 3), seed=5))

    cutout = matte_of(ramp()).cutout(other, colors="original")

    assert_array_equal(cutout.pixels, other.pixels)


def test_a_picture_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(BadRequest, match=r"10 x 20.* 60 x 40"):
        matte_of(ramp()).cutout(Picture(random_pixels((20, 10, 3))))


def test_a_matte_without_a_picture_asks_for_it() -> None:
    with pytest.raises(BadRequest, match="picture"):
        Matte(ramp(), model="test@1").cutout()


def test_the_mask_begins_at_the_threshold() -> None:
    matte = Matte(np.array([[0.0, 0.49, 0.5, 1.0]], np.float32), model="test@1")

    assert matte.mask().tolist() == [[False, False, True, True]]
    assert matte.mask(threshold=0.6).tolist() == [[False, False, False, True]]


def test_an_empty_mask_has_no_bounds() -> None:
    assert Matte(np.zeros((4, 5), np.float32), model="test@1").bounds() is None


@settings(deadline=None)
@given(st.integers(0, 8), st.integers(0, 5), st.integers(1, 4), st.integers(1, 3))
def test_bounds_are_left_top_right_bottom_of_the_mask(left: int, top: int, width: int, height: int) -> None:
    alpha = np.zeros((8, 12), np.float32)
    alpha[top : top + height, left : left + width] = 1

    assert Matte(alpha, model="test@1").bounds() == (left, top, left + width, top + height)


def test_the_gray_matte_is_rounded_to_its_bit_depth() -> None:
    alpha = np.random.default_rng(0).random((30, 30)).astype(np.float32)
    matte = Matte(alpha, model="test@1")

    assert_allclose(matte.gray().srgb()[..., 0], alpha, atol=0.51 / 255)
    assert_allclose(matte.gray(bits=16).srgb()[..., 0], alpha, atol=0.51 / 65535)


@pytest.mark.parametrize("name", ["matte.png", "matte.tif", "matte.webp"])
def test_a_saved_matte_is_a_gray_file(tmp_path: Path, name: str) -> None:
    matte = Matte(ramp(), model="test@1")

    matte.save(tmp_path / name)

    assert_array_equal(read_picture(tmp_path / name).srgb(), matte.gray().srgb())


def test_a_saved_matte_overwrites_only_when_told(tmp_path: Path) -> None:
    matte = Matte(ramp(), model="test@1")
    matte.save(tmp_path / "matte.png")

    with pytest.raises(OutputExists):
        matte.save(tmp_path / "matte.png")
    matte.save(str(tmp_path / "matte.png"), overwrite=True, bits=16)

    assert read_picture(tmp_path / "matte.png").pixels.dtype == np.uint16


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
def test_the_smallest_and_thinnest_pictures_are_cut_out(size: tuple[int, int]) -> None:
    alpha = np.random.default_rng(0).random(size).astype(np.float32)

    cutout = matte_of(alpha).cutout()

    assert cutout.size == size
    assert cutout.alpha is not None
    assert_allclose(cutout.alpha, alpha, atol=0.51 / 255)
