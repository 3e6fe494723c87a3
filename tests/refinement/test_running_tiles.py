"""How tiles are run: which ones and how many, progress and cancel, memory, and what each is given; and the fast way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from dis_core.errors import Cancelled, OutOfMemory
from dis_core.planes import Plane
from dis_core.progress import Report, ignore
from dis_core.protocols import Effort, Quality, Refined, Segmentation
from dis_core.refinement.fast import refine_fast
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


def test_tiles_lie_along_the_boundary_only_and_are_all_accounted_for() -> None:
    exact = disc((2000, 2000))
    segmenter = Scripted(128)

    result = refined(picture_of(exact), seen_by_network(exact, 128), segmenter)

    finest = result.levels[-1]
    assert len(result.levels) == 4
    assert finest.tiles_skipped > finest.tiles_run > 0
    assert sum(level.tiles_run for level in result.levels) == sum(segmenter.batches)
    for level in result.levels:
        planned = len(list(plan_tiles(level.size, 128)))
        assert level.tiles_run + level.tiles_skipped + level.tiles_over_limit == planned


def test_a_limit_on_tiles_is_kept_and_reported() -> None:
    exact = disc((900, 900))
    segmenter = Scripted(128)

    result = refined(picture_of(exact), seen_by_network(exact, 128), segmenter, effort=Effort(max_tiles=7))

    assert sum(segmenter.batches) == 7
    assert sum(level.tiles_run for level in result.levels) == 7
    assert sum(level.tiles_over_limit for level in result.levels) > 0


def test_progress_names_level_and_tile_and_never_goes_back() -> None:
    exact = disc((600, 600))
    told: list[tuple[float, str]] = []

    refined(
        picture_of(exact),
        seen_by_network(exact, 128),
        Scripted(128),
        report=lambda fraction, doing: told.append((fraction, doing)),
    )

    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    doings = [doing for _, doing in told]
    assert doings[0] == "refining level 1 of 3, following edges"
    assert any(doing.startswith("refining level 1 of 3, tile 1 of ") for doing in doings)
    assert any(doing.startswith("refining level 3 of 3, tile ") for doing in doings)


def test_cancel_is_heeded_between_tiles() -> None:
    exact = disc((600, 600))
    segmenter = Scripted(128)

    def stop_at_third(fraction: float, doing: str) -> None:
        if "tile 3" in doing:
            raise Cancelled

    with pytest.raises(Cancelled):
        refined(picture_of(exact), seen_by_network(exact, 128), segmenter, report=stop_at_third)

    assert sum(segmenter.batches) == 2


@dataclass
class Crowded(Scripted):
    """Has memory for so many tiles at once."""

    room: int = 3

    def segment_tiles(
        self,
        tiles: Sequence[Plane],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> list[Plane]:
        if len(tiles) > self.room:
            raise OutOfMemory("there is too little memory")
        return super().segment_tiles(tiles, known=known, quality=quality, report=report)


def test_batches_that_do_not_fit_are_made_smaller_and_the_result_is_the_same() -> None:
    exact = disc((500, 500))
    image, coarse = picture_of(exact), seen_by_network(exact, 64)
    crowded = Crowded(64)

    result = refined(image, coarse, crowded, effort=Effort(10**6, tiles_at_once=8)).alpha

    assert max(crowded.batches) == 2
    assert np.allclose(result, refined(image, coarse, Scripted(64)).alpha, atol=1e-5)


def test_a_tile_that_does_not_fit_alone_is_an_error() -> None:
    exact = disc((300, 300))

    with pytest.raises(OutOfMemory):
        refined(picture_of(exact), seen_by_network(exact, 64), Crowded(64, room=0))


def test_tiles_get_their_own_part_of_the_whole_images_depth() -> None:
    exact = disc((200, 200))
    depth = exact * np.float32(0.5)
    seen: list[float] = []

    class Depths(Scripted):
        def segment_tiles(
            self,
            tiles: Sequence[Plane],
            *,
            known: Sequence[Segmentation],
            quality: Quality,
            report: Report = ignore,
        ) -> list[Plane]:
            for tile, part in zip(tiles, known, strict=True):
                assert part.depth is not None
                assert part.depth.shape == part.alpha.shape == tile.shape[:2]
                seen.append(float(np.abs(part.depth - red(tile) / 2).max()))
            return super().segment_tiles(tiles, known=known, quality=quality, report=report)

    coarse = Segmentation(seen_by_network(exact, 64), depth)
    refine_with_tiles(picture_of(exact), coarse, Depths(64), quality="normal", effort=ALL, report=ignore)

    assert seen
    assert max(seen) < 1e-5


def test_the_fast_way_asks_the_model_nothing_and_keeps_to_the_band() -> None:
    exact = disc((600, 500))
    coarse = seen_by_network(exact, 64)
    segmenter = Scripted(64)

    result = refine_fast(
        picture_of(exact), Segmentation(coarse), segmenter, quality="normal", effort=ALL, report=ignore
    ).alpha

    outside = outside_the_band(coarse, 64)
    assert segmenter.batches == []
    assert np.array_equal(result[outside], coarse[outside])
    assert np.abs(result - exact).mean() < 0.7 * np.abs(coarse - exact).mean()


@pytest.mark.parametrize("refiner", [refine_fast, refine_with_tiles])
def test_the_inputs_are_left_as_they_were(refiner: Callable[..., Refined]) -> None:
    exact = disc((300, 200))
    image, coarse = picture_of(exact), seen_by_network(exact, 64)
    copies = image.copy(), coarse.copy()

    refiner(image, Segmentation(coarse), Scripted(64), quality="normal", effort=ALL, report=ignore)

    assert np.array_equal(image, copies[0])
    assert np.array_equal(coarse, copies[1])
