"""From parts to pixels: antialiased coverage, shading from a pseudo-height, and placement within the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageDraw

from dis_core.planes import Plane
from dis_core.scenes.textures import (
    Palette,
    Picture,
    blurred,
    natural_color,
    natural_pattern,
    painted,
    palette_around,
    random_color,
    random_pattern,
    resized,
    unit_range,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dis_core.scenes.contours import Contour
    from dis_core.scenes.parts import Part, Stance, Subject

SMALLEST_AREA, LARGEST_AREA = 0.045, 0.73
_RELIEF_GRID = 36

Cut = Literal["nowhere", "on one side", "all round"]
"""Which borders of the picture cut the subject, besides the lower one of a portrait."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A drawn object: `color` (H, W, 3) premultiplied by `alpha` (H, W); `relief` (H, W) is its bulge."""

    color: Picture
    alpha: Plane
    relief: Plane

    def over(self, picture: Picture) -> Picture:
        """The picture, (H, W, 3), with this layer in front of it."""
        return self.color + (1 - self.alpha[..., None]) * picture


@dataclass(frozen=True)
class Light:
    """Where light comes from: (x, y, z) of unit length, y downwards, z to the viewer; `ambient` light is everywhere."""

    direction: tuple[float, float, float]
    ambient: float
    gloss: float


def random_light(rng: np.random.Generator) -> Light:
    """Random light, mostly from above and from one side."""
    direction = np.array([rng.normal(0, 0.6), -rng.uniform(0.2, 1), rng.uniform(0.3, 1.2)])
    x, y, z = (direction / np.linalg.norm(direction)).tolist()
    return Light((x, y, z), rng.uniform(0.3, 0.75), float(rng.choice([0, 0, 0.2, 0.5])))


def random_surfaces(
    rng: np.random.Generator, size: tuple[int, int], subject: Subject, *, base: Palette | None = None
) -> dict[int, Picture]:
    """A surface of `size` (height, width) for each material that the subject uses, related in color or not.

    `base` makes all of them take their colors from a palette that is already in the scene.
    """
    # One living thing in ten is painted like a toy or a statue.
    is_natural = base is None and rng.random() < 0.9
    stuff = dict(enumerate(subject.stuff)) if is_natural else {}
    first = random_color(rng) if base is None else base[int(rng.integers(len(base)))]
    surfaces = {}
    for material in sorted({part.material for part in subject.parts}):
        made_of = stuff.get(material)
        if made_of is not None:
            stops = palette_around(rng, natural_color(rng, made_of), spread=0.03)
            pattern = natural_pattern(rng, made_of)
        else:
            is_related = base is not None or material == 0 or rng.random() < 0.35
            color = first * np.float32(rng.uniform(0.8, 1.2)) if is_related else random_color(rng, saturated=0.25)
            stops = palette_around(rng, np.clip(color, 0, 1))
            # Secondary surfaces are mostly small parts: nearly even colors are enough, many loud ones would be too much.
            pattern = random_pattern(rng) if material < 2 else "plain"
        surfaces[material] = painted(rng, size, pattern, stops[[1, 0, 3, 2]])
    return surfaces


def outline_box(parts: Sequence[Part]) -> NDArray[np.float64]:
    """The box around all contours that are not paint: ((left, top), (right, bottom))."""
    points = np.concatenate([contour for part in parts if not part.is_marking for contour in part.contours])
    return np.stack([points.min(axis=0), points.max(axis=0)])


def moved(parts: Sequence[Part], matrix: NDArray[np.float64], offset: NDArray[np.float64]) -> list[Part]:
    """The parts with every point p at `matrix` p + `offset`."""
    turned = matrix.T

    def move(contours: Sequence[Contour]) -> list[Contour]:
        return [contour @ turned + offset for contour in contours]

    return [replace(part, contours=move(part.contours), holes=move(part.holes)) for part in parts]


