"""Published checkpoints under our names, if they are what they should be and fill the whole network."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from dis_core.errors import WeightsCorrupt
from dis_core.models.unfilled import unfilled

Renames = Sequence[tuple[str, str]]
"""(pattern, replacement), applied to every key in this order."""

Shape = tuple[int, ...]


def renamed_by(renames: Renames) -> Callable[[str], str]:
    """What gives our name of a published key."""

    def rename(key: str) -> str:
        for pattern, replacement in renames:
            key = re.sub(pattern, replacement, key)
        return key

    return rename


def shapes_of(state: Mapping[str, torch.Tensor]) -> dict[str, Shape]:
    """The shape of each entry of a state dict."""
    return {name: tuple(value.shape) for name, value in state.items()}


def shapes_of_network(build: Callable[[], nn.Module]) -> dict[str, Shape]:
    """The shape of each entry of the state of the network that `build` makes, which is not filled for that."""
    with unfilled():
        return shapes_of(build().state_dict())


@dataclass(frozen=True)
class Expected:
    """What a checkpoint of `network`, its name, has to hold: `shapes` under our names.

    `hint` names the files that are right. `published_name` turns one of our names back into the published key, where
    that can be done.
    """

    shapes: Mapping[str, Shape]
    network: str
    hint: str
    published_name: Callable[[str], str] = str

    def renamed(self, published: Mapping[str, torch.Tensor], rename: Callable[[str], str]) -> dict[str, torch.Tensor]:
        """All of a checkpoint under our names.

        Raises WeightsCorrupt naming the first key that is unknown or of another shape, in the checkpoint's spelling.
        """
        found = {}
        for key, value in published.items():
            name = rename(key)
            if name not in self.shapes:
                what = f"this is not {_article(self.network)} checkpoint"
                raise WeightsCorrupt(f"{what}: it has an unknown key {key!r}", hint=self.hint)
            shape, wanted = tuple(value.shape), self.shapes[name]
            if shape != wanted:
                what = f"this {self.network} checkpoint does not fit"
                raise WeightsCorrupt(f"{what}: {key!r} is {shape}, not {wanted}", hint=self.hint)
            found[name] = value
        return found

    def refuse_partial(self, renamed: Mapping[str, torch.Tensor]) -> None:
        """Raises WeightsCorrupt naming the first key that is missing."""
        if missing := [name for name in self.shapes if name not in renamed]:
            first = self.published_name(missing[0])
            raise WeightsCorrupt(f"this {self.network} checkpoint is incomplete: {first!r} is missing", hint=self.hint)


def _article(noun: str) -> str:
    """A name with "a" or "an" before it."""
    return f"an {noun}" if noun[:1] in "AEIOU" else f"a {noun}"
