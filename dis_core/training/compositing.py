"""Subjects cut out of photographs and put on the backgrounds of others: more pictures than there are photographs.

A subject keeps its own colors (the old background is removed from its soft edges) and stays cut off where its
photograph cut it off. Its light, blur and shadow are matched to the new background, so that no seam gives it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from dis_core.matte.foreground import estimate_foreground
from dis_core.models.resample import resize_by_area, shrink_smoothly, size_of
from dis_core.models.tensors import to_array, to_tensor
from dis_core.training.augmentation import recolored
from dis_core.training.blur import blurred

LEAST_SUBJECT_PX = 8
LEAST_BACKGROUND = 0.15
"""A photograph with a smaller share of background than this is not used for its background."""
FREE_OF_SUBJECT = 1 / 16
"""A pixel is pure background if the matte is below this in its whole neighborhood."""
SECOND_SUBJECT = 0.15
SHADOW = 0.25


class Borders(NamedTuple):
    """The borders of the photograph that the subject touches."""

    top: bool
    bottom: bool
    left: bool
    right: bool


@dataclass(frozen=True)
class Cutout:
    """A subject: `colors` (3, h, w) and `alpha` (1, h, w) in [0, 1], cropped to the box around it."""

    colors: torch.Tensor
    alpha: torch.Tensor
    cut_off: Borders

    @property
    def planes(self) -> torch.Tensor:
        """(4, h, w): colors and alpha."""
        return torch.cat([self.colors, self.alpha])


def cut_out(image: torch.Tensor, matte: torch.Tensor) -> Cutout | None:
    """The subject of `image` (3, H, W) with its `matte` (1, H, W), or None if it is too small."""
    rows, columns = (torch.nonzero((matte[0] > 0.5).any(axis)).flatten() for axis in (1, 0))
    if len(rows) < LEAST_SUBJECT_PX or len(columns) < LEAST_SUBJECT_PX:
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    H, W = size_of(matte)
    colors = to_tensor(estimate_foreground(to_array(image[None]), to_array(matte[None])))[0]
    box = (slice(None), slice(top, bottom), slice(left, right))
    borders = Borders(top <= 1, bottom >= H - 1, left <= 1, right >= W - 1)
    return Cutout(colors[box].clamp(0, 1), matte[box], borders)


def background_of(image: torch.Tensor, matte: torch.Tensor) -> torch.Tensor | None:
    """`image` (3, H, W) with its subject filled in from the surroundings, or None if too little background is left."""
    free = (F.max_pool2d(matte[None], 9, stride=1, padding=4)[0] < FREE_OF_SUBJECT).to(image.dtype)
    if float(free.mean()) < LEAST_BACKGROUND:
        return None
    return filled(image, free)


def filled(image: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """`image` (3, H, W) where `known` (1, H, W) is 1; elsewhere nearby colors, coarser the farther inside."""
    levels = [(image * known, known)]
    while min(size_of(levels[-1][1])) > 2:
        H, W = size_of(levels[-1][1])
        half = ((H + 1) // 2, (W + 1) // 2)
        colors, weight = (shrink_smoothly(plane[None], half)[0] for plane in levels[-1])
        levels.append((colors, weight))
    colors, weight = levels[-1]
    result = colors / weight.clamp(min=1e-4)
    for colors, weight in reversed(levels[:-1]):
        coarser = resize_by_area(result[None], size_of(weight))[0]
        result = torch.lerp(coarser, colors / weight.clamp(min=1e-4), weight.clamp(0, 1))
    return result.clamp(0, 1)


def composite(backdrop: torch.Tensor, cutouts: list[Cutout], rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Subjects in front of `backdrop` (3, S, S), the first usually large: image (3, S, S) and matte (1, S, S)."""
    image, matte = backdrop, torch.zeros_like(backdrop[:1])
    for place, cutout in enumerate(cutouts):
        largest = place == 0 and rng.random() < 0.85
        colors, alpha = placed(cutout, size_of(backdrop)[0], rng, share=(0.35, 1.0) if largest else (0.15, 0.45))
        colors = lit_alike(recolored(colors, rng), alpha, image, rng)
        if rng.random() < 0.3:
            alpha = blurred(alpha, float(rng.uniform(0.4, 1.5)))
        if place == 0 and rng.random() < SHADOW:
            image = shaded(image, alpha, rng)
        image = torch.lerp(image, colors, alpha)
        matte = alpha + matte * (1 - alpha)
    return image.clamp(0, 1), matte.clamp(0, 1)


def placed(
    cutout: Cutout, side_px: int, rng: np.random.Generator, *, share: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """A subject on an empty square: colors (3, S, S) and alpha (1, S, S).

    `share` is the range of its longer side as a share of the square's. A subject that was cut off at a border is placed
    at that border, and one that was cut off on both sides reaches from one to the other; others may stick out a little.
    """
    planes, borders = cutout.planes, cutout.cut_off
    if rng.random() < 0.5:
        planes, borders = planes.flip(2), mirrored_borders(borders)
    longest = rng.uniform(*share) * side_px / max(size_of(planes))
    stretch = np.exp(rng.uniform(-0.1, 0.1, 2))
    h, w = (
        max(round(length * longest * s), LEAST_SUBJECT_PX) for length, s in zip(size_of(planes), stretch, strict=True)
    )
    h = side_px if borders.top and borders.bottom else h
    w = side_px if borders.left and borders.right else w
    planes = shrink_smoothly(planes[None], (h, w))[0]
    overhang = 0.4 if rng.random() < 0.2 else 0.0
    y = position(h, side_px, (borders.top, borders.bottom), overhang, rng)
    x = position(w, side_px, (borders.left, borders.right), overhang, rng)
    square = F.pad(planes, (x, side_px - x - w, y, side_px - y - h))  # negative padding cuts off
    return square[:3], square[3:]


def mirrored_borders(borders: Borders) -> Borders:
    """Left and right swapped."""
    return borders._replace(left=borders.right, right=borders.left)


def position(length: int, side_px: int, touches: tuple[bool, bool], overhang: float, rng: np.random.Generator) -> int:
    """A random start for something of `length` on a line of `side_px`, touching the ends given in `touches`."""
    at_start, at_end = touches
    if at_start:
        return 0
    if at_end:
        return side_px - length
    beyond = int(overhang * length)
    ends = sorted((-beyond, side_px - length + beyond))
    return int(rng.integers(ends[0], ends[1] + 1))


def lit_alike(
    colors: torch.Tensor, alpha: torch.Tensor, behind: torch.Tensor, rng: np.random.Generator
) -> torch.Tensor:
    """Half the time, the subject takes on some of the mean color of its background."""
    inside = alpha[0] > 0.5
    if rng.random() < 0.5 or not inside.any():
        return colors
    own = colors[:, inside].mean(1)
    step = float(rng.uniform(0, 0.6)) * (behind.mean((1, 2)) - own)
    return (colors + step[:, None, None]).clamp(0, 1)


def shaded(image: torch.Tensor, alpha: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """`image` with a soft shadow of the subject."""
    side = size_of(alpha)[0]
    shift = int(rng.integers(0, max(side // 12, 1))), int(rng.integers(-(side // 16), side // 16 + 1))
    shadow = blurred(alpha.roll(shift, (1, 2)), float(rng.uniform(2, 10)) * side / 256)
    return image * (1 - float(rng.uniform(0.2, 0.6)) * shadow)
