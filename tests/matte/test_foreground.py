"""Colors of half-covered pixels without the old background."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from dis_core.matte.foreground import estimate_foreground, foreground_parts

Array = NDArray[np.float32]


def texture(
    color: tuple[float, float, float], *, size: tuple[int, int], cell_px: int, amount: float, seed: int
) -> Array:
    """Smooth random variation around a color, (H, W, 3) in [0, 1]."""
    height, width = size
    noise = np.random.default_rng(seed).normal(0, amount, (height // cell_px + 2, width // cell_px + 2, 3))
    planes = [
        np.asarray(Image.fromarray(noise[..., i].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC))
        for i in range(3)
    ]
    result: Array = np.clip(np.array(color) + np.stack(planes, axis=-1), 0, 1).astype(np.float32)
    return result


def soft_blob(*, size: tuple[int, int], softness_px: float) -> Array:
    """A lobed disc of alpha whose edge fades over so many pixels."""
    y, x = np.mgrid[: size[0], : size[1]]
    y, x = y - size[0] / 2, x - size[1] / 2
    inside = 0.3 * min(size) + 8 * np.sin(9 * np.arctan2(y, x)) - np.hypot(y, x)
    alpha: Array = np.clip(inside / softness_px + 0.5, 0, 1).astype(np.float32)
    return alpha


def scene(softness_px: float, *, size: tuple[int, int] = (220, 260)) -> tuple[Array, Array, Array]:
    """(true foreground, image, alpha) of an orange subject before a blue background."""
    foreground = texture((0.8, 0.5, 0.2), size=size, cell_px=40, amount=0.08, seed=1)
    background = texture((0.1, 0.4, 0.6), size=size, cell_px=30, amount=0.1, seed=2)
    alpha = soft_blob(size=size, softness_px=softness_px)
    return foreground, foreground * alpha[..., None] + background * (1 - alpha[..., None]), alpha


@pytest.mark.parametrize(("softness_px", "tolerance"), [(3, 0.025), (10, 0.04), (30, 0.06)])
def test_a_known_foreground_comes_back_from_before_a_known_background(softness_px: float, tolerance: float) -> None:
    foreground, image, alpha = scene(softness_px)
    unknown = (alpha > 0) & (alpha < 1)

    estimate = estimate_foreground(image, alpha)

    raw_error = np.abs(image - foreground)[unknown].mean()
    error = np.abs(estimate - foreground)[unknown].mean()
    assert error < tolerance
    assert error < raw_error / 3


def box_means(planes: NDArray[np.float64], radius_px: int) -> NDArray[np.float64]:
    """Means over boxes around each pixel of (C, H, W), of what lies inside."""
    for axis in (1, 2):
        length = planes.shape[axis]
        running = np.insert(planes.cumsum(axis), 0, 0, axis)
        places = np.arange(length)
        after, before = np.minimum(places + radius_px + 1, length), np.maximum(places - radius_px, 0)
        counts = (after - before).reshape((-1, 1) if axis == 1 else (1, -1))
        planes = (running.take(after, axis) - running.take(before, axis)) / counts
    return planes


def as_the_paper_has_it(image: Array, alpha: Array) -> NDArray[np.float64]:
    """Blur fusion in float64 over the whole image, pixel by pixel."""
    pixels, cover = image.transpose(2, 0, 1).astype(np.float64), alpha[None].astype(np.float64)
    foreground = background = pixels
    for radius_px in (90, 6):
        near = box_means(foreground * cover, radius_px) / np.maximum(box_means(cover, radius_px), 1e-9)
        behind = box_means(background * (1 - cover), radius_px) / np.maximum(box_means(1 - cover, radius_px), 1e-9)
        foreground = np.clip(near + cover * (pixels - cover * near - (1 - cover) * behind), 0, 1)
        background = behind
    result: NDArray[np.float64] = foreground.transpose(1, 2, 0)
    return result


@pytest.mark.parametrize("softness_px", [3, 10, 40])
def test_sums_over_cells_give_what_the_paper_has(softness_px: float) -> None:
    _, image, alpha = scene(softness_px, size=(500, 620))
    unknown = (alpha > 0) & (alpha < 1)

    estimate = estimate_foreground(image, alpha)

    apart = alpha[unknown][:, None] * np.abs(estimate - as_the_paper_has_it(image, alpha))[unknown]
    assert apart.mean() < 0.0005
    assert apart.max() < 0.005


def test_only_blocks_with_unknown_pixels_are_worked_on() -> None:
    _, image, alpha = scene(3, size=(1500, 1700))

    parts = list(foreground_parts(image, alpha))

    assert sum(part.unknown.size for part in parts) < 0.1 * alpha.size
    assert sum(part.unknown.sum() for part in parts) == ((alpha > 0) & (alpha < 1)).sum()


def test_only_unknown_pixels_change() -> None:
    _, image, alpha = scene(10)
    known = (alpha == 0) | (alpha == 1)

    estimate = estimate_foreground(image, alpha)

    assert_array_equal(estimate[known], image[known])
    assert not np.array_equal(estimate[~known], image[~known])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_matte_without_unknown_pixels_changes_nothing(value: float) -> None:
    _, image, alpha = scene(10)

    estimate = estimate_foreground(image, np.full_like(alpha, value))

    assert_array_equal(estimate, image)


@pytest.mark.parametrize("value", [1e-30, 1e-7, 0.5, 1 - 1e-7])
def test_a_matte_of_one_value_gives_colors_and_no_infinities(value: float) -> None:
    _, image, alpha = scene(10)

    estimate = estimate_foreground(image, np.full_like(alpha, value))

    assert np.isfinite(estimate).all()
    assert estimate.min() >= 0
    assert estimate.max() <= 1


def test_flat_colors_are_separated_exactly() -> None:
    alpha = soft_blob(size=(150, 150), softness_px=12)
    red, green = np.array([0.9, 0.1, 0.1], np.float32), np.array([0.1, 0.7, 0.2], np.float32)
    image = red * alpha[..., None] + green * (1 - alpha[..., None])

    estimate = estimate_foreground(image, alpha)

    assert_allclose(estimate[alpha > 0.1], np.broadcast_to(red, image.shape)[alpha > 0.1], atol=0.25)
    assert_allclose(estimate[alpha > 0.5], np.broadcast_to(red, image.shape)[alpha > 0.5], atol=0.06)


def test_gray_gives_what_rgb_gives() -> None:
    _, image, alpha = scene(10)

    gray = estimate_foreground(image[..., 1:2].copy(), alpha)

    assert_allclose(gray[..., 0], estimate_foreground(image, alpha)[..., 1], atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (2, 3)])
def test_tiny_and_thin_images_work(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.random((*size, 3)).astype(np.float32)
    alpha = rng.random(size).astype(np.float32)

    estimate = estimate_foreground(image, alpha)

    assert estimate.shape == image.shape
    assert np.isfinite(estimate).all()


@pytest.mark.parametrize(("down", "right", "tolerance"), [(336, 400, 1e-6), (333, 401, 5e-4)])
def test_where_the_work_is_divided_does_not_show(down: int, right: int, tolerance: float) -> None:
    """The same scene at another place of a larger image falls on other blocks, and on other cells if not by eights."""
    _, image, alpha = scene(30, size=(520, 700))
    shifted_image = np.pad(image, ((down, 0), (right, 0), (0, 0)), mode="edge")
    shifted_alpha = np.pad(alpha, ((down, 0), (right, 0)), mode="edge")

    estimate = estimate_foreground(image, alpha)
    shifted = estimate_foreground(shifted_image, shifted_alpha)[down:, right:]

    inner = np.s_[110:-110, 110:-110]  # nearer to the edge, the padding is part of the neighborhood
    assert_allclose(shifted[inner], estimate[inner], atol=tolerance)


def test_the_arguments_stay_as_they_are() -> None:
    _, image, alpha = scene(10)
    image_before, alpha_before = image.copy(), alpha.copy()

    estimate_foreground(image, alpha)

    assert_array_equal(image, image_before)
    assert_array_equal(alpha, alpha_before)
