"""Weights for the parity tests of IS-Net: numbers that follow from names alone. See golden/PROVENANCE.md."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.models.isnet.network import ISNet

GOLDEN = Path(__file__).parents[1] / "golden" / "isnet"


def fill(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The float32 tensor of one published key."""
    random = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    n = random.standard_normal(shape, dtype=np.float32)
    if key.endswith(("running_mean", "bias")):
        return torch.from_numpy(np.float32(0.1) * n)
    if key.endswith("running_var"):
        return torch.from_numpy(np.float32(1) + np.float32(0.1) * np.abs(n))
    if len(shape) == 1:
        return torch.from_numpy(np.float32(1) + np.float32(0.1) * n)
    gain = 0.25 if key.startswith("side") else math.sqrt(2)
    return torch.from_numpy(np.float32(gain / math.sqrt(math.prod(shape[1:]))) * n)


def published_state_dict(channels: int = 3) -> dict[str, torch.Tensor]:
    """A checkpoint in the published format, training-only keys and counters included."""
    shapes: dict[str, list[int]] = json.loads((GOLDEN / "manifest.json").read_text())
    shapes["conv_in.weight"][1] = channels
    return {
        key: fill(key, tuple(shape)) if not key.endswith("num_batches_tracked") else torch.zeros((), dtype=torch.int64)
        for key, shape in shapes.items()
    }


@contextmanager
def recorded_stages(network: ISNet) -> Iterator[dict[str, torch.Tensor]]:
    """What the network's parts answer while it runs, by their published names."""
    parts: dict[str, torch.nn.Module] = {"conv_in": network.enter, "side1": network.head}
    parts |= {f"stage{n}": block for n, block in enumerate(network.encoder, start=1)}
    parts |= {f"stage{5 - n}d": block for n, block in enumerate(network.decoder)}
    answers: dict[str, torch.Tensor] = {}

    def recorder(name: str) -> torch.utils.hooks.RemovableHandle:
        def record(_module: torch.nn.Module, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            answers[name] = output.clone()

        return parts[name].register_forward_hook(record)

    handles = [recorder(name) for name in parts]
    yield answers
    for handle in handles:
        handle.remove()


def sampled(x: torch.Tensor) -> NDArray[np.float32]:
    """Eight channels of (1, C, H, W) at up to about 32 rows and columns, as the golden data has them."""
    _, channels, height, width = x.shape
    steps = -(-height // 32), -(-width // 32)
    some: NDArray[np.float32] = x[:, [i * channels // 8 for i in range(8)], :: steps[0], :: steps[1]].numpy()
    return some
