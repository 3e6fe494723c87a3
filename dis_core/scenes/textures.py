"""Colors and textures of procedural scenes: palettes like those of photographs, fractal fields, painted materials.

Fields are made on a grid of fixed size and enlarged, so that a scene looks the same at every resolution.
"""

from __future__ import annotations

import colorsys
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from dis_core.planes import Plane

Picture = NDArray[np.float32]
"""(H, W, 3) float32, sRGB, about [0, 1]."""

Palette = NDArray[np.float32]
"""(colors, 3) float32, sRGB in [0, 1]."""

Pattern = Literal["plain", "mottled", "fine", "grain", "stripes", "spots", "checks", "patches", "gradient"]

Stuff = Literal[
    "skin",
    "hair",
    "fur",
    "leaf",
    "petal",
    "cloth",
    "stone",
    "wicker",
    "ceramic",
    "terracotta",
    "wood",
    "metal",
    "paint",
    "glass",
]
"""What a surface is made of; it decides the range of its colors and patterns."""

_PATTERNS: tuple[Pattern, ...] = (
    "plain",
    "mottled",
    "fine",
    "grain",
    "stripes",
    "spots",
    "checks",
    "patches",
    "gradient",
)
_SUBJECT_ODDS = (0.22, 0.17, 0.16, 0.1, 0.08, 0.07, 0.03, 0.08, 0.09)
_NOISE_GRID = 192


def resized(plane: Plane, size: tuple[int, int]) -> Plane:
    """`plane`, (h, w), smoothly resampled to `size` (height, width)."""
    if plane.shape == size:
        return plane
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def resized_picture(picture: Picture, size: tuple[int, int]) -> Picture:
    """`picture`, (h, w, 3), smoothly resampled to `size` (height, width)."""
    if picture.shape[:2] == size:
        return picture
    return np.stack([resized(picture[..., channel], size) for channel in range(3)], axis=-1)


def unit_range(image: Image.Image) -> NDArray[np.float32]:
    """An 8-bit image as float32 in [0, 1]: (H, W) for gray, (H, W, 3) for color."""
    values: NDArray[np.float32] = np.asarray(image).astype(np.float32) / np.float32(255)
    return values


def blurred(plane: Plane, radius_px: float) -> Plane:
    """A plane in [0, 1], Gaussian-blurred in steps of 1/255: good for light and masks, too coarse for measuring."""
    image = Image.fromarray((np.clip(plane, 0, 1) * 255).astype(np.uint8))
    return unit_range(image.filter(ImageFilter.GaussianBlur(radius_px)))


