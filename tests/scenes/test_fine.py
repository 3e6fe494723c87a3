"""Hairlines are drawn with the cover that they have, and only large scenes show them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dis_core.planes import Plane
from dis_core.scenes.hairlines import Lines, drawn, edge_of, hair, net, rigging, wheel
from dis_core.scenes.scene import Scene, make_fine_scene, make_scene

SEEDS = range(6)


@cache
def fine_scene(seed: int, side: int) -> Scene:
    return make_fine_scene(seed, (side, side))


def line(start: tuple[float, float], stop: tuple[float, float], width: float) -> Lines:
    return Lines(np.array([start], float), np.array([stop], float), np.array([width]), np.ones(1))


def opened(alpha: Plane, *, radius_px: int) -> Plane:
    """What is left of a matte when all that is narrower than about twice the radius is taken away."""
    for take in (np.minimum, np.maximum):
        for axis in (0, 1):
            for _ in range(radius_px):
                padded = np.pad(alpha, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
                before, after = (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
                alpha = take(take(before, after), alpha)
    return alpha


@pytest.mark.parametrize("width", [0.06, 0.5, 1.0, 1.7, 3.0])
@pytest.mark.parametrize("stop", [(80.0, 10.3), (80.0, 45.0), (60.0, 70.0), (12.0, 80.0)])
def test_a_line_covers_its_length_times_its_width(width: float, stop: tuple[float, float]) -> None:
    start = (10.0, 10.3)

    cover, tone = drawn(line(start, stop, width), (100, 100))

    assert cover.sum() == pytest.approx(width * np.hypot(stop[0] - start[0], stop[1] - start[1]), rel=0.03)
    assert tone[cover > 0] == pytest.approx(1)


def test_a_line_in_the_middle_of_a_row_covers_that_row_by_its_width() -> None:
    cover, _ = drawn(line((10, 20.5), (30, 20.5), 0.4), (40, 40))

    assert cover[20, 10:30] == pytest.approx(0.4, abs=1e-5)
    assert np.delete(cover, 20, axis=0).max() == 0


def test_a_line_drawn_backwards_is_the_same_line() -> None:
    there, _ = drawn(line((3, 5), (30, 22), 1.3), (40, 40))
    back, _ = drawn(line((30, 22), (3, 5), 1.3), (40, 40))

    np.testing.assert_allclose(there, back, atol=1e-6)


def test_lines_that_cross_cover_no_pixel_more_than_once() -> None:
    one, other = line((0, 20.5), (40, 20.5), 1.0), line((20.5, 0), (20.5, 40), 0.5)
    both = Lines(*(np.concatenate(pair) for pair in zip(vars(one).values(), vars(other).values(), strict=True)))

    cover, _ = drawn(both, (40, 40))

    assert cover.max() <= 1
    assert cover[20, 20] == pytest.approx(1, abs=1e-4)
    assert cover[10, 20] == pytest.approx(0.5, abs=1e-4)


def test_lines_out_of_the_picture_leave_it_empty_and_others_are_cut_at_its_border() -> None:
    outside, _ = drawn(line((-50, -10), (-20, 90), 2), (40, 40))
    across, _ = drawn(line((-1000, 20.5), (1000, 20.5), 1), (40, 40))

    assert outside.max() == 0
    assert across.sum() == pytest.approx(40, rel=0.01)


def test_the_edge_of_a_disc_leads_away_from_its_middle() -> None:
    y, x = np.mgrid[:200, :200] + 0.5
    disc = (np.hypot(x - 90, y - 110) < 60).astype(np.float32)

    edge = edge_of(disc)

    offset = edge.places - (90, 110)
    distance = np.linalg.norm(offset, axis=1)
    assert distance == pytest.approx(60, abs=2.5)
    assert (edge.outward * offset).sum(axis=1) / distance == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("make", [hair, rigging, wheel, net])
def test_hairlines_are_1_to_3_pixels_wide_at_4096(make: object) -> None:
    y, x = np.mgrid[:64, :64]
    edge = edge_of((np.hypot(x - 32, y - 32) < 16).astype(np.float32))
    assert callable(make)

    widths = np.concatenate([make(np.random.default_rng(seed), edge, 4096.0).width for seed in range(10)])

    assert widths.min() >= 1
    assert widths.max() <= 3


def test_the_same_seed_gives_the_same_fine_scene_and_not_the_plain_one() -> None:
    again = make_fine_scene(1, (96, 96))

    np.testing.assert_array_equal(fine_scene(1, 96).image, again.image)
    np.testing.assert_array_equal(fine_scene(1, 96).alpha, again.alpha)
    np.testing.assert_array_equal(fine_scene(1, 96).depth, again.depth)
    assert np.abs(again.alpha - make_scene(1, (96, 96)).alpha).mean() > 0.02


def test_planes_of_fine_scenes_stay_in_range() -> None:
    for seed in SEEDS:
        scene = fine_scene(seed, 96)

        for plane in (scene.image, scene.alpha, scene.depth):
            assert plane.dtype == np.float32
            assert np.isfinite(plane).all()
            assert 0 <= plane.min() <= plane.max() <= 1


def test_a_large_fine_scene_has_structure_that_a_small_one_only_hints_at() -> None:
    large, small = fine_scene(2, 2048).alpha, fine_scene(2, 128).alpha

    thin_large, thin_small = (alpha - opened(alpha, radius_px=3) for alpha in (large, small))
    reduced = large.reshape(128, 16, 128, 16).mean(axis=(1, 3))

    # Measured: 1.5 % of the pixels of the large matte and 0.07 % of those of the small one.
    assert (thin_large > 0.5).mean() > 0.005
    assert (thin_small > 0.5).mean() < 0.5 * (thin_large > 0.5).mean()
    assert np.abs(reduced - small).mean() < 0.02


def test_hairlines_have_the_depth_of_the_subject_and_not_of_what_is_behind() -> None:
    scene = fine_scene(2, 1024)
    body = opened(scene.alpha, radius_px=4) > 0.99
    lines = (scene.alpha > 0.9) & (opened(scene.alpha, radius_px=4) < 0.01)
    background = scene.alpha == 0

    assert lines.sum() > 50
    from_body = abs(float(np.median(scene.depth[lines]) - np.median(scene.depth[body])))
    from_background = abs(float(np.median(scene.depth[lines]) - np.median(scene.depth[background])))
    assert from_body < from_background
