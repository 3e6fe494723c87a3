"""Pictures higher than one strip, on colors and on other pictures; and the box around a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dis_core.images.compositing import bounds_of, over_color, over_picture
from dis_core.images.picture import Picture

HEIGHT = 700
"""More than two strips of what is blended at once."""


def half_covered_ramp() -> Picture:
    rows = np.arange(HEIGHT) % 256
    pixels = np.broadcast_to(rows[:, np.newaxis, np.newaxis], (HEIGHT, 2, 3)).astype(np.uint8)
    return Picture(pixels.copy(), alpha=np.full((HEIGHT, 2), 0.5, np.float32))


def test_a_high_picture_lies_on_a_color_from_top_to_bottom() -> None:
    picture = half_covered_ramp()

    result = over_color(picture, (200, 100, 0))

    expected = (picture.pixels.astype(float) + np.array([200, 100, 0])) / 2
    assert np.abs(result.pixels - expected).max() <= 0.5


def test_a_high_picture_lies_on_another_one_row_by_row() -> None:
    picture = half_covered_ramp()
    background = replace(picture, pixels=picture.pixels[::-1].copy(), alpha=None)

    result = over_picture(picture, background)

    expected = (picture.pixels.astype(float) + background.pixels) / 2
    assert np.abs(result.pixels - expected).max() <= 0.5


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (3, 1, 7, 4), (6, 4, 8, 5), (0, 0, 8, 5)])
def test_the_box_around_a_mask_holds_its_pixels_and_no_more(box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    mask = np.zeros((5, 8), np.bool_)
    mask[top, left] = mask[bottom - 1, right - 1] = True

    assert bounds_of(mask) == box


def test_an_empty_mask_has_no_box() -> None:
    assert bounds_of(np.zeros((5, 8), np.bool_)) is None
