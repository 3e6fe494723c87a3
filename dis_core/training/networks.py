"""The networks that can be trained, and the weights they can start from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

import torch
from torch import nn

from dis_core.errors import BadRequest
from dis_core.models.backbones import efficientnet
from dis_core.models.backbones.swin import Swin
from dis_core.models.dis_lite import segmenter as dis_lite
from dis_core.models.dis_lite.network import MULTIPLE_PX, DisLite
from dis_core.models.pdfnet import depth_tiny
from dis_core.models.pdfnet.network import BoundaryPrior, PDFNet
from dis_core.registry import manager as registry
from dis_core.training.imagenet import freeze_biases, freeze_early_layers, pretrained_efficientnet
from dis_core.weights import store
from dis_core.weights.checkpoint import load_strictly

NetworkName = Literal["dis-lite", "pdfnet-tiny", "pdfnet"]
StartName = Literal["imagenet", "published", "embedded", "random"]
Start = StartName | Path
"""`imagenet` for the backbone only; the whole network from its authors, this package or a file; or from scratch."""


class SwinSize(TypedDict):
    """The arguments of a `Swin`."""

    embedding: int
    depths: tuple[int, int, int, int]
    heads: tuple[int, int, int, int]
    window: int
    position_grid: int | None


STRIDES = (4, 8, 16, 32)

SWIN_SIZES: dict[str, SwinSize] = {
    "swin-b": {"embedding": 128, "depths": (2, 2, 18, 2), "heads": (4, 8, 16, 32), "window": 12, "position_grid": 56},
    "swin-t": {"embedding": 96, "depths": (2, 2, 6, 2), "heads": (3, 6, 12, 24), "window": 7, "position_grid": None},
    "swin-nano": {"embedding": 32, "depths": (2, 2, 4, 2), "heads": (1, 2, 4, 8), "window": 7, "position_grid": None},
}


@dataclass(frozen=True)
class Sizes:
    """The sizes in which networks of the same name can differ.

    `backbone` is an EfficientNet-Lite, one of `SWIN_SIZES`, or a timm model with features at strides 4 to 32.
    """

    backbone: str
    width: int
    side_px: int


PRESETS: Final[dict[NetworkName, Sizes]] = {
    "dis-lite": Sizes(dis_lite.BACKBONE, width=64, side_px=dis_lite.SIDE_PX),
    "pdfnet-tiny": Sizes("efficientnet-lite0", width=32, side_px=512),
    "pdfnet": Sizes("swin-b", width=128, side_px=1024),
}
MULTIPLES_PX: Final[dict[NetworkName, int]] = {"dis-lite": MULTIPLE_PX, "pdfnet-tiny": 256, "pdfnet": 256}
"""The side of the input must be a multiple of this."""


def build_dis_lite(sizes: Sizes, start: Start) -> DisLite:
    """A network to train. Raises BadRequest if it cannot start from `start`, WeightsCorrupt for a wrong file."""
    if start == "published":
        raise BadRequest("the weights of dis-lite come only with this package", hint='use `start="embedded"`')
    refuse_without_imagenet(sizes, start)
    backbone, channels = build_backbone(sizes.backbone, start)
    network = DisLite(backbone, channels, sizes.width)
    if start == "embedded":
        start = store.embedded_path(registry.find_matte_model("dis-lite"))
    if isinstance(start, Path):
        load_strictly(network, start)
    if start != "random" and sizes.backbone in efficientnet.VARIANTS:
        freeze_early_layers(backbone)
    return network


def build_pdfnet(sizes: Sizes, start: Start) -> PDFNet:
    """A network to train.

    Raises BadRequest if the backbone is unknown or cannot start from `start`, WeightsCorrupt for a file that does not
    fit, and what `store.obtain` raises.
    """
    if start == "published":
        return published_pdfnet(sizes)
    if start == "embedded":
        raise BadRequest(
            "PDFNet cannot start from 'embedded': only dis-lite is embedded",
            hint='use `network="dis-lite"`, or another `start`',
        )
    refuse_without_imagenet(sizes, start)
    backbone, channels = build_backbone(sizes.backbone, start)
    network = PDFNet(
        backbone,
        channels=channels,
        width=sizes.width,
        boundary_prior=BoundaryPrior(),
        pixels_at_once=sys.maxsize,  # batch norms, which some backbones have, must see the whole batch
    )
    if isinstance(start, Path):
        load_strictly(network, start)
    if start == "imagenet":
        # Drawn scenes are less varied than photographs, and have other colors.
        freeze_early_layers(backbone)
        freeze_biases(backbone)
    return network


def refuse_without_imagenet(sizes: Sizes, start: Start) -> None:
    """Raises BadRequest if a backbone without ImageNet weights here is asked to start from them."""
    if start == "imagenet" and sizes.backbone not in efficientnet.VARIANTS:
        raise BadRequest(
            f"there are no ImageNet weights for {sizes.backbone} here",
            hint='use `start="random"`, or another `backbone`',
        )


def published_pdfnet(sizes: Sizes) -> PDFNet:
    """The full network with its authors' weights, downloaded if they are not here yet."""
    full = PRESETS["pdfnet"]
    if (sizes.backbone, sizes.width) != (full.backbone, full.width):
        raise BadRequest(
            "only the full PDFNet has published weights", hint='use `network="pdfnet"` with its usual sizes'
        )
    network = build_pdfnet(sizes, "random")
    load_strictly(network, store.obtain(registry.find_matte_model("pdfnet")))
    return network


