"""Light and color that change across one subject, so that its inside is not one surface: shade, glare, patches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dis_core.planes import Plane
from dis_core.scenes.textures import fractal, random_color

if TYPE_CHECKING:
    from dis_core.scenes.rendering import Layer


def lit_unevenly(rng: np.random.Generator, layer: Layer) -> Layer:
    """The layer under light as it falls outdoors and in rooms: from a side, through leaves, with glare; same alpha."""
    rows, columns = _covered(layer.alpha)
    alpha = layer.alpha[rows, columns]
    light = _side_light(rng, alpha.shape) if rng.random() < 0.6 else np.ones_like(alpha)
    if rng.random() < 0.3:
        light = light * _dappled(rng, alpha.shape)
    color = layer.color[rows, columns] * light[..., None]
    if rng.random() < 0.16:
        color = color + _patches(rng, alpha.shape) * (_repainted(rng, color) - color)
    if rng.random() < 0.25:
        bright = fractal(rng, (alpha.shape[0], alpha.shape[1]), slope=rng.uniform(2.2, 3)) - np.float32(1.1)
        glare = np.clip(bright * np.float32(0.6), 0, 1) * np.float32(rng.uniform(0.2, 0.8))
        color = color + (glare * alpha)[..., None]
    whole = layer.color.copy()
    # Premultiplied colors may not exceed their alpha, or edges would glow.
    whole[rows, columns] = np.clip(color, 0, alpha[..., None])
    return replace(layer, color=whole)


def _covered(alpha: Plane) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    if not len(rows):
        return slice(0, alpha.shape[0]), slice(0, alpha.shape[1])
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _side_light(rng: np.random.Generator, size: tuple[int, ...]) -> Plane:
    """From bright on one side to dark on the other, across the subject's box; sometimes with a clear edge."""
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 4.0)
    across = np.linspace(-1, 1, size[1], dtype=np.float32)[None, :] * np.float32(np.cos(angle))
    down = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    side: Plane = np.tanh((across + down + np.float32(rng.normal(0, 0.3))) * np.float32(reach))
    dark, bright = np.float32(rng.uniform(0.3, 0.85)), np.float32(rng.uniform(1.0, 1.35))
    light: Plane = dark + (bright - dark) * (side + 1) / 2
    return light


def _dappled(rng: np.random.Generator, size: tuple[int, ...]) -> Plane:
    """Spots of sun, or the shadow of something outside of the picture."""
    blotches = _patches(rng, size)[..., 0]
    dapples: Plane = 1 - np.float32(rng.uniform(0.2, 0.6)) * blotches
    return dapples


def _patches(rng: np.random.Generator, size: tuple[int, ...]) -> Plane:
    """A few large patches with soft or hard edges, (h, w, 1) in [0, 1]."""
    field = fractal(rng, (size[0], size[1]), slope=rng.uniform(2.0, 3.0)) - np.float32(rng.uniform(-0.5, 0.7))
    patches: Plane = np.clip(field * np.float32(np.exp(rng.uniform(0, 2))) + np.float32(0.5), 0, 1)
    return patches[..., None]


def _repainted(rng: np.random.Generator, color: Plane) -> Plane:
    """The same surface in another color, lighter or darker: its shading stays."""
    gray = color.mean(axis=-1, keepdims=True) * np.float32(np.exp(rng.normal(0, 0.6)))
    tint = random_color(rng, saturated=0.1)
    painted: Plane = gray * (tint / max(float(tint.mean()), 0.05))
    return painted
