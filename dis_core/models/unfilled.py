"""Networks without values, to be filled from a file.

They are built on the device "meta", where a tensor is a shape and no memory. That alone is not enough: random numbers
there are drawn by torch's reference implementation in Python, and importing the compiler that comes with it takes
longer than all else that loading a small model does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

INITIALIZERS = torch.nn.init.__name__
"""The module of functions that write the first values into a tensor."""


class _LeftUnfilled(TorchFunctionMode):
    """Leaves out the first values of tensors that have no memory for them."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if getattr(func, "__module__", "") == INITIALIZERS:
            tensor = args[0] if args else given.get("tensor")
            if isinstance(tensor, torch.Tensor) and tensor.is_meta:
                return tensor
        return func(*args, **given)


@contextmanager
def unfilled() -> Iterator[None]:
    """Networks that are built in the block have parameters and buffers without values or memory."""
    with torch.device("meta"), _LeftUnfilled():
        yield
