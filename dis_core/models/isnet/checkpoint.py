"""The published checkpoints of IS-Net: their keys, what our network calls the same things, and their norms folded in.

Keys as in xuebinqin/DIS (isnet.pth, isnet-general-use.pth); the refiner of Tennine2077/DIS-SAM has the same ones, with
five input channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch

from dis_core.errors import WeightsCorrupt
from dis_core.models.isnet.network import ISNet
from dis_core.models.isnet.onnx_export import is_export, weights_of_export

DEPTH_OF_STAGE = {1: 6, 2: 5, 3: 4, 4: 3, 5: 3, 6: 3}
"""How many convolutions go down in the block of a stage; the next one is the bottom."""

PLAIN = {"conv_in": "enter", "side1": "head"}
"""Ours by published name: the convolutions that have no norm."""

TRAINING_ONLY = re.compile(r"side[2-6]\.(?:weight|bias)|stage.+\.num_batches_tracked")
"""Coarser mattes, which are only compared with the truth, and the norms' counters of steps."""

NORM_EPS = 1e-5
"""Of every batch norm: torch's usual."""

NORM_PARTS = ("weight", "bias", "running_mean", "running_var")

_HINT = "published are isnet.pth and isnet-general-use.pth, and for DIS-SAM a refiner with five input channels"


def renamed_units() -> Iterator[tuple[str, str]]:
    """(published, ours) for every convolution that has a norm."""
    for stage, depth in DEPTH_OF_STAGE.items():
        blocks = [(f"stage{stage}", f"encoder.{stage - 1}")]
        if stage < len(DEPTH_OF_STAGE):
            blocks.append((f"stage{stage}d", f"decoder.{len(DEPTH_OF_STAGE) - 1 - stage}"))
        for theirs, ours in blocks:
            yield f"{theirs}.rebnconvin", f"{ours}.enter.0"
            yield f"{theirs}.rebnconv{depth + 1}", f"{ours}.bottom.0"
            for number in range(1, depth + 1):
                yield f"{theirs}.rebnconv{number}", f"{ours}.down.{number - 1}.0"
                yield f"{theirs}.rebnconv{number}d", f"{ours}.up.{depth - number}.0"


RENAMES = dict(renamed_units())


def convert(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A published checkpoint of IS-Net as the state dict of our network.

    Raises WeightsCorrupt naming the first key that is unknown, of another shape or missing, in the checkpoint's own
    spelling.
    """
    return converted(published, channels=3)


def convert_refiner(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same for the refiner of DIS-SAM, which sees a mask and a box beside the colors. Raises WeightsCorrupt."""
    return converted(published, channels=5)


def converted(published: Mapping[str, torch.Tensor], *, channels: int) -> dict[str, torch.Tensor]:
    """A published checkpoint of a network with so many input channels as the state dict of ours, or an ONNX export."""
    with torch.device("meta"):
        ours = ISNet(channels).state_dict()
    if is_export(published):
        return weights_of_export(published, {name: tuple(value.shape) for name, value in ours.items()})
    refuse_differences(published, expected_shapes(ours))
    state = {
        f"{name}.{part}": published[f"{theirs}.{part}"].float()
        for theirs, name in PLAIN.items()
        for part in ("weight", "bias")
    }
    for theirs, name in RENAMES.items():
        state[f"{name}.weight"], state[f"{name}.bias"] = folded(published, theirs)
    return {key: state[key] for key in ours}


def expected_shapes(ours: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes by published key, of all keys that our network is made from."""
    shapes = {f"{theirs}.{part}": tuple(ours[f"{name}.{part}"].shape) for theirs, name in PLAIN.items() for part in _WB}
    for theirs, name in RENAMES.items():
        shapes |= {f"{theirs}.conv_s1.{part}": tuple(ours[f"{name}.{part}"].shape) for part in _WB}
        shapes |= {f"{theirs}.bn_s1.{part}": tuple(ours[f"{name}.bias"].shape) for part in NORM_PARTS}
    return shapes


_WB = ("weight", "bias")


def refuse_differences(published: Mapping[str, torch.Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raises WeightsCorrupt naming the first key that is unknown, of another shape or missing."""
    for key, value in published.items():
        if key in expected:
            shape, wanted = tuple(value.shape), expected[key]
            if shape != wanted:
                raise WeightsCorrupt(f"this checkpoint does not fit: {key!r} is {shape}, not {wanted}", hint=_HINT)
        elif not TRAINING_ONLY.fullmatch(key):
            raise WeightsCorrupt(f"this is no IS-Net checkpoint: it has an unknown key {key!r}", hint=_HINT)
    if missing := [key for key in expected if key not in published]:
        raise WeightsCorrupt(f"this is no whole IS-Net checkpoint: {missing[0]!r} is missing", hint=_HINT)


def folded(published: Mapping[str, torch.Tensor], unit: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a convolution that does what the published one and its batch norm do."""
    weight, bias = (published[f"{unit}.conv_s1.{part}"].double() for part in _WB)
    gain, offset, mean, variance = (published[f"{unit}.bn_s1.{part}"].double() for part in NORM_PARTS)
    scale = gain / (variance + NORM_EPS).sqrt()
    return (weight * scale[:, None, None, None]).float(), ((bias - mean) * scale + offset).float()
