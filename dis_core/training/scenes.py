"""Procedural photographs with exact mattes and depth, to train on without anybody's pictures.

A scene is a backdrop, things that are not the subject, a subject with its shadows, and a camera. All randomness comes
from the seed, and coordinates are relative to the size, so that a scene looks alike at every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dis_core.training.scene_backdrops import Backdrop, ground_depth, random_backdrop
from dis_core.training.scene_camera import focused, photographed
from dis_core.training.scene_objects import random_subject
from dis_core.training.scene_render import (
    LARGEST_AREA,
    SMALLEST_AREA,
    Layer,
    Light,
    bent_about,
    covered_area,
    draw_parts,
    moved,
    outline_box,
    placed,
    random_light,
    random_surfaces,
)
from dis_core.training.scene_subjects import Part, Stance, Subject, blossoms_of_shapes
from dis_core.training.scene_textures import (
    Picture,
    Plane,
    blurred,
    blurred_picture,
    resized,
    resized_picture,
    unit_range,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Scene:
    """`image` (H, W, 3) sRGB, `alpha` (H, W) the exact soft matte, `depth` (H, W) relative inverse depth, near = large.

    All are float32 in [0, 1]; `depth` spans from 0 to 1 in every scene, as estimates of depth do.
    """

    image: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32]


def make_scene(seed: int, size: tuple[int, int]) -> Scene:
    """A photograph-like scene of `size` (height, width) whose subject covers 4 % to 65 % of it.

    `seed` is not negative; the same seed and size give the same scene.
    """
    rng = np.random.default_rng(seed)
    backdrop = random_backdrop(rng, size)
    light = random_light(rng)
    picture, depth = _with_bystanders(rng, backdrop, light, size)
    subject, parts = _choose_subject(rng, backdrop, size)
    base = backdrop.palette if rng.random() < 0.15 else None
    layer = draw_parts(parts, random_surfaces(rng, size, subject, base=base), light, size)
    picture = _with_shadows(rng, replace(backdrop, picture=picture), layer.alpha, parts, light)
    colour, alpha, relief = focused(rng, layer.colour, layer.alpha, layer.relief)
    picture = colour + (1 - alpha[..., None]) * picture
    nearness = _subject_depth(rng, backdrop, foot=float(outline_box(parts)[1][1]) / size[0])
    depth = depth + alpha * (nearness + np.float32(rng.uniform(0.15, 0.5)) * relief - depth)
    low, high = float(depth.min()), float(depth.max())
    depth = np.clip((depth - low) / np.float32(max(high - low, 1e-3)), 0, 1)
    return Scene(photographed(rng, picture), np.clip(alpha, 0, 1), depth.astype(np.float32))


def contact_sheet(seeds: Sequence[int], size: tuple[int, int]) -> NDArray[np.float32]:
    """Scenes to look at, image | alpha | depth each, two scenes per row: (rows * height, 6 * width, 3) in [0, 1]."""
    height, width = size
    sheet = np.zeros(((len(seeds) + 1) // 2 * height, 6 * width, 3), dtype=np.float32)
    for place, seed in enumerate(seeds):
        scene = make_scene(seed, size)
        top, left = place // 2 * height, place % 2 * 3 * width
        for column, view in enumerate((scene.image, scene.alpha[..., None], scene.depth[..., None])):
            sheet[top : top + height, left + column * width : left + (column + 1) * width] = view
    return sheet


def _choose_subject(rng: np.random.Generator, backdrop: Backdrop, size: tuple[int, int]) -> tuple[Subject, list[Part]]:
    """What is photographed, and its parts in pixels of the picture, within the limits of area."""
    horizon = 0.5 if backdrop.horizon is None else backdrop.horizon
    for attempt in range(6):
        subject = random_subject(rng) if attempt < 5 else blossoms_of_shapes(rng)
        if backdrop.horizon is None and subject.stance == "stands":
            subject = replace(subject, stance="lies" if backdrop.is_seen_from_above else _unsupported(rng))
        elif backdrop.horizon is not None and subject.stance == "lies" and rng.random() < 0.7:
            subject = replace(subject, stance="stands")
        foot = float(rng.uniform(max(horizon + 0.12, 0.62), 0.97))
        area = float(np.exp(rng.uniform(np.log(0.07), np.log(0.5))))
        is_cut = rng.random() < 0.12
        parts = placed(rng, subject, size, foot=foot, area=area, is_cut=is_cut)
        if SMALLEST_AREA <= covered_area(parts, size) <= LARGEST_AREA:
            break
    return subject, parts


def _unsupported(rng: np.random.Generator) -> Stance:
    return "cropped" if rng.random() < 0.25 else "floats"


def _subject_depth(rng: np.random.Generator, backdrop: Backdrop, *, foot: float) -> Plane:
    """Depth of the subject's middle: (), or (H, 1) where it varies down the picture; `foot` is the share of a row."""
    if backdrop.horizon is not None:
        row = max(min(foot, 1.15), backdrop.horizon + rng.uniform(0.1, 0.4))
        return ground_depth(np.array(row, dtype=np.float32), backdrop.horizon)
    if float(backdrop.depth.max()) < 0.02:
        return np.array(rng.uniform(0.3, 0.8), dtype=np.float32)
    near = np.quantile(backdrop.depth, 0.8)
    if backdrop.is_seen_from_above:
        # Thin things on a tilted surface follow it; its rows are level.
        rows: Plane = backdrop.depth.mean(axis=1, keepdims=True)
        rows += np.float32(rng.uniform(0.05, 0.3))
        return rows
    return np.array(near + rng.uniform(0.15, 0.5), dtype=np.float32)


