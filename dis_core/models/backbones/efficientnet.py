"""EfficientNet-Lite0 and Lite2 as backbones, with their batch norms folded away.

The networks are those of Tan and Le (ICML 2019) in the Lite variants of 2020, the layers timm's. A batch norm with
fixed statistics is a scale and an offset, and both fit into the convolution before it: what is left is faster, has no
state that a forward pass could change, and can still be trained.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import torch
from torch import nn

from dis_core.models.batch_norm import fold_norms

Variant = Literal["efficientnet-lite0", "efficientnet-lite2"]

VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)
CHANNELS: Final[dict[Variant, tuple[int, int, int, int]]] = {
    "efficientnet-lite0": (24, 40, 112, 320),
    "efficientnet-lite2": (24, 48, 120, 352),
}
"""Of the maps at strides 4, 8, 16 and 32."""
LAST_BLOCK = (1, 2, 4, 6)
"""The block group that ends each of these levels."""


def folded_backbone(variant: Variant, *, levels: int) -> nn.Module:
    """(B, 3, H, W) -> the first `levels` maps of its `CHANNELS`, fine to coarse; deeper layers do not exist."""
    return fold_norms(backbone_with_norms(variant, levels=levels))


def backbone_with_norms(variant: Variant, *, levels: int) -> nn.Module:
    """The same as it is trained on ImageNet: the keys of its state are those of timm's `tf_efficientnet_lite0` etc."""
    import timm

    backbone: Any = timm.create_model(  # timm is untyped
        f"tf_{variant.replace('-', '_')}",
        features_only=True,
        out_indices=tuple(range(1, levels + 1)),
        pretrained=False,
    )
    backbone.blocks = backbone.blocks[: LAST_BLOCK[levels - 1] + 1]
    return backbone  # type: ignore[no-any-return]


def adapt_to_imagenet_statistics(state: dict[str, torch.Tensor], mean: torch.Tensor, std: torch.Tensor) -> None:
    """Let weights made for inputs in [-1, 1] take [0, 1] normalized with `mean` and `std`, both (1, 3, 1, 1).

    The first convolution and its norm take both differences; at the border, where the input is padded with zeros, the
    result differs a little.
    """
    scale, offset = 2 * std, 2 * mean - 1
    weight = state["conv_stem.weight"]
    state["bn1.running_mean"] = state["bn1.running_mean"] - (weight * offset).sum((1, 2, 3))
    state["conv_stem.weight"] = weight * scale