def blurred_picture(picture: Picture, radius_px: float) -> Picture:
    """A picture in [0, 1], Gaussian-blurred."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    return unit_range(image.filter(ImageFilter.GaussianBlur(radius_px)))


def softened(array: NDArray[np.float32], variance_px: float) -> NDArray[np.float32]:
    """`array`, (H, W) or (H, W, 3), blurred a little in full precision; `variance_px` is the kernel's, in px².

    Weights add up to 1 and the border is repeated, so ranges survive.
    """
    passes = max(1, int(np.ceil(variance_px / 0.5)))
    side = np.float32(variance_px / passes / 2)
    for _ in range(passes):
        for axis in (0, 1):
            width = [(1, 1) if a == axis else (0, 0) for a in range(array.ndim)]
            padded = np.pad(array, width, mode="edge")
            before, after = (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
            array = array * (1 - 2 * side) + (before + after) * side
    return array


@lru_cache(maxsize=4)
def _log_frequency(stretch: tuple[float, float]) -> Plane:
    rows = np.fft.fftfreq(_NOISE_GRID)[:, None] * stretch[0]
    columns = np.fft.rfftfreq(_NOISE_GRID)[None, :] * stretch[1]
    squared = rows**2 + columns**2
    squared[0, 0] = 1
    logarithm: Plane = (np.log(squared) / 2).astype(np.float32)
    return logarithm


def fractal(
    rng: np.random.Generator, size: tuple[int, int], *, slope: float = 1.6, stretch: tuple[float, float] = (1, 1)
) -> Plane:
    """Noise whose amplitude falls with frequency to the power of `slope`: mean 0, deviation 1, (height, width).

    `stretch` (vertical, horizontal) lengthens its features along an axis. Photographs have a slope of about 1 to 1.3.
    """
    amplitude = np.exp(np.float32(-slope) * _log_frequency(stretch))
    amplitude[0, 0] = 0
    white = rng.standard_normal((2, *amplitude.shape), dtype=np.float32)
    plane = np.fft.irfft2(amplitude * (white[0] + 1j * white[1]), s=(_NOISE_GRID, _NOISE_GRID)).astype(np.float32)
    plane /= plane.std() + np.float32(1e-6)
    return resized(plane, size)


def random_color(rng: np.random.Generator, *, saturated: float = 0.15) -> NDArray[np.float32]:
    """One color, (3,): mostly muted and warm, then greens and blues; `saturated` is the share of vivid ones."""
    family = rng.random()
    if family < 0.42:
        hue = rng.normal(0.08, 0.035)
    elif family < 0.6:
        hue = rng.normal(0.27, 0.06)
    elif family < 0.78:
        hue = rng.normal(0.58, 0.05)
    else:
        hue = rng.random()
    vivid = rng.random() < saturated
    saturation = rng.uniform(0.65, 1) if vivid else rng.beta(1.5, 3.2)
    value = rng.uniform(0.45, 1) if vivid else 0.06 + 0.92 * rng.beta(1.3, 1.2)
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), dtype=np.float32)


def natural_color(rng: np.random.Generator, stuff: Stuff) -> NDArray[np.float32]:
    """A color, (3,), that is usual for `stuff` in photographs."""
    hue, saturation, value = _natural_hsv(rng, stuff)
    red, green, blue = colorsys.hsv_to_rgb(float(hue) % 1, float(saturation), float(np.clip(value, 0, 1)))
    return np.array([red, green, blue], dtype=np.float32)


def _natural_hsv(rng: np.random.Generator, stuff: Stuff) -> tuple[float, float, float]:
    if stuff in _NATURAL:
        (hue, spread), saturations, values = _NATURAL[stuff]
        return rng.normal(hue, spread), rng.uniform(*saturations), rng.uniform(*values)
    if stuff == "fur":
        return rng.normal(0.08, 0.02), float(rng.choice([0.05, 0.2, 0.45, 0.65])), rng.uniform(0.1, 0.95)
    if stuff == "hair":
        value = float(rng.choice([0.08, 0.14, 0.25, 0.5, 0.75]))
        return rng.normal(0.07, 0.03), rng.uniform(0.05, 0.6), value
    if stuff == "petal":
        return float(rng.choice([0.0, 0.08, 0.14, 0.8, 0.92])), rng.uniform(0, 0.9), rng.uniform(0.6, 1)
    # Clothes and cars: black, white and gray more often than colors.
    value = float(rng.choice([rng.uniform(0.05, 0.22), rng.uniform(0.75, 1), rng.uniform(0.2, 0.8)]))
    return rng.random(), rng.uniform(0, 0.15) if rng.random() < 0.6 else rng.uniform(0.2, 0.85), value


_NATURAL: dict[Stuff, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "skin": ((0.06, 0.015), (0.25, 0.55), (0.3, 0.95)),
    "leaf": ((0.27, 0.045), (0.2, 0.75), (0.15, 0.65)),
    "stone": ((0.11, 0.08), (0.0, 0.2), (0.25, 0.9)),
    "wicker": ((0.085, 0.02), (0.3, 0.65), (0.3, 0.85)),
    "ceramic": ((0.12, 0.2), (0.0, 0.15), (0.6, 1.0)),
    "terracotta": ((0.045, 0.015), (0.4, 0.7), (0.4, 0.8)),
    "wood": ((0.07, 0.02), (0.4, 0.8), (0.2, 0.7)),
    "metal": ((0.12, 0.1), (0.0, 0.12), (0.5, 0.95)),
    "glass": ((0.58, 0.1), (0.0, 0.25), (0.08, 0.5)),
}
"""Hue (mean, deviation), saturation (from, to) and value (from, to)."""


def natural_pattern(rng: np.random.Generator, stuff: Stuff) -> Pattern:
    """A pattern that is usual for `stuff`: skin is even, hair runs in strands, fur may be striped or patched."""
    choices: dict[Stuff, tuple[Pattern, ...]] = {
        "hair": ("grain", "fine"),
        "fur": ("plain", "mottled", "grain", "grain", "fine", "patches", "patches", "stripes", "spots"),
        "leaf": ("plain", "mottled", "gradient"),
        "petal": ("plain", "plain", "gradient", "grain"),
        "cloth": ("plain", "plain", "plain", "fine", "mottled", "checks", "stripes"),
        "stone": ("mottled", "plain", "fine"),
        "wicker": ("fine", "grain"),
        "wood": ("grain",),
        "glass": ("gradient", "patches", "mottled"),
        "terracotta": ("mottled", "plain"),
    }
    known = choices.get(stuff, ("plain",))
    return known[int(rng.integers(len(known)))]


def palette_around(rng: np.random.Generator, base: NDArray[np.float32], *, spread: float = 0.12) -> Palette:
    """Four colors: `base`, a darker and a lighter relative, and a neighbor in hue."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(channel) for channel in base))
    colors = [base]
    for factor in (rng.uniform(0.45, 0.85), rng.uniform(1.1, 1.6)):
        shifted = (hue + rng.normal(0, 0.02)) % 1
        colors.append(np.array(colorsys.hsv_to_rgb(shifted, saturation * rng.uniform(0.7, 1.1), value * factor)))
    turned = (hue + rng.normal(0, spread)) % 1
    colors.append(np.array(colorsys.hsv_to_rgb(turned, min(1, saturation * rng.uniform(0.6, 1.3)), value)))
    return np.clip(np.array(colors, dtype=np.float32), 0.01, 1)


