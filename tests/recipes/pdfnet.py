"""Weights and inputs for the parity tests: numbers that follow from names and seeds alone. See golden/PROVENANCE.md."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

GOLDEN = Path(__file__).parents[1] / "golden" / "pdfnet"

_GAINS = (
    ("encoder.", ".attn.qkv.weight", 1.3),
    ("encoder.", ".attn.proj.weight", 0.5),
    ("encoder.", ".mlp.fc2.weight", 0.5),
    ("", ".Att.in_proj_weight", 1.5),
    ("", "decoder.Bside.0.weight", 12.0),
    ("", "decoder.Bside.1.weight", 8.0),
    ("", "decoder.Bside.2.weight", 12.0),
    ("", "decoder.Bside.3.weight", 8.0),
    ("", "decoder.Bside.4.weight", 8.0),
    ("", "decoder.Bside.5.weight", 3.0),
)
"""(start of the key, its end, factor on 1 / sqrt(fan in)); the first that fits counts."""

_HEAD_BIAS = dict(zip((f"decoder.Bside.{n}.bias" for n in range(6)), (7.5, -0.5, -4.0, -2.5, 1.0, -1.5), strict=True))


def fill(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The float32 tensor of one published key."""
    random = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    x = random.standard_normal(shape, dtype=np.float32)
    offset, scale = _offset_and_scale(key, shape)
    return torch.from_numpy(np.float32(offset) + np.float32(scale) * x)


def _offset_and_scale(key: str, shape: tuple[int, ...]) -> tuple[float, float]:
    if key.endswith("relative_position_bias_table"):
        return 0.0, 0.2
    if key.endswith("absolute_pos_embed"):
        return 0.0, 0.5
    if key.endswith(".bias"):
        return _HEAD_BIAS.get(key, 0.0), 0.1
    if len(shape) == 1:
        return 1.0, 0.1
    gain = next((gain for start, end, gain in _GAINS if key.startswith(start) and key.endswith(end)), 1.0)
    return 0.0, gain / math.sqrt(math.prod(shape[1:]))


def published_state_dict(revision: str) -> dict[str, torch.Tensor]:
    """A checkpoint in the published format, training-only keys and index buffers included."""
    manifest = json.loads((GOLDEN / f"manifest_{revision}.json").read_text())
    return {
        entry["key"]: fill(entry["key"], tuple(entry["shape"]))
        if entry["dtype"] == "float32"
        else torch.zeros(entry["shape"], dtype=torch.int64)
        for entry in manifest["keys"]
    }


def sample(size: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Image (H, W, 3), depth (H, W) and mask (H, W; 0 or 255): a five-lobed ring with a thin wavy bar across it."""
    axis = (np.arange(size, dtype=np.float64) + 0.5) / size
    y, x = np.meshgrid(axis, axis, indexing="ij")
    random = np.random.Generator(np.random.PCG64(1000 + seed))
    dx, dy = x - (0.48 + 0.06 * seed), y - 0.55
    radius, angle = np.sqrt(dx * dx + dy * dy), np.arctan2(dy, dx)
    mask = (radius < 0.22 + 0.06 * np.cos(5 * angle + seed)) & (radius >= 0.08)
    mask |= np.abs(x - 0.5 - 0.1 * np.sin(7 * y)) < 0.012
    back = np.stack(
        [0.45 + 0.35 * np.sin(5 * x + 2 * y + seed), 0.5 + 0.3 * np.cos(4 * y - 3 * x), 0.4 + 0.4 * x * y], -1
    )
    front = np.array([0.85, 0.35, 0.15]) * (0.7 + 0.3 * np.sin(40 * x))[..., None]
    image = np.where(mask[..., None], 0.25 * back + 0.75 * front, back)
    image = image + 0.03 * random.standard_normal(image.shape)
    depth = 0.2 + (0.35 - 0.15 * seed) * y + 0.4 * mask * (1 - radius)
    depth = depth + 0.01 * random.standard_normal(depth.shape)
    return _bytes(image), _bytes(depth), mask.astype(np.uint8) * np.uint8(255)


def _bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)


def network_inputs(size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(1, 3, H, W) ImageNet-normalized image, (1, 1, H, W) depth in [0, 1], unscaled, and (1, 1, H, W) mask."""
    image, depth, mask = sample(size, seed)
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    x = (image.astype(np.float32) / np.float32(255) - mean) / std
    planes = [torch.from_numpy(plane.astype(np.float32) / np.float32(255))[None, None] for plane in (depth, mask)]
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None], planes[0], planes[1]


def loss_logits(size: int, n: int) -> torch.Tensor:
    """Logits for the losses: (n, 1, size, size), a smooth field with noise, about -6 to 6."""
    random = np.random.Generator(np.random.PCG64(2000))
    axis = (np.arange(size, dtype=np.float64) + 0.5) / size
    y, x = np.meshgrid(axis, axis, indexing="ij")
    fields = [3 * np.sin(6 * x + i) * np.cos(5 * y) + 0.8 * random.standard_normal((size, size)) for i in range(n)]
    return torch.from_numpy(np.stack(fields)[:, None].astype(np.float32))
