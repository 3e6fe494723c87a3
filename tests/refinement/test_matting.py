"""Refinement by matting, and models that answer at less than they see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dis_core.planes import Plane
from dis_core.progress import ignore
from dis_core.protocols import NO_PROMPT, Effort, Quality, Refined, Refiner, Segmentation
from dis_core.refinement import matting
from dis_core.refinement.answers import answer_side_of
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.refinement.fast import refine_fast
from dis_core.refinement.larger import refine_with_larger_look
from dis_core.refinement.matting import refine_with_matting, size_at_most, unknown_at
from dis_core.refinement.tiles import refine_with_tiles
from tests.fakes.scripted_segmenter import Scripted, disc, outside_the_band, picture_of, red, seen_by_network
from tests.refinement.test_closed_form import in_two_colors
from tests.refinement.test_larger import LargerScripted


@dataclass
class AnsweringSmaller(Scripted):
    """A scripted segmenter that answers at half of what it sees."""

    def __call__(self, image: Plane, **options: object) -> Segmentation:
        return Segmentation(seen_by_network(self.rule(image), self.side_px // 2))

    def answer_side_for(self, quality: Quality) -> int:
        return self.side_px // 2


def softly(tile: Plane) -> Plane:
    """The exact matte as far as an answer of half the tile's side allows."""
    return seen_by_network(red(tile), tile.shape[0] // 2)


def refined_by(refine: Refiner, image: Plane, coarse: Plane, segmenter: Scripted, max_tiles: int = 99) -> Refined:
    effort = Effort(max_tiles)
    return refine(image, Segmentation(coarse), segmenter, quality="normal", effort=effort, report=ignore)


def error(found: Plane, exact: Plane) -> float:
    return float(np.abs(found - exact).mean())


def test_matting_comes_nearer_to_a_soft_edge_than_edges_do() -> None:
    exact = disc((500, 600))
    noise = np.random.default_rng(0).normal(0, 0.01, (500, 600, 3)).astype(np.float32)
    coarse, image = seen_by_network(exact, 128), np.clip(in_two_colors(exact) + noise, 0, 1)

    found = refined_by(refine_with_matting, image, coarse, Scripted(256)).alpha

    edges = refined_by(refine_fast, image, coarse, Scripted(256)).alpha
    assert error(found, exact) < 0.8 * error(edges, exact)


def test_outside_of_the_band_matting_changes_nothing() -> None:
    exact = disc((900, 800))
    coarse = seen_by_network(exact, 128)

    found = refined_by(refine_with_matting, picture_of(exact), coarse, Scripted(128)).alpha

    outside = outside_the_band(coarse, 128)
    assert outside.mean() > 0.05
    assert np.array_equal(found[outside], coarse[outside])


def test_an_exact_matte_stays_exact() -> None:
    exact = disc((300, 350))

    assert np.abs(refined_by(refine_with_matting, picture_of(exact), exact, Scripted(100)).alpha - exact).max() < 0.02


def test_translucent_glass_stays_translucent() -> None:
    exact = disc((400, 400)) * np.float32(0.5)
    image = in_two_colors(exact)

    found = refined_by(refine_with_matting, image, seen_by_network(exact, 64), Scripted(128)).alpha

    assert abs(float(found[150:250, 150:250].mean()) - 0.5) < 0.02


def test_matting_is_left_out_where_the_model_knows_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = disc((400, 400))
    gray, image = 0.25 + 0.5 * seen_by_network(exact, 64), picture_of(exact)

    found = refined_by(refine_with_matting, image, gray, Scripted(128)).alpha

    assert np.array_equal(found, refined_by(refine_fast, image, gray, Scripted(128)).alpha)
    monkeypatch.setattr(matting, "MOST_UNKNOWN", 1.0)
    assert not np.array_equal(found, refined_by(refine_with_matting, image, gray, Scripted(128)).alpha)


def test_matting_takes_a_larger_look_first_if_the_model_takes_one() -> None:
    exact = disc((300, 350))
    segmenter = LargerScripted(128)

    result = refined_by(refine_with_matting, picture_of(exact), seen_by_network(exact, 128), segmenter)

    assert segmenter.larger == [(192, 192)]
    assert [level.tiles_run for level in result.levels] == [1]


def test_matting_happens_at_a_size_that_has_a_bound() -> None:
    assert size_at_most((6000, 3000), matting.MATTED_PX) == (1536, 768)
    assert size_at_most((1000, 800), matting.MATTED_PX) == (1000, 800)
    assert size_at_most((9000, 1), matting.MATTED_PX) == (1536, 1)


def test_a_pixel_beside_an_uncertain_answer_is_unknown_too() -> None:
    answer = np.zeros((8, 8), np.float32)
    answer[4, 4] = 0.5

    unknown = unknown_at(answer, (32, 32))

    assert unknown[12:24, 12:24].all()
    assert not unknown[:9].any()


def test_a_model_answers_at_what_it_sees_unless_it_says_otherwise() -> None:
    assert answer_side_of(Scripted(128), "normal") == 128
    assert answer_side_of(AnsweringSmaller(128), "normal") == 64


@pytest.mark.parametrize("refine", [refine_fast, refine_with_matting, refine_with_larger_look, refine_with_tiles])
def test_an_image_that_is_larger_than_the_answer_becomes_finer_although_it_was_seen_whole(refine: Refiner) -> None:
    exact = disc((150, 140))
    coarse, image = seen_by_network(exact, 64), in_two_colors(exact)

    found = refined_by(refine, image, coarse, AnsweringSmaller(128)).alpha

    assert error(found, exact) < 0.7 * error(coarse, exact)
    assert np.array_equal(refined_by(refine, image, coarse, Scripted(128)).alpha, coarse)


@pytest.mark.parametrize("refine", [refine_fast, refine_with_matting, refine_with_larger_look, refine_with_tiles])
def test_an_image_no_larger_than_the_answer_keeps_its_matte(refine: Refiner) -> None:
    exact = disc((80, 80))
    coarse = seen_by_network(exact, 64)

    found = refined_by(refine, in_two_colors(exact), coarse, AnsweringSmaller(128)).alpha

    assert np.array_equal(found, coarse)


def test_soft_answers_about_tiles_follow_edges_again() -> None:
    exact = disc((500, 500))
    coarse, image = seen_by_network(exact, 64), picture_of(exact)

    found = refined_by(refine_with_tiles, image, coarse, AnsweringSmaller(128, softly))

    left_soft = refined_by(refine_with_tiles, image, coarse, Scripted(128, softly))
    assert sum(level.tiles_run - level.tiles_rejected for level in found.levels) > 0
    assert error(found.alpha, exact) < 0.8 * error(left_soft.alpha, exact)


def test_auto_mattes_with_one_look_and_says_why() -> None:
    exact = disc((500, 500))
    segmenter = AnsweringSmaller(128)

    found, refinement = Passes(segmenter, "normal", "auto", Effort(99)).over(in_two_colors(exact), NO_PROMPT, ignore)

    assert refinement.method == "matting"
    assert segmenter.batches == []
    assert refinement.reason
    assert np.isfinite(found.alpha).all()
