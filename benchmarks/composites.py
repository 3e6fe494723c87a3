"""Large images with exact mattes, made of what is in the checkout: photographs of the tests and drawn scenes.

A photographed subject and its backdrop are taken apart with the photograph's matte, enlarged by themselves, and put
together again along an edge that is two pixels wide at the new size. So the image is a photograph as a camera with
shallow focus would take it, and its matte is exact, because the image was made with it. Noise is added as sensors do.
Soft ones get fur of thousands of hairs, a veil, or are of glass. The same list always gives the same images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dis_core.evaluation.pairs import read_matte
from dis_core.images.reading import read_picture
from dis_core.planes import Plane, Size, dilated
from dis_core.scenes.hairlines import drawn, edge_of, hair
from dis_core.scenes.rendering import draw_parts, placed, random_light, random_surfaces
from dis_core.scenes.scene import make_fine_scene
from dis_core.scenes.subjects.living import vessel
from dis_core.scenes.textures import blurred, resized, resized_picture

PHOTOS: Final = Path(__file__).parents[1] / "tests" / "photos"

EDGE_PX: Final = 2.0
"""How wide the edge of an enlarged subject is."""

NOISE: Final = 0.008
"""The standard deviation of the noise in each color: a camera's at a few hundred ISO."""

LARGE_PX: Final = 3072

CLEAR: Final = ("astronaut", "bucket", "cameraman", "coffee", "dahlia", "fig", "hopper", "macaw", "rocket", "windmill")
BEFORE: Final = {"bucket": "fig", "coffee": "moose", "dahlia": "windmill", "macaw": "polar_bear"}
"""Subjects that stand before the backdrop of another photograph."""

FURRY: Final = ("chelsea", "dogs", "moose", "panda", "polar_bear", "raccoon")
DRAWN: Final = ((0, 4096), (1, 3072), (4, 6000), (6, 4096), (9, 3072), (11, 4096))
"""Seeds of drawn scenes with hairlines, and their sides in pixels."""


@dataclass(frozen=True, eq=False)
class Composite:
    """An `image`, (H, W, 3) sRGB, and its exact matte `alpha`, (H, W), float32 in [0, 1], of one `kind`."""

    name: str
    kind: str
    image: NDArray[np.float32]
    alpha: Plane


@dataclass(frozen=True, eq=False)
class Parted:
    """A photograph's `subject` and `backdrop`, (h, w, 3) each, filled where the other one is; `alpha` (h, w)."""

    subject: Plane
    backdrop: Plane
    alpha: Plane


def composites() -> Iterator[Composite]:
    """All of them, one by one, because each takes up to a gigabyte while it is made."""
    for make in makers().values():
        yield make()


def makers() -> dict[str, Callable[[], Composite]]:
    """What makes each composite, by its name; the kinds take turns, so that the first few are a fair sample."""
    kinds: list[dict[str, Callable[[], Composite]]] = [
        {name: partial(photographed, name) for name in CLEAR},
        {f"{name}-fur": partial(furry, name) for name in FURRY},
        {f"drawn-{seed}": partial(drawn_scene, seed, side) for seed, side in DRAWN},
        {"glass": glass, "veil": veiled},
    ]
    longest = max(map(len, kinds))
    return dict(pair for turn in range(longest) for kind in kinds for pair in list(kind.items())[turn : turn + 1])


def photographed(name: str) -> Composite:
    """A photographed subject with a clear edge, before its own backdrop or another's."""
    parted, rng = parted_photo(name), rng_of(name)
    size = enlarged_size(parted.alpha.shape[0], parted.alpha.shape[1])
    alpha = sharp_edge(parted.alpha, size)
    backdrop = parted_photo(BEFORE[name]).backdrop if name in BEFORE else parted.backdrop
    return put_together(rng, name, "photographed", resized_picture(parted.subject, size), alpha, backdrop)


def furry(name: str) -> Composite:
    """A photographed animal with fur all around, each hair about a pixel wide and of the color where it grows."""
    parted, rng = parted_photo(name), rng_of(name)
    size = enlarged_size(parted.alpha.shape[0], parted.alpha.shape[1])
    alpha, color = sharp_edge(parted.alpha, size), resized_picture(parted.subject, size)
    edge, side = edge_of(alpha), max(size)
    for _ in range(10):
        cover, tone = drawn(hair(rng, edge, 0.35 * side), size)
        # Hair that is as bright as the skin below it could not be seen.
        color += (cover * (np.clip(tone, 0.8, 1.2) - 1))[..., None] * color
        alpha = cover + (1 - cover) * alpha
    return put_together(rng, f"{name}-fur", "fur", np.clip(color, 0, 1), alpha, parted.backdrop)


def drawn_scene(seed: int, side_px: int) -> Composite:
    """A drawn scene with hairs, wires, spokes and nets."""
    scene = make_fine_scene(seed, (side_px, side_px))
    return Composite(f"drawn-{seed}", "drawn", scene.image, scene.alpha)


