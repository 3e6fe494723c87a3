"""Boundary measures, on cases worked out by hand and against plain loops over all pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from dis_core.evaluation.boundaries import (
    boundary_iou,
    inner_boundary,
    iou,
    mean_boundary_accuracy,
    squared_distance_across,
)

Mask = NDArray[np.bool_]

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))


def box(left: int, top: int, right: int, bottom: int, *, size: tuple[int, int] = (20, 20)) -> Mask:
    """A filled box; right and bottom are outside of it."""
    mask = np.zeros(size, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def left_half(edge: int, *, size: tuple[int, int]) -> Mask:
    """All columns before `edge`."""
    return box(0, 0, edge, size[0], size=size)


def test_boundary_iou_of_a_square_moved_by_one_pixel() -> None:
    truth, moved = box(5, 5, 15, 15), box(6, 5, 16, 15)

    found = boundary_iou(moved, truth, distance_px=1)

    # Each ring has 36 pixels, and the two share 9 of their upper and 9 of their lower rows: 18 / (36 + 36 - 18).
    assert found == pytest.approx(1 / 3, abs=1e-12)
    assert iou(moved, truth) == pytest.approx(90 / 110, abs=1e-12)


def test_boundary_iou_sees_no_error_deep_inside() -> None:
    truth = box(0, 0, 20, 20)
    with_hole = truth & ~box(9, 9, 11, 11)

    found = boundary_iou(with_hole, truth, distance_px=1)

    # The rim of 76 pixels, and the 12 around the hole, which only the prediction takes for boundary.
    assert found == pytest.approx(76 / 88, abs=1e-12)


def test_the_border_of_the_image_is_a_contour_for_boundary_iou() -> None:
    full = np.ones((5, 6), np.bool_)

    boundary = inner_boundary(full, 2)

    assert np.array_equal(boundary, ~box(2, 2, 4, 3, size=(5, 6)))


def test_boundary_iou_looks_two_percent_of_the_diagonal_inwards() -> None:
    truth = box(50, 50, 350, 250, size=(300, 400))  # a diagonal of 500 pixels
    prediction = box(52, 50, 350, 250, size=(300, 400))

    found = boundary_iou(prediction, truth)

    assert found == boundary_iou(prediction, truth, distance_px=10)
    assert found != pytest.approx(boundary_iou(prediction, truth, distance_px=9), abs=1e-4)


def test_boundary_iou_looks_at_least_one_pixel_inwards() -> None:
    truth = np.ones((5, 5), np.bool_)

    assert boundary_iou(truth, truth) == 1.0


@pytest.mark.parametrize("measured", [iou, boundary_iou])
def test_empty_masks_agree_with_each_other_and_with_nothing_else(measured: Any) -> None:
    empty, full = np.zeros((6, 6), np.bool_), np.ones((6, 6), np.bool_)

    assert measured(empty, empty) == 1.0
    assert measured(full, empty) == 0.0
    assert measured(empty, full) == 0.0


def test_a_boundary_without_width_is_refused() -> None:
    with pytest.raises(ValueError, match="not 0"):
        boundary_iou(box(1, 1, 2, 2), box(1, 1, 2, 2), distance_px=0)


@given(mask=masks, distance_px=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_the_inner_boundary_is_what_a_loop_over_all_pixels_finds(mask: Mask, distance_px: int) -> None:
    padded = np.pad(mask, distance_px)
    reach = 2 * distance_px + 1

    boundary = inner_boundary(mask, distance_px)

    expected = [
        [mask[y, x] and not padded[y : y + reach, x : x + reach].all() for x in range(mask.shape[1])]
        for y in range(mask.shape[0])
    ]
    assert np.array_equal(boundary, expected)


@given(mask=masks, limit_px=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_distances_across_are_what_a_loop_over_all_pixels_finds(mask: Mask, limit_px: int) -> None:
    found = squared_distance_across(mask, limit_px=limit_px)

    for (y, x), here in np.ndenumerate(mask):
        nearest = min(
            ((y - v) ** 2 + (x - u) ** 2 for (v, u), there in np.ndenumerate(mask) if there != here), default=999
        )
        if nearest <= limit_px**2:
            assert found[y, x] == nearest
        else:
            assert found[y, x] > limit_px**2


def test_distances_beyond_what_16_bits_can_square_are_right() -> None:
    mask = np.zeros((3, 500), np.bool_)
    mask[0, 0] = True

    found = squared_distance_across(mask, limit_px=400)

    assert found[2, 399] == 399**2 + 2**2
    assert found[0, 0] == 1


def test_boundary_accuracy_of_an_edge_moved_by_one_pixel_in_a_small_image() -> None:
    truth, moved = left_half(50, size=(100, 100)), left_half(51, size=(100, 100))

    found = mean_boundary_accuracy(moved, truth)

    # All radii are 3: three columns on each side of the edge, one of them wrong.
    assert found == pytest.approx(5 / 6, abs=1e-12)


def test_boundary_accuracy_is_the_mean_over_five_radii_in_a_larger_image() -> None:
    size = (600, 900)
    truth, moved = left_half(450, size=size), left_half(451, size=size)

    found = mean_boundary_accuracy(moved, truth)

    # (900 + 600) / 300 = 5, so the radii are 3, 3.5, 4, 4.5 and 5, and the bands 6, 6, 8, 8 and 10 columns wide.
    assert found == pytest.approx((5 / 6 + 5 / 6 + 7 / 8 + 7 / 8 + 9 / 10) / 5, abs=1e-12)


def test_boundary_accuracy_sees_no_error_far_from_the_boundary() -> None:
    truth = left_half(50, size=(100, 100))
    with_island = truth | box(80, 40, 90, 50, size=(100, 100))

    assert mean_boundary_accuracy(with_island, truth) == 1.0


def test_boundary_accuracy_goes_by_euclidean_distance() -> None:
    truth = box(10, 10, 11, 11)
    prediction = truth | box(12, 12, 13, 13) | box(13, 13, 14, 14)

    found = mean_boundary_accuracy(prediction, truth)

    # The disc of radius 3 has 29 pixels; (2, 2) away from the middle is inside of it and (3, 3) is not.
    assert found == pytest.approx(28 / 29, abs=1e-12)


@pytest.mark.parametrize("truth", [np.zeros((10, 10), np.bool_), np.ones((10, 10), np.bool_)], ids=["empty", "full"])
def test_boundary_accuracy_looks_at_all_pixels_where_the_truth_has_no_boundary(truth: Mask) -> None:
    prediction = truth ^ box(0, 0, 5, 4, size=(10, 10))

    assert mean_boundary_accuracy(prediction, truth) == pytest.approx(0.8, abs=1e-12)
