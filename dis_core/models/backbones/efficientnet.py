"""EfficientNet-Lite0 and Lite2 as backbones, with their batch norms or with these folded away.

The networks are those of Tan and Le ("EfficientNet", ICML 2019) in the Lite variants of 2020: no squeeze-and-excite,
ReLU6 for an activation, a first and a last stage that do not grow with the variant. The names of the parameters are
timm's, in timm's order. A batch norm with fixed statistics is a scale and an offset, and both fit into the convolution
before it: what is left is faster, has no state that a forward pass could change, and can still be trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import nn

Variant = Literal["efficientnet-lite0", "efficientnet-lite2"]

VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)
CHANNELS: Final[dict[Variant, tuple[int, int, int, int]]] = {
    "efficientnet-lite0": (24, 40, 112, 320),
    "efficientnet-lite2": (24, 48, 120, 352),
}
"""Of the maps at strides 4, 8, 16 and 32."""
LAST_BLOCK = (1, 2, 4, 6)
"""The block group that ends each of these levels."""

STEM: Final = 32
EXPANSION: Final = 6
NORM_EPS: Final = 1e-3
"""TensorFlow's default, with which the published weights were trained."""


class Stage(NamedTuple):
    """Blocks alike: their number, kernel, the stride of the first, and the channels of each."""

    blocks: int
    kernel: int
    stride: int
    channels: int


