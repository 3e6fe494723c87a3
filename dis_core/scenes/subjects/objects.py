"""Man-made subjects of procedural scenes: towers, boxes, vehicles, furniture, tools, lattices, toys and fruit."""

from __future__ import annotations

import numpy as np

from dis_core.scenes.contours import blob, ellipse, leaf, limb, polygon, turned_profile
from dis_core.scenes.parts import Maker, Part, Subject, marking
from dis_core.scenes.subjects.living import vessel


def tower(rng: np.random.Generator) -> Subject:
    """A rocket, lighthouse, statue or steeple: tall, symmetric, banded, perhaps with fins and a mast."""
    rows = [-1.4, -1.1, -0.5, 0.4, 1.0]
    base = rng.uniform(0.14, 0.4)
    half = [0.02, base * rng.uniform(0.4, 0.9), base * rng.uniform(0.6, 1), base, base * rng.uniform(0.8, 1.4)]
    body = turned_profile(rows, half, sag=0.1)
    parts: list[Part] = []
    if rng.random() < 0.5:
        reach = rng.uniform(0.15, 0.45)
        fins = [
            polygon((s * base * 0.7, 0.3), (s * (base + reach), 0.95), (s * (base + reach), 1.2), (s * base * 0.7, 1.0))
            for s in (-1, 1)
        ]
        parts.append(Part(fins, material=1, relief=0.1))
    if rng.random() < 0.4:
        boosters = [ellipse((s * base * 1.25, 0.45), (base * 0.4, 0.65), power=3) for s in (-1, 1)]
        parts.append(Part(boosters, material=2))
    parts += [Part([body]), Part([limb([(0, -1.35), (0, -1.7)], [0.03])], material=3)]
    for y in rng.uniform(-0.9, 0.9, int(rng.integers(0, 5))):
        tall = rng.uniform(0.04, 0.25)
        parts.append(
            marking(
                polygon((-1, y), (1, y), (1, y + tall), (-1, y + tall)),
                material=int(rng.integers(1, 4)),
                tone=rng.uniform(0.3, 1.2),
            )
        )
    if rng.random() < 0.5:
        windows = [ellipse((0, y), (base * 0.2, base * 0.25), power=4) for y in np.arange(-0.7, 0.9, 0.3).tolist()]
        parts.append(marking(*windows, tone=0.2))
    return Subject(parts, "stands")


def crate(rng: np.random.Generator) -> Subject:
    """A box, book, machine or house with two or three visible faces, and buttons, labels or windows on the front."""
    w, h = rng.uniform(0.45, 1), rng.uniform(0.35, 1)
    dx, dy = rng.uniform(0.1, 0.5) * rng.choice([-1, 1]), -rng.uniform(0.08, 0.4)
    edge = w if dx > 0 else -w
    parts = [
        Part([polygon((-w, -h), (w, -h), (w + dx, -h + dy), (-w + dx, -h + dy))], tone=1.2, relief=0.05, lift=-0.05),
        Part(
            [polygon((edge, -h), (edge + dx, -h + dy), (edge + dx, h + dy), (edge, h))],
            tone=0.6,
            relief=0.05,
            lift=-0.05,
        ),
        Part([polygon((-w, -h), (w, -h), (w, h), (-w, h))], relief=0.05),
    ]
    if rng.random() < 0.3:
        roof = polygon((-w * 1.15, -h), (w * 1.15 + max(dx, 0), -h), (dx * 0.5, -h - rng.uniform(0.4, 0.9)))
        parts.append(Part([roof], material=1, tone=0.9, relief=0.1))
    columns, rows = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    if rng.random() < 0.8:
        power = float(rng.choice([2, 4, 12]))
        cell = (w / columns * rng.uniform(0.3, 0.8), h / rows * rng.uniform(0.3, 0.8))
        places = [
            (-w + w * (2 * i + 1) / columns, -h + h * (2 * j + 1) / rows) for i in range(columns) for j in range(rows)
        ]
        marks = [ellipse(place, cell, power=power, count=32) for place in places]
        parts.append(marking(*marks, material=int(rng.integers(0, 4)), tone=rng.choice([0.25, 0.5, 1.5])))
    return Subject(parts, "stands")


