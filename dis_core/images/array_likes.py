"""Arrays of other libraries as NumPy arrays: PyTorch's tensors, and whatever knows `__array__` or DLPack.

Nothing is imported for them: an object can only be a tensor if its library is loaded already.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dis_core.errors import NoImage

if TYPE_CHECKING:
    import torch

CHANNELS: Final = (1, 2, 3, 4)
IN_MEMORY: Final = (1, 3)
"""DLPack's numbers for the processor's memory: plain, and pinned for CUDA."""


@runtime_checkable
class SupportsArray(Protocol):
    """What `numpy.asarray` can turn into an array."""

    def __array__(self) -> NDArray[Any]: ...


@runtime_checkable
class SupportsDLPack(Protocol):
    """What `numpy.from_dlpack` can turn into an array, if it is in the processor's memory."""

    def __dlpack__(self) -> object: ...

    def __dlpack_device__(self) -> tuple[int, int]: ...


ArrayLike: TypeAlias = SupportsArray | SupportsDLPack
"""A NumPy array, a tensor, or an array of another library."""


def as_array(source: object) -> NDArray[Any] | None:
    """The array in `source`, channels last, or None if there is none.

    A tensor of PyTorch may have its channels first, (C, H, W), as there; it may lie on any device. Raises NoImage for
    an array in the memory of a graphics card that only its own library can read.
    """
    if isinstance(source, np.ndarray):
        return source
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(source, torch.Tensor):
        return from_tensor(source)
    if isinstance(source, SupportsArray):
        return np.asarray(source)
    if isinstance(source, SupportsDLPack):
        if source.__dlpack_device__()[0] not in IN_MEMORY:
            raise NoImage(
                f"the {type(source).__name__} is not in the processor's memory", hint="copy it to the CPU first"
            )
        return np.from_dlpack(cast("Any", source))
    return None


def from_tensor(tensor: torch.Tensor) -> NDArray[Any]:
    """A tensor (H, W), (C, H, W) or (H, W, C) as an array (H, W) or (H, W, C).

    Where both could be meant, channels come first, as usual in PyTorch. Raises NoImage for a batch.
    """
    if tensor.ndim == 4:
        raise NoImage(
            f"a tensor of shape {tuple(tensor.shape)} is a batch, not an image",
            hint="give its images one by one, for example with `segment_many(batch)`",
        )
    plain = tensor.detach().cpu()
    if plain.is_floating_point():
        plain = plain.float()  # NumPy has no bfloat16
    if plain.ndim == 3 and plain.shape[0] in CHANNELS:
        plain = plain.movedim(0, 2)
    array: NDArray[Any] = plain.numpy()
    return array


def has_channels_first(array: NDArray[Any]) -> bool:
    """Whether the shape of an array can only mean (C, H, W)."""
    return array.ndim == 3 and array.shape[0] in CHANNELS and array.shape[2] not in CHANNELS
