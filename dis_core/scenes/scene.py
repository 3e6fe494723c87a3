"""Procedural photographs with exact mattes and depth, for training without using other people's pictures.

A scene is a backdrop, things that are not the subject, a subject with its shadows, and a camera. All randomness comes
from the seed, and coordinates are relative to the size, so that a scene looks alike at every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from PIL import Image

from dis_core.planes import Plane
from dis_core.scenes.backdrops.backdrop import Backdrop, ground_depth
from dis_core.scenes.camera import focused, photographed
from dis_core.scenes.catalogue import random_backdrop, random_maker
from dis_core.scenes.hairlines import with_hairlines
from dis_core.scenes.lighting import lit_unevenly
from dis_core.scenes.parts import Maker, Part, Stance, Subject
from dis_core.scenes.rendering import (
    LARGEST_AREA,
    SMALLEST_AREA,
    Cut,
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
from dis_core.scenes.subjects.living import blossoms_of_shapes
from dis_core.scenes.textures import Picture, blurred, blurred_picture, resized, resized_picture, unit_range

CLEAR_DIFFERENCE = 0.09
DARKEST = 0.14
FINE_STREAM = 4096

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Finish = Callable[[np.random.Generator, Layer, Picture], Layer]


@dataclass(frozen=True, eq=False)
class Scene:
    """`image` (H, W, 3) sRGB, `alpha` (H, W) the exact soft matte, `depth` (H, W) relative inverse depth, near = large.

    All are float32 in [0, 1]; `depth` spans from 0 to 1 in every scene, as estimates of depth do.
    """

    image: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32]


def make_scene(seed: int, size: tuple[int, int]) -> Scene:
    """A photograph-like scene of `size` (height, width) whose subject covers 4 % to 75 % of it.

    `seed` is not negative; the same seed and size give the same scene.
    """

    def through_the_lens(rng: np.random.Generator, layer: Layer, behind: Picture) -> Layer:
        color, alpha, relief = focused(rng, layer.color, layer.alpha, layer.relief)
        return Layer(_made_distinct(color, alpha, behind), alpha, relief)

    return _photograph(np.random.default_rng(seed), size, through_the_lens)


def make_fine_scene(seed: int, size: tuple[int, int]) -> Scene:
    """A sharp scene with hairs, wires, spokes and threads 1 to 3 pixels wide at 4096 and barely visible at 256.

    For judging what refinement at full size is worth. The same seed and size give the same scene, another one than
    `make_scene` gives for the seed.
    """

    def with_fine_structure(rng: np.random.Generator, layer: Layer, behind: Picture) -> Layer:
        layer = replace(layer, color=_made_distinct(layer.color, layer.alpha, behind))
        return with_hairlines(rng, layer, behind)

    return _photograph(np.random.default_rng([seed, FINE_STREAM]), size, with_fine_structure)


def _photograph(rng: np.random.Generator, size: tuple[int, int], finish: Finish) -> Scene:
    """Take the photograph of a scene; `finish` changes the subject just before it is put on the backdrop."""
    backdrop = random_backdrop(rng, size)
    light = random_light(rng)
    make = random_maker(rng)
    picture, depth = _with_bystanders(rng, backdrop, light, size, like=make)
    subject, parts = _choose_subject(rng, backdrop, size, make)
    base = backdrop.palette if rng.random() < 0.12 else None
    layer = draw_parts(parts, random_surfaces(rng, size, subject, base=base), light, size)
    layer = lit_unevenly(rng, layer)
    picture = _with_shadows(rng, replace(backdrop, picture=picture), layer.alpha, parts, light)
    layer = finish(rng, layer, picture)
    alpha = layer.alpha
    picture = layer.over(picture)
    nearness = _subject_depth(rng, backdrop, foot=float(outline_box(parts)[1][1]) / size[0])
    depth = depth + alpha * (nearness + np.float32(rng.uniform(0.15, 0.5)) * layer.relief - depth)
    low, high = float(depth.min()), float(depth.max())
    depth = np.clip((depth - low) / np.float32(max(high - low, 1e-3)), 0, 1)
    return Scene(photographed(rng, picture), np.clip(alpha, 0, 1), depth.astype(np.float32))


def _choose_subject(
    rng: np.random.Generator, backdrop: Backdrop, size: tuple[int, int], make: Maker
) -> tuple[Subject, list[Part]]:
    """The subject, and its parts in pixels of the picture, within the limits of area."""
    horizon = 0.5 if backdrop.horizon is None else backdrop.horizon
    for attempt in range(6):
        subject = make(rng) if attempt < 3 else blossoms_of_shapes(rng)
        if backdrop.horizon is None and subject.stance == "stands":
            subject = replace(subject, stance=_unsupported(rng, backdrop))
        elif backdrop.horizon is not None and subject.stance == "lies" and rng.random() < 0.7:
            subject = replace(subject, stance="stands")
        foot = float(rng.uniform(min(max(horizon + 0.12, 0.62), 0.96), 0.97))
        parts = placed(rng, subject, size, foot=foot, **_framing(rng))
        if SMALLEST_AREA <= covered_area(parts, size) <= LARGEST_AREA:
            break
    return subject, parts


class _Framing(TypedDict):
    area: float
    cut: Cut


def _framing(rng: np.random.Generator) -> _Framing:
    """How much of the picture the subject fills, and whether it goes beyond the border."""
    if rng.random() < 0.33:
        return {"area": rng.uniform(0.32, 0.7), "cut": "all round" if rng.random() < 0.6 else "nowhere"}
    area = float(np.exp(rng.uniform(np.log(0.07), np.log(0.5))))
    return {"area": area, "cut": "on one side" if rng.random() < 0.12 else "nowhere"}


def _unsupported(rng: np.random.Generator, backdrop: Backdrop) -> Stance:
    if backdrop.is_seen_from_above and rng.random() < 0.5:
        return "lies"
    return "cropped" if rng.random() < 0.25 else "floats"


def _made_distinct(color: Picture, alpha: Plane, behind: Picture) -> Picture:
    """The premultiplied subject, made lighter or darker if it looks like its surroundings or is almost black."""
    grid = (48, 48)
    mask = np.clip(resized(alpha, grid), 0, 1)
    beside = np.clip(blurred(mask, 4) - mask, 0, 1)
    if float(mask.sum()) < 1 or float(beside.sum()) < 1:
        return color
    own, other = (resized_picture(np.ascontiguousarray(picture), grid) for picture in (color, behind))
    mean = own.sum(axis=(0, 1)) / mask.sum()
    around = (other * beside[..., None]).sum(axis=(0, 1)) / beside.sum()
    lightness = float(mean.mean())
    wanted = max(lightness, DARKEST)
    if float(np.abs(mean * wanted / max(lightness, 0.01) - around).max()) < CLEAR_DIFFERENCE:
        is_lighter = lightness > float(around.mean()) or lightness < 0.2
        wanted = lightness + 2 * CLEAR_DIFFERENCE * (1 if is_lighter else -1)
    elif wanted == lightness:
        return color
    changed: Picture = color * np.float32(np.clip(wanted / max(lightness, 0.04), 0.2, 4))
    return np.clip(changed, 0, alpha[..., None])


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
    rng: np.random.Generator, backdrop: Backdrop, light: Light, size: tuple[int, int], *, like: Maker
) -> tuple[Picture, Plane]:
    """Up to three things other than the subject, often made by `like`: small, cut off, farther away and out of focus."""
    picture, depth = backdrop.picture, backdrop.depth
    count = int(rng.choice([0, 1, 2, 3], p=[0.42, 0.33, 0.18, 0.07]))
    if not count:
        return picture, depth
    # They are out of focus, so half the resolution is enough and takes a quarter of the time.
    half = (max(8, size[0] // 2), max(8, size[1] // 2))
    for _ in range(count):
        at_border = rng.random() < 0.6
        extent = rng.uniform(0.15, 0.45 if at_border else 0.22) * min(half)
        subject = (like if rng.random() < 0.35 else random_maker(rng))(rng)
        surfaces = random_surfaces(rng, half, subject, base=backdrop.palette if rng.random() < 0.5 else None)
        # Their hair would be blurred away.
        solid = [part for part in subject.parts if part.is_marking or len(part.contours) < 40]
        parts = bent_about(solid, rng, rng.normal(0, 0.1))
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
    color = np.clip(resized_picture(blurred_picture(layer.color, radius_px), depth.shape), 0, 1) * opacity
    if backdrop.horizon is None:
        distance = depth + np.float32(0.05)
    else:
        distance = np.maximum(depth, ground_depth(np.array(foot, dtype=np.float32), backdrop.horizon))
    return color + (1 - alpha[..., None]) * picture, depth + alpha * (distance - depth)


def _sheared(mask: Plane, *, foot: float, flatten: float, lean: float) -> Plane:
    """An upright mask laid on the ground: rows measured from `foot`, squeezed by `flatten`, leaning sideways."""
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
    """The backdrop with the subject's shadows: a contact shadow and a cast one."""
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
