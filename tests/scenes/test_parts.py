"""Every kind of place and of subject in the scenes keeps its promises, whatever the dice say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dis_core.scenes.backdrops.sketch import Sketch
from dis_core.scenes.catalogue import PLACES, SUBJECTS
from dis_core.scenes.rendering import outline_box
from dis_core.scenes.subjects.cars import car

if TYPE_CHECKING:
    from collections.abc import Callable

    from dis_core.scenes.backdrops.backdrop import Backdrop
    from dis_core.scenes.parts import Maker

WHITE, BLACK = np.ones(3, dtype=np.float32), np.zeros(3, dtype=np.float32)


@pytest.mark.parametrize("place", list(PLACES), ids=lambda place: place.__name__)
def test_a_place_fills_its_picture_with_colors_and_depths_in_range(
    place: Callable[[np.random.Generator, tuple[int, int]], Backdrop],
) -> None:
    backdrops = [place(np.random.default_rng(seed), (40, 56)) for seed in range(40)]

    for backdrop in backdrops:
        assert (backdrop.picture.shape, backdrop.depth.shape) == ((40, 56, 3), (40, 56))
        assert np.isfinite(backdrop.picture).all()
        assert -0.05 <= backdrop.picture.min() <= backdrop.picture.max() <= 1.6
        assert -0.05 <= backdrop.depth.min() <= backdrop.depth.max() <= 1.2
        assert backdrop.horizon is None or 0 < backdrop.horizon < 1


@pytest.mark.parametrize("place", list(PLACES), ids=lambda place: place.__name__)
def test_the_same_seed_makes_the_same_place_and_another_one_another(
    place: Callable[[np.random.Generator, tuple[int, int]], Backdrop],
) -> None:
    first, again, other = (place(np.random.default_rng(seed), (32, 32)).picture for seed in (5, 5, 6))

    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.005


@pytest.mark.parametrize("make", list(SUBJECTS), ids=lambda make: make.__name__)
def test_a_subject_has_solid_parts_of_a_sensible_size(make: Maker) -> None:
    for seed in range(40):
        subject = make(np.random.default_rng(seed))

        points = np.concatenate([contour for part in subject.parts for contour in part.contours])
        extent = outline_box(subject.parts)[1] - outline_box(subject.parts)[0]
        assert np.isfinite(points).all()
        assert 0.2 < extent.min() <= extent.max() < 12


def test_cars_are_longer_than_high_from_the_side_and_stand_on_their_wheels() -> None:
    for seed in range(40):
        parts = car(np.random.default_rng(seed)).parts
        left_top, right_bottom = outline_box(parts)
        width, height = right_bottom - left_top
        tires = max(float(contour[:, 1].max()) for part in parts if part.tone == 0.12 for contour in part.contours)

        assert 0.9 < width / height < 4.5
        assert tires == pytest.approx(right_bottom[1], abs=0.05)


def test_a_sketch_holds_the_depth_of_what_was_drawn_last_and_paint_has_none() -> None:
    sketch = Sketch((40, 40), BLACK, 0.1)

    sketch.box(0.25, 0.25, 0.75, 0.75, WHITE, 0.5)
    sketch.box(0.4, 0.4, 0.6, 0.6, BLACK)
    picture, depth = sketch.seen(np.random.default_rng(0), aslant=0.0, roughness=0.0)

    assert picture[20, 12] == pytest.approx(1)
    assert picture[20, 20] == pytest.approx(0)
    assert depth[20, 12] == depth[20, 20] == pytest.approx(0.5)
    assert depth[2, 2] == pytest.approx(0.1)


@pytest.mark.parametrize("aslant", [-0.6, 0.6])
def test_a_wall_that_is_turned_away_still_fills_the_picture(aslant: float) -> None:
    sketch = Sketch((60, 60), WHITE, 0.3)

    picture, depth = sketch.seen(np.random.default_rng(0), aslant=aslant, roughness=0.0)

    assert picture[2:-2, 2:-2].min() == pytest.approx(1)
    assert depth[2:-2, 2:-2].min() == pytest.approx(0.3)
