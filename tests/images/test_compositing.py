"""A picture before a color or another picture, and boxes cut out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dis_core.errors import BadRequest
from dis_core.images.compositing import box_with_margin, crop, over_color, over_picture, parse_color
from dis_core.images.picture import Picture
from tests.fakes.image_files import gray_profile, random_pixels, wide_profile


def half_covered(dtype: type[np.uint8] | type[np.uint16] = np.uint8, *, channels: int = 3) -> Picture:
    """Alpha 1, 0.5 and 0 in three columns."""
    alpha = np.tile(np.array([1.0, 0.5, 0.0], np.float32), (4, 1))
    return Picture(random_pixels((4, 3, channels), dtype=dtype), alpha)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#fff", (255, 255, 255)),
        ("#102030", (16, 32, 48)),
        ("White", (255, 255, 255)),
        ("rebeccapurple", (102, 51, 153)),
        ("1,2,3", (1, 2, 3)),
        (" 255, 0 ,7 ", (255, 0, 7)),
    ],
)
def test_colors_are_understood(text: str, expected: tuple[int, int, int]) -> None:
    assert parse_color(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "#12", "#gggggg", "nocolor", "1,2", "1,2,256", "-1,2,3", "1,2,3,4", "#ffffff80"),
        *("rgb(300,0,0)", "rgb(200%,0%,0%)", "hsl(0,100%,500%)", "9" * 5000 + ",0,0"),
    ],
)
def test_what_is_no_opaque_color_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as failure:
        parse_color(text)

    assert "#rrggbb" in failure.value.hint


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_color_shows_where_the_picture_does_not(dtype: type[np.uint8]) -> None:
    picture = half_covered(dtype)

    result = over_color(picture, (255, 0, 51))

    color = np.array([1.0, 0.0, 0.2]) * picture.levels
    assert result.alpha is None
    assert_array_equal(result.pixels[:, 0], picture.pixels[:, 0])
    assert_allclose(result.pixels[:, 1], (picture.pixels[:, 1] + color) / 2, atol=0.51)
    assert_array_equal(result.pixels[:, 2], np.tile(color, (4, 1)))


def test_a_color_is_srgb_whatever_the_profile_of_the_picture_is() -> None:
    picture = Picture(random_pixels((4, 3, 3)), np.zeros((4, 3), np.float32), icc_profile=wide_profile())

    result = over_color(picture, (200, 100, 50))

    assert result.icc_profile == wide_profile()
    assert_allclose(result.srgb() * 255, np.tile([200.0, 100.0, 50.0], (4, 3, 1)), atol=1.5)


def test_a_gray_picture_becomes_rgb_before_a_color() -> None:
    picture = half_covered(channels=1)

    result = over_color(picture, (255, 0, 0))

    assert_array_equal(result.pixels[:, 0], np.repeat(picture.pixels[:, 0], 3, axis=1))
    assert_array_equal(result.pixels[:, 2], np.tile([255, 0, 0], (4, 1)))


def test_a_gray_picture_with_a_profile_becomes_srgb_before_a_color() -> None:
    picture = Picture(np.full((2, 2, 1), 128, np.uint8), np.ones((2, 2), np.float32), icc_profile=gray_profile(1.8))

    result = over_color(picture, (255, 0, 0))

    assert result.icc_profile is None
    assert_allclose(result.srgb(), picture.srgb(), atol=1e-6)


def test_an_opaque_picture_stays_as_it_is() -> None:
    picture = Picture(random_pixels((4, 3, 3)))

    assert over_color(picture, (255, 0, 0)) is picture
    assert over_picture(picture, Picture(random_pixels((4, 3, 3)))) is picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_background_of_the_same_size_shows_through_exactly(dtype: type[np.uint8]) -> None:
    picture, background = half_covered(dtype), Picture(random_pixels((4, 3, 3), dtype=dtype, seed=1))

    result = over_picture(picture, background)

    mean = (picture.pixels[:, 1].astype(float) + background.pixels[:, 1]) / 2
    assert_array_equal(result.pixels[:, 0], picture.pixels[:, 0])
    assert_allclose(result.pixels[:, 1], mean, atol=0.51)
    assert_array_equal(result.pixels[:, 2], background.pixels[:, 2])


@pytest.mark.parametrize(("height", "width"), [(40, 40), (20, 60), (60, 20)])
def test_a_background_covers_the_picture_and_is_centered(height: int, width: int) -> None:
    columns = np.linspace(-1, 1, 200)[np.newaxis, :] + np.zeros((100, 1))
    ramp = np.rint((columns * 0.5 + 0.5) * 255).astype(np.uint8)
    transparent = Picture(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.float32))

    result = over_picture(transparent, Picture(ramp[..., np.newaxis]))

    shown = result.pixels[height // 2, :, 0].astype(float)
    share = min(1.0, width / height / 2)  # of the background's width, which is twice its height
    assert shown[0] + shown[-1] == pytest.approx(255, abs=2)
    assert shown[-1] - shown[0] == pytest.approx(255 * share * (1 - 1 / width), abs=4)


def test_a_background_with_a_profile_keeps_its_look() -> None:
    picture = Picture(random_pixels((4, 3, 3)), np.zeros((4, 3), np.float32), icc_profile=wide_profile())
    background = Picture(random_pixels((4, 3, 3), seed=1) // 2 + 64)

    result = over_picture(picture, background)

    assert_allclose(result.srgb(), background.srgb(), atol=2 / 255)


def test_a_background_with_holes_leaves_holes() -> None:
    picture = Picture(np.full((1, 3, 3), 200, np.uint8), np.array([[1.0, 0.5, 0.0]], np.float32))
    background = Picture(np.full((1, 3, 3), 100, np.uint8), np.array([[0.5, 0.5, 0.5]], np.float32))

    result = over_picture(picture, background)

    assert result.alpha is not None
    assert_allclose(result.alpha, [[1.0, 0.75, 0.5]], atol=1e-6)
    assert_allclose(result.pixels[0, :, 0], [200, (200 * 0.5 + 100 * 0.25) / 0.75, 100], atol=0.51)


def test_a_crop_holds_the_pixels_of_its_box() -> None:
    picture = Picture(random_pixels((6, 8, 3)), np.random.default_rng(0).random((6, 8)).astype(np.float32))

    part = crop(picture, (2, 1, 7, 4))

    assert_array_equal(part.pixels, picture.pixels[1:4, 2:7])
    assert picture.alpha is not None
    assert_array_equal(part.alpha, picture.alpha[1:4, 2:7])


@pytest.mark.parametrize("box", [(0, 0, 9, 6), (-1, 0, 3, 3), (3, 3, 3, 5), (5, 2, 3, 4), (0, 0, 8, 7)])
def test_a_box_outside_the_picture_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(BadRequest, match="8 x 6"):
        crop(Picture(random_pixels((6, 8, 3))), box)


def test_a_margin_is_pixels_and_a_share_of_the_longer_side() -> None:
    box = box_with_margin((100, 100, 140, 120), size=(500, 500), margin_px=3, margin_fraction=0.1)

    assert box == (93, 93, 147, 127)


@settings(deadline=None)
@given(data=st.data(), margin=st.integers(0, 50), share=st.floats(0, 3))
def test_a_grown_box_holds_the_old_one_and_stays_inside(data: Any, margin: int, share: float) -> None:
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))

    grown = box_with_margin((left, top, right, bottom), size=(height, width), margin_px=margin, margin_fraction=share)

    assert 0 <= grown[0] <= left
    assert 0 <= grown[1] <= top
    assert right <= grown[2] <= width
    assert bottom <= grown[3] <= height


@pytest.mark.parametrize("margin", [{"margin_px": -1}, {"margin_fraction": -0.1}, {"margin_fraction": float("nan")}])
def test_a_negative_margin_is_refused(margin: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        box_with_margin((0, 0, 1, 1), size=(4, 4), **margin)
