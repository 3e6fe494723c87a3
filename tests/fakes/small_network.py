"""A network of a few hundred kilobytes with a published checkpoint of its own, for tests of all around weights."""

from __future__ import annotations

import io
import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import nn

from dis_core.errors import WeightsCorrupt
from dis_core.model_spec import ModelSpec, WeightsFile

if TYPE_CHECKING:
    from dis_core.protocols import DepthEstimator, Placement, Segmenter


class SmallNetwork(nn.Module):
    def __init__(self, width: int = 160) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)


def published_checkpoint(seed: int = 0) -> dict[str, torch.Tensor]:
    """The small network's weights as its authors would publish them: other names, and a key only for training."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"enc.weight": (160, 160), "enc.bias": (160,), "dec.weight": (160, 160), "dec.bias": (160,)}
    tensors = {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}
    return {**tensors, "loss.scale": torch.ones(1)}


def convert_small(published: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A conversion as a model declares it: rename, drop what is training's, name the first key that does not fit."""
    renamed = {
        key.replace("enc.", "first.").replace("dec.", "second."): value
        for key, value in published.items()
        if key != "loss.scale"
    }
    expected = SmallNetwork().state_dict()
    for key in expected:
        if key not in renamed:
            raise WeightsCorrupt(f"this is not a checkpoint of SmallNetwork: {key} is missing")
    return renamed


def load_small(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Segmenter:
    """A loader as a model declares it, as far as the tests need one."""
    from dis_core.weights.checkpoint import load_strictly

    load_strictly(SmallNetwork(), weights)
    raise NotImplementedError("the small network cannot look at images")


def pickled(state: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def pickle_that_runs_code(marker: Path) -> bytes:
    """A file that looks like a checkpoint and creates `marker` as soon as somebody unpickles it carelessly."""

    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(marker),)

    buffer = io.BytesIO()
    torch.save({"enc.weight": torch.zeros(2), "payload": Payload()}, buffer)
    return buffer.getvalue()


def plain_pickle_that_runs_code(marker: Path) -> bytes:
    """The same without torch's archive around it, as old checkpoints are."""

    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(marker),)

    return pickle.dumps({"enc.weight": Payload()})


def assert_is_converted(path: Path) -> None:
    """The file holds the published checkpoint, value for value, under the small network's names."""
    saved, published = load_file(path), published_checkpoint()
    assert set(saved) == set(SmallNetwork().state_dict())
    torch.testing.assert_close(saved["first.weight"], published["enc.weight"], rtol=0, atol=0)
    torch.testing.assert_close(saved["second.bias"], published["dec.bias"], rtol=0, atol=0)


def damage_without_a_trace(path: Path) -> None:
    """Change the file's last byte, and leave its size and time as they were."""
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 255]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def path_of(spec: ModelSpec) -> Path | None:
    """Where the model's ready file is, if it is here."""
    from dis_core.weights.store import find_installed

    installed = find_installed(spec)
    return None if installed is None else installed.path


SMALL = ModelSpec(
    name="small",
    summary="A small network for tests.",
    license="MIT",
    commercial_use="yes",
    weights=WeightsFile(repo="someone/small", filename="small.pth", revision="main"),
    loader="tests.fakes.small_network:load_small",
    conversion="tests.fakes.small_network:convert_small",
)

DIRECT = replace(SMALL, name="direct", weights=WeightsFile("someone/direct", "model.safetensors"), conversion=None)


if __name__ == "__main__":
    # What a child process of a test does: obtain the small model, and say where it is.
    from dis_core.errors import DisError
    from dis_core.weights.store import adopt, obtain

    try:
        installed = adopt(SMALL, Path(sys.argv[1])) if len(sys.argv) > 1 else obtain(SMALL)
    except DisError as error:
        sys.stdout.write(f"{error.code}: {error.message}\n{error.hint}\n")
    else:
        sys.stdout.write(f"ready: {installed.path}\n")