def coverage(part: Part, size: tuple[int, int], *, supersampling: int) -> Plane:
    """How much of each pixel a part covers, (height, width) in [0, 1]; its contours are in pixels."""
    canvas = Image.new("L", (size[1] * supersampling, size[0] * supersampling))
    draw = ImageDraw.Draw(canvas)
    for contours, ink in ((part.contours, 255), (part.holes, 0)):
        for contour in contours:
            draw.polygon((contour * supersampling).ravel().tolist(), fill=ink)
    if supersampling > 1:
        canvas = canvas.reduce(supersampling)
    return unit_range(canvas)


def silhouette(parts: Sequence[Part], size: tuple[int, int], *, supersampling: int) -> Plane:
    """How much of each pixel all parts together cover, (height, width) in [0, 1]; paint covers nothing.

    Exact where parts meet: laying their coverages over one another would leave a translucent seam there.
    """
    fine = (size[0] * supersampling, size[1] * supersampling)
    canvas = Image.new("L", (fine[1], fine[0]))
    draw = ImageDraw.Draw(canvas)
    for part in parts:
        if part.is_marking:
            continue
        if part.holes:
            (scaled,) = moved([part], np.eye(2) * supersampling, np.zeros(2))
            ring = Image.fromarray((coverage(scaled, fine, supersampling=1) * 255).astype(np.uint8))
            canvas.paste(255, (0, 0), ring)
        else:
            for contour in part.contours:
                draw.polygon((contour * supersampling).ravel().tolist(), fill=255)
    return unit_range(canvas.reduce(supersampling))


def covered_area(parts: Sequence[Part], size: tuple[int, int]) -> float:
    """About what share of the picture the parts cover."""
    factor = 72 / max(size)
    small = (max(8, round(size[0] * factor)), max(8, round(size[1] * factor)))
    return float(silhouette(moved(parts, np.eye(2) * factor, np.zeros(2)), small, supersampling=2).mean())


def bulge(mask: Plane) -> Plane:
    """A height in [0, 1] that rises from the edge of a mask inwards, as if the shape were inflated; smooth, coarse."""
    side = max(mask.shape)
    if side <= 16:
        # Too small for its shading to be seen; scenes hold hundreds of such parts.
        return mask
    grid = (max(4, round(mask.shape[0] * _RELIEF_GRID / side)), max(4, round(mask.shape[1] * _RELIEF_GRID / side)))
    small = np.pad(np.clip(resized(mask, grid), 0, 1), 4)
    radius = float(np.sqrt(small.sum() / np.pi)) + 0.5
    height = np.zeros_like(small)
    for share in (0.2, 0.6):
        height += np.clip(2 * blurred(small, radius * share) - 0.9, 0, 1.1) / 2
    return resized(blurred(np.sqrt(np.clip(height, 0, 1)), 1.0)[4:-4, 4:-4], mask.shape)


def shading(height: Plane, light: Light, *, strength: float) -> tuple[Plane, Plane]:
    """Diffuse brightness (about 0.4 to 1.3) and highlight (0 to 1) of a height field that is as deep as it is wide."""
    scale = np.float32(strength * 0.55 * max(height.shape))
    slope_y, slope_x = np.gradient(height)
    slope_y, slope_x = slope_y * scale, slope_x * scale
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    x, y, z = light.direction
    facing = (z - slope_x * x - slope_y * y) / length
    diffuse = light.ambient + (1.15 - light.ambient) * np.clip(facing, 0, 1)
    # Half-way vector between the light and the viewer, who looks along z.
    half = np.array([x, y, z + 1]) / np.linalg.norm([x, y, z + 1])
    mirror = np.clip((half[2] - slope_x * half[0] - slope_y * half[1]) / length, 0, 1)
    return diffuse.astype(np.float32), (mirror**24).astype(np.float32) * np.float32(light.gloss)


