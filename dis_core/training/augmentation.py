"""The paper's augmentations of training photographs (arXiv 2503.06100, section 4).

Flips, rotations up to 30 degrees, slight crops, stronger or weaker colors, some images in gray.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from dis_core.models.resample import resize_by_area, size_of
from dis_core.training.sample import Sample

LUMA = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
LARGEST_ANGLE_DEGREES = 30
LARGEST_MARGIN = 0.1


def augmented(sample: Sample, rng: np.random.Generator) -> Sample:
    """A random variation of the sample, with the same shapes and ranges."""
    planes = torch.cat(sample)
    planes = rotated(cropped(mirrored(planes, rng), rng), rng).clamp(0, 1)
    return Sample(recolored(planes[:3], rng), *planes[3:].unsqueeze(1))


def mirrored(planes: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(C, H, W), flipped left to right half the time."""
    return planes.flip(2) if rng.random() < 0.5 else planes


def cropped(planes: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(C, H, W); half the time up to a tenth is cut off at each side and the rest enlarged to the old size."""
    if rng.random() < 0.5:
        return planes
    H, W = size_of(planes)
    top, bottom = (int(rng.uniform(0, LARGEST_MARGIN) * H) for _ in range(2))
    left, right = (int(rng.uniform(0, LARGEST_MARGIN) * W) for _ in range(2))
    return resize_by_area(planes[None, :, top : H - bottom, left : W - right], (H, W))[0]


def rotated(planes: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(C, H, W), rotated by up to 30 degrees half the time; the corners are filled by reflection."""
    if rng.random() < 0.5:
        return planes
    angle = np.deg2rad(rng.uniform(-LARGEST_ANGLE_DEGREES, LARGEST_ANGLE_DEGREES))
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    turn = torch.tensor([[[cosine, -sine, 0.0], [sine, cosine, 0.0]]])
    grid = F.affine_grid(turn, [1, *planes.shape], align_corners=False)
    return F.grid_sample(planes[None], grid, padding_mode="reflection", align_corners=False)[0]


def recolored(image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(3, H, W) with random brightness, contrast and saturation; gray one time in ten."""
    brightness, contrast = rng.uniform(0.7, 1.3, 2)
    saturation = 0.0 if rng.random() < 0.1 else rng.uniform(0.5, 1.5)
    gray = (image * LUMA).sum(0, keepdim=True)
    image = gray + (image - gray) * float(saturation)
    middle = gray.mean()
    return ((image - middle) * float(contrast) + middle * float(brightness)).clamp(0, 1)
