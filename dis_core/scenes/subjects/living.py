"""Subjects as parts: creatures, people, plants, vessels, machines and plain shapes.

A subject is drawn in units of its own, roughly from -1 to 1, y downwards, upright; who places it scales and turns it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dis_core.scenes.contours import Contour, blob, ellipse, leaf, limb, polygon, strands, turned_profile
from dis_core.scenes.parts import Maker, Part, Subject, marking

if TYPE_CHECKING:
    from dis_core.scenes.textures import Stuff


_ANIMAL: tuple[Stuff | None, ...] = ("fur", "fur", "fur", None)
_PERSON: tuple[Stuff | None, ...] = ("skin", "hair", None, None)


def fur(rng: np.random.Generator, outline: Contour, *, material: int, length: float, count: int = 330) -> list[Part]:
    groups = []
    for tone in rng.uniform(0.7, 1.25, 3):
        hairs = strands(rng, outline, count=count // 3, length=length, width=0.005, pull=(0, rng.uniform(0, 0.5)))
        groups.append(Part(hairs, material=material, tone=float(tone), relief=0.2))
    return groups


def eyes(center: tuple[float, float], apart: float, size: float) -> list[Part]:
    x, y = center
    places = [(x - apart, y), (x + apart, y)]
    glints = [(px - size * 0.3, py - size * 0.35) for px, py in places]
    return [
        marking(*(ellipse(place, (size * 1.5, size)) for place in places), tone=2.2, material=3),
        marking(*(ellipse(place, (size * 0.8, size * 0.9)) for place in places), tone=0.12),
        marking(*(ellipse(place, (size * 0.25, size * 0.25)) for place in glints), tone=3.5),
    ]


def animal_head(rng: np.random.Generator, center: tuple[float, float], size: float) -> list[Part]:
    x, y = center
    parts: list[Part] = []
    ear, spread = rng.uniform(0.5, 1.3) * size, rng.uniform(0.45, 0.85) * size
    for side in (-1, 1):
        root = (x + side * spread, y - 0.5 * size)
        tip = (x + side * spread * rng.uniform(0.9, 1.6), y - 0.5 * size - ear)
        parts.append(Part([leaf(root, tip, size * rng.uniform(0.45, 0.8))], tone=0.9))
        inner = (np.asarray(tip) * 0.8 + np.asarray(root) * 0.2).tolist()
        parts.append(marking(leaf(root, (inner[0], inner[1]), size * 0.3), material=3, tone=1.1))
    skull = blob(rng, center, (size * rng.uniform(0.85, 1.1), size * rng.uniform(0.8, 1)), roughness=0.04)
    muzzle = (x + rng.normal(0, 0.05) * size, y + size * 0.4)
    parts += [
        Part([skull], lift=0.1),
        *fur(rng, skull, material=0, length=size * rng.uniform(0.05, 0.16), count=240),
        Part([ellipse(muzzle, (size * 0.42, size * 0.34))], material=2, lift=0.15, relief=0.6),
        *eyes((x, y - size * 0.05), size * 0.4, size * rng.uniform(0.09, 0.16)),
        marking(ellipse((muzzle[0], muzzle[1] - size * 0.12), (size * 0.15, size * 0.1)), tone=0.2),
        marking(
            limb([(muzzle[0] - size * 0.2, muzzle[1] + size * 0.18), (muzzle[0], muzzle[1] + size * 0.12)], [0.02]),
            tone=0.15,
        ),
    ]
    return parts


def _stripes_on(rng: np.random.Generator, center: tuple[float, float], radius: float) -> Part:
    bands = []
    for offset in np.linspace(-1, 1, int(rng.integers(4, 10))):
        x = center[0] + offset * radius
        bends = rng.normal(0, 0.06, 2)
        points = [(x, center[1] - radius), (x + bends[0], center[1]), (x + bends[1], center[1] + radius)]
        bands.append(limb(points, [0.02, radius * rng.uniform(0.06, 0.2), 0.02], count=10))
    return marking(*bands, material=int(rng.integers(0, 4)), tone=float(rng.choice([0.3, 0.5, 1.6])))


def animal_face(rng: np.random.Generator) -> Subject:
    """A cat or dog that looks at the camera; its chest leaves the picture or rests on the ground."""
    chest = blob(rng, (rng.normal(0, 0.15), 1.05), (rng.uniform(0.55, 0.95), 0.8), roughness=0.07)
    parts = [Part([chest], tone=0.9), *fur(rng, chest, material=0, length=rng.uniform(0.04, 0.12))]
    if rng.random() < 0.5:
        parts.append(marking(blob(rng, (0, 1.1), (0.3, 0.5), roughness=0.2), material=2, tone=1.1))
    head = animal_head(rng, (rng.normal(0, 0.08), 0), rng.uniform(0.5, 0.68))
    return Subject([*parts, *head], "cropped" if rng.random() < 0.7 else "stands", _ANIMAL)


def four_legs(rng: np.random.Generator) -> Subject:
    """An animal from the side: body, legs, tail, neck and head, with fur or without."""
    tall, long = rng.uniform(0.5, 0.95), rng.uniform(0.6, 0.85)
    body = blob(rng, (0, 0), (long, rng.uniform(0.28, 0.42)), roughness=0.06)
    thick = rng.uniform(0.1, 0.2)
    parts = []
    for x, tone in ((-0.75, 0.7), (0.6, 0.7), (-0.6, 1.0), (0.75, 1.0)):
        foot = x * long + rng.normal(0, 0.12)
        knee = (x * long + rng.normal(0, 0.08), tall * 0.55)
        leg = limb([(x * long * 0.9, 0.05), knee, (foot, tall), (foot + 0.08, tall)], [thick * 1.8, thick, thick * 0.7])
        parts.append(Part([leg], tone=tone, lift=0.05 if tone == 1 else -0.05))
    tail = [(-long * 0.9, -0.1), (-long * 1.2, rng.uniform(-0.6, 0.3)), (-long * 1.35, rng.uniform(-0.8, 0.5))]
    parts.append(Part([limb(tail, [0.12, rng.uniform(0.05, 0.2), 0.04])], material=int(rng.integers(0, 2))))
    head = (long * rng.uniform(1.0, 1.35), rng.uniform(-0.75, -0.15))
    parts += [Part([limb([(long * 0.7, -0.05), head], [0.42, 0.26])]), Part([body], tone=1.05)]
    if rng.random() < 0.6:
        parts += fur(rng, body, material=0, length=rng.uniform(0.03, 0.13))
    if rng.random() < 0.5:
        parts.append(_stripes_on(rng, (0, 0), long * 0.8))
    return Subject([*parts, *animal_head(rng, head, rng.uniform(0.2, 0.3))], "stands", _ANIMAL)


def bird(rng: np.random.Generator) -> Subject:
    """A bird from the side, on two thin legs."""
    body = blob(rng, (0, 0), (0.6, rng.uniform(0.3, 0.45)), roughness=0.05, angle=rng.uniform(-0.5, 0.1))
    head = (rng.uniform(0.45, 0.7), rng.uniform(-0.7, -0.35))
    parts = [
        Part([limb([(x, 0.3), (x + 0.03, 0.75), (x + 0.15, 0.78)], [0.06, 0.04])], material=3) for x in (-0.05, 0.15)
    ]
    parts.append(Part([leaf((-0.3, 0), (-rng.uniform(1, 1.6), rng.uniform(-0.3, 0.4)), 0.3)], material=1))
    parts += [
        Part([body]),
        Part([limb([(0.3, -0.1), head], [0.5, 0.3])]),
        Part(
            [polygon((head[0] + 0.1, head[1] - 0.1), (head[0] + 0.5, head[1] + 0.05), (head[0] + 0.1, head[1] + 0.1))],
            material=3,
        ),
        Part([ellipse(head, (0.22, 0.2))]),
        marking(blob(rng, (0.25, 0.15), (0.35, 0.22)), material=2, tone=1.1),
        *(
            Part([leaf((0.3, -0.1 + 0.05 * k), (-0.75 + 0.08 * k, 0.2 + 0.08 * k), 0.3)], material=1, tone=1 - 0.1 * k)
            for k in range(3)
        ),
        marking(ellipse((head[0] + 0.06, head[1] - 0.03), (0.04, 0.04)), tone=0.1),
    ]
    return Subject(parts, "stands", ("fur", "fur", None, None))


def portrait(rng: np.random.Generator) -> Subject:
    """A person from the chest up: skin is material 0, hair 1, clothes 2."""
    lean, wide = rng.normal(0, 0.06), rng.uniform(0.75, 1.05)
    face = ellipse((lean, 0), (rng.uniform(0.34, 0.4), rng.uniform(0.45, 0.52)), power=2.2)
    mane = blob(rng, (lean, rng.uniform(-0.12, 0.15)), (rng.uniform(0.42, 0.6), rng.uniform(0.5, 0.75)), roughness=0.07)
    fringe = blob(rng, (lean + rng.normal(0, 0.08), -0.4), (0.4, rng.uniform(0.14, 0.24)), roughness=0.08)
    torso = blob(rng, (0, 1.45), (wide, rng.uniform(0.72, 0.85)), roughness=0.025)
    shoulders = ellipse((0, 1.5), (wide, 0.8), power=rng.uniform(2.2, 3))
    mouth = rng.uniform(0.24, 0.29)
    parts = [
        Part([mane], material=1, tone=0.8, lift=-0.1),
        Part(strands(rng, mane, count=240, length=rng.uniform(0.03, 0.14), width=0.004), material=1, relief=0.1),
        Part([torso, shoulders], material=2, relief=0.6),
        Part([limb([(lean, 0.25), (0, 0.85)], [0.34, 0.36, 0.5])], tone=0.85),
        Part(
            [polygon((-0.3, 0.7), (0.02, 1.15), (-0.5, 1.0)), polygon((0.3, 0.7), (0.02, 1.15), (0.5, 1.0))],
            material=int(rng.integers(2, 4)),
            tone=0.8,
        ),
        Part([face], lift=0.1, relief=0.7),
        Part([fringe], material=1, lift=0.12, relief=0.5),
        *eyes((lean, -0.06), 0.15, 0.035),
        marking(
            *(limb([(lean + s * 0.22, -0.15), (lean + s * 0.08, -0.16)], [0.03]) for s in (-1, 1)), material=1, tone=0.6
        ),
        marking(leaf((lean - 0.13, mouth), (lean + 0.13, mouth), 0.07), material=3, tone=0.7),
        marking(leaf((lean + 0.03, -0.02), (lean + 0.05, 0.14), 0.06), tone=0.8),
    ]
    if rng.random() < 0.3:
        parts.append(
            Part([ellipse((lean, -0.42), (0.46, 0.2), power=2.5), ellipse((lean, -0.3), (0.65, 0.07))], material=3)
        )
    return Subject(parts, "cropped", _PERSON)


def standing_person(rng: np.random.Generator) -> Subject:
    """A person from head to foot."""
    swing, waist = rng.normal(0, 0.15, 4), rng.uniform(0.14, 0.2)
    hips, shoulder = 0.05, -0.55
    parts = []
    for k, side in enumerate((-1, 1)):
        hand = (side * rng.uniform(0.2, 0.5), rng.uniform(-0.6, 0.1))
        elbow = (side * rng.uniform(0.28, 0.42), -0.25 + swing[k])
        arm = limb([(side * waist, shoulder), elbow, hand], [0.15, 0.11, 0.08])
        leg = limb(
            [(side * 0.09, hips), (side * 0.12 + swing[2] * side * 0.5, 0.5), (side * 0.15, 0.95)], [0.22, 0.15, 0.1]
        )
        parts += [
            Part([leg], material=3, tone=rng.uniform(0.8, 1)),
            Part([limb([(side * 0.13, 0.97), (side * 0.24, 0.98)], [0.11, 0.08])], tone=0.4),
            Part([arm], material=2, tone=0.9),
            Part([ellipse(hand, (0.06, 0.06))]),
        ]
    torso = limb([(0, shoulder), (0, -0.2), (0, 0.08)], [waist * 2.2, waist * 1.8, waist * 2.1])
    parts += [Part([torso], material=2), Part([limb([(0, -0.75), (0, -0.55)], [0.1, 0.12])])]
    if rng.random() < 0.35:
        parts.append(Part([polygon((-waist, -0.1), (waist, -0.1), (0.42, 0.6), (-0.42, 0.6))], material=2, relief=0.4))
    hair = blob(rng, (0, -0.86), (0.14, rng.uniform(0.16, 0.22)), roughness=0.06)
    parts += [
        Part([hair], material=1),
        Part([ellipse((0.01, -0.82), (0.1, 0.13))]),
        marking(blob(rng, (0, -0.95), (0.12, 0.06)), material=1, tone=0.15),
    ]
    return Subject(parts, "stands", _PERSON)


def vessel(rng: np.random.Generator) -> Subject:
    """A cup, vase, bottle or pot; some with a handle, a saucer, or what they hold showing within the rim."""
    rows = np.linspace(-1, 1, int(rng.integers(3, 6)))
    half = rng.uniform(0.3, 0.95) * np.clip(rng.normal(1, 0.28, len(rows)), 0.3, 1.5)
    sag = rng.uniform(0.08, 0.4)
    body = turned_profile(rows.tolist(), half.tolist(), sag=sag)
    parts: list[Part] = []
    widest = float(half.max())
    if rng.random() < 0.35:
        parts.append(Part([ellipse((0, 1.05), (widest * 1.7, widest * sag * 1.5 + 0.06))], material=1, relief=0.3))
    if rng.random() < 0.5:
        side = rng.choice([-1, 1])
        hook = [
            (side * half[0] * 0.8, -0.55),
            (side * (widest + 0.45), -0.5),
            (side * (widest + 0.35), 0.3),
            (side * half[-1] * 0.8, 0.5),
        ]
        parts.append(
            Part([limb(hook, [rng.uniform(0.08, 0.18)], count=30)], material=int(rng.integers(0, 2)), relief=0.6)
        )
    parts.append(Part([body]))
    if rng.random() < 0.5:
        band = rng.uniform(-0.5, 0.5)
        parts.append(marking(polygon((-2, band), (2, band), (2, band + 0.4), (-2, band + 0.4)), material=2, tone=1.0))
    rim = (0.0, -1.0)
    parts.append(Part([ellipse(rim, (half[0], sag * half[0]))], tone=1.15, relief=0.2))
    parts.append(
        marking(
            ellipse(rim, (half[0] * 0.88, sag * half[0] * 0.82)),
            material=int(rng.integers(0, 4)),
            tone=rng.uniform(0.3, 0.9),
        )
    )
    return Subject(parts, "stands")


def flower(rng: np.random.Generator) -> Subject:
    """A flower from the front, with or without stem and leaves."""
    parts: list[Part] = []
    if rng.random() < 0.6:
        bend = rng.normal(0, 0.3)
        parts.append(Part([limb([(0, 0), (bend, 1), (bend * 0.5, 2)], [0.1, 0.09])], material=2))
        for side in (-1, 1):
            y = rng.uniform(1.0, 1.7)
            parts.append(
                Part([leaf((bend, y), (bend + side * 0.8, y - rng.uniform(0, 0.6)), 0.35, bend=0.1 * side)], material=2)
            )
    petals, squash = int(rng.integers(5, 22)), rng.uniform(0.6, 1)
    for ring, reach in enumerate((1.0, 0.72)[: int(rng.integers(1, 3))]):
        width = min(1.0, 5.2 / petals) * rng.uniform(0.75, 1.2) * reach
        for k in rng.permutation(petals):
            angle = 2 * np.pi * (k + 0.5 * ring) / petals + rng.normal(0, 0.08)
            tip = (reach * np.cos(angle) * rng.uniform(0.88, 1.05), reach * squash * np.sin(angle))
            petal = leaf((0, 0), tip, width, bend=rng.normal(0, 0.05))
            parts.append(Part([petal], material=ring % 2, tone=rng.uniform(0.82, 1.12), relief=0.4, lift=0.05 * ring))
    heart = rng.uniform(0.14, 0.38)
    parts.append(Part([ellipse((0, 0), (heart, heart * squash))], material=3, lift=0.15))
    dots = [ellipse((x, y * squash), (0.02, 0.02), count=8) for x, y in rng.normal(0, heart * 0.4, (40, 2))]
    parts.append(marking(*dots, tone=rng.choice([0.3, 1.8])))
    return Subject(parts, "lies" if len(parts) % 2 else "cropped", ("petal", "petal", "leaf", None))


def plant(rng: np.random.Generator) -> Subject:
    """Twigs with many leaves, often in a pot."""
    parts: list[Part] = []
    has_pot = rng.random() < 0.6
    wide = rng.uniform(0.08, 0.3)
    for _ in range(int(rng.integers(3, 9))):
        top = (rng.normal(0, 0.55), rng.uniform(-1, 0))
        middle = (top[0] * 0.4 + rng.normal(0, 0.1), top[1] * 0.4 + 0.3)
        parts.append(Part([limb([(0, 0.7), middle, top], [0.06, 0.05, 0.02])], material=1, tone=0.8))
        for t in rng.uniform(0.25, 1, int(rng.integers(3, 9))):
            root = (top[0] * t, 0.7 + (top[1] - 0.7) * t)
            tip = (root[0] + rng.normal(0, 0.3), root[1] - rng.uniform(-0.15, 0.4))
            parts.append(
                Part(
                    [leaf(root, tip, wide * rng.uniform(0.6, 1.3), bend=rng.normal(0, 0.1))],
                    tone=rng.uniform(0.6, 1.2),
                    relief=0.3,
                    lift=rng.normal(0, 0.05),
                )
            )
    if has_pot:
        pot = turned_profile([0.6, 0.8, 1.25], [0.42, 0.4, rng.uniform(0.22, 0.36)], sag=0.2)
        parts += [
            Part([pot], material=2),
            marking(polygon((-1, 0.55), (1, 0.55), (1, 0.72), (-1, 0.72)), material=2, tone=1.2),
        ]
    return Subject(parts, "stands" if has_pot else "cropped", ("leaf", "leaf", None, None))


def blossoms_of_shapes(rng: np.random.Generator) -> Subject:
    """An abstract sculpture: blobs, limbs and boxes joined at random."""
    parts: list[Part] = []
    center = np.zeros(2)
    for k in range(int(rng.integers(1, 6))):
        place = (float(center[0]), float(center[1]))
        radii = (rng.uniform(0.25, 0.7), rng.uniform(0.25, 0.7))
        material, lift = int(rng.integers(0, 4)) if k else 0, rng.normal(0, 0.08)
        kind = rng.random()
        if kind < 0.5:
            outline = blob(rng, place, radii, roughness=rng.uniform(0.03, 0.3))
        elif kind < 0.75:
            outline = ellipse(place, radii, angle=rng.uniform(0, np.pi), power=rng.choice([2, 3, 6, 12]))
        else:
            ends = center + rng.normal(0, 0.6, (2, 2))
            outline = limb([tuple(ends[0]), place, tuple(ends[1])], rng.uniform(0.1, 0.45, 3).tolist())
        parts.append(Part([outline], material=material, lift=lift, tone=rng.uniform(0.8, 1.2)))
        if rng.random() < 0.3:
            parts += fur(rng, outline, material=material, length=rng.uniform(0.05, 0.3))
        if rng.random() < 0.3:
            parts.append(_stripes_on(rng, place, min(radii)))
        center = center + rng.normal(0, 0.45, 2)
    return Subject(parts, "lies" if rng.random() < 0.5 else "stands")


LIVING: tuple[Maker, ...] = (animal_face, four_legs, bird, portrait, standing_person, flower, plant)
