"""Weights for the parity tests: numbers that follow from names and shapes alone. See golden/PROVENANCE.md."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

GOLDEN = Path(__file__).parents[1] / "golden" / "birefnet"

_GAINS = (
    (".lateral_block", 0.5),
    (".conv_out1.", 0.4),
    (".offset_conv.", 0.3),
    (".modulator_conv.", 1.0),
    (".gdt_convs", 1.5),
)
"""(part of the key, factor on 1 / sqrt(fan in)) of convolutions outside of the backbone; the first that fits counts."""


def fill(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The float32 tensor of one published key."""
    random = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    x = random.standard_normal(shape, dtype=np.float32)
    if key.endswith("running_var"):
        return torch.from_numpy(np.float32(1) + np.float32(0.1) * np.abs(x))
    offset, scale = _offset_and_scale(key, shape)
    return torch.from_numpy(np.float32(offset) + np.float32(scale) * x)


def _offset_and_scale(key: str, shape: tuple[int, ...]) -> tuple[float, float]:
    if key.endswith("relative_position_bias_table"):
        return 0.0, 0.2
    if key.endswith(("running_mean", ".bias")):
        return 0.0, 0.1
    if len(shape) == 1:
        return 1.0, 0.1
    return 0.0, _gain(key) / math.sqrt(math.prod(shape[1:]))


def _gain(key: str) -> float:
    if key.startswith("bb."):
        return 1.0
    if ".ipt_blk" in key:
        return 0.5 if key.endswith(".conv_out.weight") else 1.0
    return next((gain for part, gain in _GAINS if part in key), 1.7)


def published_state_dict(variant: str) -> dict[str, torch.Tensor]:
    """A checkpoint in the published format, training-only keys and index buffers included."""
    manifest = json.loads((GOLDEN / f"manifest_{variant}.json").read_text())
    return {
        key: fill(key, tuple(shape)) if dtype == "float32" else torch.zeros(shape, dtype=torch.int64)
        for key, shape, dtype in manifest
    }


def golden(name: str) -> dict[str, NDArray[Any]]:
    with np.load(GOLDEN / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive}