STAGES: Final[dict[Variant, tuple[Stage, ...]]] = {
    "efficientnet-lite0": (
        Stage(1, 3, 1, 16),
        Stage(2, 3, 2, 24),
        Stage(2, 5, 2, 40),
        Stage(3, 3, 2, 80),
        Stage(3, 5, 1, 112),
        Stage(4, 5, 2, 192),
        Stage(1, 3, 1, 320),
    ),
    "efficientnet-lite2": (
        Stage(1, 3, 1, 16),
        Stage(3, 3, 2, 24),
        Stage(3, 5, 2, 48),
        Stage(4, 3, 2, 88),
        Stage(4, 5, 1, 120),
        Stage(5, 5, 2, 208),
        Stage(1, 3, 1, 352),
    ),
}


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: the output is the input's size over the stride, rounded up.

    What does not pad evenly on both sides goes to the right and to the bottom.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, *, groups: int, bias: bool
    ) -> None:
        self.evenly = stride == 1  # whatever the input's size
        padding = kernel // 2 if self.evenly else 0
        super().__init__(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=bias)

    def reset_parameters(self) -> None:
        """The authors' start: a normal distribution that keeps the variance of gradients."""
        height, width = self.kernel_size
        nn.init.normal_(self.weight, 0.0, (2.0 / (height * width * self.out_channels // self.groups)) ** 0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.evenly:
            lacking = [
                max((-(-length // stride) - 1) * stride + kernel - length, 0)
                for length, stride, kernel in zip(x.shape[2:], self.stride, self.kernel_size, strict=True)
            ]
            top, left = (pixels // 2 for pixels in lacking)
            x = F.pad(x, (left, lacking[1] - left, top, lacking[0] - top))
        return super().forward(x)


class NormAct(nn.BatchNorm2d):
    """A batch norm and what is applied to its answer, `act`."""

    def __init__(self, channels: int, act: nn.Module) -> None:
        super().__init__(channels, eps=NORM_EPS)
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.act(super().forward(x))
        return out


def act_alone(channels: int, act: nn.Module) -> nn.Module:  # noqa: ARG001 - takes the place of NormAct
    """What is left of a norm that is folded into the convolution before it."""
    return act


@dataclass(frozen=True)
class Form:
    """With norms or without: whether convolutions have a bias, and what comes after one and applies its activation."""

    bias: bool
    finish: Callable[[int, nn.Module], nn.Module]

    def conv(
        self, in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, *, groups: int = 1
    ) -> SameConv:
        return SameConv(in_channels, out_channels, kernel, stride, groups=groups, bias=self.bias)

    def bent(self, channels: int) -> nn.Module:
        """The end of a convolution with an activation."""
        return self.finish(channels, nn.ReLU6(inplace=True))

    def linear(self, channels: int) -> nn.Module:
        """The end of one without: before a shortcut is added, nothing is cut off."""
        return self.finish(channels, nn.Identity())


WITH_NORMS: Final = Form(bias=False, finish=NormAct)
FOLDED: Final = Form(bias=True, finish=act_alone)


class FirstBlock(nn.Module):
    """A depthwise convolution, and one of 1 x 1 that mixes the channels."""

    def __init__(self, in_channels: int, stage: Stage, form: Form) -> None:
        super().__init__()
        self.conv_dw = form.conv(in_channels, in_channels, stage.kernel, stage.stride, groups=in_channels)
        self.bn1 = form.bent(in_channels)
        self.conv_pw = form.conv(in_channels, stage.channels)
        self.bn2 = form.linear(stage.channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.bn2(self.conv_pw(self.bn1(self.conv_dw(x))))
        return out


class Block(nn.Module):
    """An inverted residual: more channels, a depthwise convolution among them, and fewer again."""

    def __init__(self, in_channels: int, stage: Stage, stride: int, form: Form) -> None:
        super().__init__()
        wide = EXPANSION * in_channels
        self.has_shortcut = stride == 1 and in_channels == stage.channels
        self.conv_pw = form.conv(in_channels, wide)
        self.bn1 = form.bent(wide)
        self.conv_dw = form.conv(wide, wide, stage.kernel, stride, groups=wide)
        self.bn2 = form.bent(wide)
        self.conv_pwl = form.conv(wide, stage.channels)
        self.bn3 = form.linear(stage.channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.bn2(self.conv_dw(self.bn1(self.conv_pw(x))))
        out = self.bn3(self.conv_pwl(out))
        return x + out if self.has_shortcut else out


class EfficientNetLite(nn.Module):
    """(B, 3, H, W) -> the first `levels` maps of the variant's `CHANNELS`, at strides 4 to 32, fine to coarse.

    Layers behind the last level do not exist.
    """

    def __init__(self, variant: Variant, *, levels: int, form: Form) -> None:
        super().__init__()
        self.ends = LAST_BLOCK[:levels]
        self.conv_stem = form.conv(3, STEM, 3, 2)
        self.bn1 = form.bent(STEM)
        first, *others = STAGES[variant][: self.ends[-1] + 1]
        self.blocks = nn.Sequential(nn.Sequential(FirstBlock(STEM, first, form)))
        channels = first.channels
        for stage in others:
            self.blocks.append(stage_of_blocks(channels, stage, form))
            channels = stage.channels

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = self.bn1(self.conv_stem(x))
        maps = []
        for number, stage in enumerate(self.blocks):
            x = stage(x)
            if number in self.ends:
                maps.append(x)
        return maps


def stage_of_blocks(in_channels: int, stage: Stage, form: Form) -> nn.Sequential:
    """Its blocks in a row; the first one has the stage's stride and takes what comes from the stage before."""
    first = Block(in_channels, stage, stage.stride, form)
    return nn.Sequential(first, *(Block(stage.channels, stage, 1, form) for _ in range(stage.blocks - 1)))


def folded_backbone(variant: Variant, *, levels: int) -> EfficientNetLite:
    """(B, 3, H, W) -> the first `levels` maps of its `CHANNELS`, fine to coarse; it never had norms."""
    return EfficientNetLite(variant, levels=levels, form=FOLDED)


def backbone_with_norms(variant: Variant, *, levels: int) -> EfficientNetLite:
    """The same as it is trained on ImageNet: the keys of its state are those of timm's `tf_efficientnet_lite0` etc."""
    return EfficientNetLite(variant, levels=levels, form=WITH_NORMS)


def adapt_to_imagenet_statistics(state: dict[str, torch.Tensor], mean: torch.Tensor, std: torch.Tensor) -> None:
    """Let weights made for inputs in [-1, 1] take [0, 1] normalized with `mean` and `std`, both (1, 3, 1, 1).

    The first convolution and its norm take both differences; at the border, where the input is padded with zeros, the
    result differs a little.
    """
    scale, offset = 2 * std, 2 * mean - 1
    weight = state["conv_stem.weight"]
    state["bn1.running_mean"] = state["bn1.running_mean"] - (weight * offset).sum((1, 2, 3))
    state["conv_stem.weight"] = weight * scale
