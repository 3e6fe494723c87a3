"""Simple backdrops with depth: rooms, tables, landscapes, sky, foliage, surfaces from above."""

from __future__ import annotations

import numpy as np

from dis_core.planes import Plane
from dis_core.scenes.backdrops.backdrop import Backdrop, defocused, falloff, on_ground, with_ground
from dis_core.scenes.contours import blob, ellipse, leaf, limb, polygon
from dis_core.scenes.parts import Part
from dis_core.scenes.rendering import Layer, Light, draw_parts
from dis_core.scenes.textures import (
    Palette,
    Pattern,
    Picture,
    blurred,
    colored,
    fractal,
    painted,
    palette_around,
    pattern_field,
    random_color,
    softened,
)

_ORDER = [1, 0, 3, 2]


def _rows(size: tuple[int, int]) -> Plane:
    return np.repeat(np.linspace(0, 1, size[0], dtype=np.float32)[:, None], size[1], axis=1)


def _wall(rng: np.random.Generator, size: tuple[int, int], stops: Palette) -> Picture:
    pattern: Pattern = rng.choice(
        np.array(["plain", "plain", "mottled", "gradient", "stripes", "fine", "checks"])
    ).item()
    field = pattern_field(rng, size, pattern)
    contrast = np.float32(rng.uniform(0.15, 0.9) if pattern in ("plain", "gradient") else rng.uniform(0.08, 0.45))
    return colored(0.5 + (field - 0.5) * contrast, stops[_ORDER]) * falloff(rng, size)[..., None]


def _floor(rng: np.random.Generator, size: tuple[int, int], stops: Palette, horizon: float) -> Picture:
    pattern: Pattern = rng.choice(np.array(["plain", "mottled", "grain", "fine", "checks", "stripes"])).item()
    field = pattern_field(rng, (256, 256), pattern)
    contrast = np.float32(rng.uniform(0.2, 1))
    return on_ground(rng, colored(0.5 + (field - 0.5) * contrast, stops[_ORDER]), horizon, size)


def _clutter_part(rng: np.random.Generator, size: tuple[int, int], *, leafy: float) -> Part:
    height, width = size
    place = (rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.1, 1.1) * height)
    extent = np.exp(rng.uniform(np.log(0.04), np.log(0.3))) * max(size)
    kind = rng.random()
    material, tone = int(rng.integers(0, 3)), float(rng.uniform(0.5, 1.4))
    if kind < leafy:
        angle = rng.uniform(0, 2 * np.pi)
        tip = (place[0] + extent * np.cos(angle), place[1] + extent * np.sin(angle))
        return Part(
            [leaf(place, tip, extent * rng.uniform(0.2, 0.6), bend=rng.normal(0, 0.1))],
            material=material,
            tone=tone,
            relief=0,
        )
    if kind < leafy + (1 - leafy) * 0.4:
        w, h = extent * rng.uniform(0.2, 1), extent * rng.uniform(0.2, 1)
        (x, y) = place
        return Part(
            [polygon((x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h))],
            material=material,
            tone=tone,
            relief=0,
        )
    if kind < leafy + (1 - leafy) * 0.6:
        ends = rng.normal(0, extent, (2, 2)) + place
        return Part(
            [limb([tuple(ends[0]), place, tuple(ends[1])], [extent * 0.12])], material=material, tone=tone, relief=0.4
        )
    return Part(
        [blob(rng, place, (extent * 0.6, extent * rng.uniform(0.3, 0.7)))], material=material, tone=tone, relief=0.5
    )


def _clutter(rng: np.random.Generator, size: tuple[int, int], *, count: int, leafy: float, base: Palette) -> Layer:
    # One texture in three tints: clutter is seen out of focus, and textures are what a scene spends its time on.
    texture = np.float32(0.7) + np.float32(0.6) * pattern_field(rng, size, "mottled")[..., None]
    surfaces = {tint: texture * base[int(rng.integers(len(base)))] for tint in range(3)}
    parts = [_clutter_part(rng, size, leafy=leafy) for _ in range(count)]
    return draw_parts(parts, surfaces, Light((0.2, -0.6, 0.77), 0.6, 0), size)


def _bokeh(rng: np.random.Generator, picture: Picture, *, strength: float) -> Picture:
    """Out-of-focus points of light: bright discs, brighter where the scene is bright."""
    size = picture.shape[:2]
    radius = rng.uniform(0.015, 0.06) * max(size)
    count = int(rng.integers(5, 40))
    centers = rng.uniform((0, 0), (size[1], size[0]), (count, 2))
    discs = [ellipse((x, y), (radius, radius), count=20) for x, y in centers]
    surface = np.ones((*size, 3), dtype=np.float32) * random_color(rng)
    layer = draw_parts(
        [Part([disc], relief=0, tone=rng.uniform(0.8, 1.5)) for disc in discs],
        {0: surface},
        Light((0, 0, 1), 1, 0),
        size,
    )
    lit: Picture = picture + layer.color * np.float32(strength)
    return np.clip(lit, 0, 1)


