"""Edges of mattes are moved and softened by exactly as many pixels as were asked for."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from dis_core.matte import edges
from dis_core.matte.edges import feather, grow, reshape_edges

Plane = NDArray[np.float32]

planes = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=24),
    elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
reaches = st.integers(1, 9)


def disc(radius_px: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[-radius_px : radius_px + 1, -radius_px : radius_px + 1]
    mask: NDArray[np.bool_] = np.hypot(x, y) < radius_px + 0.5
    return mask


def largest_nearby(plane: Plane, radius_px: int) -> Plane:
    """What `grow` promises, pixel by pixel."""
    height, width = plane.shape
    inside = disc(radius_px)
    padded = np.pad(plane, radius_px, constant_values=-1)
    result = np.empty_like(plane)
    for y in range(height):
        for x in range(width):
            result[y, x] = padded[y : y + 2 * radius_px + 1, x : x + 2 * radius_px + 1][inside].max()
    return result


@given(planes, reaches)
def test_growing_takes_the_largest_value_in_a_disc(plane: Plane, reach_px: int) -> None:
    grown = grow(plane, reach_px)

    assert np.array_equal(grown, largest_nearby(plane, reach_px))


@given(planes, reaches)
def test_shrinking_is_growing_what_is_not_the_subject(plane: Plane, reach_px: int) -> None:
    shrunk = reshape_edges(plane, grow_px=-reach_px)

    np.testing.assert_allclose(shrunk, 1 - largest_nearby(1 - plane, reach_px), atol=1e-6)


def test_a_subject_at_the_border_does_not_shrink_from_it() -> None:
    plane = np.zeros((20, 20), np.float32)
    plane[:, :10] = 1

    shrunk = reshape_edges(plane, grow_px=-3)

    assert (shrunk[:, :7] == 1).all()
    assert (shrunk[:, 7:] == 0).all()


@given(planes, reaches)
def test_a_feathered_matte_stays_between_the_extremes_of_its_surroundings(plane: Plane, reach_px: int) -> None:
    feathered = feather(plane, reach_px)

    square = reach_px * 2 + 1
    windows = np.pad(plane, reach_px, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(windows, (square, square)).reshape(*plane.shape, -1)
    assert (feathered <= windows.max(axis=2) + 1e-6).all()
    assert (feathered >= windows.min(axis=2) - 1e-6).all()


@given(planes, reaches)
def test_feathering_does_not_know_left_from_right_nor_rows_from_columns(plane: Plane, reach_px: int) -> None:
    feathered = feather(plane, reach_px)

    np.testing.assert_allclose(feather(plane[:, ::-1], reach_px)[:, ::-1], feathered, atol=1e-6)
    np.testing.assert_allclose(feather(np.ascontiguousarray(plane.T), reach_px).T, feathered, atol=1e-6)


@pytest.mark.parametrize("reach_px", [1, 2, 3, 4, 7, 30])
def test_a_hard_edge_becomes_a_falling_ramp_as_wide_as_was_asked_for(reach_px: int) -> None:
    plane = np.zeros((5, 200), np.float32)
    plane[:, :100] = 1

    row = feather(plane, reach_px)[2]

    assert (row[: 100 - reach_px] == 1).all()
    assert (row[100 + reach_px :] == 0).all()
    assert (np.diff(row[100 - reach_px - 1 : 100 + reach_px + 1]) < 0).all()
    assert row[99] + row[100] == pytest.approx(1)


def test_blocks_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    plane = np.random.default_rng(0).random((150, 170), dtype=np.float32)
    at_once = reshape_edges(plane, grow_px=4, feather_px=7)

    monkeypatch.setattr("dis_core.planes.BLOCK_PX", 32)

    np.testing.assert_allclose(reshape_edges(plane, grow_px=4, feather_px=7), at_once, atol=1e-6)


def test_a_threshold_makes_edges_hard_before_they_move() -> None:
    plane = np.array([[0, 0.2, 0.5, 0.5001, 1, 1, 1]], np.float32)

    assert np.array_equal(reshape_edges(plane, threshold=0.5), [[0, 0, 1, 1, 1, 1, 1]])
    assert np.array_equal(reshape_edges(plane, threshold=0.6, grow_px=1), [[0, 0, 0, 1, 1, 1, 1]])


def test_nothing_to_do_is_nothing_done() -> None:
    plane = np.random.default_rng(0).random((9, 9), dtype=np.float32)

    assert reshape_edges(plane) is plane


@settings(deadline=None, max_examples=20)
@given(planes, reaches)
def test_the_matte_that_was_given_stays_as_it_was(plane: Plane, reach_px: int) -> None:
    before = plane.copy()

    reshape_edges(plane, grow_px=reach_px, feather_px=reach_px)

    assert np.array_equal(plane, before)


def test_only_blocks_with_an_edge_take_time(monkeypatch: pytest.MonkeyPatch) -> None:
    plane = np.zeros((2048, 2048), np.float32)
    plane[:, :1000] = 1
    touched: list[tuple[int, ...]] = []
    largest = edges._largest_in_disc

    def noted(part: Plane, radius_px: int) -> Plane:
        touched.append(part.shape)
        return largest(part, radius_px)

    monkeypatch.setattr(edges, "_largest_in_disc", noted)

    grow(plane, 5)

    assert len(touched) == 4  # of 16: those with column 1000 in them


@pytest.mark.slow
def test_48_megapixels_take_seconds() -> None:
    y, x = np.ogrid[:6000, :8000]
    plane = (np.hypot(x - 4000, y - 3000) < 2200).astype(np.float32)

    started = time.monotonic()
    reshape_edges(plane, grow_px=5, feather_px=5)

    assert time.monotonic() - started < 10
