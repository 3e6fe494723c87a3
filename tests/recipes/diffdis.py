"""Weights for the tests of DiffDIS: numbers that follow from names alone, as golden/PROVENANCE.md says."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from numpy.typing import NDArray

from dis_core.models.diffdis.checkpoint import AUTOENCODER_RENAMES, PROMPT_KEY, RENAMES, renamed
from dis_core.models.diffdis.network import Denoiser, DiffDIS

GOLDEN = Path(__file__).parents[1] / "golden" / "diffdis"
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))

GAINS = {"conv_out.weight": 2.0, "quant_conv.weight": 6.0, "post_quant_conv.weight": 0.03}
"""So that latents, the UNet's answer and the decoded picture have a useful range."""

Part = Literal["unet", "vae", "tiny_unet", "tiny_vae"]


def normal(key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    random = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    return random.standard_normal(shape, dtype=np.float32)


def fill(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The tensor of one published key: float32, and a counter of training steps int64."""
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    x = normal(key, shape)
    if key.endswith("running_var"):
        return torch.from_numpy(1 + np.float32(0.1) * np.abs(x))
    if key.endswith((".bias", "running_mean")):
        return torch.from_numpy(np.float32(0.1) * x)
    if len(shape) == 1:
        return torch.from_numpy(1 + np.float32(0.1) * x)
    return torch.from_numpy(np.float32(GAINS.get(key, 1.0) / math.sqrt(math.prod(shape[1:]))) * x)


def recipe(part: Part) -> dict[str, torch.Tensor]:
    """The weights of a part under its published keys, which have no prefix."""
    return {key: fill(key, tuple(shape)) for key, shape in MANIFEST[part]["keys"].items()}


def published_denoiser_file(part: Part) -> dict[str, torch.Tensor]:
    """A UNet with the embedding of the empty prompt, as both lie in the published file."""
    prompt = normal("empty_text_embed", (1, 2, MANIFEST[part]["config"]["cross_attention_dim"]))
    return {**{f"unet.{key}": value for key, value in recipe(part).items()}, PROMPT_KEY: torch.from_numpy(prompt)}


def tiny_denoiser() -> Denoiser:
    return Denoiser(UNet2DConditionModel(**config_of("tiny_unet")))


def tiny_autoencoder() -> AutoencoderKL:
    return AutoencoderKL(**config_of("tiny_vae"))


def config_of(part: Part) -> dict[str, Any]:  # Any: numbers, words and lists of both
    return dict(MANIFEST[part]["config"])


def tiny_network() -> DiffDIS:
    """The published network in small, 9 M parameters, filled by the recipe through the published keys."""
    with torch.device("meta"):
        denoiser, autoencoder = tiny_denoiser(), tiny_autoencoder()
    published = published_denoiser_file("tiny_unet")
    denoiser.load_state_dict(renamed(published, tiny_denoiser, RENAMES, network="", hint=""), assign=True)
    published = recipe("tiny_vae")
    state = renamed(published, tiny_autoencoder, AUTOENCODER_RENAMES, network="", hint="")
    autoencoder.load_state_dict(state, assign=True)
    return DiffDIS(denoiser, autoencoder).eval()
