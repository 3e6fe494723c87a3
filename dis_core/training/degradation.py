"""What cameras, scaling and storage do to photographs: softness, grain, JPEG. The matte does not change."""

from __future__ import annotations

import io

import numpy as np
import torch

from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture
from dis_core.models.resample import resize_by_area, shrink_smoothly, size_of
from dis_core.models.tensors import to_array, to_tensor
from dis_core.training.blur import blurred

SHRUNK, BLURRED, GRAINY, COMPRESSED = 0.18, 0.10, 0.20, 0.30
"""The probability of each; a picture is never both shrunk and blurred."""


def degraded(image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(3, H, W) in [0, 1] as if from a worse camera, a smaller copy or a smaller file."""
    chance = rng.random()
    if chance < SHRUNK:
        image = shrunk_and_enlarged(image, float(rng.uniform(0.4, 0.8)))
    elif chance < SHRUNK + BLURRED:
        image = blurred(image, float(rng.uniform(0.4, 1.6)))
    if rng.random() < GRAINY:
        image = grainy(image, rng)
    if rng.random() < COMPRESSED:
        image = compressed(image, quality=int(rng.integers(25, 92)))
    return image.clamp(0, 1)


def shrunk_and_enlarged(image: torch.Tensor, share: float) -> torch.Tensor:
    """As if it had been stored with `share` of its width and height."""
    H, W = size_of(image)
    small = shrink_smoothly(image[None], (max(round(H * share), 1), max(round(W * share), 1)))
    return resize_by_area(small, (H, W))[0]


def grainy(image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """With gray or colored noise."""
    channels = 3 if rng.random() < 0.5 else 1
    noise = rng.standard_normal((channels, *size_of(image)), dtype=np.float32)
    return image + float(rng.uniform(0.005, 0.05)) * torch.from_numpy(noise)


def compressed(image: torch.Tensor, *, quality: int) -> torch.Tensor:
    """Written as a JPEG file and read again."""
    file = io.BytesIO()
    pixels = np.rint(to_array(image[None].clamp(0, 1)) * 255).astype(np.uint8)
    Picture(pixels).pil().save(file, "JPEG", quality=quality)
    return to_tensor(read_picture(file.getvalue()).srgb())[0]
