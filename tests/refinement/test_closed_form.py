"""Closed-form matting in cells: the right equations, solved only where the matte is unknown."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dis_core.errors import Cancelled
from dis_core.planes import Plane
from dis_core.progress import ignore
from dis_core.refinement.closed_form import HALO_PX, SMOOTHING, Cells, Windows, matted
from dis_core.refinement.resizing import enlarged, shrunk
from tests.fakes.scripted_segmenter import disc


def textured(size: tuple[int, int], *, seed: int) -> Plane:
    """Colors that vary from pixel to pixel, (h, w, 3)."""
    return np.random.default_rng(seed).uniform(0.2, 0.8, (*size, 3)).astype(np.float32)


def in_two_colors(alpha: Plane) -> Plane:
    """A subject of one color, (h, w, 3), before a backdrop of another one, both with a slow change of light."""
    light = np.linspace(0.9, 1.1, alpha.shape[1], dtype=np.float32)[None, :, None]
    subject, backdrop = (np.array(color, np.float32) * light for color in ((0.7, 0.35, 0.2), (0.2, 0.4, 0.6)))
    mixed: Plane = backdrop + alpha[..., None] * (subject - backdrop)
    return mixed


def softened(alpha: Plane, times: int) -> Plane:
    size = alpha.shape[0], alpha.shape[1]
    return enlarged(shrunk(alpha, (size[0] // times, size[1] // times)), size)


def levins_matrix(image: Plane) -> NDArray[np.float64]:
    """The matting Laplacian of an image, (h, w, 3), as the paper writes it: a dense (h w, h w) matrix."""
    height, width, _ = image.shape
    matrix = np.zeros((height * width, height * width))
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            rows, columns = np.mgrid[y - 1 : y + 2, x - 1 : x + 2]
            members = (rows * width + columns).ravel()
            colors = image[rows, columns].reshape(9, 3).astype(np.float64)
            off = colors - colors.mean(0)
            inverse = np.linalg.inv(off.T @ off / 9 + SMOOTHING * np.eye(3))
            matrix[np.ix_(members, members)] += np.eye(9) - (1 + off @ inverse @ off.T) / 9
    return matrix


def test_what_is_left_over_is_the_product_with_levins_matrix() -> None:
    size = (32, 32)
    image = textured(size, seed=0)
    matte = np.random.default_rng(1).uniform(0, 1, size).astype(np.float32)

    cells = Cells(np.ones(size, bool))
    found = Windows.of(cells, image).left_over(cells.around(cells.padded(matte)))[0].numpy()

    expected = (levins_matrix(image) @ matte.ravel().astype(np.float64)).reshape(size) / 9
    inner = slice(HALO_PX, -HALO_PX)
    np.testing.assert_allclose(found[inner, inner], expected[inner, inner], atol=2e-4)


def test_known_pixels_stay_bit_for_bit() -> None:
    exact = disc((70, 90))
    before, unknown = softened(exact, 8), np.zeros((70, 90), bool)
    unknown[10:40, 20:60] = True

    found = matted(before, in_two_colors(exact), unknown, report=ignore)

    assert np.array_equal(found[~unknown], before[~unknown])
    assert not np.array_equal(found[unknown], before[unknown])


def test_a_soft_edge_becomes_as_soft_as_it_is_in_the_image() -> None:
    exact = disc((120, 150), soft_px=5)
    before = softened(exact, 6)

    found = matted(before, in_two_colors(exact), (before > 0.01) & (before < 0.99), report=ignore)

    assert np.abs(before - exact).mean() > 0.01
    assert np.abs(found - exact).mean() < 0.45 * np.abs(before - exact).mean()


def test_where_color_says_nothing_an_even_matte_stays() -> None:
    matte = np.full((60, 60), 0.4, np.float32)

    found = matted(matte, np.full((60, 60, 3), 0.5, np.float32), np.ones((60, 60), bool), report=ignore)

    np.testing.assert_allclose(found, matte, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (4, 5), (32, 32), (33, 65)])
def test_odd_sizes_stay_within_range_and_keep_their_border(size: tuple[int, int]) -> None:
    matte = np.random.default_rng(2).uniform(0, 1, size).astype(np.float32)

    found = matted(matte, textured(size, seed=3), np.ones(size, bool), report=ignore)

    assert found.shape == size
    assert found is not matte
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.array_equal(found[:HALO_PX], matte[:HALO_PX])
    assert np.array_equal(found[:, -HALO_PX:], matte[:, -HALO_PX:])


def test_cells_without_unknown_pixels_are_not_computed() -> None:
    free = np.zeros((640, 640), bool)
    free[100, 100] = free[600, 30] = True

    cells = Cells(free)

    assert cells.free.shape[0] == 2
    assert float(cells.free.sum()) == 2
    assert torch.equal(cells.around(cells.padded(np.ones((640, 640), np.float32)))[0], torch.ones(36, 36))


def test_matting_can_be_cancelled() -> None:
    exact = disc((60, 60))
    steps: list[float] = []

    def stop(fraction: float, doing: str) -> None:
        steps.append(fraction)
        if len(steps) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        matted(softened(exact, 6), in_two_colors(exact), np.ones((60, 60), bool), report=stop)

    assert steps == sorted(steps)


def test_an_exact_matte_stays_exact() -> None:
    matte = np.zeros((120, 160), np.float32)
    matte[30:80, 40:121] = 1
    bright, dark = (np.array(color, np.float32) for color in ((0.98, 0.94, 0.78), (0.08, 0.16, 0.35)))
    image = np.where(matte[..., None] > 0, bright, dark)
    unknown = np.zeros(matte.shape, bool)
    unknown[20:90, 30:131] = True

    found = matted(matte, image, unknown, report=ignore)

    assert np.array_equal(found, matte)
