"""What of a matte belongs to the thing in a box: whole parts, what sticks out by little, and no neighbors."""

from __future__ import annotations

import numpy as np
import pytest

from dis_core.geometry import Box, Points
from dis_core.planes import Plane
from dis_core.refinement.belonging import kept_in_box, kept_of_guess

EVERYWHERE = (True, True, True, True)
SIZE = (200, 300)
BOX = Box(60, 40, 200, 160)


def matte(*boxes: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Plane:
    alpha = np.zeros(size, np.float32)
    for left, top, right, bottom in boxes:
        alpha[top:bottom, left:right] = 1
    return alpha


def test_a_thing_in_the_box_is_kept_bit_for_bit_with_its_soft_edges_and_holes() -> None:
    alpha = matte((80, 60, 180, 140))
    alpha[90:100, 100:120] = 0
    alpha[60:140, 180:186] = 0.3

    kept = kept_in_box(alpha, BOX, goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha, alpha)
    assert not kept.is_cut


def test_a_neighbor_that_lies_mostly_outside_is_dropped_to_its_last_pixel() -> None:
    mine, neighbor = matte((80, 60, 150, 140)), matte((185, 50, 260, 150))
    neighbor[50:150, 180:185] = 0.4

    kept = kept_in_box(mine + neighbor, BOX, goes_on=EVERYWHERE)

    assert np.abs(kept.alpha - mine).max() == 0


def test_what_sticks_out_of_the_box_by_little_and_ends_there_is_kept() -> None:
    alpha = matte((80, 60, 180, 140), (120, 30, 130, 60))

    kept = kept_in_box(alpha, BOX, goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha, alpha)
    assert not kept.is_cut


def test_what_goes_on_beyond_what_was_looked_at_is_cut_off_at_the_box_and_that_is_said() -> None:
    kept = kept_in_box(matte((80, 60, 300, 140)), BOX, goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha, matte((80, 60, 200, 140)))
    assert kept.is_cut


def test_what_goes_on_to_the_images_own_border_is_not_cut_off() -> None:
    alpha = matte((80, 60, 180, 200))

    kept = kept_in_box(alpha, Box(60, 40, 200, 185), goes_on=(True, True, True, False))

    assert np.array_equal(kept.alpha, alpha)
    assert not kept.is_cut


def test_a_large_thing_beside_the_box_that_touches_is_no_overhang() -> None:
    kept = kept_in_box(matte((100, 60, 180, 140), (180, 90, 290, 120)), BOX, goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha[:, 200:], matte()[:, 200:])
    assert kept.is_cut


def test_a_point_on_the_background_drops_the_part_that_it_is_on() -> None:
    mine, other = matte((70, 50, 120, 150)), matte((140, 50, 190, 150))

    kept = kept_in_box(mine + other, BOX, Points(background=[(160, 100)]), goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha, mine)
    assert kept.not_separable == ()


def test_a_point_on_the_subject_keeps_a_part_that_lies_mostly_outside() -> None:
    mine, other = matte((70, 50, 120, 150)), matte((185, 80, 225, 110))

    kept = kept_in_box(mine + other, BOX, Points(subject=[(190, 100)]), goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha, mine + other)


def test_a_point_on_the_background_of_the_only_thing_there_is_changes_nothing_and_is_named() -> None:
    alpha = matte((80, 60, 180, 140))

    kept = kept_in_box(alpha, BOX, Points(background=[(100, 100)]), goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha, alpha)
    assert kept.not_separable == ((100, 100),)


@pytest.mark.parametrize("point", [(10.0, 10.0), (-40.0, 20.0), (900.0, 20.0)])
def test_a_point_where_nothing_was_found_is_named(point: tuple[float, float]) -> None:
    kept = kept_in_box(matte((80, 60, 180, 140)), BOX, Points(subject=[point]), goes_on=EVERYWHERE)

    assert kept.on_nothing == (point,)


def test_single_hairs_in_a_large_matte_are_kept_beside_a_neighbor_that_is_dropped() -> None:
    size = (1600, 2400)
    alpha = matte((640, 480, 1300, 1100), (1700, 400, 2390, 1500), size=size)
    hairs = matte(*((700 + 40 * number, 300, 702 + 40 * number, 480) for number in range(10)), size=size)
    box = Box(600, 330, 1500, 1200)

    kept = kept_in_box(alpha + 0.6 * hairs, box, goes_on=EVERYWHERE)

    assert np.abs(kept.alpha[:, :1600] - (alpha + 0.6 * hairs)[:, :1600])[310:].max() == 0
    assert kept.alpha[:, 1600:].max() == 0


GUESS = matte((80, 60, 180, 140))


def test_of_a_guess_its_part_is_kept_with_hair_and_soft_edges() -> None:
    alpha = matte((76, 56, 184, 144), (120, 30, 123, 60))
    alpha[56:144, 184:188] = 0.3

    kept = kept_of_guess(alpha, GUESS, goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha, alpha)
    assert kept.covered == 1


def test_a_neighbor_that_touches_is_cut_off_at_the_guess() -> None:
    kept = kept_of_guess(matte((80, 60, 290, 140)), GUESS, goes_on=EVERYWHERE)

    assert np.abs(kept.alpha - matte((80, 60, 180, 140)))[:, :179].max() == 0
    assert kept.alpha[:, 182:].max() == 0
    assert kept.is_cut


def test_a_shadow_that_goes_on_takes_nothing_of_the_edge() -> None:
    thing = matte((76, 60, 184, 140))
    shadow = 0.2 * matte((184, 100, 300, 140))

    kept = kept_of_guess(thing + shadow, GUESS, goes_on=EVERYWHERE)

    assert np.array_equal(kept.alpha[:, :184], thing[:, :184])
    assert kept.alpha[:, 230:].max() == 0


def test_another_thing_than_the_guess_is_dropped_and_the_guess_is_not_covered() -> None:
    kept = kept_of_guess(matte((200, 60, 290, 140)), GUESS, goes_on=EVERYWHERE)

    assert kept.alpha.max() == 0
    assert kept.covered == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3, 2), (5000, 4)])
def test_tiny_mattes_and_strips_are_looked_at_too(size: tuple[int, int]) -> None:
    whole = Box(0, 0, size[1], size[0])

    kept = kept_in_box(np.ones(size, np.float32), whole, goes_on=(False,) * 4)

    assert (kept.alpha == 1).all()
