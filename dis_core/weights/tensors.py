"""Whether what a checkpoint holds are weights: dense tensors on the CPU with usable names, no larger than the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from dis_core.errors import WeightsCorrupt
from dis_core.files import megabytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

_LONGEST_NAME: Final = 1000
_DTYPES: Final = frozenset(
    ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
)
_MOST_SHARING: Final = 2
"""Tied tensors lie in a file once and are written apart. More than twice its size is a trick to fill a disk."""


def refuse_odd_names(names: object, path: Path) -> None:
    """Raises WeightsCorrupt unless all keys of a dictionary are names that can be shown and saved."""
    for name in names if isinstance(names, dict) else ():
        if not isinstance(name, str):
            # Not shown: it may be nested so deep that it cannot be.
            raise WeightsCorrupt(f"{path.name} contains no weights: a key is of type {type(name).__name__}, not a name")
        if len(name) > _LONGEST_NAME or not name.isprintable():  # lone surrogates and control characters are not
            shown = ascii(name[:40])
            raise WeightsCorrupt(f"{path.name} contains no weights: the key {shown} is not the name of a tensor")


def refuse_odd_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Raises WeightsCorrupt unless all are plain real numbers in memory."""
    for name, tensor in tensors.items():
        if (problem := _problem_of(tensor)) is not None:
            raise WeightsCorrupt(f"{path.name} contains no weights: {name} is {problem}")


def refuse_more_than_held(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Raises WeightsCorrupt if the tensors take more bytes than the file, in which all of them should lie."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors.values()}
    held, apart = path.stat().st_size, sum(tensor.nbytes for tensor in tensors.values())
    claimed = max(sum(storages.values()), apart // _MOST_SHARING)
    if claimed > held:
        raise WeightsCorrupt(
            f"{path.name} is damaged: it holds {megabytes(held)} and claims {megabytes(claimed)} of tensors",
            hint="download it again",
        )


def _problem_of(tensor: torch.Tensor) -> str | None:
    """Why a tensor is not plain numbers in memory, in words; None if it is."""
    import torch

    if tensor.is_nested:
        return "nested"
    if tensor.layout != torch.strided:
        return "sparse"
    if tensor.is_quantized:
        return "quantized"
    if tensor.device.type != "cpu":
        return f"on the device '{tensor.device.type}'"
    if str(tensor.dtype).removeprefix("torch.") not in _DTYPES:
        return f"of the type {tensor.dtype}"
    if any(step == 0 and side > 1 for step, side in zip(tensor.stride(), tensor.shape, strict=True)):
        return "one value that claims to be many"
    if tensor.nbytes > tensor.untyped_storage().nbytes():
        return "larger than what is saved of it"
    is_plain = type(tensor) in (torch.Tensor, torch.nn.Parameter)
    return None if is_plain else f"a {type(tensor).__name__}"
