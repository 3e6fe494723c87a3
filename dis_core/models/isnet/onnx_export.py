"""IS-Net as ONNX files hold it: most of its weights without their names, in the order in which they are used.

An export folds the batch norms into the convolutions before them, and what it has computed gets a number for a name.
Only convolutions without a norm keep theirs. Such files are rembg's isnet-general-use.onnx and those of the npm package
@imgly/background-removal-data; in both the weights are Xuebin Qin's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

import torch

from dis_core.errors import WeightsCorrupt

NAMED = {
    "conv_in.weight": "enter.weight",
    "conv_in.bias": "enter.bias",
    "side1.weight": "head.weight",
    "side1.bias": "head.bias",
}
"""Ours by the name that an export keeps."""

UNUSED = re.compile(r"side[2-6]\.(?:weight|bias)")
"""Heads of coarser mattes, which some exports have."""

_HINT = "use isnet-general-use.onnx of rembg, or the medium network of the npm package @imgly/background-removal-data"


def is_export(tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether these are weights of an ONNX file, in which the parts of IS-Net have lost their names."""
    return "conv_in.weight" in tensors and not any(key.startswith("stage") for key in tensors)


def weights_of_export(
    tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, torch.Tensor]:
    """The state dict of our network, float32, from tensors that come in the order in which the network uses them.

    `shapes` are those of our network's weights by name, in that order too: ours uses them as it holds them.

    Raises WeightsCorrupt if something is missing, left over, of another shape, or not in order.
    """
    unnamed = [key for key in tensors if key not in NAMED and not UNUSED.fullmatch(key)]
    unnamed_ours = [name for name in shapes if name not in NAMED.values()]
    refuse_missing(tensors)
    if len(unnamed) != len(unnamed_ours):
        raise WeightsCorrupt(
            f"this ONNX file is not IS-Net: it has {len(unnamed)} unnamed weights, not {len(unnamed_ours)}",
            hint=_HINT,
        )
    refuse_unordered_names(unnamed)
    taken = {ours: key for key, ours in NAMED.items()} | dict(zip(unnamed_ours, unnamed, strict=True))
    for name, shape in shapes.items():
        found = tuple(tensors[taken[name]].shape)
        if found != shape:
            raise WeightsCorrupt(
                f"this ONNX file is not IS-Net as published: {taken[name]!r} is {found}, not {shape}", hint=_HINT
            )
    return {name: tensors[taken[name]].float() for name in shapes}


def refuse_missing(tensors: Mapping[str, torch.Tensor]) -> None:
    """Raises WeightsCorrupt naming the first of the weights with a name that is not there."""
    if missing := [key for key in NAMED if key not in tensors]:
        raise WeightsCorrupt(f"this ONNX file is not IS-Net: {missing[0]!r} is missing", hint=_HINT)


def refuse_unordered_names(unnamed: Sequence[str]) -> None:
    """Raises WeightsCorrupt if names that are counted do not count up.

    Many layers are of one shape, so that nothing else would tell whether two of them are swapped.
    """
    numbers = [int(found[0]) for key in unnamed if (found := re.findall(r"\d+$", key))]
    for before, after in itertools.pairwise(numbers):
        if before >= after:
            raise WeightsCorrupt(
                f"the weights of this ONNX file are not in the order in which they are used: {after} comes after "
                f"{before}",
                hint=_HINT,
            )
