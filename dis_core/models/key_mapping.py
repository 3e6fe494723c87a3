"""Published checkpoints under our names, if they are what they should be and fill the whole network."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from dis_core.errors import WeightsCorrupt

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


@dataclass(frozen=True)
class Expected:
    """What a checkpoint has to hold: `shapes` under our names, and the words for one that does not.

    `other` begins what is said of a checkpoint of something else, `partial` of one that lacks something.
    """

    shapes: Mapping[str, Shape]
    other: str
    partial: str
    hint: str

    def renamed(self, published: Mapping[str, torch.Tensor], rename: Callable[[str], str]) -> dict[str, torch.Tensor]:
        """All of a checkpoint under our names.

        Raises WeightsCorrupt naming the first key that is unknown or of another shape, in the checkpoint's spelling.
        """
        found = {}
        for key, value in published.items():
            name = rename(key)
            if name not in self.shapes:
                raise WeightsCorrupt(f"{self.other}: it has an unknown key {key!r}", hint=self.hint)
            shape, wanted = tuple(value.shape), self.shapes[name]
            if shape != wanted:
                raise WeightsCorrupt(f"{self.other}: {key!r} is {shape}, not {wanted}", hint=self.hint)
            found[name] = value
        return found

    def refuse_partial(self, renamed: Mapping[str, torch.Tensor]) -> None:
        """Raises WeightsCorrupt naming the first entry, under our name, that is missing."""
        if missing := [name for name in self.shapes if name not in renamed]:
            raise WeightsCorrupt(f"{self.partial}: nothing fills {missing[0]!r}", hint=self.hint)
