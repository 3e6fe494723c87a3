"""Sketches of what fills rooms and streets: windows, doors, shelves, pictures, cupboards, parked cars, people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dis_core.scenes.backdrops.sketch import Sketch
from dis_core.scenes.textures import random_color

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Color = NDArray[np.float32]
    Furnishing = Callable[[np.random.Generator, Sketch, float, float], None]

GRAY = np.ones(3, dtype=np.float32)


def wall_color(rng: np.random.Generator) -> Color:
    """A color of plaster, paper or brick: mostly light, rarely vivid."""
    color = random_color(rng, saturated=0.04)
    light = np.float32(rng.choice([0.35, 0.6, 0.85], p=[0.2, 0.35, 0.45]))
    mixed: Color = color * np.float32(0.4) + GRAY * light * np.float32(0.6)
    return mixed


def wood_color(rng: np.random.Generator) -> Color:
    """A color of wood, from ebony to pine."""
    brown = np.array([0.62, 0.42, 0.25], dtype=np.float32) + rng.normal(0, 0.03, 3).astype(np.float32)
    pale: Color = brown + np.float32(rng.uniform(0, 0.5)) * (brown.mean() - brown)
    pale *= np.float32(rng.uniform(0.35, 1.35))
    return pale


def thing_color(rng: np.random.Generator) -> Color:
    """A color for anything that stands around."""
    return random_color(rng, saturated=0.2)


def window(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A window with daylight, with or without curtains."""
    wide, top, bottom = rng.uniform(0.15, 0.4), rng.uniform(-0.1, 0.2), max(floor - rng.uniform(0.1, 0.35), 0.3)
    frame = GRAY * np.float32(rng.uniform(0.3, 0.95))
    outside = np.clip(np.array([0.85, 0.9, 0.95]) * rng.uniform(0.6, 1.15), 0, 1).astype(np.float32)
    sketch.solid((x, top, x + wide, bottom), frame, 0.1)
    sketch.box(x + 0.015, top + 0.015, x + wide - 0.015, bottom - 0.015, outside, 0.0)
    for _ in range(int(rng.integers(0, 9))):
        place = rng.uniform(x + 0.02, x + wide - 0.05)
        height = rng.uniform(top + 0.02, bottom)
        tint = outside * rng.uniform(0.3, 0.9, 3).astype(np.float32)
        sketch.box(place, height, min(place + rng.uniform(0.02, 0.15), x + wide - 0.015), bottom - 0.015, tint)
    for share in np.linspace(0, 1, int(rng.integers(2, 5)))[1:-1]:
        sketch.box(x + wide * share - 0.006, top, x + wide * share + 0.006, bottom, frame, 0.1)
    for share in np.linspace(0, 1, int(rng.integers(2, 5)))[1:-1]:
        y = top + (bottom - top) * share
        sketch.box(x, y - 0.006, x + wide, y + 0.006, frame, 0.1)
    if rng.random() < 0.5:
        cloth, fold = thing_color(rng), rng.uniform(0.008, 0.02)
        for start in (x - 0.06, x + wide - 0.04):
            for number in range(int(0.1 / fold)):
                tone = np.float32(0.75 + 0.35 * (number % 2) + rng.normal(0, 0.05))
                left = start + fold * number
                sketch.box(left, top - 0.05, left + fold, floor - 0.03, np.clip(cloth * tone, 0, 1), 0.12)


