"""A small subject is looked at again from near, if both looks see the same."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dis_core.geometry import Box
from dis_core.refinement.zoom import fade_in, merge_trusted, small_subject


def matte_with(box: tuple[int, int, int, int], size: tuple[int, int] = (400, 600)) -> np.ndarray:
    left, top, right, bottom = box
    alpha = np.zeros(size, np.float32)
    alpha[top:bottom, left:right] = 1
    return alpha


def test_the_box_is_the_subjects_with_a_margin_of_its_longer_side() -> None:
    assert small_subject(matte_with((200, 150, 300, 190))) == (185, 135, 315, 205)


def test_the_box_ends_at_the_images_border() -> None:
    assert small_subject(matte_with((0, 0, 100, 100))) == (0, 0, 115, 115)


@pytest.mark.parametrize("box", [(0, 0, 600, 400), (50, 50, 500, 350)])
def test_a_subject_that_fills_half_of_the_image_needs_no_second_look(box: tuple[int, int, int, int]) -> None:
    assert small_subject(matte_with(box)) is None


def test_nothing_is_no_small_subject() -> None:
    assert small_subject(np.zeros((40, 60), np.float32)) is None


def test_a_second_look_that_saw_the_same_more_sharply_is_taken() -> None:
    sharp = matte_with((200, 100, 400, 300))
    small = Image.fromarray(sharp).resize((75, 50), Image.Resampling.BOX)
    blurred = np.array(small.resize((600, 400), Image.Resampling.BILINEAR))

    opinion = merge_trusted(blurred, sharp, 256)

    assert opinion is not None
    assert np.abs(opinion - sharp).max() < 1e-3


@pytest.mark.parametrize("second", [matte_with((0, 0, 150, 400)), np.zeros((400, 600), np.float32)])
def test_a_second_look_that_saw_something_else_is_rejected(second: np.ndarray) -> None:
    assert merge_trusted(matte_with((200, 100, 400, 300)), second, 256) is None


def test_what_only_the_second_look_takes_for_the_subject_stays_out() -> None:
    first = matte_with((200, 100, 400, 300))
    second = np.maximum(first, matte_with((520, 20, 570, 70)))

    opinion = merge_trusted(first, second, 256)

    assert opinion is not None
    assert opinion[45, 545] == 0
    assert opinion[200, 300] == 1


def test_the_second_look_counts_inside_of_its_part_and_the_first_around_it() -> None:
    whole = np.full((100, 200), 0.25, np.float32)
    part = np.full((40, 60), 0.75, np.float32)

    joined = fade_in(part, whole, Box(50, 30, 110, 70))

    assert joined[50, 80] == 0.75
    assert (joined[:30] == 0.25).all()
    assert (joined[:, 110:] == 0.25).all()
    assert np.abs(np.diff(joined[50])).max() < 0.4
    assert (whole == 0.25).all()


def test_at_the_images_own_border_nothing_fades() -> None:
    whole = np.zeros((100, 200), np.float32)

    joined = fade_in(np.ones((40, 60), np.float32), whole, Box(0, 0, 60, 40))

    assert joined[0, 0] == 1
    assert joined[39, 20] < 1


@pytest.mark.parametrize("box", [(10, 10, 11, 11), (0, 5, 200, 6), (3, 0, 5, 100)])
def test_a_part_of_a_pixel_or_two_can_be_joined(box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box

    joined = fade_in(np.ones((bottom - top, right - left), np.float32), np.zeros((100, 200), np.float32), Box(*box))

    assert joined.min() >= 0
    assert joined.max() <= 1