def build_depth_tiny(start: Start) -> depth_tiny.DepthTiny:
    """The depth network of the small PDFNet; if that starts from a file, this starts from the embedded weights."""
    if start == "imagenet":
        backbone = pretrained_efficientnet(depth_tiny.BACKBONE, levels=3)
        freeze_early_layers(backbone)
        freeze_biases(backbone)
        return depth_tiny.DepthTiny(backbone, efficientnet.CHANNELS[depth_tiny.BACKBONE][:3])
    network = depth_tiny.network()
    if isinstance(start, Path):
        load_strictly(network, store.embedded_path(registry.find_depth_model("depth-tiny")))
    return network


def build_backbone(name: str, start: Start) -> tuple[nn.Module, Sequence[int]]:
    """A backbone and the channels of its four levels. Raises BadRequest."""
    if name in efficientnet.VARIANTS:
        make = pretrained_efficientnet if start == "imagenet" else efficientnet.folded_backbone
        return make(name, levels=4), efficientnet.CHANNELS[name]
    if size := SWIN_SIZES.get(name):
        return Swin(**size), [size["embedding"] * 2**level for level in range(4)]
    return build_timm_backbone(name)


def build_timm_backbone(name: str) -> tuple[nn.Module, Sequence[int]]:
    """A timm model without pretrained weights, with features at the four strides. Raises BadRequest."""
    import timm

    unknown = BadRequest(
        f"unknown backbone {name!r}",
        hint=f"use {', '.join([*efficientnet.VARIANTS, *SWIN_SIZES])}, or a convolutional model of timm",
    )
    if name not in timm.list_models():
        raise unknown
    unfit = BadRequest(f"{name} does not have features at strides 4, 8, 16 and 32", hint="use another `backbone`")
    try:
        model: Any = timm.create_model(name, features_only=True, pretrained=False)  # timm is untyped
        strides = model.feature_info.reduction()
        model = timm.create_model(
            name, features_only=True, pretrained=False, out_indices=[strides.index(stride) for stride in STRIDES]
        )
        with torch.no_grad():
            features = model.eval()(torch.zeros(1, 3, 64, 64))
    except (RuntimeError, ValueError, AssertionError, AttributeError):
        raise unfit from None
    channels = model.feature_info.channels()
    if [tuple(f.shape[1:]) for f in features] != [
        (c, 64 // s, 64 // s) for c, s in zip(channels, STRIDES, strict=True)
    ]:
        raise unfit
    return model, channels