def _visible_box(part: Part, size: tuple[int, int], margin: int) -> tuple[slice, slice] | None:
    points = np.concatenate(list(part.contours))
    left, top = np.floor(points.min(axis=0)).astype(int) - margin
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + margin
    rows, columns = slice(max(0, top), min(size[0], bottom)), slice(max(0, left), min(size[1], right))
    return (rows, columns) if rows.stop - rows.start > 1 and columns.stop - columns.start > 1 else None


@dataclass(frozen=True, eq=False)
class _Canvas:
    """A layer that is being painted, changed in place; `lit` (H, W) is the brightness of its topmost surface."""

    color: Picture
    alpha: Plane
    relief: Plane
    lit: Plane

    def window(self, box: tuple[slice, slice]) -> _Canvas:
        return _Canvas(self.color[box], self.alpha[box], self.relief[box], self.lit[box])


def _paint_part(canvas: _Canvas, part: Part, mask: Plane, surface: Picture, light: Light, *, shade_px: float) -> None:
    """Put a part on top: it hides what is behind it, and shades it within about `shade_px`."""
    shade, gleam = np.full_like(mask, light.ambient * 0.4 + 0.6), np.zeros_like(mask)
    height = bulge(mask) if part.relief else np.zeros_like(mask)
    if part.relief:
        shade, gleam = shading(height, light, strength=part.relief)
    # Without this, parts look like paper cut-outs.
    canvas.color[...] *= (1 - np.float32(0.35) * blurred(mask, shade_px))[..., None]
    painted_part = np.clip(surface * (shade * np.float32(part.tone))[..., None] + gleam[..., None], 0, 1.2)
    canvas.color[...] += mask[..., None] * (painted_part - canvas.color)
    canvas.alpha[...] += mask * (1 - canvas.alpha)
    canvas.lit[...] += mask * (shade - canvas.lit)
    canvas.relief[...] += mask * (np.float32(part.lift) + height * np.float32(0.3 * part.relief) - canvas.relief)


def _paint_marking(canvas: _Canvas, part: Part, mask: Plane, surface: Picture) -> None:
    """Paint on the layer in the same light; the product with alpha keeps soft edges premultiplied."""
    painted_part = np.clip(surface * (canvas.lit * np.float32(part.tone))[..., None], 0, 1.2)
    canvas.color[...] += mask[..., None] * (painted_part * canvas.alpha[..., None] - canvas.color)


