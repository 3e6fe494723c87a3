"""One larger look instead of tiles: it is believed like a tile, and it is the only look more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from dis_core.planes import Plane
from dis_core.progress import Report, ignore
from dis_core.protocols import NO_PROMPT, Effort, Quality, Refined, Segmentation
from dis_core.refinement.band import is_worth_a_look
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.refinement.larger import refine_with_larger_look
from dis_core.refinement.tiles import refine_with_tiles
from dis_core.refinement.tiling import plan_tiles
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

SIZE = (300, 350)


@dataclass
class LargerScripted(Scripted):
    """A scripted segmenter that can also look at 1.5 times its side; it notes the sizes of such looks."""

    larger: list[tuple[int, ...]] = field(default_factory=list)
    looks: int = 0

    def __call__(self, image: Plane, **options: object) -> Segmentation:
        self.looks += 1
        return Segmentation(seen_by_network(red(image), self.side_px))

    def larger_side_for(self, quality: Quality) -> int | None:
        return None if quality == "draft" else self.side_px * 3 // 2

    def look_larger(self, image: Plane, *, known: Segmentation, quality: Quality, report: Report = ignore) -> Plane:
        self.larger.append(image.shape[:2])
        return self.rule(image)


def larger(segmenter: Scripted, image: Plane, coarse: Plane, effort: Effort = ALL) -> Refined:
    return refine_with_larger_look(
        image, Segmentation(coarse), segmenter, quality="normal", effort=effort, report=ignore
    )


def test_the_model_looks_once_more_at_one_and_a_half_times_its_side() -> None:
    exact = disc(SIZE)
    segmenter = LargerScripted(128)
    coarse = seen_by_network(exact, 128)

    result = larger(segmenter, picture_of(exact), coarse)

    assert segmenter.larger == [(192, 192)]
    assert segmenter.batches == []
    assert [(level.size, level.tiles_run, level.tiles_rejected) for level in result.levels] == [((192, 192), 1, 0)]
    assert np.abs(result.alpha - exact).mean() < 0.5 * np.abs(coarse - exact).mean()


@pytest.mark.parametrize("rule", [lambda tile: 1 - red(tile), lambda tile: np.full(tile.shape[:2], np.nan, np.float32)])
def test_a_larger_look_that_contradicts_what_is_known_changes_nothing(rule: Callable[[Plane], Plane]) -> None:
    exact = disc(SIZE)
    coarse = seen_by_network(exact, 128)

    result = larger(LargerScripted(128, rule), picture_of(exact), coarse)

    untold = larger(LargerScripted(128, lambda tile: np.zeros(tile.shape[:2], np.float32)), picture_of(exact), coarse)
    assert result.levels[0].tiles_rejected == 1
    assert np.array_equal(result.alpha, untold.alpha)


def test_outside_of_the_band_a_larger_look_changes_nothing() -> None:
    exact = disc((900, 800))
    coarse = seen_by_network(exact, 128)

    def with_a_wire(tile: Plane) -> Plane:
        answer: Plane = red(tile).copy()
        answer[len(answer) // 9] = 1
        return answer

    result = larger(LargerScripted(128, with_a_wire), picture_of(exact), coarse)

    outside = outside_the_band(coarse, 128)
    assert outside.mean() > 0.05
    assert result.levels[0].tiles_rejected == 0
    assert np.array_equal(result.alpha[outside], coarse[outside])


def test_an_exact_model_stays_exact_with_a_larger_look() -> None:
    exact = disc(SIZE)

    assert np.abs(larger(LargerScripted(100), picture_of(exact), exact).alpha - exact).max() < 0.01


def test_no_look_is_taken_where_none_is_allowed() -> None:
    exact = disc(SIZE)
    segmenter = LargerScripted(128)

    larger(segmenter, picture_of(exact), seen_by_network(exact, 128), Effort(max_tiles=0))

    assert segmenter.larger == []


def test_tiles_begin_with_the_larger_look_and_compute_no_overlap_twice() -> None:
    exact = disc((370, 370))
    coarse = seen_by_network(exact, 128)
    segmenter, plain = LargerScripted(128), Scripted(128)

    result = refine_with_tiles(
        picture_of(exact), Segmentation(coarse), segmenter, quality="normal", effort=ALL, report=ignore
    )

    refined(picture_of(exact), coarse, plain)
    assert segmenter.larger == [(192, 192)]
    assert result.levels[0].tiles_run == 1
    assert 0 < sum(segmenter.batches) < sum(plain.batches)


@pytest.mark.parametrize("rule", [red, lambda tile: 1 - red(tile)])
def test_an_image_no_larger_than_the_larger_look_needs_no_tiles(rule: Callable[[Plane], Plane]) -> None:
    exact = disc((180, 170))
    coarse = seen_by_network(exact, 128)
    segmenter = LargerScripted(128, rule)

    result = refine_with_tiles(
        picture_of(exact), Segmentation(coarse), segmenter, quality="normal", effort=ALL, report=ignore
    )

    assert segmenter.larger == [(180, 170)]
    assert segmenter.batches == []
    assert np.array_equal(result.alpha, larger(LargerScripted(128, rule), picture_of(exact), coarse).alpha)


def test_a_small_subject_is_looked_at_closer_and_not_also_larger() -> None:
    exact = np.zeros((700, 700), np.float32)
    exact[200:400, 250:420] = 1
    segmenter = LargerScripted(128)

    _, refinement = Passes(segmenter, "normal", "auto", ALL).over(picture_of(exact), NO_PROMPT, ignore)

    assert refinement.closer_look == "taken"
    assert segmenter.looks == 2
    assert segmenter.larger == []
    assert segmenter.batches == []


@pytest.mark.parametrize("refiner", [refine_with_larger_look, refine_with_tiles])
def test_a_long_strip_is_not_looked_at_in_tiles(refiner: Callable[..., Refined]) -> None:
    exact = disc((15, 5000))
    segmenter = LargerScripted(96)

    result = refiner(picture_of(exact), Segmentation(exact), segmenter, quality="normal", effort=ALL, report=ignore)

    assert segmenter.larger == []
    assert segmenter.batches == []
    assert result.levels == ()
    assert np.array_equal(result.alpha, exact)


def test_a_tile_with_a_few_uncertain_pixels_is_not_worth_a_look() -> None:
    (tile,) = plan_tiles((128, 128), 128)
    speck, line = np.zeros((2, 128, 128), np.float32)
    speck[60, 60:63] = 0.5
    line[:, 64:] = 1

    assert not is_worth_a_look(tile, speck)
    assert is_worth_a_look(tile, line)
    assert not is_worth_a_look(tile, np.ones_like(speck))