def _wheel(rng: np.random.Generator, center: tuple[float, float], radius: float) -> list[Part]:
    rim, hub = radius * rng.uniform(0.55, 0.88), ellipse(center, (radius * 0.15, radius * 0.15))
    tire = Part([ellipse(center, (radius, radius))], [ellipse(center, (rim, rim))], material=3, tone=0.3, relief=0.3)
    count, start = int(rng.integers(3, 16)), rng.uniform(0, 1)
    spokes = []
    for angle in start + 2 * np.pi * np.arange(count) / count:
        end = (center[0] + rim * 1.05 * np.cos(angle), center[1] + rim * 1.05 * np.sin(angle))
        spokes.append(limb([center, end], [max(0.012, radius * 0.35 / count)], count=4))
    return [Part(spokes, material=2, relief=0.2), tire, Part([hub], material=2)]


def vehicle(rng: np.random.Generator) -> Subject:
    """A car, van or cart from the side; the windows are part of it."""
    low, roof, nose = rng.uniform(0.25, 0.4), rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.7)
    hull = ellipse((0, 0), (1, low), power=rng.uniform(3, 7))
    cabin = polygon((-0.75, -low * 0.8), (-0.55, -low - roof), (nose * 0.6, -low - roof), (nose, -low * 0.8))
    glass = polygon(
        (-0.62, -low * 0.9), (-0.47, -low - roof * 0.85), (nose * 0.5, -low - roof * 0.85), (nose * 0.82, -low * 0.9)
    )
    post = polygon((-0.06, -low - roof), (0.02, -low - roof), (0.02, 0), (-0.06, 0))
    radius = rng.uniform(0.2, 0.32)
    discs = [Part([ellipse((x, low), (radius * 0.93, radius * 0.93))], material=2, tone=0.7) for x in (-0.58, 0.58)]
    wheels = [part for x in (-0.58, 0.58) for part in _wheel(rng, (x, low), radius)]
    parts = [
        Part([cabin], relief=0.3),
        Part([hull], relief=0.6),
        marking(glass, material=1, tone=rng.choice([0.25, 1.6])),
        marking(post, tone=1),
    ]
    parts += [marking(ellipse((x, -low * 0.2), (0.08, 0.09)), material=3, tone=2) for x in (-0.93, 0.93)]
    return Subject([*parts, *discs, *wheels], "stands")


def bicycle(rng: np.random.Generator) -> Subject:
    """Two spoked wheels and a frame of tubes: mostly holes."""
    tube, radius = rng.uniform(0.05, 0.1), rng.uniform(0.4, 0.5)
    joints = {
        "back": (-0.65, 0.3),
        "front": (0.65, 0.3),
        "pedal": (-0.08, 0.3),
        "seat": (-0.22, -0.35),
        "head": (0.45, -0.35),
    }
    pairs = [
        ("back", "pedal"),
        ("back", "seat"),
        ("pedal", "seat"),
        ("pedal", "head"),
        ("seat", "head"),
        ("head", "front"),
    ]
    frame = [limb([joints[a], joints[b]], [tube], count=4) for a, b in pairs]
    bars = limb([(0.42, -0.35), (0.4, -0.55), (0.6, -0.6)], [tube * 0.9])
    saddle = limb([(-0.38, -0.47), (-0.1, -0.44)], [0.12, 0.06])
    wheels = [*_wheel(rng, joints["back"], radius), *_wheel(rng, joints["front"], radius)]
    return Subject(
        [*wheels, Part(frame, relief=0.4), Part([bars], material=1), Part([saddle], material=3, tone=0.4)], "stands"
    )


def furniture(rng: np.random.Generator) -> Subject:
    """A chair, stool or table: a seat on thin legs, gaps between them, a back of slats."""
    leg, wide, deep = rng.uniform(0.05, 0.14), rng.uniform(0.4, 0.8), rng.uniform(0.1, 0.3)
    feet = [(-wide, 0.95), (wide, 0.95), (-wide * 0.75, 0.95 - deep), (wide * 0.75, 0.95 - deep)]
    legs = [limb([(x * 0.95, 0.1), (x, y)], [leg, leg * 0.8], count=5) for x, y in feet]
    parts = [Part(legs[2:], tone=0.65, lift=-0.1, relief=0.4), Part(legs[:2], relief=0.4)]
    if rng.random() < 0.7:
        top = -rng.uniform(0.6, 1.2)
        slats = [limb([(x * 0.8, 0), (x * 0.85, top)], [leg], count=5) for x in (-wide, wide)]
        if rng.random() < 0.5:
            slats += [
                limb([(-wide * 0.8, y), (wide * 0.8, y)], [leg], count=4)
                for y in np.linspace(top, -0.25, int(rng.integers(2, 6)))
            ]
        else:
            slats.append(ellipse((0, top * 0.62), (wide * 0.75, -top * 0.36), power=5))
        parts.append(Part(slats, lift=-0.1, relief=0.3))
    seat = polygon((-wide * 1.1, 0.15), (wide * 1.1, 0.15), (wide * 0.85, 0.12 - deep), (-wide * 0.85, 0.12 - deep))
    edge = polygon((-wide * 1.1, 0.15), (wide * 1.1, 0.15), (wide * 1.1, 0.25), (-wide * 1.1, 0.25))
    parts += [Part([seat], material=1, tone=1.1, relief=0.1), Part([edge], material=1, tone=0.7, relief=0.1)]
    return Subject(parts, "stands")


