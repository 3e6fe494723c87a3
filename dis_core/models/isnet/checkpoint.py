"""The published checkpoints of IS-Net: their keys, what our network calls the same things, and their norms folded in.

Keys as in xuebinqin/DIS (isnet.pth, isnet-general-use.pth); the refiner of Tennine2077/DIS-SAM has the same ones, with
five input channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch

from dis_core.models.batch_norm import NORM_PARTS, with_norms_folded
from dis_core.models.isnet.network import ISNet
from dis_core.models.isnet.onnx_export import is_export, weights_of_export
from dis_core.models.key_mapping import Expected, Shape, shapes_of_network

DEPTH_OF_STAGE = {1: 6, 2: 5, 3: 4, 4: 3, 5: 3, 6: 3}
"""How many convolutions go down in the block of a stage; the next one is the bottom."""

PLAIN = {"conv_in": "enter", "side1": "head"}
"""Ours by published name: the convolutions that have no norm."""

TRAINING_ONLY = re.compile(r"side[2-6]\.(?:weight|bias)|stage.+\.num_batches_tracked")
"""Coarser mattes, which are only compared with the truth, and the norms' counters of steps."""

WEIGHT_AND_BIAS = ("weight", "bias")

_HINT = "use isnet.pth or isnet-general-use.pth; for DIS-SAM, use its refiner, which has five input channels"


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


def renamed_keys() -> Iterator[tuple[str, str]]:
    """(published, ours) for every key that our network is made from; a norm's is `norm.` below its convolution's."""
    for theirs, ours in PLAIN.items():
        yield from ((f"{theirs}.{part}", f"{ours}.{part}") for part in WEIGHT_AND_BIAS)
    for theirs, ours in renamed_units():
        yield from ((f"{theirs}.conv_s1.{part}", f"{ours}.{part}") for part in WEIGHT_AND_BIAS)
        yield from ((f"{theirs}.bn_s1.{part}", f"{ours}.norm.{part}") for part in NORM_PARTS)


RENAMES = dict(renamed_keys())
PUBLISHED = {ours: theirs for theirs, ours in RENAMES.items()}


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
    """A published checkpoint of a network with so many input channels as the state dict of ours, in float32.

    It may be an ONNX export, in which the norms are folded already.
    """
    if is_export(published):
        return weights_of_export(published, shapes_of_network(lambda: ISNet(channels)))
    network = "IS-Net" if channels == 3 else f"{channels}-channel IS-Net"
    expected = Expected(
        published_shapes(channels), network=network, hint=_HINT, published_name=lambda name: PUBLISHED[name]
    )
    read = {key: value.float() for key, value in published.items() if not TRAINING_ONLY.fullmatch(key)}
    renamed = expected.renamed(read, lambda key: RENAMES.get(key, key))
    expected.refuse_partial(renamed)
    return with_norms_folded(renamed)


def published_shapes(channels: int) -> dict[str, Shape]:
    """What a published checkpoint has, under our names, norms not yet folded."""
    ours = shapes_of_network(lambda: ISNet(channels))
    # A norm's four parts have one number per channel, as the bias that they are folded into.
    return {name: ours[re.sub(r"\.norm\.\w+$", ".bias", name)] for name in RENAMES.values()}
