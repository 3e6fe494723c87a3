"""Procedural scenes are reproducible, stay within their stated limits, and agree with themselves."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dis_core.scenes.contours import ellipse, polygon
from dis_core.scenes.lighting import lit_unevenly
from dis_core.scenes.parts import Part
from dis_core.scenes.rendering import Layer, Light, coverage, draw_parts, silhouette
from dis_core.scenes.scene import Scene, make_scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEEDS = range(40)
FLAT_LIGHT = Light((0.0, 0.0, 1.0), 1.0, 0.0)


@cache
def scene_of(seed: int) -> Scene:
    return make_scene(seed, (96, 128))


def grown(mask: NDArray[np.bool_], *, by_px: int) -> NDArray[np.bool_]:
    for _ in range(by_px):
        wide = np.pad(mask, 1)
        mask = wide[1:-1, 1:-1] | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return mask


def test_the_same_seed_and_size_give_the_same_scene() -> None:
    first, second = make_scene(7, (64, 80)), make_scene(7, (64, 80))

    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.alpha, second.alpha)
    np.testing.assert_array_equal(first.depth, second.depth)


def test_different_seeds_give_different_subjects_and_pictures() -> None:
    pairs = [(scene_of(seed), scene_of(seed + 1)) for seed in SEEDS[:-1]]

    assert all(np.abs(one.image - other.image).mean() > 0.02 for one, other in pairs)
    assert all(np.abs(one.alpha - other.alpha).mean() > 0.02 for one, other in pairs)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        make_scene(-1, (64, 64))


@pytest.mark.parametrize("size", [(64, 64), (48, 160), (150, 50), (33, 47)])
def test_planes_have_the_size_that_was_asked_for_and_lie_between_0_and_1(size: tuple[int, int]) -> None:
    scene = make_scene(3, size)

    assert (scene.image.shape, scene.alpha.shape, scene.depth.shape) == ((*size, 3), size, size)
    for plane in (scene.image, scene.alpha, scene.depth):
        assert plane.dtype == np.float32
        assert np.isfinite(plane).all()
        assert plane.min() >= 0
        assert plane.max() <= 1


def test_values_stay_in_range_in_every_scene() -> None:
    planes = [plane for seed in SEEDS for plane in (scene_of(seed).image, scene_of(seed).alpha, scene_of(seed).depth)]

    assert all(plane.dtype == np.float32 for plane in planes)
    assert all(plane.min() >= 0 and plane.max() <= 1 for plane in planes)


def test_the_subject_covers_between_4_and_75_percent_of_every_scene() -> None:
    areas = [float(scene_of(seed).alpha.mean()) for seed in SEEDS]

    assert min(areas) > 0.04
    assert max(areas) < 0.75


def test_subjects_are_small_and_large() -> None:
    areas = [float(scene_of(seed).alpha.mean()) for seed in SEEDS]

    assert min(areas) < 0.12
    assert max(areas) > 0.5
    assert 0.05 < np.mean(np.array(areas) > 0.4) < 0.4


def test_the_subject_touches_the_border_in_some_scenes_and_not_in_others() -> None:
    touching = [
        max(a[0].max(), a[-1].max(), a[:, 0].max(), a[:, -1].max()) > 0.5 for a in (scene_of(s).alpha for s in SEEDS)
    ]

    assert 0.3 < np.mean(touching) < 0.85


def test_the_subject_is_nearer_than_what_surrounds_it_in_nearly_every_scene() -> None:
    is_nearer = []
    for seed in SEEDS:
        scene = scene_of(seed)
        ring = grown(scene.alpha > 0.5, by_px=6) & (scene.alpha < 0.02)
        is_nearer.append(np.median(scene.depth[scene.alpha > 0.95]) > np.median(scene.depth[ring]) + 0.05)

    assert np.mean(is_nearer) >= 0.95


def test_depth_uses_its_whole_range_and_does_not_give_the_matte_away() -> None:
    nearest_outside = []
    for seed in SEEDS:
        scene = scene_of(seed)
        assert scene.depth.min() == pytest.approx(0, abs=1e-6)
        assert scene.depth.max() == pytest.approx(1, abs=1e-6)
        nearest_outside.append(scene.depth[scene.alpha < 0.02].max() > np.median(scene.depth[scene.alpha > 0.95]))

    # Where there is ground before the subject, a threshold on depth would take the ground along.
    assert np.mean(nearest_outside) > 0.15


def test_edges_are_soft_and_most_of_the_matte_is_not() -> None:
    shares = [float(((a > 0.05) & (a < 0.95)).mean()) for a in (scene_of(seed).alpha for seed in SEEDS)]

    assert min(shares) > 0.001
    assert np.median(shares) < 0.15


def test_a_scene_looks_alike_at_twice_the_size() -> None:
    distances = []
    for seed in range(8):
        small, large = make_scene(seed, (64, 64)), make_scene(seed, (128, 128))
        halved = large.alpha.reshape(64, 2, 64, 2).mean(axis=(1, 3))
        distances.append(float(np.abs(halved - small.alpha).mean()))

    assert np.median(distances) < 0.02
    assert max(distances) < 0.08


def test_shapes_that_share_an_edge_leave_no_seam_in_the_alpha() -> None:
    left = polygon((4, 4), (15.5, 4), (15.5, 28), (4, 28))
    right = polygon((15.5, 4), (28, 4), (28, 28), (15.5, 28))
    surface = np.full((32, 32, 3), 0.5, dtype=np.float32)

    layer = draw_parts([Part([left], relief=0), Part([right], relief=0)], {0: surface}, FLAT_LIGHT, (32, 32))

    np.testing.assert_allclose(layer.alpha[8:24, 8:24], 1.0, atol=1e-6)


def test_a_hole_shows_what_is_behind_it_unless_another_part_covers_it() -> None:
    ring = Part([ellipse((16, 16), (12, 12))], [ellipse((16, 16), (6, 6))])
    plug = Part([ellipse((16, 16), (3, 3))])

    alone, plugged = (silhouette(parts, (32, 32), supersampling=3) for parts in ([ring], [plug, ring]))

    assert alone[16, 16] == 0
    assert alone[16, 7] == 1
    assert plugged[16, 16] == 1


def test_coverage_of_a_disc_is_its_area() -> None:
    disc = Part([ellipse((20, 20), (12, 12))])

    mask = coverage(disc, (40, 40), supersampling=3)

    # Pillow fills the pixels on an outline too, a third of a pixel's width here.
    assert mask.sum() == pytest.approx(np.pi * 12**2, rel=0.04)


def test_paint_stays_within_the_subject() -> None:
    surfaces = {0: np.full((32, 32, 3), 0.8, dtype=np.float32), 1: np.full((32, 32, 3), 0.2, dtype=np.float32)}
    body = Part([polygon((8.5, 8), (24, 8), (24, 24), (8.5, 24))], relief=0)
    paint = Part([polygon((0, 12), (32, 12), (32, 20), (0, 20))], material=1, relief=0, is_marking=True)

    layer = draw_parts([body, paint], surfaces, FLAT_LIGHT, (32, 32))

    assert layer.alpha[16, 2] == 0
    assert layer.color[16, 2].max() == 0
    assert layer.alpha[16, 16] == 1
    assert layer.color[16, 16] == pytest.approx(0.2, abs=0.02)
    assert 0.2 < layer.alpha[16, 8] < 0.8
    assert layer.color[16, 8] == pytest.approx(0.2 * layer.alpha[16, 8], abs=0.02)


def test_the_subject_can_be_told_from_what_is_beside_it_in_nearly_every_scene() -> None:
    differences = []
    for seed in SEEDS:
        scene = scene_of(seed)
        beside = grown(scene.alpha > 0.5, by_px=8) & (scene.alpha < 0.02)
        inside = scene.image[scene.alpha > 0.95].mean(axis=0)
        differences.append(float(np.abs(inside - scene.image[beside].mean(axis=0)).max()))

    assert np.mean(np.array(differences) > 0.04) >= 0.9


def test_most_scenes_are_as_pale_as_photographs_and_some_are_vivid() -> None:
    vividness = [float(np.ptp(scene_of(seed).image, axis=-1).mean()) for seed in SEEDS]

    assert 0.05 < np.median(vividness) < 0.2
    assert max(vividness) > 0.2


def test_light_that_changes_across_a_subject_leaves_its_alpha_and_lets_no_edge_glow() -> None:
    alpha = np.zeros((48, 48), dtype=np.float32)
    alpha[10:40, 12:36] = 1
    alpha[10:40, 36] = 0.3
    layer = Layer(alpha[..., None] * np.full(3, 0.6, dtype=np.float32), alpha, np.zeros_like(alpha))

    changed = [lit_unevenly(np.random.default_rng(seed), layer) for seed in range(30)]

    assert all(one.alpha is alpha for one in changed)
    assert all((one.color <= alpha[..., None] + 1e-6).all() for one in changed)
    spreads = [float(np.ptp(one.color[12:38, 14:34].mean(axis=-1))) for one in changed]
    assert np.mean(np.array(spreads) > 0.1) > 0.5
