"""Household things as people photograph them: baskets, cups on saucers, plants in pots, statues."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dis_core.scenes.contours import Contour, blob, ellipse, leaf, limb, polygon, strands, turned_profile
from dis_core.scenes.parts import Part, Subject, marking
from dis_core.scenes.subjects.living import standing_person
from dis_core.scenes.subjects.seated import lying_pet, sitting_pet, upper_body

if TYPE_CHECKING:
    from dis_core.scenes.textures import Stuff


def _weave(rng: np.random.Generator, top: float, bottom: float, half: tuple[float, float]) -> list[Part]:
    """Wickerwork within a body that is `half[0]` wide above and `half[1]` below: strands over and under in turn."""
    rows, columns = int(rng.integers(6, 13)), int(rng.integers(8, 17))
    light: list[Contour] = []
    dark: list[Contour] = []
    tall = (bottom - top) / rows
    slack = rng.uniform(0.2, 0.48)
    for row in range(rows):
        y = top + tall * (row + 0.5)
        reach = half[0] + (half[1] - half[0]) * (row + 0.5) / rows
        # Strands crowd together where the body turns away.
        edges = np.sin(np.linspace(-np.pi / 2, np.pi / 2, columns + 1)) * reach
        for column in range(columns):
            middle, wide = (edges[column] + edges[column + 1]) / 2, (edges[column + 1] - edges[column]) / 2
            outline = ellipse(
                (middle, y + 0.25 * reach * (1 - (middle / reach) ** 2) * slack), (wide, tall * 0.46), count=10
            )
            (light if (row + column) % 2 else dark).append(outline)
    return [
        marking(polygon((-2, top), (2, top), (2, bottom + 1), (-2, bottom + 1)), tone=0.4),
        marking(*light, tone=rng.uniform(1.05, 1.3)),
        marking(*dark, material=int(rng.choice([0, 0, 1])), tone=rng.uniform(0.65, 0.9)),
    ]


def basket(rng: np.random.Generator) -> Subject:
    """A woven basket with an arched handle, two grips or none, empty or full of fruit, cloth, bread or flowers."""
    half = (rng.uniform(0.7, 1.0), rng.uniform(0.5, 0.85))
    top, bottom = -0.1, rng.uniform(0.45, 0.95)
    sag = rng.uniform(0.15, 0.35)
    body = turned_profile([top, (top + bottom) / 2, bottom], [half[0], sum(half) / 2 * 1.05, half[1]], sag=sag)
    mouth = ellipse((0, top), (half[0], sag * half[0]))
    parts: list[Part] = []
    kind = rng.random()
    arch = [(-half[0] * 0.95, top), (-half[0] * 0.75, -0.9), (0, -rng.uniform(1.1, 1.4)), (half[0] * 0.75, -0.9)]
    handle = limb([*arch, (half[0] * 0.95, top)], [rng.uniform(0.08, 0.16)], count=30)
    parts.append(Part([body]))
    parts += _weave(rng, top, bottom + sag * half[1], half)
    parts += [
        Part([mouth], tone=0.5, relief=0.1),
        marking(ellipse((0, top + 0.03), (half[0] * 0.9, sag * half[0] * 0.85)), tone=0.3),
    ]
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(3, 9))):
            place = (rng.uniform(-0.65, 0.65) * half[0], top - rng.uniform(0, 0.15))
            content = blob(rng, place, (rng.uniform(0.14, 0.3), rng.uniform(0.14, 0.25)), roughness=0.06)
            parts.append(Part([content], material=int(rng.integers(2, 4)), tone=rng.uniform(0.7, 1.2), relief=0.9))
    # The near half of the rim is before what lies in the basket.
    curve = [(half[0] * np.cos(a), top + sag * half[0] * np.sin(a)) for a in np.linspace(0, np.pi, 7)]
    parts.append(Part([limb(curve, [0.1])], tone=rng.uniform(0.8, 1.2), relief=0.7, lift=0.06))
    if kind < 0.65:
        parts.append(Part([handle], tone=rng.uniform(0.8, 1.15), relief=0.7, lift=0.04))
    elif kind < 0.85:
        grips = [ellipse((s * half[0], top + 0.02), (0.2, 0.2)) for s in (-1, 1)]
        gaps = [ellipse((s * half[0], top + 0.02), (0.11, 0.11)) for s in (-1, 1)]
        parts.insert(0, Part(grips, gaps, relief=0.5))
    return Subject(parts, "stands", ("wicker", "wicker", None, None))


def cup_on_saucer(rng: np.random.Generator) -> Subject:
    """A cup of coffee or tea on its saucer, seen from above at an angle, with a spoon."""
    flat = rng.uniform(0.3, 0.8)
    wide, tall, foot = rng.uniform(0.5, 0.65), rng.uniform(0.45, 0.85) * (1.2 - flat), rng.uniform(0.55, 0.8)
    plate = rng.uniform(0.95, 1.25)
    base_y, rim_y = 0.0, -tall
    parts = [
        Part([ellipse((0, 0.05), (plate, plate * flat))], material=1, relief=0.15),
        marking(ellipse((0, 0.05), (plate * 0.93, plate * flat * 0.93)), material=1, tone=0.88),
        marking(ellipse((0, 0.07), (plate * 0.6, plate * flat * 0.6)), material=1, tone=1.06),
        marking(ellipse((0.08, 0.1), (wide * 0.95, wide * flat * 0.95)), material=1, tone=0.5),
    ]
    if rng.random() < 0.5:
        side, level = rng.choice([-1, 1]), rng.uniform(0.4, 0.75)
        tip = (side * plate * 0.75, plate * flat * level * 0.4)
        end = (side * plate * rng.uniform(0.2, 1.25), plate * flat * rng.uniform(0.75, 1.15))
        spoon = limb([tip, end], [0.07, 0.05, 0.08], count=8)
        parts.append(Part([spoon, ellipse(tip, (0.15, 0.1))], material=3, tone=1.1, relief=0.5, lift=0.05))
    angle = rng.uniform(-0.5, 0.5) + (np.pi if rng.random() < 0.5 else 0)
    grip = (np.cos(angle) * wide * 1.12, rim_y * 0.55 + np.sin(angle) * wide * flat * 0.8)
    ring = (rng.uniform(0.2, 0.3), rng.uniform(0.2, 0.28))
    handle = Part([ellipse(grip, ring)], [ellipse(grip, (ring[0] * 0.6, ring[1] * 0.6))], relief=0.5)
    bow = np.linspace(0, np.pi, 24)
    lower = np.stack([np.cos(bow) * wide * foot, base_y + np.sin(bow) * wide * foot * flat], axis=-1)
    upper = np.stack([np.cos(bow[::-1]) * wide, rim_y + np.sin(bow[::-1]) * wide * flat * 0.2], axis=-1)
    middle = wide * (foot + 0.92) / 2 + 0.06
    right, left = np.array([[middle, rim_y * 0.45]]), np.array([[-middle, rim_y * 0.45]])
    body = np.concatenate([right, lower, left, upper])
    drink = float(rng.choice([0.25, 0.45, 0.9]))
    rim = (0.0, rim_y)
    parts += [
        handle,
        Part([body], relief=0.9, lift=0.08),
        Part([ellipse(rim, (wide, wide * flat))], tone=1.12, relief=0.1, lift=0.12),
        marking(ellipse(rim, (wide * 0.93, wide * flat * 0.93)), tone=0.7),
        marking(ellipse((0, rim_y + 0.04), (wide * 0.86, wide * flat * 0.84)), material=2, tone=drink),
        marking(
            blob(rng, (0, rim_y + 0.04), (wide * 0.5, wide * flat * 0.45), roughness=0.2), material=2, tone=drink * 1.5
        ),
    ]
    return Subject(parts, "stands", ("ceramic", "ceramic", "wood", "metal"))


def _blades(rng: np.random.Generator) -> list[Part]:
    parts = []
    for _ in range(int(rng.integers(6, 16))):
        reach, lean = rng.uniform(0.7, 1.6), rng.normal(0, 0.55)
        outline = leaf((rng.normal(0, 0.1), 0.65), (lean, 0.6 - reach), rng.uniform(0.1, 0.24), bend=lean * 0.15)
        tone = rng.uniform(0.6, 1.2)
        parts.append(Part([outline], tone=tone, relief=0.3, lift=rng.normal(0, 0.05)))
        rib = leaf((rng.normal(0, 0.1), 0.6), (lean, 0.62 - reach), 0.04, bend=lean * 0.15)
        parts.append(marking(rib, tone=tone * 1.35))
    return parts


def _broad_leaves(rng: np.random.Generator) -> list[Part]:
    parts = []
    for _ in range(int(rng.integers(7, 18))):
        tip_angle, reach = rng.uniform(-2.8, -0.35), rng.uniform(0.5, 1.5)
        root = (np.cos(tip_angle) * reach * 0.6, 0.5 + np.sin(tip_angle) * reach * 0.9)
        turn = tip_angle + rng.normal(0, 0.6)
        length = rng.uniform(0.35, 0.7)
        tip = (root[0] + np.cos(turn) * length, root[1] + np.sin(turn) * length * 0.8 + 0.1)
        tone = rng.uniform(0.55, 1.2)
        parts += [
            Part([limb([(0, 0.65), (root[0] * 0.5, root[1]), root], [0.05, 0.04], count=10)], material=1, tone=0.8),
            Part([leaf(root, tip, length * rng.uniform(0.45, 0.8), bend=rng.normal(0, 0.08))], tone=tone, relief=0.35),
            marking(leaf(root, tip, 0.03), tone=tone * 1.4),
        ]
    return parts


def _bush(rng: np.random.Generator) -> list[Part]:
    middle, spread = (rng.normal(0, 0.1), -0.25), (rng.uniform(0.45, 0.75), rng.uniform(0.4, 0.7))
    size = rng.uniform(0.1, 0.24)
    parts = [Part([blob(rng, middle, (spread[0] * 0.9, spread[1] * 0.9), roughness=0.15)], tone=0.5)]
    parts.append(Part([limb([(0, 0.7), middle], [0.12, 0.08])], material=1, tone=0.7))
    for tone in (0.65, 0.85, 1.0, 1.2):
        places = rng.normal(middle, (spread[0] * 0.45, spread[1] * 0.45), (24, 2))
        angles = rng.uniform(0, 2 * np.pi, 24)
        tips = places + size * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        sprigs = [leaf(tuple(a), tuple(b), size * 0.5) for a, b in zip(places, tips, strict=True)]
        parts.append(Part(sprigs, tone=tone, relief=0.2))
    if rng.random() < 0.4:
        blooms = [
            ellipse(tuple(p), (0.07, 0.07), count=10) for p in rng.normal(middle, np.array(spread) * 0.4, (20, 2))
        ]
        parts.append(Part(blooms, material=3, relief=0.3, lift=0.05))
    return parts


def _cactus(rng: np.random.Generator) -> list[Part]:
    tall, wide = rng.uniform(0.4, 0.85), rng.uniform(0.25, 0.5)
    body = ellipse((0, 0.65 - tall), (wide, tall), power=2.3)
    ribs = [
        limb([(0, 0.6 - 2 * tall), (s * wide, 0.65 - tall), (s * wide * 0.6, 0.7)], [0.02, 0.05, 0.03], count=12)
        for s in np.linspace(-0.9, 0.9, int(rng.integers(3, 8)))
    ]
    spines = strands(rng, body, count=60, length=0.12, width=0.006, pull=(0, 0))
    return [Part(spines, material=1, tone=1.3, relief=0), Part([body], relief=1), marking(*ribs, tone=0.6)]


def potted_plant(rng: np.random.Generator) -> Subject:
    """Blades, broad leaves, a bush or a cactus in a pot."""
    grow = (_blades, _broad_leaves, _bush, _cactus)[int(rng.choice(4, p=[0.25, 0.35, 0.28, 0.12]))]
    half, sag = rng.uniform(0.32, 0.5), rng.uniform(0.1, 0.3)
    low, foot = rng.uniform(1.1, 1.5), half * rng.uniform(0.55, 1.0)
    pot = turned_profile([0.6, (0.6 + low) / 2, low], [half, (half + foot) / 2 * rng.uniform(1, 1.1), foot], sag=sag)
    rim = polygon((-half * 1.08, 0.55), (half * 1.08, 0.55), (half * 1.05, 0.74), (-half * 1.05, 0.74))
    vessel = [Part([pot], material=2, relief=0.9)]
    if rng.random() < 0.5:
        vessel.append(Part([rim], material=2, tone=1.1, relief=0.5))
    elif rng.random() < 0.5:
        vessel.append(marking(polygon((-1, 0.85), (1, 0.85), (1, 1.0), (-1, 1.0)), material=3, tone=1.0))
    if rng.random() < 0.3:
        vessel.insert(0, Part([ellipse((0, low + 0.03), (foot * 1.35, foot * 0.35))], material=2, tone=0.8, relief=0.2))
    mouth = Part([ellipse((0, 0.6), (half, sag * half))], material=2, tone=0.3, relief=0)
    growth = grow(rng)
    parts = [mouth, *growth, *vessel] if rng.random() < 0.6 else [*vessel, mouth, *growth]
    stuff: Stuff = "terracotta" if rng.random() < 0.5 else "ceramic"
    return Subject(parts, "stands", ("leaf", "leaf", stuff, "petal"))


def statue(rng: np.random.Generator) -> Subject:
    """A bust, figure or animal of one material on a plinth."""
    model = (upper_body, upper_body, standing_person, sitting_pet, lying_pet)[int(rng.integers(5))](rng)
    figure = [replace(part, material=0, tone=0.75 + 0.25 * min(part.tone, 1.3), relief=part.relief * 1.2)
              for part in model.parts]  # fmt: skip
    points = np.concatenate([c for part in figure if not part.is_marking for c in part.contours])
    left, right, floor = points[:, 0].min(), points[:, 0].max(), points[:, 1].max()
    middle, half = (left + right) / 2, (right - left) / 2 * rng.uniform(0.6, 1.1)
    tall = (right - left) * rng.uniform(0.15, 0.6)
    block = polygon((-half, floor - 0.08), (half, floor - 0.08), (half, floor + tall), (-half, floor + tall))
    slab = polygon(
        (-half * 1.15, floor + tall * 0.85), (half * 1.15, floor + tall * 0.85),
        (half * 1.15, floor + tall), (-half * 1.15, floor + tall),
    )  # fmt: skip
    plinth = [
        Part([block + np.array([middle, 0])], material=1, relief=0.15),
        marking(block * (0.3, 1) + np.array([middle + half * 0.7, 0]), material=1, tone=0.7),
        Part([slab + np.array([middle, 0])], material=1, tone=1.1, relief=0.1),
    ]
    return Subject([*plinth, *figure], "stands" if rng.random() < 0.7 else "cropped", ("stone", "stone"))