def _with_bystanders(
    rng: np.random.Generator, backdrop: Backdrop, light: Light, size: tuple[int, int]
) -> tuple[Picture, Plane]:
    """Up to three things that are not the subject: small, cut off, farther away and out of focus."""
    picture, depth = backdrop.picture, backdrop.depth
    count = int(rng.choice([0, 1, 2, 3], p=[0.5, 0.3, 0.15, 0.05]))
    if not count:
        return picture, depth
    # They are out of focus anyway: half the resolution does, at a quarter of the time.
    half = (max(8, size[0] // 2), max(8, size[1] // 2))
    for _ in range(count):
        at_border = rng.random() < 0.6
        extent = rng.uniform(0.15, 0.45 if at_border else 0.22) * min(half)
        subject = random_subject(rng)
        surfaces = random_surfaces(rng, half, subject, base=backdrop.palette if rng.random() < 0.5 else None)
        parts = bent_about(subject.parts, rng, rng.normal(0, 0.1))
        box = outline_box(parts)
        x = rng.choice([rng.uniform(-0.03, 0.06), rng.uniform(0.94, 1.03)]) if at_border else rng.uniform(0.05, 0.95)
        foot = rng.uniform(0.3, 1.1) if backdrop.horizon is None else backdrop.horizon + rng.uniform(0.0, 0.15)
        scale = extent / float((box[1] - box[0]).max())
        offset = np.array([x * half[1], foot * half[0] - box[1][1] * scale])
        layer = draw_parts(moved(parts, np.eye(2) * scale, offset), surfaces, light, half)
        picture, depth = _behind(rng, picture, depth, layer, backdrop, foot)
    return picture, depth


def _behind(
    rng: np.random.Generator, picture: Picture, depth: Plane, layer: Layer, backdrop: Backdrop, foot: float
) -> tuple[Picture, Plane]:
    radius_px = float(rng.choice([0.004, 0.012, 0.025])) * max(layer.alpha.shape)
    opacity = np.float32(rng.uniform(0.6, 1))
    alpha = np.clip(resized(blurred(layer.alpha, radius_px), depth.shape), 0, 1) * opacity
    colour = np.clip(resized_picture(blurred_picture(layer.colour, radius_px), depth.shape), 0, 1) * opacity
    if backdrop.horizon is None:
        distance = depth + np.float32(0.05)
    else:
        distance = np.maximum(depth, ground_depth(np.array(foot, dtype=np.float32), backdrop.horizon))
    return colour + (1 - alpha[..., None]) * picture, depth + alpha * (distance - depth)


def _sheared(mask: Plane, *, foot: float, flatten: float, lean: float) -> Plane:
    """A standing mask laid down on the ground: rows measured from `foot`, squeezed by `flatten`, leaning sideways."""
    small = resized(mask, (96, 96))
    image = Image.fromarray((np.clip(small, 0, 1) * 255).astype(np.uint8))
    row = foot * 96
    # Output (x, y) takes its value from (x - lean (row - y), row + (y - row) / flatten).
    matrix = (1, lean, -lean * row, 0, 1 / flatten, row - row / flatten)
    laid = image.transform((96, 96), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return unit_range(laid)


def _with_shadows(
    rng: np.random.Generator, backdrop: Backdrop, alpha: Plane, parts: Sequence[Part], light: Light
) -> Picture:
    """The backdrop with what the subject takes away of its light: a contact shadow, and a cast one."""
    size = alpha.shape
    strength = float(rng.uniform(0.15, 0.75))
    foot = min(float(outline_box(parts)[1][1]) / size[0], 1.0)
    if float(backdrop.depth.max()) < 0.2:
        return backdrop.picture
    if backdrop.horizon is None:
        reach = rng.uniform(0.01, 0.06) * 96
        small = np.clip(resized(alpha, (96, 96)), 0, 1)
        rows, columns = round(-light.direction[1] * reach), round(-light.direction[0] * reach)
        shadow = blurred(np.roll(small, (rows, columns), axis=(0, 1)), rng.uniform(1, 5))
    else:
        lean = -light.direction[0] * rng.uniform(0.5, 2.5)
        cast = blurred(_sheared(alpha, foot=foot, flatten=rng.uniform(0.15, 0.5), lean=lean), rng.uniform(1, 4))
        contact = blurred(_sheared(alpha, foot=min(foot + 0.01, 1), flatten=0.08, lean=0), 1.5)
        ground = np.linspace(0, 1, 96, dtype=np.float32)[:, None] > backdrop.horizon
        shadow = np.maximum(cast * np.float32(0.7), contact) * ground
    shadow = np.clip(resized(shadow, size), 0, 1)
    light_left: Plane = 1 - np.float32(strength) * shadow
    return backdrop.picture * light_left[..., None]