def tool(rng: np.random.Generator) -> Subject:
    """A key, spoon, pair of scissors, brush or racket: long, thin, with a ring or a blade."""
    tilt = rng.uniform(0.05, 0.3)
    parts: list[Part] = []
    for side in (-1, 1)[: int(rng.integers(1, 3))]:
        ring = (side * tilt * 0.9, 0.85)
        outer = (rng.uniform(0.2, 0.4), rng.uniform(0.22, 0.4))
        shaft = limb([(side * tilt * 0.7, 0.6), (0, 0), (-side * tilt, -1.2)], [0.16, rng.uniform(0.1, 0.3), 0.05])
        parts.append(Part([shaft], material=1, tone=rng.uniform(0.8, 1.1), relief=0.5))
        holes = [ellipse(ring, (outer[0] * 0.65, outer[1] * 0.65))] if rng.random() < 0.7 else []
        parts.append(Part([ellipse(ring, outer)], holes, relief=0.5))
    if rng.random() < 0.4:
        teeth = [polygon((0, y), (0.28, y), (0.28, y + 0.08), (0, y + 0.08)) for y in (-1.1, -0.95, -0.75)]
        parts.append(Part(teeth, material=1, relief=0.1))
    return Subject(parts, "lies")


def lattice(rng: np.random.Generator) -> Subject:
    """A fence, cage, basket, pylon or net: bars with gaps that show what lies behind."""
    w, h, bar = rng.uniform(0.5, 0.9), rng.uniform(0.6, 1.1), rng.uniform(0.04, 0.1)
    narrow = rng.uniform(0.2, 1)
    columns, rows = int(rng.integers(2, 7)), int(rng.integers(2, 7))
    lines = [limb([(x * narrow, -h), (x, h)], [bar], count=4) for x in np.linspace(-w, w, columns)]
    ys = np.linspace(-h, h, rows)
    reach = [w * (narrow + (1 - narrow) * (y + h) / (2 * h)) for y in ys]
    lines += [limb([(-r, y), (r, y)], [bar * 0.8], count=4) for y, r in zip(ys, reach, strict=True)]
    parts = [Part(lines, relief=0.4)]
    if rng.random() < 0.5:
        diagonals = [
            limb([(-reach[k], ys[k]), (reach[k + 1], ys[k + 1])], [bar * 0.7], count=4) for k in range(rows - 1)
        ]
        parts.append(Part(diagonals, material=1, tone=0.9, relief=0.4))
    if rng.random() < 0.4:
        parts.append(Part([ellipse((0, h * 0.7), (w * 1.1, h * 0.35), power=6)], material=2, relief=0.3))
    return Subject(parts, "stands")


def toy(rng: np.random.Generator) -> Subject:
    """A figure of smooth lumps: body, head, arms, feet, buttons; a bear, robot, duck or snowman."""
    power = float(rng.choice([2, 2, 3, 6]))
    girth = rng.uniform(0.4, 0.6)
    parts: list[Part] = []
    for side in (-1, 1):
        hand = (side * rng.uniform(0.6, 0.95), rng.uniform(-0.4, 0.4))
        parts.append(Part([limb([(side * girth * 0.6, -0.1), hand], [0.28, 0.22])], material=int(rng.integers(0, 2))))
        parts.append(Part([ellipse((side * girth * 0.65, 0.72), (0.26, 0.2), power=power)], material=1))
        if rng.random() < 0.6:
            parts.append(Part([ellipse((side * 0.34, -0.98), (0.17, 0.2))], tone=0.9))
    parts += [
        Part([ellipse((0, 0.15), (girth, 0.6), power=power)]),
        marking(ellipse((0, 0.2), (girth * 0.6, 0.4), power=power), material=2, tone=1.1),
        Part(
            [ellipse((0, -0.65), (rng.uniform(0.35, 0.5), rng.uniform(0.32, 0.42)), power=power)],
            lift=0.08,
            material=int(rng.integers(0, 2)),
        ),
        Part([ellipse((0, -0.52), (0.16, 0.12))], material=3, lift=0.14),
        marking(*(ellipse((s * 0.15, -0.72), (0.05, 0.06)) for s in (-1, 1)), tone=0.1),
        marking(*(ellipse((0, y), (0.05, 0.05)) for y in (0.0, 0.2, 0.4)), material=3, tone=0.4),
    ]
    return Subject(parts, "stands")


