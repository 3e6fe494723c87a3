"""What refining with tiles promises: an exact model stays exact, and the rest stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dis_core.planes import Plane
from dis_core.progress import ignore
from dis_core.protocols import Effort, Segmentation
from dis_core.refinement import tiles as refine_tiles
from dis_core.refinement.fast import refine_fast
from dis_core.refinement.tiling import Tile, plan_tiles
from tests.fakes.scripted_segmenter import (
    ALL,
    Scripted,
    disc,
    outside_the_band,
    picture_of,
    red,
    refined,
    seen_by_network,
)

FAINT = np.float32(0.01)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 500),
    width=st.integers(1, 500),
    side_px=st.sampled_from([16, 48, 64, 100]),
    soft_px=st.floats(2, 40),
)
def test_an_exact_model_stays_exact_without_seams(height: int, width: int, side_px: int, soft_px: float) -> None:
    exact = disc((height, width), soft_px=soft_px)

    result = refined(picture_of(exact), exact, Scripted(side_px)).alpha

    assert result.shape == exact.shape
    assert np.abs(result - exact).max() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (3000, 2), (1300, 1301), (5000, 3000)])
@pytest.mark.parametrize("side_px", [512, 1024])
def test_an_exact_model_stays_exact_at_any_size(size: tuple[int, int], side_px: int) -> None:
    exact = disc(size)

    result = refined(picture_of(exact), exact, Scripted(side_px)).alpha

    assert np.abs(result - exact).max() < 0.01


@pytest.mark.parametrize("size", [(700, 900), (1500, 640)])
def test_tiles_bring_the_edge_back_that_the_whole_image_had_lost(size: tuple[int, int]) -> None:
    exact = disc(size)
    coarse = seen_by_network(exact, 128)

    result = refined(picture_of(exact), coarse, Scripted(128)).alpha

    assert np.abs(coarse - exact).max() > 0.3
    assert np.abs(result - exact).max() < 0.02


@pytest.mark.parametrize("size", [(64, 64), (1, 80), (80, 80)])
def test_an_image_no_larger_than_the_networks_input_keeps_its_matte(size: tuple[int, int]) -> None:
    coarse = np.random.default_rng(0).random(size, dtype=np.float32)
    segmenter = Scripted(64)

    result = refined(picture_of(coarse), coarse.copy(), segmenter)

    assert np.array_equal(result.alpha, coarse)
    assert result.levels == ()
    assert segmenter.batches == []


def mapped(size: tuple[int, int]) -> Plane:
    """An image whose colors only say where each pixel is, too faintly for a filter to follow.

    Green grows from left to right and blue from top to bottom, by `FAINT`.
    """
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    return np.stack([np.full_like(x, 0.5), 0.5 + FAINT * x / width, 0.5 + FAINT * y / height], axis=2)


def at_its_place(size: tuple[int, int]) -> Callable[[Plane], Plane]:
    """A rule that knows the disc of an image of `size` and finds out from a tile's colors where it is."""
    height, width = size

    def rule(tile: Plane) -> Plane:
        x, y = (tile[:, :, 1:].astype(np.float64).transpose(2, 0, 1) - 0.5) / FAINT - 0.5
        distance = np.hypot(y * height, x * width)
        alpha: Plane = np.clip(0.5 + (0.3 * min(size) - distance) / 3, 0, 1).astype(np.float32)
        return alpha

    return rule


@pytest.mark.parametrize("size", [(600, 600), (400, 900)])
def test_what_colors_cannot_tell_comes_from_tiles_alone(size: tuple[int, int]) -> None:
    exact = disc(size)
    coarse = seen_by_network(exact, 128)
    image = mapped(size)

    result = refined(image, coarse, Scripted(128, at_its_place(size)))

    without = refined(image, coarse, Scripted(128), effort=Effort(max_tiles=0)).alpha
    assert sum(level.tiles_rejected for level in result.levels) == 0
    assert np.abs(without - exact).max() > 0.3
    assert np.abs(result.alpha - exact).max() < 0.02