def colored(field: Plane, stops: Palette) -> Picture:
    """A field in [0, 1] turned into colors that run through `stops` from dark end to light end."""
    place = np.linspace(0, 1, len(stops))
    steps = np.linspace(0, 1, 256)
    table = np.stack([np.interp(steps, place, stops[:, channel]) for channel in range(3)], axis=-1).astype(np.float32)
    return table[(np.clip(field, 0, 1) * 255).astype(np.uint8)]


def _squashed(field: Plane) -> Plane:
    half: Plane = np.tanh(field * np.float32(0.7)) * np.float32(0.5)
    half += np.float32(0.5)
    return half


def _wave(rng: np.random.Generator, size: tuple[int, int], cycles: float, angle: float) -> Plane:
    rows = np.linspace(0, 1, size[0], dtype=np.float32)[:, None]
    columns = np.linspace(0, 1, size[1], dtype=np.float32)[None, :] * np.float32(size[1] / size[0])
    bend = fractal(rng, size, slope=2.2) * np.float32(rng.choice([0, 0.3, 1.2]))
    down, across = np.float32(2 * np.pi * cycles * np.sin(angle)), np.float32(2 * np.pi * cycles * np.cos(angle))
    wave: Plane = np.sin(rows * down + columns * across + bend)
    return wave


def pattern_field(rng: np.random.Generator, size: tuple[int, int], pattern: Pattern) -> Plane:
    """The scalar field of a pattern, (height, width) in [0, 1]."""
    angle = rng.uniform(0, np.pi)
    if pattern == "plain":
        return _squashed(fractal(rng, size, slope=rng.uniform(1.2, 2.2)) * np.float32(0.35))
    if pattern == "mottled":
        return _squashed(fractal(rng, size, slope=rng.uniform(1.0, 1.9)) * np.float32(1.3))
    if pattern == "fine":
        return _squashed(fractal(rng, size, slope=rng.uniform(0.4, 1.0)))
    if pattern == "grain":
        length = rng.uniform(4, 14)
        stretch = (length, 1.0) if rng.random() < 0.5 else (1.0, length)
        return _squashed(fractal(rng, size, slope=rng.uniform(0.9, 1.5), stretch=stretch))
    if pattern == "stripes":
        return _squashed(_wave(rng, size, rng.uniform(6, 24), angle) * np.float32(rng.uniform(1, 5)))
    if pattern == "spots":
        noise = fractal(rng, size, slope=rng.uniform(0.9, 1.3)) - fractal(rng, size, slope=2.6) * np.float32(0.5)
        return _squashed((softened(noise, 1.0) - np.float32(0.9)) * np.float32(6))
    if pattern == "checks":
        cycles = rng.uniform(4, 12)
        return _squashed(_wave(rng, size, cycles, angle) * _wave(rng, size, cycles, angle + np.pi / 2) * np.float32(5))
    if pattern == "patches":
        return _squashed(fractal(rng, size, slope=rng.uniform(1.7, 2.3)) * np.float32(6))
    ramp = np.linspace(-1.5, 1.5, size[0], dtype=np.float32)[:, None] * np.float32(rng.choice([-1, 1]))
    return _squashed(ramp + fractal(rng, size, slope=2.0) * np.float32(0.3))


def random_pattern(rng: np.random.Generator) -> Pattern:
    """A pattern for the surface of an object: mostly calm, sometimes loud."""
    return _PATTERNS[int(rng.choice(len(_PATTERNS), p=_SUBJECT_ODDS))]


def painted(rng: np.random.Generator, size: tuple[int, int], pattern: Pattern, stops: Palette) -> Picture:
    """A textured surface of `size` (height, width), unlit."""
    return colored(pattern_field(rng, size, pattern), stops)
