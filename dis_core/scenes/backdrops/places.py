"""Ordinary, cluttered places to photograph things in: rooms, bookshelves, streets, woods, lawns, table tops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from dis_core.planes import Plane
from dis_core.scenes.backdrops.backdrop import Backdrop, defocused, falloff, on_ground, with_ground
from dis_core.scenes.backdrops.furnishings import (
    GRAY,
    INDOORS,
    OUTDOORS,
    books,
    leaves,
    thing_color,
    wall_color,
    wood_color,
)
from dis_core.scenes.backdrops.simple import greenish, sky_above
from dis_core.scenes.backdrops.sketch import Sketch, eight_bits
from dis_core.scenes.textures import Picture, blurred, fractal, palette_around, unit_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dis_core.scenes.backdrops.furnishings import Color, Furnishing

_FLOOR_PX = 256


def room(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """A wall with windows, shelves and furniture, and mostly a floor in front of it."""
    wall, horizon = wall_color(rng), rng.uniform(0.5, 1.1)
    sketch = Sketch(size, wall, 0.08)
    _panel(rng, sketch, wall, horizon)
    _furnish(rng, sketch, INDOORS, horizon, count=int(rng.integers(2, 8)))
    return _completed(rng, size, sketch, wall, horizon, boards(rng, wood_color(rng)))


def bookshelves(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """Boards full of books, jars or goods, from border to border."""
    board = wood_color(rng)
    sketch = Sketch(size, board * np.float32(0.4), 0.05)
    height = rng.uniform(0.14, 0.4)
    for bottom in np.arange(rng.uniform(0.05, height), 1 + height, height):
        books(rng, sketch, (-0.02, 1.0), bottom - 0.01, height * 0.92, 0.1)
        sketch.solid((-0.1, bottom - 0.012, 1.1, bottom + 0.014), board, 0.12, bevel=0.004)
    for x in rng.uniform(0, 1, int(rng.integers(0, 3))):
        sketch.solid((x, -0.1, x + 0.025, 1.1), board, 0.13, bevel=0.004)
    return _completed(rng, size, sketch, board, 1.2, None)


def street(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """House fronts with rows of windows, people and cars in front of them, pavement and road."""
    wall, horizon = wall_color(rng), rng.uniform(0.45, 0.85)
    sketch = Sketch(size, np.array([0.75, 0.82, 0.9], dtype=np.float32) * np.float32(rng.uniform(0.5, 1.15)), 0.0)
    x = rng.uniform(-0.3, 0)
    while x < 1:
        wide = rng.uniform(0.3, 0.9)
        _house(rng, sketch, wall_color(rng), (x, float(rng.choice([-0.1, rng.uniform(0, 0.3)])), x + wide, horizon))
        x += wide
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        crown = (rng.uniform(0, 1), rng.uniform(0, horizon * 0.7))
        sketch.upright((crown[0] - 0.01, crown[1], crown[0] + 0.01, horizon), wood_color(rng) * np.float32(0.5), 0.15)
        leaves(rng, sketch, crown, (0.12, 0.1), greenish(rng), count=90, size=0.03, depth=0.15)
    _furnish(rng, sketch, OUTDOORS, horizon + 0.02, count=int(rng.integers(0, 6)))
    asphalt = GRAY * np.float32(rng.uniform(0.25, 0.75))
    return _completed(rng, size, sketch, wall, horizon, slabs(rng, asphalt))


def thicket(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """Leaves, trunks and gaps of light from border to border, in focus or not."""
    green = greenish(rng)
    sketch = Sketch(size, green * np.float32(rng.uniform(0.2, 1.2)), 0.05)
    for _ in range(int(rng.choice([0, 1, 3, 6]))):
        x, wide = rng.uniform(-0.1, 1.1), rng.uniform(0.01, 0.12)
        sketch.upright((x, -0.1, x + wide, 1.1), wood_color(rng) * np.float32(rng.uniform(0.3, 0.9)), 0.08)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(10, 60))):
            bright = np.clip(GRAY * np.float32(rng.uniform(0.6, 1)) + green * np.float32(0.2), 0, 1)
            x, y = rng.uniform(0, 1, 2).tolist()
            sketch.disc(x, y, rng.uniform(0.002, 0.012), bright)
    leaf_size = float(np.exp(rng.uniform(np.log(0.03), np.log(0.1))))
    for layer in range(3):
        count = int(np.clip(0.25 / leaf_size**2, 25, 130))
        center = (rng.uniform(0, 1), rng.uniform(0, 1))
        tint = np.clip(green * rng.uniform(0.6, 1.2) * rng.uniform(0.85, 1.15, 3), 0, 1).astype(np.float32)
        leaves(rng, sketch, center, (0.35, 0.3), tint, count=count, size=leaf_size, depth=0.08 + 0.03 * layer)
    return _completed(rng, size, sketch, green, 1.2, None, roughness=0.3)


def lawn(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """Grass, gravel or earth with a hedge, fence, wall or trees behind it."""
    green, horizon = greenish(rng), rng.uniform(0.05, 0.6)
    picture, _ = sky_above(rng, size)
    far = Sketch(size, np.clip(picture.mean(axis=(0, 1)), 0, 1), 0.0)
    top = rng.uniform(-0.3, horizon)
    kind = rng.random()
    if kind < 0.4:
        plank, x = (wood_color(rng) if rng.random() < 0.6 else wall_color(rng)), -0.02
        wide, gap = rng.uniform(0.02, 0.09), float(rng.choice([0.002, 0.03]))
        while x < 1:
            far.solid((x, top, x + wide, 1.1), plank * np.float32(rng.uniform(0.7, 1.15)), 0.1, bevel=0.004)
            x += wide + gap
    else:
        far.box(0, top, 1, 1, greenish(rng) * np.float32(0.6), 0.08)
        leaves(rng, far, (0.5, horizon), (0.5, 0.2), greenish(rng), count=220, size=rng.uniform(0.02, 0.05), depth=0.1)
    _furnish(rng, far, OUTDOORS, horizon, count=int(rng.integers(0, 3)))
    return _completed(
        rng,
        size,
        far,
        green,
        horizon,
        roughness=0.2,
        ground=grass(rng, green if rng.random() < 0.75 else wood_color(rng)),
    )


def table_top(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """A table seen at an angle, with things on it, in a room that is out of focus."""
    wall, edge = wall_color(rng), rng.uniform(0.1, 0.6)
    sketch = Sketch(size, wall, 0.05)
    _furnish(rng, sketch, INDOORS, edge + rng.uniform(0, 0.3), count=int(rng.integers(1, 5)))
    for _ in range(int(rng.integers(0, 4))):
        x, tall, wide = rng.uniform(-0.1, 1), rng.uniform(0.08, 0.3), rng.uniform(0.05, 0.25)
        sketch.upright((x, edge - tall, x + wide, edge + 0.03), thing_color(rng), 0.2)
    top = boards(rng, wood_color(rng)) if rng.random() < 0.6 else slabs(rng, wall_color(rng))
    return _completed(rng, size, sketch, wall, edge, top)


def planks(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """A wall of wood, brick or tiles, or a table seen from right above."""
    color = wood_color(rng)
    texture = boards(rng, color) if rng.random() < 0.6 else bricks(rng, wall_color(rng))
    if rng.random() < 0.5:
        texture = texture.transpose(1, 0, 2)
    rows, columns = (np.linspace(0, rng.uniform(0.5, 1) * (_FLOOR_PX - 1), extent).astype(int) for extent in size)
    picture = texture[rows[:, None], columns] * falloff(rng, size)[..., None]
    from_above = rng.random() < 0.5
    slope = np.linspace(0, 0.2 if from_above else 0.02, size[0], dtype=np.float32)[:, None]
    depth = np.float32(0.25) + np.repeat(slope, size[1], axis=1)
    picture = defocused(np.clip(picture, 0, 1), float(rng.choice([0, 0.003, 0.01])))
    return Backdrop(picture, depth, palette_around(rng, np.clip(color, 0, 1)), is_seen_from_above=from_above)


def boards(rng: np.random.Generator, color: Color) -> Picture:
    """Planks side by side with their grain, (256, 256, 3)."""
    image = Image.new("RGB", (_FLOOR_PX, _FLOOR_PX))
    draw, wide = ImageDraw.Draw(image), int(rng.choice([12, 20, 32, 64]))
    seam = int(rng.choice([0, 1, 2]))
    for left in range(0, _FLOOR_PX, wide):
        start, long = int(rng.integers(-128, 0)), int(rng.choice([64, 128, 512]))
        for top in range(start, _FLOOR_PX, long):
            tone = np.exp(rng.normal(0, 0.12))
            draw.rectangle((left, top, left + wide - 1, top + long - 1), fill=eight_bits(color * tone), outline=None)
            draw.rectangle((left, top, left + wide - 1, top + seam), fill=eight_bits(color * 0.5))
        draw.rectangle((left, 0, left + seam, _FLOOR_PX), fill=eight_bits(color * 0.4))
    grain = fractal(rng, (_FLOOR_PX, _FLOOR_PX), slope=1.2, stretch=(rng.uniform(6, 14), 1))
    texture: Picture = unit_range(image) * (1 + np.float32(rng.uniform(0.04, 0.16)) * grain)[..., None]
    return texture


def slabs(rng: np.random.Generator, color: Color) -> Picture:
    """Asphalt, tiles, paving stones, carpet or cloth, (256, 256, 3)."""
    side = int(rng.choice([16, 32, 64, 300]))
    image = Image.new("RGB", (_FLOOR_PX, _FLOOR_PX), eight_bits(color * 0.6))
    draw, checks = ImageDraw.Draw(image), float(rng.choice([0, 0.04, 0.3]))
    for row, top in enumerate(range(0, _FLOOR_PX, side)):
        for column, left in enumerate(range(0, _FLOOR_PX, side)):
            tone = np.exp(rng.normal(0, 0.05)) - checks * ((row + column) % 2)
            draw.rectangle((left + 1, top + 1, left + side - 1, top + side - 1), fill=eight_bits(color * tone))
    rough = fractal(rng, (_FLOOR_PX, _FLOOR_PX), slope=rng.uniform(0.5, 1.4))
    texture: Picture = unit_range(image) * (1 + np.float32(rng.uniform(0.03, 0.15)) * rough)[..., None]
    return texture


def bricks(rng: np.random.Generator, color: Color) -> Picture:
    """Bricks or long tiles in bond, (256, 256, 3)."""
    image = Image.new("RGB", (_FLOOR_PX, _FLOOR_PX), eight_bits(color * rng.choice([0.5, 1.3])))
    draw, tall = ImageDraw.Draw(image), int(rng.choice([8, 12, 20]))
    for row, top in enumerate(range(0, _FLOOR_PX, tall)):
        for left in range(-(row % 2) * tall, _FLOOR_PX, tall * 2):
            shade = color * np.exp(rng.normal(0, 0.1))
            draw.rectangle((left + 1, top + 1, left + tall * 2 - 1, top + tall - 1), fill=eight_bits(shade))
    rough = fractal(rng, (_FLOOR_PX, _FLOOR_PX), slope=0.8)
    texture: Picture = unit_range(image) * (1 + np.float32(rng.uniform(0.03, 0.12)) * rough)[..., None]
    return texture


def grass(rng: np.random.Generator, color: Color) -> Picture:
    """Grass, gravel or soil, (256, 256, 3)."""
    fine = fractal(rng, (_FLOOR_PX, _FLOOR_PX), slope=rng.uniform(0.3, 0.9), stretch=(rng.uniform(1, 4), 1))
    coarse = fractal(rng, (_FLOOR_PX, _FLOOR_PX), slope=1.8)
    light = np.exp(np.float32(rng.uniform(0.15, 0.4)) * fine + np.float32(0.12) * coarse)
    texture: Picture = np.clip(color * light[..., None], 0, 1)
    return texture


def _panel(rng: np.random.Generator, sketch: Sketch, wall: Color, horizon: float) -> None:
    """Details of walls: striped wallpaper, wainscot, a corner, skirting."""
    kind = rng.random()
    if kind < 0.2:
        step = rng.uniform(0.02, 0.1)
        for x in np.arange(0, 1, step).tolist():
            sketch.box(x, 0, x + step / 2, 1, wall * np.float32(0.9))
    elif kind < 0.35:
        sketch.solid((-0.1, horizon - rng.uniform(0.2, 0.4), 1.1, 1.1), wall_color(rng), 0.085)
    if rng.random() < 0.35:
        corner = float(rng.choice([rng.uniform(0.05, 0.35), rng.uniform(0.65, 0.95)]))
        side = (0.0, corner) if corner < 0.5 else (corner, 1.0)
        sketch.box(side[0], -0.1, side[1], 1.1, wall * np.float32(rng.uniform(0.55, 0.85)), 0.12)
    if rng.random() < 0.7:
        sketch.solid((-0.1, horizon - rng.uniform(0.02, 0.06), 1.1, horizon), wall_color(rng), 0.09, bevel=0.004)


def _furnish(
    rng: np.random.Generator, sketch: Sketch, choice: Sequence[Furnishing], floor: float, *, count: int
) -> None:
    for x in rng.permutation(np.linspace(-0.15, 0.95, max(count, 1)))[:count]:
        furnishing = choice[int(rng.integers(len(choice)))]
        furnishing(rng, sketch, float(x + rng.normal(0, 0.07)), floor)


def _house(rng: np.random.Generator, sketch: Sketch, color: Color, box: tuple[float, float, float, float]) -> None:
    """A front with rows of windows, ledges and a shop or door below."""
    left, top, right, floor = box
    sketch.box(left, top, right, floor, color, 0.08)
    sketch.box(left - 0.01, top, right + 0.01, top + 0.015, color * np.float32(0.6))
    columns, rows = int(rng.integers(2, 7)), int(rng.integers(2, 6))
    cell = ((right - left) / columns, (floor - top) / rows)
    pane = (cell[0] * rng.uniform(0.3, 0.7), cell[1] * rng.uniform(0.4, 0.7))
    frame = np.clip(color * np.float32(rng.choice([0.5, 1.4])), 0, 1)
    dark = GRAY * np.float32(rng.uniform(0.08, 0.4)) + np.array([0, 0.02, 0.05], dtype=np.float32)
    for i in range(columns):
        for j in range(rows):
            x, y = left + cell[0] * (i + 0.5) - pane[0] / 2, top + cell[1] * (j + 0.5) - pane[1] / 2
            tall = pane[1] if j < rows - 1 else cell[1] * 0.75
            sketch.box(x - 0.006, y - 0.008, x + pane[0] + 0.006, y + tall + 0.01, frame)
            sketch.box(x, y, x + pane[0], y + tall, dark * np.float32(rng.uniform(0.6, 1.6)), 0.07)
            sketch.box(x + pane[0] / 2 - 0.002, y, x + pane[0] / 2 + 0.002, y + tall, frame)
    if rng.random() < 0.4:
        y = floor - rng.uniform(0.15, 0.25)
        sketch.solid((left + 0.02, y, right - 0.02, y + rng.uniform(0.02, 0.06)), thing_color(rng), 0.1)


def _completed(
    rng: np.random.Generator,
    size: tuple[int, int],
    sketch: Sketch,
    base: Color,
    horizon: float,
    ground: Picture | None,
    *,
    roughness: float = 0.06,
) -> Backdrop:
    """The sketch as the camera sees it: turned, lit, out of focus, with the ground in front."""
    picture, depth = sketch.seen(rng, aslant=rng.uniform(-0.6, 0.6) if rng.random() < 0.5 else 0.0, roughness=roughness)
    picture = np.clip(picture * falloff(rng, size)[..., None], 0, 1)
    radius = float(rng.choice([0, 0.003, 0.007, 0.013, 0.024, 0.04], p=[0.22, 0.22, 0.22, 0.17, 0.12, 0.05]))
    picture = defocused(picture, radius)
    if radius > 0:
        depth = blurred(depth, radius * max(size))
    stops = palette_around(rng, np.clip(base, 0.02, 1))
    if ground is None or horizon > 0.92:
        return Backdrop(picture, depth, stops)
    floor = on_ground(rng, ground, horizon, size)
    shade = np.linspace(rng.uniform(0.55, 1), rng.uniform(0.8, 1.1), len(floor), dtype=np.float32)[:, None, None]
    picture[int(horizon * size[0]) :] = defocused_towards(np.clip(floor * shade, 0, 1), radius * 0.4 * max(size))
    return Backdrop(picture, with_ground(depth, horizon), stops, horizon=horizon)


def defocused_towards(floor: Picture, radius_px: float) -> Picture:
    """A floor that is sharp below and out of focus far away, where it meets the wall."""
    if radius_px < 0.4:
        return floor
    soft = defocused(floor, radius_px / max(floor.shape[:2]))
    nearness: Plane = np.linspace(0, 1, len(floor), dtype=np.float32)[:, None, None]
    mixed: Picture = soft + nearness * (floor - soft)
    return mixed
