"""Checkpoints on this machine: published ones read safely, ours written once and loaded strictly."""

from __future__ import annotations

import os
import pickle
import pkgutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dis_core.errors import OutputFailed, WeightsCorrupt
from dis_core.files import atomic_file, megabytes
from dis_core.weights.archives import refuse_dangerous_archive
from dis_core.weights.onnx_tensors import is_onnx, read_weights
from dis_core.weights.tensors import refuse_more_than_held, refuse_odd_names, refuse_odd_tensors

if TYPE_CHECKING:
    import torch
    from torch import nn

    from dis_core.protocols import Converter

WRAPPERS = ("state_dict", "model", "model_state_dict", "module")
"""Under which of these keys training scripts put the state dict when they save more than that."""

PREFIXES = ("module.", "_orig_mod.")
"""What data-parallel training and compiled networks put before every name, possibly one over the other."""


def load_strictly(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Fill `network` from a safetensors file, read through a memory map; values take the network's dtype and device.

    Raises WeightsCorrupt naming the first key that is missing, unexpected or of another shape.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    wanted = network.state_dict()
    saved: dict[str, torch.Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 - not a dict
            _refuse_differences({key: tuple(value.shape) for key, value in wanted.items()}, shapes, network, path)
            for key, target in wanted.items():
                # Copies: nothing of the network may lie in the map, as a file that shrinks under it kills the process.
                value = file.get_tensor(key)
                refuse_odd_tensors({key: value}, path)
                saved[key] = value.to(dtype=target.dtype, copy=target.is_meta)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    assign = any(target.is_meta for target in wanted.values())
    network.load_state_dict(saved, strict=True, assign=assign)


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a published checkpoint by name: safetensors, ONNX, or a pickle that holds nothing but data.

    Those of an ONNX file come in the order in which its graph uses them; the graph itself is never run. A state dict
    that lies inside of a larger checkpoint is found, and what training puts before every name is dropped.

    Raises WeightsCorrupt if the file is damaged, holds no tensors, or others than dense ones of real numbers, claims to
    hold more than its own size, or refuses to be read safely.
    """
    if _is_safetensors(path):
        found = _read_safetensors(path)
    elif is_onnx(path):
        found = read_weights(path)
    else:
        found = _state_dict_in(read_plain_pickle(path), path)
    refuse_odd_names(found, path)
    refuse_odd_tensors(found, path)
    if not is_onnx(path):  # whose tensors may lie in a file beside it; its reader has checked where
        refuse_more_than_held(found, path)
    while found and (prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in found)), None)):
        found = {key.removeprefix(prefix): value for key, value in found.items()}
    return found


def read_plain_pickle(path: Path) -> object:
    """What torch saved, if it is nothing but tensors, numbers, text and containers of them; tensors stay in the file.

    This is the only place that reads pickles, and it executes nothing that is in them.

    Raises WeightsCorrupt if the file is damaged, is a program for torch, or refuses to be read safely.
    """
    import torch

    if not path.stat().st_size:
        raise WeightsCorrupt(f"{path.name} is empty", hint="download it again")
    mapped = refuse_dangerous_archive(path)  # only archives can be mapped
    try:
        with warnings.catch_warnings():
            # About unusual pickle protocols; such a file is either read nevertheless or refused below, in our words.
            warnings.simplefilter("ignore", UserWarning)
            return cast("object", torch.load(path, map_location="cpu", weights_only=True, mmap=mapped))
    except pickle.UnpicklingError as error:
        raise WeightsCorrupt(
            f"{path.name} cannot be read safely: it is damaged, or holds more than plain weights and could run code",
            hint="get the file from its authors, preferably as safetensors; nothing in it was run",
        ) from error
    except Exception as error:  # torch's reader raises nearly anything on a damaged file: KeyError, AssertionError, ...
        raise _damaged(path, error) from error


def refuse_damaged(path: Path) -> None:
    """Raise WeightsCorrupt unless the file is safetensors and as long as its own header says; reads only the header."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


def convert(source: Path, destination: Path, *, converter: str | None, metadata: dict[str, str]) -> None:
    """Write what `converter` ("module:function") makes of a published checkpoint as safetensors, whole or not at all.

    Raises WeightsCorrupt if the checkpoint cannot be read or is of another network, OutputFailed if it cannot be saved.
    """
    tensors = read_checkpoint(source)
    if converter is not None:
        tensors = cast("Converter", pkgutil.resolve_name(converter))(tensors)
    _save(tensors, destination, metadata)


def _save(tensors: dict[str, torch.Tensor], destination: Path, metadata: dict[str, str]) -> None:
    """Save as safetensors, whole or not at all. Raises OutputFailed."""
    from safetensors.torch import save_file

    try:
        with atomic_file(destination) as unfinished:
            save_file(_separate(tensors), unfinished, metadata=metadata)
    except OutputFailed as error:
        size = sum(value.nbytes for value in tensors.values())
        raise OutputFailed(
            f"the converted weights ({megabytes(size)}) could not be saved: {error.message}",
            hint="free some space on that disk; on Linux, XDG_CACHE_HOME can name a folder on another one",
        ) from error


def _separate(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same values, each in a memory of its own: safetensors refuses views and tied tensors."""
    separate: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for key, value in tensors.items():
        storage = value.untyped_storage()
        shared = storage.nbytes() > value.nbytes or storage.data_ptr() in seen
        seen.add(storage.data_ptr())
        separate[key] = value.contiguous().clone() if shared else value.contiguous()
    return separate


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


def _state_dict_in(loaded: object, path: Path) -> dict[str, torch.Tensor]:
    import torch

    for wrapper in WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
    if not isinstance(loaded, dict) or not loaded:
        raise WeightsCorrupt(
            f"{path.name} contains no weights: it holds a {type(loaded).__name__}, not tensors by name"
        )
    refuse_odd_names(loaded, path)
    for key, value in loaded.items():
        if not isinstance(value, torch.Tensor):
            raise WeightsCorrupt(f"{path.name} contains no weights: {key!r} is a {type(value).__name__}, not a tensor")
    return dict(loaded)


def _is_safetensors(path: Path) -> bool:
    """Whether the file starts as safetensors do; names mislead, and downloads are renamed."""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size


def _refuse_differences(
    wanted: dict[str, tuple[int, ...]], saved: dict[str, tuple[int, ...]], network: nn.Module, path: Path
) -> None:
    problems = [f"{key} is missing" for key in wanted if key not in saved]
    problems += [f"{key} is unexpected" for key in saved if key not in wanted]
    problems += [
        f"{key} is {saved[key]} in the file and {shape} in the network"
        for key, shape in wanted.items()
        if key in saved and saved[key] != shape
    ]
    if problems:
        more = f", and {len(problems) - 1} more differences" if len(problems) > 1 else ""
        raise WeightsCorrupt(f"{path.name} does not fit {type(network).__name__}: {problems[0]}{more}")


def _damaged(path: Path, error: Exception) -> WeightsCorrupt:
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return WeightsCorrupt(f"{path.name} is damaged: {first_line[:200]}", hint="download it again")
