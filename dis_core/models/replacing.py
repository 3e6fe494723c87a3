"""Layers of a network replaced by others that do the same in another way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


def replace_modules(network: nn.Module, kind: type[Layer], make: Callable[[Layer], nn.Module]) -> None:
    """Put what `make` makes of it into the place of each layer of a kind."""
    for name, child in list(network.named_children()):
        if isinstance(child, kind):
            setattr(network, name, make(child))
        else:
            replace_modules(child, kind, make)
