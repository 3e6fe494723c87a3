"""The coarse matte is enlarged along the edges of the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dis_core.models.resample import box_mean, box_sums, part_of_resized, resize_by_area
from dis_core.refinement.guided_filter import RADIUS_PX, SMOOTHING, follow_edges, linear_functions, without_grain
from dis_core.refinement.resizing import enlarged, shrunk

Plane = NDArray[np.float32]


def enlarge_along_edges(coarse: Plane, small: Plane, large: Plane) -> Plane:
    """The coarse matte enlarged, and then along the edges of the large image."""
    size = large.shape[0], large.shape[1]
    matte: Plane = resize_by_area(torch.from_numpy(coarse)[None, None], size)[0, 0].numpy().copy()
    follow_edges(matte, of=large, coarse=coarse, small=small)
    return matte


def fitted_directly(matte: Plane, image: Plane) -> NDArray[np.float64]:
    """The guided filter's coefficients as its paper writes them, window by window, and what they explain: (h, w, 5)."""
    height, width = matte.shape
    each = np.zeros((height, width, 5))
    for y in range(height):
        for x in range(width):
            window = np.s_[max(y - RADIUS_PX, 0) : y + RADIUS_PX + 1, max(x - RADIUS_PX, 0) : x + RADIUS_PX + 1]
            colors = image[window].reshape(-1, 3).astype(np.float64)
            values = matte[window].reshape(-1).astype(np.float64)
            covariance = np.cov(colors, rowvar=False, bias=True) + SMOOTHING * np.eye(3)
            together = (colors * values[:, None]).mean(0) - colors.mean(0) * values.mean()
            factors = np.linalg.solve(covariance, together)
            rest = values.mean() - factors @ colors.mean(0)
            each[y, x] = *factors, rest, min(max(factors @ together / (values.var() + 1e-6), 0), 1)
    averaged = np.zeros_like(each)
    for y in range(height):
        for x in range(width):
            window = np.s_[max(y - RADIUS_PX, 0) : y + RADIUS_PX + 1, max(x - RADIUS_PX, 0) : x + RADIUS_PX + 1]
            averaged[y, x] = each[window].reshape(-1, 5).mean(0)
    return averaged


def test_the_linear_functions_are_those_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((23, 31, 3), dtype=np.float32)
    matte = rng.random((23, 31), dtype=np.float32)

    found = linear_functions(matte, image)[0].permute(1, 2, 0).numpy()

    assert np.allclose(found, fitted_directly(matte, image), atol=1e-4)


def test_what_is_faintly_new_is_grain_where_the_matte_was_sure() -> None:
    before = torch.tensor([0.0, 0.0, 0.0, 0.3, 0.04, 1.0, 1.0])
    matte = torch.tensor([0.04, 0.2, 0.5, 0.35, 0.0, 0.97, 0.4])

    kept = without_grain(matte, before)

    assert kept[0] == 0  # grain
    assert 0 < kept[1] < 0.2  # some of both
    assert kept[2] == 0.5  # a hair that the network did not see
    assert kept[3] == 0.35  # the network was not sure here
    assert kept[4] == 0  # what became surer stays so
    assert kept[5] == 1
    assert kept[6] == np.float32(0.4)


def test_a_rough_background_stays_background() -> None:
    rng = np.random.default_rng(0)
    edge = np.repeat((np.arange(240, dtype=np.float32) >= 120)[np.newaxis], 200, axis=0).astype(np.float32)
    image = np.stack([0.2 + 0.5 * edge, 0.7 - 0.3 * edge, np.full_like(edge, 0.4)], axis=2)
    image += np.float32(0.06) * rng.standard_normal(image.shape, dtype=np.float32)
    size, small_size = (200, 240), (50, 60)
    coarse, small = shrunk(edge, small_size), shrunk(image, small_size)
    matte = enlarged(coarse, size).copy()

    follow_edges(matte, of=image, coarse=coarse, small=small)

    assert (matte[:, 100:112] > 0.02).mean() < 0.02
    assert np.abs(matte - edge).mean() < np.abs(enlarged(coarse, size) - edge).mean()


def test_a_gray_image_is_explained_as_well_as_a_colored_one() -> None:
    """Its colors depend on each other, so that the numbers to divide by are small."""
    rng = np.random.default_rng(5)
    gray = rng.random((30, 30, 1), dtype=np.float32)
    image = np.repeat(gray, 3, axis=2)
    matte = np.clip(0.2 + 0.6 * gray[:, :, 0], 0, 1)

    factors = linear_functions(matte, image)[0].permute(1, 2, 0).numpy()

    assert np.allclose((factors[:, :, :3] * image).sum(2) + factors[:, :, 3], matte, atol=2e-3)
    assert factors[:, :, 4].min() > 0.99


