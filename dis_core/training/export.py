"""Saves the averaged weights of a run as float16, like the embedded ones."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from dis_core.files import atomic_write
from dis_core.training.learner import Learner
from dis_core.training.settings import Settings


def export(learner: Learner, folder: Path, *, settings: Settings, steps: int) -> list[Path]:
    """Write `NETWORK.safetensors` for every network that the learner exports, and return the paths.

    The metadata of the files record the network's sizes. Raises OutputFailed.
    """
    sizes = {name: str(getattr(settings, name)) for name in ("backbone", "width", "side_px")}
    written = []
    for name, network in learner.exported().items():
        file = folder / f"{name}.safetensors"
        with atomic_write(file) as beside:
            save_file(_halved(network), beside, metadata={"network": name, "steps": str(steps), **sizes})
        written.append(file)
    return written


def _halved(network: nn.Module) -> dict[str, torch.Tensor]:
    """The network's tensors by name, with floats as float16."""
    state = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
