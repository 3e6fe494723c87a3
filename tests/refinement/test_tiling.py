"""Tiles cover an image, take turns without a seam, and are joined as logits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dis_core.planes import BLOCK_PX, blocks, dilated, raised_cosine
from dis_core.refinement.tiling import WORTH_REFINING, expit, level_sizes, logit, plan_tiles, shift_logits, size_seen

sides = st.integers(1, 700)


@given(height=sides, width=sides, side_px=st.integers(1, 300))
def test_at_every_pixel_the_weights_of_all_tiles_add_up_to_one(height: int, width: int, side_px: int) -> None:
    side_px = max(side_px, max(height, width) // 12)  # or there would be thousands of tiles
    total = np.zeros((height, width), np.float32)

    for tile in plan_tiles((height, width), side_px):
        total[tile.place] += tile.weights()

    assert np.abs(total - 1).max() < 1e-5


@given(height=sides, width=sides, side_px=st.integers(8, 300))
def test_tiles_are_of_the_networks_size_and_inside_the_image(height: int, width: int, side_px: int) -> None:
    for tile in plan_tiles((height, width), side_px):
        for part, length in ((tile.rows, height), (tile.columns, width)):
            assert part.start >= 0
            assert part.stop <= length
            assert part.stop - part.start == min(side_px, length)


def test_a_tile_does_not_count_at_its_rim_but_does_at_the_images_border() -> None:
    first, *_, last = plan_tiles((64, 640), 64)

    assert first.column_weights[0] == 1
    assert first.column_weights[-1] == 0
    assert last.column_weights[0] == 0
    assert last.column_weights[-1] == 1
    assert (first.row_weights == 1).all()


@given(height=st.integers(1, 20000), width=st.integers(1, 20000), side_px=st.integers(1, 2048))
def test_levels_lead_from_what_the_network_saw_to_the_image_in_steps_of_two(
    height: int, width: int, side_px: int
) -> None:
    levels = level_sizes((height, width), side_px)

    assert not levels or levels[-1] == (height, width)
    assert bool(levels) == (max(height, width) > WORTH_REFINING * side_px)
    for axis in (0, 1):
        lengths = [size_seen((height, width), side_px)[axis], *(size[axis] for size in levels)]
        # Rounding to whole pixels may add half of one on both sides.
        assert all(above <= below <= 2 * above + 2 for above, below in itertools.pairwise(lengths))


@given(st.floats(0, 1, width=32))
def test_a_logit_leads_back_to_its_matte(alpha: float) -> None:
    plane = np.array([[alpha]], np.float32)

    assert expit(logit(plane))[0, 0] == pytest.approx(alpha, abs=2e-6)


def test_sure_pixels_stay_sure_through_their_logits() -> None:
    plane = np.array([[0.0, 1.0]], np.float32)

    assert np.isfinite(logit(plane)).all()
    assert np.allclose(expit(logit(plane)), plane, atol=1e-6)


def test_where_nothing_is_added_to_the_logits_the_matte_stays_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    matte = rng.random((700, 600), dtype=np.float32)
    before = matte.copy()
    shift = np.zeros_like(matte)
    shift[100:120, 550:570] = 3

    shift_logits(matte, shift)

    here = shift != 0
    assert np.array_equal(matte[~here], before[~here])
    assert (matte[here] > before[here]).all()


@given(st.integers(1, 4 * BLOCK_PX), st.integers(1, 3 * BLOCK_PX))
def test_blocks_cover_every_pixel_once(height: int, width: int) -> None:
    places = list(blocks((height, width)))

    covered = sum((rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in places)

    assert covered == height * width
    assert (places[-1][0].stop, places[-1][1].stop) == (height, width)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_a_grown_mask_reaches_so_many_rows_and_columns_around(seed: int, reach_px: int) -> None:
    mask = np.random.default_rng(seed).random((13, 17)) < 0.04

    expected = np.zeros_like(mask)
    for y, x in np.argwhere(mask):
        expected[max(y - reach_px, 0) : y + reach_px + 1, max(x - reach_px, 0) : x + reach_px + 1] = True

    assert np.array_equal(dilated(mask, reach_px), expected)


@given(st.integers(0, 200))
def test_a_ramp_and_its_mirror_image_add_up_to_one(length_px: int) -> None:
    ramp = raised_cosine(length_px)

    assert np.allclose(ramp + ramp[::-1], 1, atol=1e-6)
    assert (np.diff(ramp) >= 0).all()
