"""Outlines that procedural subjects are built from.

A contour is (n, 2) float64: closed, (x, y), y downwards, in the unit of whoever asks; filled, it is a shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Contour = NDArray[np.float64]
Point = tuple[float, float]


def _turned(contour: Contour, angle: float) -> Contour:
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: Contour = contour @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def ellipse(center: Point, radii: Point, *, angle: float = 0, power: float = 2, count: int = 48) -> Contour:
    """An ellipse; with a `power` above 2 it grows corners and becomes a rounded box."""
    theta = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = np.cos(theta), np.sin(theta)
    exponent = 2 / power
    outline = np.stack([np.sign(x) * np.abs(x) ** exponent, np.sign(y) * np.abs(y) ** exponent], axis=-1)
    return _turned(outline * radii, angle) + center


def blob(
    rng: np.random.Generator, center: Point, radii: Point, *, roughness: float = 0.15, angle: float = 0
) -> Contour:
    """A round shape whose radius varies smoothly (a Fourier contour); `roughness` 0 is an ellipse, 0.5 is wild."""
    theta = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(theta)
    for order in range(2, 8):
        radius += rng.normal(0, roughness / order**0.9) * np.cos(order * theta + rng.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.25, 2)
    outline = np.stack([np.cos(theta), np.sin(theta)], axis=-1) * radius[:, None]
    return _turned(outline * radii, angle) + center


def smooth_path(points: Sequence[Point], *, count: int = 20) -> Contour:
    """A curve through `points` as (count, 2), open, not a shape."""
    knots = np.asarray(points, dtype=np.float64)
    knots = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    place = np.linspace(0, len(points) - 1, count)
    start = np.minimum(place.astype(int), len(points) - 2)
    t = (place - start)[:, None]
    p0, p1, p2, p3 = (knots[start + offset] for offset in range(4))
    # Catmull and Rom's cubic: passes through p1 and p2 with the slopes of their neighbors.
    curve: Contour = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
    curve += (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return curve / 2


def limb(points: Sequence[Point], widths: Sequence[float], *, count: int = 20) -> Contour:
    """A tapered, bent bar with round ends through `points`; `widths` are full widths, spread evenly along it."""
    path = smooth_path(points, count=count)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    half = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(widths)), np.asarray(widths) / 2)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1)
    bow = np.linspace(-np.pi / 2, np.pi / 2, 9)[1:-1, None]
    end = path[-1] + half[-1] * (np.cos(bow) * along[-1] - np.sin(bow) * across[-1])
    start = path[0] - half[0] * (np.cos(bow) * along[0] - np.sin(bow) * across[0])
    return np.concatenate([path + half * across, end, (path - half * across)[::-1], start])


def leaf(base: Point, tip: Point, width: float, *, bend: float = 0) -> Contour:
    """A pointed oval from `base` to `tip`; `bend` moves its middle sideways, in units of its length."""
    start, stop = np.asarray(base, dtype=np.float64), np.asarray(tip, dtype=np.float64)
    t = np.linspace(0, 1, 14)[:, None]
    across = np.array([-(stop - start)[1], (stop - start)[0]])
    across /= np.linalg.norm(across) + 1e-9
    length = float(np.linalg.norm(stop - start))
    spine = start + (stop - start) * t + across * bend * length * 4 * t * (1 - t)
    half = width / 2 * np.sin(np.pi * t**0.85)
    return np.concatenate([spine + across * half, (spine - across * half)[::-1]])


def turned_profile(heights: Sequence[float], half_widths: Sequence[float], *, sag: float = 0.1) -> Contour:
    """The outline of something made on a potter's wheel, from top to bottom; `sag` rounds its rims, seen from above."""
    place = np.linspace(0, len(heights) - 1, 40)
    y = np.interp(place, np.arange(len(heights)), heights)
    smooth = smooth_path([(half, height) for half, height in zip(half_widths, heights, strict=True)], count=40)
    half = np.maximum(smooth[:, 0], 0.01)
    y = smooth[:, 1] if np.all(np.diff(smooth[:, 1]) >= 0) else y
    bow = np.linspace(-np.pi / 2, np.pi / 2, 16)
    bottom = np.stack([-np.sin(bow) * half[-1], y[-1] + np.cos(bow) * sag * half[-1]], axis=-1)
    top = np.stack([np.sin(bow) * half[0], y[0] - np.cos(bow) * sag * half[0]], axis=-1)
    right = np.stack([half, y], axis=-1)
    left = np.stack([-half, y], axis=-1)[::-1]
    return np.concatenate([right, bottom, left, top])


def polygon(*points: Point) -> Contour:
    """Straight edges between `points`."""
    return np.asarray(points, dtype=np.float64)


def strands(
    rng: np.random.Generator,
    outline: Contour,
    *,
    count: int,
    length: float,
    width: float,
    pull: Point = (0, 0.3),
    arc: tuple[float, float] = (0, 1),
) -> list[Contour]:
    """Hairs that start inside `outline` and leave it: thin, bent, pointed triangles.

    `pull` is added to their outward direction (gravity, wind); `arc` is the part of the outline, from 0 to 1, that
    carries them.
    """
    middle = outline.mean(axis=0)
    start = rng.uniform(*arc, count) * len(outline)
    root = outline[start.astype(int) % len(outline)]
    outward = root - middle
    outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-9
    # Hair is combed: it leans along the outline, in clumps, rather than standing on end.
    lean = rng.normal(0, 0.5, 12)[(root @ rng.normal(0, 9, 2)).astype(int) % 12][:, None]
    sway = np.stack([-outward[:, 1], outward[:, 0]], axis=-1) * lean + rng.normal(0, 0.3, (count, 2))
    reach = (length * rng.uniform(0.35, 1.2, count))[:, None]
    half_way = root + (outward + sway) * reach * 0.55
    tip = half_way + (outward * 0.5 + sway + np.asarray(pull)) * reach * 0.6
    base = root - outward * reach * 0.4
    across = np.stack([-outward[:, 1], outward[:, 0]], axis=-1) * (width * rng.uniform(0.5, 1.5, count))[:, None]
    hairs = np.stack([base + across, half_way + across * 0.6, tip, half_way - across * 0.6, base - across], axis=1)
    return list(hairs)
