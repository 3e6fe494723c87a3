"""Weights for the parity tests of SAM and DIS-SAM: numbers that follow from names alone. See golden/PROVENANCE.md."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dis_core.models.sam.network import SAM, build_network
from dis_core.protocols import Placement

if TYPE_CHECKING:
    from torch import nn
    from transformers import SamModel

GOLDEN = Path(__file__).parents[1] / "golden" / "dis_sam"
SIDE_PX = 256

_SCALES = (
    ("mask_decoder.iou_token.weight", 1.0),
    ("mask_decoder.mask_tokens.weight", 1.0),
    ("positional_encoding_gaussian_matrix", 1.0),
    ("image_encoder.pos_embed", 0.2),
    (".rel_pos_h", 0.3),
    (".rel_pos_w", 0.3),
)
"""(end of the key, scale); the first that fits counts."""


def tiny_network() -> SamModel:
    """The real classes, and a thousandth of ViT-L."""
    return build_network(
        width=64,
        depth=3,
        heads=2,
        everywhere=(2,),
        side_px=SIDE_PX,
        window=7,
        prompt_width=32,
        decoder_width=64,
        decoder_heads=4,
        iou_width=32,
    )


def keys_of(size: str) -> dict[str, tuple[int, ...]]:
    """Shapes by key in the authors' spelling, of "sam_tiny" or "sam_vit_l"."""
    entries = json.loads((GOLDEN / "sam_keys.json").read_text())[size]
    return {key: tuple(entry["shape"]) for key, entry in entries.items()}


def transformers_names(size: str) -> dict[str, list[str]]:
    """What transformers calls each of the authors' keys; one it has twice."""
    entries = json.loads((GOLDEN / "sam_keys.json").read_text())[size]
    return {key: entry["transformers"] for key, entry in entries.items()}


def fill(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The float32 tensor of one of the authors' keys."""
    random = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    n = random.standard_normal(shape, dtype=np.float32)
    if key.endswith(".weight") and len(shape) == 1:
        return torch.from_numpy(np.float32(1) + np.float32(0.1) * n)
    return torch.from_numpy(np.float32(_scale(key, shape)) * n)


def _scale(key: str, shape: tuple[int, ...]) -> float:
    if key.endswith(".bias"):
        return 0.1
    for end, scale in _SCALES:
        if key.endswith(end):
            return scale
    if key.startswith("prompt_encoder.") and "embed" in key and len(shape) == 2:
        return 0.5
    gain = 1.7 if "output_hypernetworks_mlps" in key else 1.0
    return gain / math.sqrt(math.prod(shape[1:]))


def authors_state_dict() -> dict[str, torch.Tensor]:
    """A checkpoint of the tiny network in the authors' spelling."""
    return {key: fill(key, shape) for key, shape in keys_of("sam_tiny").items()}


def tiny_sam(placement: Placement = Placement("cpu")) -> SAM:  # noqa: B008 - frozen
    """The tiny network with the recipe's weights."""
    from dis_core.models.sam.checkpoint import converted

    with torch.device("meta"):
        network = tiny_network()
    module: nn.Module = network
    module.load_state_dict(converted(authors_state_dict(), tiny_network), assign=True)
    module.eval().to(placement.device)
    return SAM(network, side_px=SIDE_PX, placement=placement)