def test_detail_along_the_short_side_of_a_long_image_is_kept() -> None:
    y = np.arange(256, dtype=np.float32)[:, None]
    stripes = np.repeat((y // 16 % 2).astype(np.float32), 2560, axis=1)
    coarse = seen_by_network(stripes, 256)
    image = np.full((256, 2560, 3), 0.5, np.float32)

    fast = refine_fast(image, Segmentation(coarse), Scripted(256), quality="normal", effort=ALL, report=ignore).alpha
    untold = refined(image, coarse, Scripted(256, not_a_number)).alpha

    assert np.abs(fast - stripes).mean() < 0.01
    assert np.abs(untold - stripes).mean() < 0.01


def test_what_a_coarser_level_has_told_survives_the_rejection_of_finer_ones() -> None:
    size = (800, 800)
    exact, image = disc(size), mapped(size)
    coarse = seen_by_network(exact, 128)
    rule = at_its_place(size)

    def only_coarse(tile: Plane) -> Plane:
        steps = float(np.abs(np.diff(tile[:, :, 1])).mean()) * 800 / FAINT
        return rule(tile) if steps > 2.5 else np.full(tile.shape[:2], np.nan, np.float32)

    result = refined(image, coarse, Scripted(128, only_coarse))

    first, last = result.levels[0], result.levels[-1]
    assert first.tiles_run > first.tiles_rejected == 0
    assert last.tiles_run == last.tiles_rejected
    assert np.abs(result.alpha - exact).mean() < 0.7 * np.abs(coarse - exact).mean()


def test_an_answer_a_little_out_of_range_is_cut_off() -> None:
    exact = disc((400, 500))
    coarse = seen_by_network(exact, 64)

    result = refined(picture_of(exact), coarse, Scripted(64, lambda tile: red(tile) * np.float32(1.03))).alpha

    assert np.isfinite(result).all()
    assert result.max() <= 1


def test_a_coarse_matte_that_is_not_finite_is_left_as_it_is() -> None:
    coarse = disc((300, 300))
    coarse[7, 7] = np.nan

    result = refined(picture_of(disc((300, 300))), coarse, Scripted(64)).alpha

    assert np.array_equal(result, coarse, equal_nan=True)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), side_px=st.sampled_from([100, 128, 200]))
def test_outside_of_the_band_nothing_changes_whatever_tiles_say(seed: int, side_px: int) -> None:
    rng = np.random.default_rng(seed)
    size = (900, 800)
    coarse = seen_by_network(disc(size), side_px)
    rule = at_its_place(size)

    def with_wires(tile: Plane) -> Plane:
        answer = rule(tile)
        answer[rng.integers(len(answer))] = 1
        answer[:, rng.integers(answer.shape[1])] = 0
        return answer

    result = refined(mapped(size), coarse, Scripted(side_px, with_wires))

    outside = outside_the_band(coarse, side_px)
    assert outside.mean() > 0.05
    assert sum(level.tiles_run - level.tiles_rejected for level in result.levels) > 0
    assert np.array_equal(result.alpha[outside], coarse[outside])


def opposite(tile: Plane) -> Plane:
    return 1 - red(tile)


def nothing(tile: Plane) -> Plane:
    return np.zeros(tile.shape[:2], np.float32)


def not_a_number(tile: Plane) -> Plane:
    return np.full(tile.shape[:2], np.nan, np.float32)


@pytest.mark.parametrize("rule", [opposite, not_a_number])
def test_a_tile_that_contradicts_what_is_known_changes_nothing(rule: Callable[[Plane], Plane]) -> None:
    exact = disc((400, 500))
    coarse = seen_by_network(exact, 64)
    image = picture_of(exact)

    result = refined(image, coarse, Scripted(64, rule))

    untouched = refined(image, coarse, Scripted(64), effort=Effort(max_tiles=0))
    assert np.array_equal(result.alpha, untouched.alpha)
    flat = np.full((400, 500, 3), 0.5, np.float32)
    of_flat = refined(flat, coarse, Scripted(64, not_a_number)).alpha
    assert np.abs(of_flat - exact).mean() < 1.1 * np.abs(coarse - exact).mean()
    assert sum(level.tiles_rejected for level in result.levels) == sum(level.tiles_run for level in result.levels) > 0


def test_a_model_that_sees_nothing_in_a_tile_cannot_erase_the_subject() -> None:
    exact = disc((400, 500))
    coarse = seen_by_network(exact, 64)

    result = refined(picture_of(exact), coarse, Scripted(64, nothing)).alpha

    assert np.abs(result - exact).mean() <= np.abs(coarse - exact).mean()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), at_once=st.integers(1, 9))
def test_the_order_and_the_batches_of_tiles_do_not_matter(seed: int, at_once: int) -> None:
    exact = disc((300, 350))
    image, coarse = picture_of(exact), seen_by_network(exact, 64)

    def shuffled(size: tuple[int, int], side_px: int) -> Iterator[Tile]:
        tiles = list(plan_tiles(size, side_px))
        return iter([tiles[i] for i in np.random.default_rng(seed).permutation(len(tiles))])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refine_tiles, "plan_tiles", shuffled)
        result = refined(image, coarse, Scripted(64), effort=Effort(10**6, at_once)).alpha

    assert np.allclose(result, refined(image, coarse, Scripted(64)).alpha, atol=1e-5)


def test_the_same_input_gives_the_same_matte_bit_for_bit() -> None:
    exact = disc((300, 350))
    image, coarse = picture_of(exact), seen_by_network(exact, 64)

    assert np.array_equal(refined(image, coarse, Scripted(64)).alpha, refined(image, coarse, Scripted(64)).alpha)
