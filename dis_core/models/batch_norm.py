"""Batch norms folded away: with fixed statistics a norm is a scale and an offset per channel, and both fit into the
convolution before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import nn

NORM_PARTS: Final = ("weight", "bias", "running_mean", "running_var")
"""What a state dict holds of a batch norm, apart from its counter of steps."""

NORM_EPS: Final = 1e-5
"""torch's default, which all the published networks have."""


def folded(
    weight: torch.Tensor, bias: torch.Tensor | None, norm: Mapping[str, torch.Tensor], *, eps: float = NORM_EPS
) -> tuple[torch.Tensor, torch.Tensor]:
    """The float32 weight and bias of a convolution that does what this one, (O, I, h, w), and its norm do.

    `norm` has the NORM_PARTS, (O,) each. It is computed in float64.
    """
    gain, offset, mean, variance = (norm[part].double() for part in NORM_PARTS)
    scale = gain / (variance + eps).sqrt()
    own_bias = torch.zeros_like(mean) if bias is None else bias.double()
    return (weight.double() * scale[:, None, None, None]).float(), ((own_bias - mean) * scale + offset).float()


def with_norms_folded(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict in which every norm, named `LAYER.norm.`, is folded into its convolution, named `LAYER.`."""
    statistic = ".norm.running_var"
    layers = [name.removesuffix(statistic) for name in tensors if name.endswith(statistic)]
    norms = tuple(f"{layer}.norm." for layer in layers)
    state = {name: value for name, value in tensors.items() if not name.startswith(norms)}
    for layer in layers:
        norm = {part: tensors[f"{layer}.norm.{part}"] for part in NORM_PARTS}
        weight, bias = folded(tensors[f"{layer}.weight"], tensors.get(f"{layer}.bias"), norm)
        state[f"{layer}.weight"], state[f"{layer}.bias"] = weight, bias
    return state


def fold_norms(network: nn.Module) -> nn.Module:
    """Fold every batch norm of a network into the convolution right before it, in place; its activation stays."""
    network.eval()
    for module in list(network.modules()):
        convolution: nn.Conv2d | None = None
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d):
                convolution = child
            elif isinstance(child, nn.modules.batchnorm._BatchNorm):
                if convolution is None:
                    raise ValueError(f"no convolution stands before {name}")
                weight, bias = folded(convolution.weight, convolution.bias, dict(child.state_dict()), eps=child.eps)
                convolution.weight, convolution.bias = nn.Parameter(weight), nn.Parameter(bias)
                setattr(module, name, getattr(child, "act", nn.Identity()))
                convolution = None
    return network
