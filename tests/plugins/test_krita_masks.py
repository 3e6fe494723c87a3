"""The Krita plug-in's arithmetic on planes of bytes, compared with numpy's."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.loose_modules import load_module

# The one module of the plug-in that knows no Krita; the package around it does.
masks = load_module("plugins/krita/dis_select_subject/masks.py")
pairs = st.integers(0, 40).flatmap(
    lambda n: st.tuples(st.binary(min_size=n, max_size=n), st.binary(min_size=n, max_size=n))
)


def numbers(plane: bytes) -> np.ndarray:
    return np.frombuffer(plane, np.uint8).astype(int)


@given(pairs)
def test_modes_combine_as_krita_and_gimp_do(planes: tuple[bytes, bytes]) -> None:
    old, new = planes
    expected = {
        "replace": numbers(new),
        "add": np.minimum(numbers(old) + numbers(new), 255),
        "subtract": np.maximum(numbers(old) - numbers(new), 0),
        "intersect": np.minimum(numbers(old), numbers(new)),
    }

    for mode, combine in masks.COMBINE.items():
        assert np.array_equal(numbers(combine(old, new)), expected[mode]), mode


@given(pairs)
def test_planes_are_compared_pixel_by_pixel(planes: tuple[bytes, bytes]) -> None:
    one, other = planes

    different, both = masks.differing(one, other), masks.both(one, other)

    assert np.array_equal(numbers(different), np.where(numbers(one) != numbers(other), 255, 0))
    assert np.array_equal(numbers(both), np.where((numbers(one) > 0) & (numbers(other) > 0), 255, 0))
    assert np.array_equal(numbers(masks.neither(different, both)), 255 - (numbers(different) | numbers(both)))


@given(st.binary(max_size=60))
def test_runs_are_where_something_is(plane: bytes) -> None:
    found = np.zeros(len(plane), bool)
    for start, end in masks.runs(plane):
        assert start < end
        found[start:end] = True

    assert np.array_equal(found, numbers(plane) > 0)
    assert masks.is_empty(plane) == (not found.any())


@given(st.integers(1, 6), st.integers(0, 4), st.integers(0, 5), st.integers(0, 5))
def test_rows_are_placed_among_zeros(width: int, height: int, left: int, right: int) -> None:
    plane = np.arange(1, width * height + 1, dtype=np.uint8).reshape(height, width)

    placed = masks.placed(plane.tobytes(), width, left=left, total=left + width + right)

    assert placed == np.pad(plane, ((0, 0), (left, right))).tobytes()


def test_an_outline_lies_on_both_sides_of_a_border_and_nowhere_else() -> None:
    plane = np.zeros((30, 40), np.uint8)
    plane[10:20, 15:30] = 255

    outline = numbers(masks.outline(plane.tobytes(), 40)).reshape(plane.shape)

    inside, outside = plane[12:18, 17:28], outline.copy()
    outside[8:22, 13:32] = 0
    assert inside.all()
    assert not outline[12:18, 17:28].any()
    assert not outside.any()
    assert outline[10:20, 15].all()
    assert outline[10:20, 29].all()
    assert outline[10, 15:30].all()
    assert outline[19, 15:30].all()


@pytest.mark.parametrize("mode", ["add", "subtract", "intersect"])
def test_a_megapixel_takes_no_time_that_anybody_would_notice(mode: str) -> None:
    one, other = bytes(range(250)) * 4000, bytes(range(249, -1, -1)) * 4000

    started = time.perf_counter()
    masks.COMBINE[mode](one, other)

    assert time.perf_counter() - started < 0.5