def test_blocks_leave_no_trace_in_the_linear_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    image = rng.random((120, 90, 3), dtype=np.float32)
    matte = rng.random((120, 90), dtype=np.float32)
    whole = linear_functions(matte, image)

    monkeypatch.setattr("dis_core.refinement.guided_filter.WORKED_ON_PX", 32)

    assert torch.allclose(linear_functions(matte, image), whole, atol=1e-5)


def test_a_blurred_matte_snaps_to_the_edge_in_the_image() -> None:
    truth = np.zeros((256, 256), np.float32)
    truth[:, 131:] = 1
    image = np.stack([0.2 + 0.5 * truth, 0.7 - 0.3 * truth, np.full_like(truth, 0.4)], axis=2)
    small_image = image[::8, ::8]
    ramp = np.clip((np.arange(32) - 16.4) / 6 + 0.5, 0, 1).astype(np.float32)
    coarse = np.repeat(ramp[np.newaxis], 32, axis=0)

    enlarged = enlarge_along_edges(coarse, small_image, image)

    across = enlarged[128]
    assert across[125:131].max() < 0.4
    assert across[131:137].min() > 0.6


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_where_color_says_nothing_the_matte_is_just_enlarged(noise: float) -> None:
    rng = np.random.default_rng(4)
    image = (0.5 + noise * (rng.random((256, 256, 3)) - 0.5)).astype(np.float32)
    ramp = np.clip((np.arange(64) - 32) / 4 + 0.5, 0, 1).astype(np.float32)
    matte = np.repeat(ramp[np.newaxis], 64, axis=0)
    plain = resize_by_area(torch.from_numpy(matte)[None, None], (256, 256))[0, 0].numpy()

    enlarged = enlarge_along_edges(matte, np.ascontiguousarray(image[::4, ::4]), image)

    assert np.abs(enlarged - plain).mean() < 0.005


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_a_constant_matte_stays_constant_whatever_the_image_shows(value: float) -> None:
    rng = np.random.default_rng(2)
    image = rng.random((64, 48, 3), dtype=np.float32)
    matte = np.full((16, 12), value, np.float32)

    enlarged = enlarge_along_edges(matte, np.ascontiguousarray(image[::4, ::4]), image)

    assert np.allclose(enlarged, value, atol=1e-5)


def test_the_result_is_a_matte_even_of_noise() -> None:
    rng = np.random.default_rng(3)

    enlarged = enlarge_along_edges(
        rng.random((5, 3), dtype=np.float32),
        rng.random((5, 3, 3), dtype=np.float32),
        rng.random((31, 17, 3), dtype=np.float32),
    )

    assert enlarged.shape == (31, 17)
    assert enlarged.dtype == np.float32
    assert enlarged.min() >= 0
    assert enlarged.max() <= 1


@pytest.mark.parametrize("size", [(100, 91), (37, 53), (20, 30), (74, 106)])
def test_a_part_of_a_resized_map_is_what_resizing_all_of_it_gives(size: tuple[int, int]) -> None:
    x = torch.rand(1, 3, 37, 53, generator=torch.Generator().manual_seed(0))

    part = part_of_resized(x, size, slice(3, 17), slice(5, 29))

    assert torch.allclose(part, resize_by_area(x, size)[:, :, 3:17, 5:29], atol=1e-5)


def test_a_box_mean_takes_only_what_lies_inside_of_the_image() -> None:
    x = torch.arange(12.0).view(1, 1, 3, 4)

    mean = box_mean(x, 1)

    assert mean[0, 0, 0, 0] == (0 + 1 + 4 + 5) / 4
    assert mean[0, 0, 1, 1] == x[0, 0, 0:3, 0:3].mean()


@pytest.mark.parametrize("radius_px", [1, 2, 6])
def test_box_sums_are_those_of_windows_that_fit(radius_px: int) -> None:
    x = torch.rand(2, 19, 23, generator=torch.Generator().manual_seed(0))

    sums = box_sums(x, radius_px)

    inside = slice(radius_px, -radius_px)
    expected = box_mean(x, radius_px)[:, inside, inside] * (2 * radius_px + 1) ** 2
    assert torch.allclose(sums, expected, atol=1e-4)