def draw_parts(parts: Sequence[Part], surfaces: Mapping[int, Picture], light: Light, size: tuple[int, int]) -> Layer:
    """Paint parts, whose contours are in pixels, from back to front, each lit and each shading what is behind it."""
    empty = np.zeros(size, dtype=np.float32)
    canvas = _Canvas(np.zeros((*size, 3), dtype=np.float32), empty, empty.copy(), np.ones_like(empty))
    supersampling = 3 if max(size) <= 384 else 2
    for part in parts:
        box = _visible_box(part, size, margin=max(2, max(size) // 40))
        if box is None:
            continue
        corner = np.array([box[1].start, box[0].start], dtype=np.float64)
        (local,) = moved([part], np.eye(2), -corner)
        window, surface = canvas.window(box), surfaces[part.material][box]
        mask = coverage(local, window.alpha.shape, supersampling=supersampling)
        if part.is_marking:
            _paint_marking(window, part, mask, surface)
        else:
            _paint_part(window, part, mask, surface, light, shade_px=max(size) / 60)
    exact = silhouette(parts, size, supersampling=supersampling)
    covered = np.maximum(canvas.alpha, np.float32(1e-3))
    # In place: at 4096 pixels every copy of a picture takes 200 MB.
    color = canvas.color
    color /= covered[..., None]
    np.clip(color, 0, 1, out=color)
    color *= exact[..., None]
    return Layer(color, exact, canvas.relief / covered)


def bent_about(parts: Sequence[Part], rng: np.random.Generator, angle: float) -> list[Part]:
    """The parts centered on their box, turned by `angle`, perhaps mirrored, and stretched a little."""
    box = outline_box(parts)
    stretch = np.diag([rng.choice([-1, 1]) * rng.uniform(0.85, 1.18), rng.uniform(0.88, 1.14)])
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ stretch
    return moved(parts, matrix, -matrix @ box.mean(axis=0))


def placed(
    rng: np.random.Generator, subject: Subject, size: tuple[int, int], *, foot: float, area: float, cut: Cut
) -> list[Part]:
    """The subject's parts in pixels of a picture of `size`, scaled to cover about `area` of it.

    It stands with its lowest point at `foot` (a share of the height), lies near the middle, or is cropped below; `cut`
    says over which borders it goes. Its covered area ends up between SMALLEST_AREA and LARGEST_AREA where scaling can
    do that.
    """
    angle = rng.uniform(-np.pi, np.pi) if subject.stance == "lies" else rng.normal(0, 0.06)
    parts = bent_about(subject.parts, rng, angle)
    extent = outline_box(parts)[1] - outline_box(parts)[0]
    frame = np.array([size[1], size[0]], dtype=np.float64)
    place, overlap, side = rng.normal((0.5, 0.5), 0.09), rng.uniform(0.04, 0.3), int(rng.integers(0, 3))
    if subject.stance == "cropped":
        # People do not crop small things in corners: only portraits that fill the picture are cut off below.
        area, overlap = max(area, rng.uniform(0.13, 0.45)), rng.uniform(0.12, 0.42)
    scale = float(np.sqrt(area * frame.prod() / (extent.prod() * 0.55)))
    if cut == "nowhere":
        scale = min(scale, float(np.min(frame * 0.96 / extent)) * (1.15 if subject.stance == "cropped" else 1))
    result = parts
    for _ in range(8):
        middle = _middle(subject.stance, extent * scale, frame, place, foot=foot, cut=cut, overlap=overlap, side=side)
        result = moved(parts, np.eye(2) * scale, middle)
        covered = covered_area(result, size)
        if covered < max(SMALLEST_AREA * 1.2, area * 0.6):
            scale *= 1.22
        elif covered > min(LARGEST_AREA * 0.95, area * 1.7):
            scale *= 0.86
        else:
            break
    return result


def _middle(
    stance: Stance,
    span: NDArray[np.float64],
    frame: NDArray[np.float64],
    place: NDArray[np.float64],
    *,
    foot: float,
    cut: Cut,
    overlap: float,
    side: int,
) -> NDArray[np.float64]:
    """Where to put the middle of a subject of `span` (x, y) pixels goes in a picture of `frame` (width, height)."""
    width, height = frame
    middle = place * frame
    if cut == "all round":
        # A close-up: its top is mostly seen, and what is too large for the picture sticks out below.
        if span[1] > height * 0.9:
            middle[1] = span[1] / 2 + height * (0.3 * overlap if overlap < 0.24 else -0.4 * overlap)
        if stance == "cropped":
            middle[1] = max(middle[1], height + 0.12 * span[1] - span[1] / 2)
        return middle
    if cut == "nowhere":
        middle = np.clip(middle, span / 2 + 0.02 * frame, frame - span / 2 - 0.02 * height)
    if stance == "cropped" or (cut == "on one side" and side == 0):
        middle[1] = height + overlap * span[1] - span[1] / 2
    elif stance == "stands" and cut == "nowhere":
        middle[1] = max(foot * height - span[1] / 2, 0.02 * height + span[1] / 2)
    if cut == "on one side" and side > 0:
        middle[0] = span[0] * (0.5 - overlap) if side == 1 else width - span[0] * (0.5 - overlap)
        if span[1] > 0.85 * height and stance != "cropped":
            middle[1] = span[1] / 2 + 0.04 * height
    return middle
