"""IS-Net (Qin et al., "Highly Accurate Dichotomous Image Segmentation", ECCV 2022): a U-Net whose blocks are U-Nets.

Every convolution but the first and the last is followed by a batch norm, which is folded into it when a checkpoint is
converted (`checkpoint.py`), and a ReLU. The intermediate supervision that gives the network its name, a second
network that encodes true masks, is for training alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from dis_core.models.resample import resize_by_area, size_of

WIDTHS = (64, 128, 256, 512, 512, 512)
"""Channels that leave the stages of the encoder."""

MIDDLE_WIDTHS = (32, 32, 64, 128, 256, 256)
"""Channels inside of the encoder's blocks."""

MIDDLE_WIDTHS_BACK = (16, 32, 64, 128, 256)
"""Channels inside of the decoder's blocks, finest first."""

POOLED_DEPTHS = (6, 5, 4, 3)
"""How many convolutions go down in the blocks of the four finest stages; the coarser ones are dilated, not pooled."""

DILATIONS = (1, 2, 4)


class ConvRelu(nn.Sequential):
    """A 3x3 convolution that keeps the size, and a ReLU."""

    def __init__(self, channels_in: int, channels_out: int, *, dilation: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=dilation, dilation=dilation), nn.ReLU(inplace=True)
        )


class UBlock(nn.Module):
    """A small U-Net whose input, brought to `channels_out`, is added to its output (U2-Net's residual U-block).

    On the way down there is one convolution for each of `dilations`, with `shrink` between them; one more, at
    `deepest_dilation`, is the bottom, and the way up mirrors the way down.
    """

    def __init__(
        self,
        channels_in: int,
        channels_middle: int,
        channels_out: int,
        *,
        dilations: Sequence[int],
        deepest_dilation: int,
        shrink: nn.Module,
    ) -> None:
        super().__init__()
        outer = (channels_out, *(channels_middle for _ in dilations[1:]))
        self.enter = ConvRelu(channels_in, channels_out)
        self.shrink = shrink
        self.down = nn.ModuleList(
            ConvRelu(width, channels_middle, dilation=dilation)
            for width, dilation in zip(outer, dilations, strict=True)
        )
        self.bottom = ConvRelu(channels_middle, channels_middle, dilation=deepest_dilation)
        self.up = nn.ModuleList(
            ConvRelu(2 * channels_middle, width, dilation=dilation)
            for width, dilation in zip(reversed(outer), reversed(dilations), strict=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels_in, H, W) -> (B, channels_out, H, W)."""
        start: torch.Tensor = self.enter(x)
        passed = [self.down[0](start)]
        for layer in self.down[1:]:
            passed.append(layer(self.shrink(passed[-1])))
        x = self.bottom(passed[-1])
        for layer in self.up:
            x = layer(joined(x, passed.pop()))
        return x + start


def pooled_block(channels_in: int, channels_middle: int, channels_out: int, *, depth: int) -> UBlock:
    """A block that halves its maps between the `depth` convolutions of its way down."""
    return UBlock(
        channels_in,
        channels_middle,
        channels_out,
        dilations=(1,) * depth,
        deepest_dilation=2,
        shrink=nn.MaxPool2d(2, ceil_mode=True),
    )


def dilated_block(channels_in: int, channels_middle: int, channels_out: int) -> UBlock:
    """A block that keeps the size of its maps and looks farther by dilation."""
    return UBlock(
        channels_in, channels_middle, channels_out, dilations=DILATIONS, deepest_dilation=8, shrink=nn.Identity()
    )


class ISNet(nn.Module):
    """Finds the subject in an image of `channels` planes: 3 colors, and for DIS-SAM a coarse mask and its box.

    Sides of any length are taken; the maps are halved with rounding up. The widths are those of the tables above.
    """

    def __init__(
        self,
        channels: int = 3,
        *,
        widths: Sequence[int] = WIDTHS,
        middles: Sequence[int] = MIDDLE_WIDTHS,
        middles_back: Sequence[int] = MIDDLE_WIDTHS_BACK,
    ) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, widths[0], 3, stride=2, padding=1)
        self.shrink = nn.MaxPool2d(2, ceil_mode=True)
        finer = (widths[0], *widths[:-1])
        way_down = list(zip(finer, middles, widths, strict=True))
        way_up = [(2 * widths[level], middle, finer[level]) for level, middle in enumerate(middles_back)]
        pooled = len(POOLED_DEPTHS)
        self.encoder = nn.ModuleList(
            [pooled_block(*way_down[level], depth=POOLED_DEPTHS[level]) for level in range(pooled)]
            + [dilated_block(*widths) for widths in way_down[pooled:]]
        )
        self.decoder = nn.ModuleList(
            [dilated_block(*widths) for widths in reversed(way_up[pooled:])]
            + [pooled_block(*way_up[level], depth=POOLED_DEPTHS[level]) for level in reversed(range(pooled))]
        )
        self.head = nn.Conv2d(widths[0], 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, H, W) -> the matte's logits (B, 1, H, W)."""
        size = size_of(x)
        x = self.enter(x)
        passed: list[torch.Tensor] = []
        for block in self.encoder:
            x = block(self.shrink(x) if passed else x)
            passed.append(x)
        x = passed.pop()
        for block in self.decoder:
            x = block(joined(x, passed.pop()))
        return resize_by_area(self.head(x).float(), size)


def joined(coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
    """The channels of a coarse map, enlarged to the finer one's size, and those of the finer one."""
    return torch.cat([resize_by_area(coarse, size_of(fine)), fine], 1)