def glass() -> Composite:
    """A drawn vessel that lets a part of a photographed backdrop through, less so at its rim."""
    rng, size = rng_of("glass"), (LARGE_PX, LARGE_PX)
    subject = vessel(rng)
    parts = placed(rng, subject, size, foot=0.85, area=0.25, cut="nowhere")
    layer = draw_parts(parts, random_surfaces(rng, size, subject), random_light(rng), size)
    inner = np.clip(2 * blurred(layer.alpha, 40) - 1, 0, 1)
    color = layer.color / np.maximum(layer.alpha, np.float32(1e-3))[..., None]
    alpha = layer.alpha * (1 - np.float32(0.55) * inner)
    return put_together(rng, "glass", "translucent", color, alpha, parted_photo("fig").backdrop)


def veiled() -> Composite:
    """A photographed woman under a veil in folds that hangs over her and beside her."""
    parted, rng = parted_photo("astronaut"), rng_of("veil")
    size = enlarged_size(parted.alpha.shape[0], parted.alpha.shape[1])
    alpha, color = sharp_edge(parted.alpha, size), resized_picture(parted.subject, size)
    across = np.linspace(-1, 1, size[1], dtype=np.float32)[None]
    down = np.linspace(0, 1, size[0], dtype=np.float32)[:, None]
    half = 0.2 + 0.45 * np.sqrt(np.clip(down - 0.02, 0, 1))
    inside = np.clip((half - np.abs(across + 0.1)) * size[1] / 2 / EDGE_PX, 0, 1) * (down > 0.02)
    veil = inside * (0.35 + 0.12 * np.sin(40 * across / (0.3 + down)))
    joined = veil + (1 - veil) * alpha
    color = veil[..., None] * np.float32(0.9) + (1 - veil)[..., None] * alpha[..., None] * color
    color /= np.maximum(joined, np.float32(1e-3))[..., None]
    return put_together(rng, "veil", "translucent", color, joined, parted.backdrop)


def put_together(
    rng: np.random.Generator, name: str, kind: str, subject: Plane, alpha: Plane, backdrop: Plane
) -> Composite:
    """The subject, (H, W, 3), in front of a backdrop of any size, with noise."""
    alpha = np.clip(alpha, 0, 1).astype(np.float32)
    image = resized_picture(backdrop, (alpha.shape[0], alpha.shape[1]))
    image = image + alpha[..., None] * (subject - image)
    image += rng.standard_normal(image.shape, np.float32) * np.float32(NOISE)
    return Composite(name, kind, np.clip(image, 0, 1, dtype=np.float32), alpha)


def parted_photo(name: str) -> Parted:
    """A photograph of the tests, taken apart."""
    photo, alpha = photo_and_matte(name)
    outside, inside = dilated(alpha > 0.02, 1), dilated(alpha < 0.98, 1)
    return Parted(filled(photo, ~inside), filled(photo, ~outside), alpha)


def photo_and_matte(name: str) -> tuple[Plane, Plane]:
    """A photograph of the tests, (h, w, 3), and its matte, (h, w), float32 in [0, 1]."""
    alpha = read_matte(PHOTOS / "masks" / f"{name}.png").astype(np.float32)
    pixels = read_picture(PHOTOS / "images" / f"{name}.jpg").pixels.astype(np.float32) / 255
    return np.array(np.broadcast_to(pixels, (*alpha.shape, 3)), np.float32), alpha


def filled(photo: Plane, known: NDArray[np.bool_]) -> Plane:
    """The photo, (h, w, 3), with colors from around where they are not known, ever smoother the farther it is."""
    weight = known.astype(np.float32)
    if min(known.shape) < 4:
        total = max(float(weight.sum()), 1.0)
        mean = (photo * weight[..., None]).sum((0, 1)) / np.float32(total)
        return np.where(known[..., None], photo, mean.astype(np.float32))
    half = (known.shape[0] // 2, known.shape[1] // 2)
    small_weight = np.clip(resized(weight, half), 0, 1)
    small = resized_picture(photo * weight[..., None], half) / np.maximum(small_weight, np.float32(1e-3))[..., None]
    below = filled(np.clip(small, 0, 1), small_weight > 0.25)
    return np.where(known[..., None], photo, np.clip(resized_picture(below, known.shape), 0, 1))


def sharp_edge(alpha: Plane, size: Size) -> Plane:
    """A matte at a larger size, whose edge is `EDGE_PX` wide there; what is broadly soft stays so."""
    large = np.clip(resized(alpha, size), 0, 1)
    steeper = size[0] / alpha.shape[0] / EDGE_PX
    sharp: Plane = np.clip((large - 0.5) * np.float32(max(steeper, 1.0)) + 0.5, 0, 1, dtype=np.float32)
    return sharp


def enlarged_size(height: int, width: int) -> Size:
    """The size of a photograph whose longer side is `LARGE_PX`."""
    scale = LARGE_PX / max(height, width)
    return round(height * scale), round(width * scale)


def rng_of(name: str) -> np.random.Generator:
    """Random numbers that depend on the name alone."""
    return np.random.default_rng(list(name.encode()))