def door(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A door with panels, ajar to a dark room or closed."""
    color = wood_color(rng) if rng.random() < 0.5 else wall_color(rng)
    wide, top = rng.uniform(0.18, 0.3), floor - rng.uniform(0.55, 0.9)
    sketch.solid((x, top, x + wide, floor), color * np.float32(0.75), 0.1)
    sketch.box(x + 0.015, top + 0.015, x + wide - 0.015, floor, color * np.float32(rng.choice([0.15, 1.0])))
    for share in (0.06, 0.55):
        y = top + (floor - top) * share
        sketch.box(x + 0.04, y + 0.02, x + wide - 0.04, y + (floor - top) * 0.36, color * np.float32(0.8))
    sketch.disc(x + wide - 0.03, (top + floor) / 2 + 0.05, 0.01, GRAY * np.float32(0.8))


def pictures(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A few framed pictures, posters, switches or notes."""
    for _ in range(int(rng.integers(1, 5))):
        left, top = x + rng.uniform(-0.1, 0.25), floor - rng.uniform(0.35, 0.8)
        wide, tall = rng.uniform(0.05, 0.2), rng.uniform(0.05, 0.22)
        sketch.solid((left, top, left + wide, top + tall), thing_color(rng), 0.1)
        inner = thing_color(rng)
        sketch.box(left + 0.012, top + 0.012, left + wide - 0.012, top + tall - 0.012, inner)
        for _ in range(int(rng.integers(0, 4))):
            spot = (rng.uniform(left + 0.02, left + wide - 0.02), rng.uniform(top + 0.02, top + tall - 0.02))
            sketch.disc(*spot, rng.uniform(0.005, min(wide, tall) * 0.3), thing_color(rng))


def books(
    rng: np.random.Generator, sketch: Sketch, span: tuple[float, float], bottom: float, height: float, depth: float
) -> None:
    """Books, boxes and jars in a row on a board, some leaning, with gaps."""
    x, end = span
    family = [thing_color(rng) for _ in range(6)]
    while x < end:
        wide, tall = rng.uniform(0.012, 0.045), height * rng.uniform(0.55, 0.95)
        color = family[int(rng.integers(6))] * np.float32(rng.uniform(0.6, 1.2))
        kind = rng.random()
        if kind < 0.66:
            lean = rng.normal(0, 0.006) if kind < 0.6 else rng.uniform(-0.04, 0.04)
            corners = ((x + lean, bottom - tall), (x + lean + wide, bottom - tall), (x + wide, bottom), (x, bottom))
            sketch.shape(corners, np.clip(color, 0, 1), depth)
            sketch.box(x, bottom - tall * 0.8, x + wide, bottom - tall * 0.7, np.clip(color * np.float32(1.5), 0, 1))
            sketch.box(x + wide * 0.8, bottom - tall, x + wide, bottom, color * np.float32(0.55))
        elif kind < 0.85:
            wide *= 2
            sketch.upright((x, bottom - tall * 0.8, x + wide, bottom), np.clip(color, 0, 1), depth)
            sketch.box(x + wide * 0.2, bottom - tall * 0.95, x + wide * 0.8, bottom - tall * 0.8, color, depth)
        else:
            x += wide
        x += wide + rng.choice([0.001, 0.002, 0.03], p=[0.6, 0.3, 0.1])


def shelf(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A bookcase that reaches the floor, or boards on the wall."""
    wide, top = rng.uniform(0.25, 0.5), floor - rng.uniform(0.5, 1)
    board = wood_color(rng) if rng.random() < 0.6 else wall_color(rng)
    if rng.random() < 0.6:
        sketch.solid((x, top, x + wide, floor), board * np.float32(0.5), 0.1)
    count = int(rng.integers(2, 5))
    for bottom in np.linspace(top, floor, count + 1)[1:]:
        books(rng, sketch, (x + 0.01, x + wide - 0.03), bottom - 0.01, (floor - top) / count * 0.9, 0.12)
        sketch.solid((x, bottom - 0.012, x + wide, bottom + 0.012), board, 0.12, bevel=0.004)


def cupboard(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A chest of drawers, oven, cupboard or radiator, with something on top."""
    wide, top = rng.uniform(0.2, 0.5), floor - rng.uniform(0.15, 0.5)
    color = wood_color(rng) if rng.random() < 0.6 else thing_color(rng)
    books(rng, sketch, (x + 0.02, x + wide * rng.uniform(0.2, 0.9)), top, rng.uniform(0.08, 0.2), 0.16)
    sketch.solid((x, top, x + wide, floor), color, 0.17, bevel=0.012)
    columns, rows = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    for left in np.linspace(x, x + wide, columns + 1)[:-1]:
        for y in np.linspace(top + 0.02, floor, rows + 1)[:-1]:
            right, bottom = left + wide / columns - 0.012, y + (floor - top - 0.02) / rows - 0.012
            sketch.solid((left + 0.012, y + 0.012, right, bottom), color * np.float32(0.92), 0.17, bevel=0.003)
            sketch.disc((left + right) / 2, (y + bottom) / 2, 0.008, GRAY * np.float32(0.7))


def sofa(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """An armchair, sofa or bed with cushions."""
    wide, top, color = rng.uniform(0.35, 0.8), floor - rng.uniform(0.2, 0.4), thing_color(rng)
    base = floor + rng.uniform(0, 0.1)
    sketch.solid((x, top, x + wide, base), color, 0.16, bevel=0.02)
    sketch.solid((x - 0.03, top + 0.1, x + 0.06, base), color * np.float32(0.9), 0.2, bevel=0.02)
    sketch.solid((x + wide - 0.06, top + 0.1, x + wide + 0.03, base), color * np.float32(0.9), 0.2, bevel=0.02)
    for left in np.arange(x + 0.06, x + wide - 0.1, 0.22).tolist():
        sketch.solid((left, (top + base) / 2, left + 0.2, base - 0.03), np.clip(color * 1.1, 0, 1), 0.2, bevel=0.012)
        if rng.random() < 0.5:
            cushion = thing_color(rng)
            spread = rng.uniform(0.05, 0.09)
            middle = (left + 0.1, (top + base) / 2 - 0.03)
            corners = [(middle[0] + spread * s, middle[1] + spread * t) for s, t in ((-1, -0.8), (0.8, -1), (1, 1))]
            sketch.shape([*corners, (middle[0] - spread, middle[1] + spread * 0.9)], cushion, 0.2)


def lamp(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A hanging or standing lamp that is on."""
    y, radius = rng.uniform(0, max(floor - 0.2, 0.1)), rng.uniform(0.02, 0.08)
    glow = np.array([1.0, 0.93, rng.uniform(0.7, 0.95)], dtype=np.float32)
    if rng.random() < 0.5:
        sketch.box(x - 0.004, -0.1, x + 0.004, y, GRAY * np.float32(0.1), 0.15)
    else:
        sketch.box(x - 0.006, y, x + 0.006, floor, GRAY * np.float32(0.2), 0.15)
    sketch.disc(x, y, radius, glow, 0.16)


def house_plant(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A plant in a corner."""
    green = np.array([0.2, 0.36, 0.13], dtype=np.float32) * np.float32(rng.uniform(0.5, 1.4))
    middle = floor - rng.uniform(0.25, 0.5)
    sketch.upright((x - 0.05, floor - 0.12, x + 0.05, floor), thing_color(rng), 0.18)
    leaves(rng, sketch, (x, middle), (0.14, 0.2), green, count=50, size=rng.uniform(0.02, 0.06), depth=0.18)


def leaves(
    rng: np.random.Generator,
    sketch: Sketch,
    center: tuple[float, float],
    spread: tuple[float, float],
    color: Color,
    *,
    count: int,
    size: float,
    depth: float,
) -> None:
    """`count` pointed leaves of about `size`, scattered about `center`, light ones on top."""
    places = rng.normal(center, spread, (count, 2))
    angles, lengths = rng.uniform(0, 2 * np.pi, count), size * np.exp(rng.normal(0, 0.4, count))
    along = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * lengths[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1) * rng.uniform(0.25, 0.55, (count, 1))
    outlines = np.stack([places - along, places - along * 0.2 + across, places + along, places - across], axis=1)
    tones = np.linspace(0.45, 1.3, count) * np.exp(rng.normal(0, 0.2, count))
    tints = np.clip(color * tones[:, None] * np.exp(rng.normal(0, 0.05, (count, 3))), 0, 1).astype(np.float32)
    for outline, tint in zip(outlines, tints, strict=True):
        sketch.shape(outline, tint, depth)


def passer_by(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """Somebody in the distance, in colored clothes."""
    tall = rng.uniform(0.15, 0.45)
    top, wide = floor - tall, tall * 0.13
    skin = np.array([0.85, 0.65, 0.52], dtype=np.float32) * np.float32(rng.uniform(0.4, 1.1))
    coat, trousers = thing_color(rng), thing_color(rng) * np.float32(0.6)
    for side in (-1, 1):
        foot = x + side * wide * rng.uniform(0.2, 0.7)
        sketch.shape(
            ((x - wide * 0.6, top + tall * 0.45), (x + wide * 0.6, top + tall * 0.45), (foot, floor)), trousers, 0.18
        )
    sketch.shape(
        (
            (x - wide, top + tall * 0.2),
            (x + wide, top + tall * 0.2),
            (x + wide * 0.9, top + tall * 0.55),
            (x - wide * 0.9, top + tall * 0.55),
        ),
        coat,
        0.18,
    )
    sketch.disc(x, top + tall * 0.1, tall * 0.085, skin, 0.18)
    sketch.disc(x, top + tall * 0.065, tall * 0.075, skin * np.float32(rng.uniform(0.1, 0.5)), 0.18)


def parked_car(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A car in the row behind."""
    color, long = thing_color(rng), rng.uniform(0.25, 0.5)
    tall = long * rng.uniform(0.28, 0.4)
    middle = floor - tall * 0.55
    roof = ((x + long * 0.18, middle), (x + long * 0.3, floor - tall), (x + long * 0.72, floor - tall))
    sketch.shape([*roof, (x + long * 0.86, middle)], color * np.float32(0.3), 0.2)
    sketch.solid((x, middle, x + long, floor - tall * 0.12), color, 0.2, bevel=0.008)
    sketch.box(x + long * 0.3, floor - tall, x + long * 0.72, floor - tall * 0.93, color, 0.2)
    for share in (0.2, 0.8):
        sketch.disc(x + long * share, floor - tall * 0.1, tall * 0.2, GRAY * np.float32(0.08), 0.2)
        sketch.disc(x + long * share, floor - tall * 0.1, tall * 0.1, GRAY * np.float32(0.5))


def lamp_post(rng: np.random.Generator, sketch: Sketch, x: float, floor: float) -> None:
    """A post, sign, flagpole or bollard."""
    color, top = GRAY * np.float32(rng.uniform(0.1, 0.7)), rng.uniform(-0.2, floor - 0.15)
    thick = rng.uniform(0.004, 0.012)
    sketch.box(x - thick, top, x + thick, floor, color, 0.2)
    if rng.random() < 0.6:
        sign, tall = thing_color(rng), rng.uniform(0.06, 0.2)
        wide = rng.uniform(0.04, 0.25)
        stripes = int(rng.integers(1, 6))
        for k in range(stripes):
            tint = sign if k % 2 == 0 else np.clip(sign * 0.3 + 0.65, 0, 1).astype(np.float32)
            sketch.box(x, top + tall * k / stripes, x + wide, top + tall * (k + 1) / stripes, tint, 0.2)


INDOORS: tuple[Furnishing, ...] = (window, door, pictures, shelf, shelf, cupboard, cupboard, sofa, lamp, house_plant)
OUTDOORS: tuple[Furnishing, ...] = (passer_by, passer_by, parked_car, parked_car, lamp_post, house_plant)