def fruit(rng: np.random.Generator) -> Subject:
    """One to four round things side by side, with stalks, leaves or caps: apples, pumpkins, balls, mushrooms."""
    parts: list[Part] = []
    x = 0.0
    for _ in range(int(rng.choice([1, 1, 2, 3, 4]))):
        r, tall = rng.uniform(0.35, 0.6), rng.uniform(0.75, 1.25)
        center = (x, -r * tall)
        body = blob(rng, center, (r, r * tall), roughness=0.03)
        tone = rng.uniform(0.8, 1.15)
        material = int(rng.integers(0, 2))
        if rng.random() < 0.6:
            top = (x + rng.normal(0, 0.1), -2 * r * tall - rng.uniform(0.1, 0.3))
            parts.append(Part([limb([(x, -r * tall * 1.5), top], [0.07, 0.05])], material=3, tone=0.6))
            parts.append(Part([leaf((x, -2 * r * tall), (x + rng.uniform(0.2, 0.5), top[1]), 0.2)], material=2))
        parts.append(Part([body], material=material, tone=tone, relief=1.0))
        if rng.random() < 0.3:
            ribs = [
                limb([(x, center[1] - r * tall), (x + s * r, center[1]), (x, center[1] + r * tall)], [0.01, 0.04, 0.01])
                for s in (-1.1, -0.5, 0, 0.5, 1.1)
            ]
            parts.append(marking(*ribs, material=material, tone=0.65))
        x += r * rng.uniform(1.2, 2.4)
    return Subject(parts, "stands")


def insect(rng: np.random.Generator) -> Subject:
    """A butterfly, beetle or crab from above: wings in pairs, thin legs and feelers."""
    legs = [
        limb([(s * 0.1, y), (s * 0.5, y - 0.15), (s * 0.75, y + 0.2)], [0.05, 0.03], count=8)
        for s in (-1, 1)
        for y in (-0.2, 0.1, 0.4)
    ]
    feelers = [limb([(s * 0.05, -0.6), (s * 0.2, -0.9), (s * 0.45, -1.1)], [0.03], count=8) for s in (-1, 1)]
    parts = [Part([*legs, *feelers], material=3, tone=0.5, relief=0.3, lift=-0.05)]
    spread, fore = rng.uniform(0.4, 1.2), rng.uniform(0.5, 0.9)
    outline = blob(rng, (0.55 * spread + 0.1, -0.35), (0.55 * spread, fore * 0.6), roughness=0.12, angle=-0.5)
    rear = blob(rng, (0.45 * spread + 0.1, 0.4), (0.42 * spread, 0.42), roughness=0.1, angle=0.4)
    mirror = np.array([-1.0, 1.0])
    parts += [Part([rear, rear * mirror], material=1, relief=0.2), Part([outline, outline * mirror], relief=0.2)]
    spots = [ellipse((0.2 + x * spread, y), (0.08, 0.08)) for x, y in rng.uniform((0.1, -0.8), (0.9, 0.6), (8, 2))]
    parts.append(marking(*spots, *(spot * mirror for spot in spots), material=2, tone=rng.choice([0.2, 0.5, 1.7])))
    parts.append(
        Part([ellipse((0, 0), (rng.uniform(0.1, 0.3), 0.65)), ellipse((0, -0.6), (0.14, 0.14))], material=3, lift=0.1)
    )
    return Subject(parts, "lies", ("petal", "petal", None, "hair"))


MADE: tuple[Maker, ...] = (tower, crate, vehicle, bicycle, furniture, tool, lattice, toy, fruit, insect, vessel)