def studio(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """A wall or a sweep of paper, plain or patterned, close behind the subject."""
    stops = palette_around(rng, random_color(rng, saturated=0.1))
    picture = _wall(rng, size, stops)
    depth = np.float32(rng.uniform(0.1, 0.35)) + softened(fractal(rng, size, slope=2.4), 0.5) * np.float32(0.012)
    if rng.random() < 0.3:
        return Backdrop(picture, depth + np.float32(0.25) * _rows(size) ** 2, stops, horizon=0.6)
    return Backdrop(picture, depth, stops)


def table(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """A table top or floor in front of a wall, perhaps with furniture and pictures."""
    stops, ground = palette_around(rng, random_color(rng)), palette_around(rng, random_color(rng, saturated=0.08))
    horizon = rng.uniform(0.15, 0.75)
    picture = _wall(rng, size, stops)
    depth = np.full(size, rng.uniform(0.08, 0.25), dtype=np.float32)
    if rng.random() < 0.7:
        layer = _clutter(
            rng,
            size,
            count=int(rng.integers(2, 14)),
            leafy=0.1,
            base=np.concatenate([stops, palette_around(rng, random_color(rng))]),
        )
        picture = layer.over(picture)
        depth = depth + layer.alpha * np.float32(rng.uniform(0.01, 0.08))
    if rng.random() < 0.75:
        picture = defocused(picture, rng.uniform(0.002, 0.03))
    first = int(horizon * size[0])
    floor = _floor(rng, size, ground, horizon)
    shade = np.linspace(rng.uniform(0.55, 1), 1, len(floor), dtype=np.float32)[:, None, None]
    picture[first:] = floor * shade
    return Backdrop(picture, with_ground(depth, horizon), ground, horizon=horizon)


def landscape(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """Ground, distant trees or hills, and sky."""
    horizon = rng.uniform(0.25, 0.75)
    picture, _ = sky_above(rng, size)
    depth = np.zeros(size, dtype=np.float32)
    columns = np.linspace(0, 1, size[1])
    for distance in (0.05, 0.12)[int(rng.integers(0, 2)) :]:
        rough = np.cumsum(rng.normal(0, 1, 64))
        rough = (rough - np.linspace(rough[0], rough[-1], 64)) / (np.abs(rough).max() + 1e-6)
        ridge = horizon - rng.uniform(0.03, 0.25) + 0.12 * np.interp(columns, np.linspace(0, 1, 64), rough)
        mask = np.clip((_rows(size) - ridge.astype(np.float32)[None, :]) * size[0], 0, 1)
        trees = painted(
            rng, size, "fine" if rng.random() < 0.5 else "mottled", palette_around(rng, greenish(rng))[_ORDER]
        )
        haze = np.float32(rng.uniform(0, 0.5))
        picture += mask[..., None] * (trees * (1 - haze) + haze * picture.mean(axis=(0, 1)) - picture)
        depth = np.maximum(depth, mask * np.float32(distance))
    picture = defocused(picture, float(rng.choice([0, 0.003, 0.012])))
    ground = palette_around(rng, greenish(rng) if rng.random() < 0.6 else random_color(rng))
    picture[int(horizon * size[0]) :] = _floor(rng, size, ground, horizon)
    return Backdrop(picture, with_ground(depth, horizon), ground, horizon=horizon)


def sky(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """Only sky, day or night, sometimes with a strip of land below."""
    picture, stops = sky_above(rng, size)
    depth = np.zeros(size, dtype=np.float32)
    if rng.random() < 0.4:
        edge = rng.uniform(0.8, 0.95) + fractal(rng, (8, size[1]), slope=1.6)[0] * 0.02
        mask = np.clip((_rows(size) - edge[None, :].astype(np.float32)) * size[0], 0, 1)
        land = painted(rng, size, "mottled", palette_around(rng, greenish(rng) * np.float32(0.6)))
        picture += mask[..., None] * (land - picture)
        depth += mask * np.float32(0.12)
    return Backdrop(picture, depth, stops)


def foliage(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """Leaves and stalks behind the subject, mostly out of focus."""
    stops = palette_around(rng, greenish(rng) if rng.random() < 0.75 else random_color(rng))
    picture = painted(rng, size, "mottled" if rng.random() < 0.6 else "patches", stops[_ORDER])
    focus = float(rng.choice([0.004, 0.012, 0.03, 0.05]))
    depth = np.full(size, 0.1, dtype=np.float32)
    for nearer in range(2):
        layer = _clutter(
            rng, size, count=int(rng.integers(10, 30)), leafy=0.8, base=stops * np.float32(0.7 + 0.4 * nearer)
        )
        picture = layer.over(picture)
        depth += layer.alpha * (np.float32(0.12) * (nearer + 1) - depth)
        picture = defocused(picture, focus / (nearer + 1))
    depth = blurred(depth, focus * max(size))
    if rng.random() < 0.4:
        picture = defocused(_bokeh(rng, picture, strength=rng.uniform(0.1, 0.5)), 0.004)
    return Backdrop(picture * falloff(rng, size)[..., None], depth, stops)


def interior(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """A cluttered place, sharp or soft: shelves, windows, boxes, lights."""
    stops = palette_around(rng, random_color(rng))
    many = np.concatenate([stops, palette_around(rng, random_color(rng)), palette_around(rng, random_color(rng))])
    picture = _wall(rng, size, stops)
    layer = _clutter(rng, size, count=int(rng.integers(8, 40)), leafy=0.05, base=many)
    picture = layer.over(picture)
    depth = np.float32(0.08) + layer.alpha * np.float32(0.1) + np.float32(0.1) * _rows(size)
    focus = float(rng.choice([0.003, 0.012, 0.03, 0.05]))
    picture, depth = defocused(picture, focus), blurred(depth, focus * max(size))
    if rng.random() < 0.3:
        picture = defocused(_bokeh(rng, picture * np.float32(0.6), strength=rng.uniform(0.3, 0.8)), 0.004)
    return Backdrop(picture, depth, many)


def from_above(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """A table, carpet, pavement or lawn that fills the picture, with crumbs, cracks or leaves on it."""
    stops = palette_around(rng, random_color(rng, saturated=0.08))
    patterns: list[Pattern] = ["plain", "mottled", "fine", "grain", "checks", "stripes", "spots", "patches"]
    field = pattern_field(rng, size, patterns[int(rng.integers(len(patterns)))])
    contrast = np.float32(rng.uniform(0.15, 0.9))
    picture = colored(0.5 + (field - 0.5) * contrast, stops[_ORDER])
    depth = np.float32(rng.uniform(0.25, 0.4)) + _rows(size) * np.float32(rng.choice([0, 0.15, 0.3]))
    if rng.random() < 0.4:
        crumbs = _clutter(rng, size, count=int(rng.integers(2, 12)), leafy=0.4, base=stops)
        see_through = np.float32(rng.uniform(0.15, 0.5))
        picture = Layer(crumbs.color * see_through, crumbs.alpha * see_through, crumbs.relief).over(picture)
    return Backdrop(picture * falloff(rng, size)[..., None], depth, stops, is_seen_from_above=True)


def sky_above(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Picture, Palette]:
    mood = rng.random()
    if mood < 0.55:
        high, low = np.array([0.25, 0.45, 0.75]) * rng.uniform(0.6, 1.2), np.array([0.7, 0.8, 0.9])
    elif mood < 0.75:
        high, low = np.full(3, rng.uniform(0.5, 0.9)), np.full(3, rng.uniform(0.6, 0.95))
    elif mood < 0.9:
        high, low = np.array([0.3, 0.3, 0.5]) * rng.uniform(0.4, 1.2), np.array([0.95, 0.65, 0.4])
    else:
        high, low = np.array([0.02, 0.03, 0.07]), np.array([0.1, 0.1, 0.2])
    ramp = (_rows(size) ** np.float32(rng.uniform(0.6, 1.6)))[..., None]
    picture = (high + (low - high) * ramp).astype(np.float32)
    clouds = np.clip(fractal(rng, size, slope=1.9, stretch=(1, 2.5)) * 0.5 + rng.uniform(-0.8, 0.3), 0, 1)[..., None]
    lit = (np.array([0.95, 0.95, 0.96]) * (0.35 if mood > 0.9 else 1)).astype(np.float32)
    picture += clouds * np.float32(rng.uniform(0.2, 0.9)) * (lit - picture)
    return picture, np.clip(np.stack([high * 0.7, high, low, low * 1.1]), 0, 1).astype(np.float32)


def greenish(rng: np.random.Generator) -> Palette:
    green = np.array([rng.uniform(0.15, 0.55), rng.uniform(0.25, 0.6), rng.uniform(0.08, 0.3)], dtype=np.float32)
    muted: Palette = green + np.float32(rng.uniform(0, 0.6)) * (green.mean() - green)
    muted *= np.float32(rng.uniform(0.5, 1.2))
    return muted
