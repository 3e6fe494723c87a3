"""What a model is shown of very dark pictures, and that nobody else sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from dis_core.images.exposure import gain_for, shown_to_model
from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture
from dis_core.pipeline import Pipeline

PHOTOS = Path(__file__).parents[1] / "photos"


def ramp(top: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(100, 100, 3) from 0 to `top`."""
    return np.linspace(0, top, 10_000, dtype=np.float32).reshape(100, 100, 1).repeat(3, axis=2)


def test_twelve_bits_in_sixteen_are_shown_over_the_whole_range_and_kept_in_the_picture() -> None:
    pixels = np.rint(ramp(1.0) * 4095).astype(np.uint16)

    seen, picture = shown_to_model(Picture(pixels), "auto")

    assert_allclose(seen, np.minimum(ramp(1.0) / 0.995, 1), atol=1e-3)
    assert_array_equal(picture.pixels, pixels)
    assert "16.1 times as bright" in picture.remarks[0]


@pytest.mark.parametrize("top", [0.26, 0.6, 1.0])
def test_a_picture_that_uses_a_quarter_of_its_range_is_shown_as_it_is(top: float) -> None:
    picture = Picture(np.rint(ramp(top) * 65535).astype(np.uint16))

    seen, same = shown_to_model(picture, "auto")

    assert_array_equal(seen, picture.srgb())
    assert same is picture


def test_the_original_exposure_is_shown_when_asked() -> None:
    picture = Picture(np.rint(ramp(0.05) * 65535).astype(np.uint16))

    seen, same = shown_to_model(picture, "original")

    assert_array_equal(seen, picture.srgb())
    assert same is picture


def test_a_few_hot_pixels_do_not_hide_that_a_picture_is_dark() -> None:
    image = ramp(0.1)
    image[50, ::5] = 1.0

    assert gain_for(image, None) == pytest.approx(10, rel=0.05)


def test_what_is_transparent_does_not_count() -> None:
    image, alpha = ramp(0.1), np.ones((100, 100), np.float32)
    image[:50], alpha[:50] = 1.0, 0.0

    assert gain_for(image, alpha) == pytest.approx(10, rel=0.05)
    assert gain_for(image, np.zeros_like(alpha)) == 1.0


def test_black_stays_black_and_noise_is_not_blown_up_without_end() -> None:
    assert gain_for(ramp(0.0), None) == 1.0
    assert gain_for(ramp(1e-5), None) == 64.0


@pytest.mark.parametrize("name", ["chair"])
def test_the_subject_of_a_photo_with_twelve_bits_in_sixteen_is_found_as_in_the_photo(name: str) -> None:
    photo = read_picture(PHOTOS / "images" / f"{name}.jpg")
    dark = Picture(photo.pixels.astype(np.uint16) * np.uint16(16))
    truth = np.asarray(Image.open(PHOTOS / "masks" / f"{name}.png").convert("L")) > 127
    pipeline = Pipeline("cpu")

    found = {
        kind: pipeline.segment(picture, model="dis-lite", refine="none").mask(threshold=0.5)
        for kind, picture in (("dark", dark), ("as it is", photo))
    }

    def iou(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
        return float((mask & truth).sum() / (mask | truth).sum())

    assert iou(found["dark"]) > iou(found["as it is"]) - 0.03
