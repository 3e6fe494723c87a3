"""People and pets as they are photographed close by: from the waist up, sitting in front of the camera, lying down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dis_core.scenes.contours import blob, ellipse, leaf, limb, polygon, strands
from dis_core.scenes.parts import Part, Subject, marking
from dis_core.scenes.subjects.living import animal_head, eyes, fur

if TYPE_CHECKING:
    from dis_core.scenes.textures import Stuff

_PET: tuple[Stuff | None, ...] = ("fur", "fur", "fur", None)
_DRESSED: tuple[Stuff | None, ...] = ("skin", "hair", "cloth", "cloth", "cloth")


def _face(rng: np.random.Generator, x: float, *, is_gray: bool) -> list[Part]:
    """Head and hair about (x, 0): skin is material 0, hair 1."""
    face = ellipse((x, 0), (rng.uniform(0.31, 0.37), rng.uniform(0.43, 0.5)), power=2.2)
    turn = rng.normal(0, 0.06)
    brow = [limb([(x + turn + s * 0.22, -0.13), (x + turn + s * 0.07, -0.15)], [0.025]) for s in (-1, 1)]
    mouth = rng.uniform(0.23, 0.28)
    parts = [
        Part([ellipse((x + s * 0.36, 0.02), (0.06, 0.1)) for s in (-1, 1)], tone=0.85),
        Part([face], lift=0.1, relief=0.7),
        marking(blob(rng, (x + turn * 4, 0.1), (0.2, 0.35)), tone=1.08),
        *eyes((x + turn, -0.05), 0.14, 0.03),
        marking(*brow, material=1, tone=0.6),
        marking(leaf((x + turn - 0.12, mouth), (x + turn + 0.12, mouth), 0.05), tone=0.6),
        marking(leaf((x + turn + 0.02, -0.02), (x + turn + 0.05, 0.14), 0.05), tone=0.75),
    ]
    if rng.random() < 0.2:
        parts.append(marking(blob(rng, (x, 0.38), (0.3, 0.2)), material=1, tone=0.8))
    if rng.random() < 0.2:
        rims = [ellipse((x + turn + s * 0.15, -0.04), (0.12, 0.1)) for s in (-1, 1)]
        lenses = [ellipse((x + turn + s * 0.15, -0.04), (0.105, 0.085)) for s in (-1, 1)]
        parts.append(Part(rims, lenses, material=1, tone=0.4, relief=0, is_marking=True))
    cap = blob(rng, (x + rng.normal(0, 0.04), -0.36), (0.37, rng.uniform(0.15, 0.24)), roughness=0.05)
    return parts if is_gray else [*parts, Part([cap], material=1, lift=0.12, relief=0.5)]


def _jacket(rng: np.random.Generator, wide: float, waist: float) -> list[Part]:
    """Torso in material 2, open over a shirt of material 3, with collar, lapels, buttons, seams or a scarf."""
    trunk = polygon((-wide * 0.9, 0.95), (wide * 0.9, 0.95), (wide * waist, 2.6), (-wide * waist, 2.6))
    shoulders = ellipse((0, 1.35), (wide, 0.62), power=rng.uniform(2.2, 3))
    parts = [Part([trunk, shoulders], material=2, relief=0.6)]
    style = rng.random()
    depth, spread = rng.uniform(1.1, 2.4), rng.uniform(0.15, 0.32)
    if style < 0.6:
        parts.append(marking(polygon((-spread, 0.6), (spread, 0.6), (0.06, depth), (-0.06, depth)), material=3, tone=1))
        lapels = [polygon((s * spread * 0.9, 0.65), (s * spread * 1.9, 1.0), (s * 0.05, depth)) for s in (-1, 1)]
        parts.append(marking(*lapels, material=2, tone=rng.uniform(0.75, 1.25)))
        if rng.random() < 0.4:
            parts.append(
                marking(polygon((-0.06, 0.72), (0.06, 0.72), (0.09, depth), (0, depth + 0.1)), material=4, tone=0.3)
            )
    elif style < 0.8:
        bands = [polygon((-2, y), (2, y), (2, y + 0.14), (-2, y + 0.14)) for y in np.arange(1.0, 2.6, 0.28).tolist()]
        parts.append(marking(*bands[: int(rng.integers(1, 7))], material=4, tone=1.0))
    else:
        parts.append(marking(polygon((0, 0.7), (2, 0.7), (2, 2.7), (0, 2.7)), material=3, tone=1.0))
    places = rng.uniform((-wide * 0.8, 1.1), (wide * 0.8, 1.9), (5, 2))
    folds = [limb([(px, py), (px + 0.1, py + 0.35), (px, py + 0.7)], [0.01, 0.05, 0.01], count=8) for px, py in places]
    parts.append(marking(*folds, material=2, tone=0.6))
    collar = [polygon((s * 0.05, 0.82), (s * 0.3, 0.6), (s * 0.36, 0.86)) for s in (-1, 1)]
    parts.append(Part(collar, material=int(rng.integers(2, 4)), tone=0.9, relief=0.1))
    return parts


def upper_body(rng: np.random.Generator) -> Subject:
    """A person from the waist up, arms at the sides, folded or on the hips, in clothes of several colors."""
    x, wide = rng.normal(0, 0.05), rng.uniform(0.7, 0.95)
    mane = blob(rng, (x, rng.uniform(-0.15, 0.2)), (rng.uniform(0.38, 0.52), rng.uniform(0.5, 0.8)), roughness=0.05)
    is_bald = rng.random() < 0.12
    parts: list[Part] = []
    if not is_bald:
        hairs = strands(rng, mane, count=160, length=rng.uniform(0.03, 0.12), width=0.004)
        parts += [Part([mane], material=1, tone=0.8, lift=-0.1), Part(hairs, material=1, relief=0.1)]
    parts += [Part([limb([(x, 0.25), (0, 0.95)], [0.3, 0.32, 0.45])], tone=0.8)]
    parts += _jacket(rng, wide, rng.uniform(0.65, 0.9))
    pose = rng.random()
    for side in (-1, 1):
        elbow = (side * (wide + rng.uniform(-0.02, 0.35)), rng.uniform(1.9, 2.2))
        hand = (side * (wide + 0.05), 2.75) if pose < 0.5 else (-side * rng.uniform(0.0, 0.4), rng.uniform(1.75, 2.1))
        sleeve = limb([(side * wide * 0.82, 1.15), elbow, hand], [0.42, 0.34, 0.24])
        cuff = 0.1 if pose < 0.5 else -0.1
        parts += [
            Part([ellipse((hand[0] + side * cuff * 0.5, hand[1] + 0.05), (0.14, 0.12))], relief=0.6),
            Part([sleeve], material=2, tone=rng.uniform(0.8, 1.05), relief=0.6, lift=0.05),
        ]
    parts += _face(rng, x, is_gray=is_bald)
    if rng.random() < 0.15:
        brim = Part([ellipse((x, -0.4), (0.42, 0.2), power=2.5), ellipse((x, -0.3), (0.6, 0.07))], material=4)
        parts.append(replace(brim, lift=0.14))
    return Subject(parts, "cropped", _DRESSED)


def _dog_head(rng: np.random.Generator, center: tuple[float, float], size: float) -> list[Part]:
    """A head with hanging ears, a long muzzle, perhaps a tongue."""
    x, y = center
    skull = blob(rng, center, (size * rng.uniform(0.75, 0.9), size * rng.uniform(0.85, 1.05)), roughness=0.03)
    ears = []
    for side in (-1, 1):
        tip = (x + side * size * rng.uniform(0.9, 1.2), y + size * rng.uniform(0.3, 1.0))
        ears.append(limb([(x + side * size * 0.5, y - size * 0.75), (x + side * size, y - size * 0.35), tip],
                         [size * 0.3, size * rng.uniform(0.4, 0.55), size * 0.25]))  # fmt: skip
    muzzle = (x + rng.normal(0, 0.05) * size, y + size * rng.uniform(0.4, 0.55))
    parts = [
        Part([skull], lift=0.1),
        *fur(rng, skull, material=0, length=size * rng.uniform(0.04, 0.1), count=150),
        marking(limb([(x, y - size), (x, y), muzzle], [size * 0.2, size * 0.25, size * 0.5]), material=2, tone=1.1),
        Part([ellipse(muzzle, (size * rng.uniform(0.38, 0.5), size * 0.42))], material=2, lift=0.15, relief=0.6),
        Part(ears, material=1, tone=0.85, relief=0.5, lift=0.12),
        *eyes((x, y - size * 0.15), size * 0.38, size * rng.uniform(0.07, 0.11)),
        marking(ellipse((muzzle[0], muzzle[1] - size * 0.22), (size * 0.19, size * 0.13)), material=3, tone=0.15),
        marking(limb([(muzzle[0], muzzle[1]), (muzzle[0], muzzle[1] + size * 0.2)], [size * 0.03]), tone=0.25),
    ]
    if rng.random() < 0.4:
        tongue = ellipse((muzzle[0], muzzle[1] + size * 0.42), (size * 0.14, size * 0.25))
        parts.insert(2, Part([tongue], material=3, relief=0.4))
    return parts


def _head(rng: np.random.Generator, center: tuple[float, float], size: float) -> list[Part]:
    return animal_head(rng, center, size) if rng.random() < 0.5 else _dog_head(rng, center, size)


def _patches(rng: np.random.Generator, places: list[tuple[float, float]], size: float) -> list[Part]:
    """Fur of other colors, in large patches."""
    spots = [blob(rng, place, (size * rng.uniform(0.5, 1.2), size), roughness=0.25) for place in places]
    return [marking(spot, material=int(rng.integers(1, 3)), tone=rng.uniform(0.6, 1.3)) for spot in spots]


def sitting_pet(rng: np.random.Generator) -> Subject:
    """A cat or dog that sits and faces the camera: chest, two forelegs, haunches, tail."""
    wide = rng.uniform(0.36, 0.52)
    trunk = blob(rng, (0, 0.15), (wide, rng.uniform(0.75, 0.9)), roughness=0.03)
    haunches = [ellipse((s * wide * 0.85, 0.65), (wide * 0.55, 0.38), angle=s * 0.3) for s in (-1, 1)]
    tail_side = rng.choice([-1, 1])
    tail = limb([(tail_side * wide, 0.85), (tail_side * (wide + 0.35), 0.95), (tail_side * (wide + 0.3), 0.6)],
                [0.16, 0.14, 0.08])  # fmt: skip
    parts = [
        Part([tail], material=1, lift=-0.1),
        Part([trunk], lift=0.02),
        *fur(rng, trunk, material=0, length=rng.uniform(0.02, 0.08), count=210),
        Part(haunches, tone=0.85, relief=0.6),
    ]
    if rng.random() < 0.6:
        parts += _patches(rng, [(rng.normal(0, wide), rng.uniform(-0.2, 0.6)) for _ in range(3)], wide * 0.6)
    parts.append(marking(blob(rng, (0, 0.05), (wide * 0.55, 0.5), roughness=0.1), material=2, tone=1.1))
    for side in (-1, 1):
        x = side * wide * rng.uniform(0.3, 0.45)
        parts += [
            Part([limb([(x, 0.1), (x, 0.6), (x * 1.1, 1.0)], [0.3, 0.22, 0.18])], lift=0.06, relief=0.6),
            Part([ellipse((x * 1.1, 1.02), (0.15, 0.09))], material=2, lift=0.08),
        ]
    return Subject([*parts, *_head(rng, (rng.normal(0, 0.08), -0.75), rng.uniform(0.36, 0.46))], "stands", _PET)


def lying_pet(rng: np.random.Generator) -> Subject:
    """A cat or dog that lies on its belly or side, paws stretched out, its head up or down."""
    long, tall = rng.uniform(0.85, 1.15), rng.uniform(0.3, 0.42)
    trunk = blob(rng, (0, 0), (long, tall), roughness=0.04)
    haunch = blob(rng, (-long * 0.6, 0.08), (0.45, tall * 0.9), roughness=0.04)
    head = (long * rng.uniform(0.75, 1.0), rng.uniform(-0.45, 0.1))
    curl = rng.uniform(-0.3, 0.3)
    tail = limb([(-long * 0.9, 0.2), (-long * 1.25, 0.25), (-long * 1.1, 0.4 + curl * 0.2), (-long * 0.4, 0.42)],
                [0.2, 0.18, 0.15, 0.1])  # fmt: skip
    parts = [
        Part([trunk]),
        *fur(rng, trunk, material=0, length=rng.uniform(0.02, 0.08), count=210),
    ]
    if rng.random() < 0.7:
        parts += _patches(rng, [(rng.uniform(-long, long), rng.uniform(-0.3, 0.2)) for _ in range(4)], tall * 0.8)
    parts += [Part([haunch], tone=0.92, relief=0.7), Part([tail], material=1, lift=0.05)]
    for offset in (-0.06, 0.1):
        x = long * rng.uniform(0.7, 0.85)
        leg = limb([(x - 0.25, 0.2 + offset), (x, 0.34 + offset), (x + rng.uniform(0.25, 0.55), 0.36 + offset)],
                   [0.28, 0.22, 0.16])  # fmt: skip
        parts.append(Part([leg], tone=0.95 + offset, lift=0.06, material=0))
    neck = limb([(long * 0.55, -0.05), head], [0.55, 0.4])
    parts.append(Part([neck], lift=0.04))
    return Subject([*parts, *_head(rng, head, rng.uniform(0.34, 0.48))], "stands", _PET)
