"""The Swin backbone in operators that every runtime has: whole windows of a padded map, instead of groups filled alike.

`swin` computes no more than the windows hold, with a group for each way in which they are filled. As a graph of fixed
size that is ten times as many nodes, and none of what it saves is worth that there.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.backbones.swin import REGION_PENALTY, PixelLinear, WindowAttention
from dis_core.models.replacing import replace_modules


class PlainLinear(nn.Module):
    """A linear layer on every pixel, as such."""

    def __init__(self, layer: PixelLinear) -> None:
        super().__init__()
        self.weight = layer.weight
        self.bias = layer.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight, self.bias)


class PlainWindowAttention(nn.Module):
    """`WindowAttention` over all windows at once: what is padded takes part as tokens of its own."""

    def __init__(self, attention: WindowAttention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, x: torch.Tensor, shift: int) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C), in windows of the map padded at its end and rolled by `-shift`."""
        B, H, W, C = x.shape
        window, heads = self.attention.window, self.attention.heads
        x = F.pad(x, (0, 0, 0, -W % window, 0, -H % window))
        down, right = x.shape[1] // window, x.shape[2] // window
        x = torch.roll(x, (-shift, -shift), (1, 2)) if shift else x
        # (B, H, W, C) -> (B * windows, tokens, C)
        x = x.reshape(B, down, window, right, window, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, window**2, C)
        qkv = self.attention.qkv(x).reshape(-1, window**2, 3, heads, C // heads).permute(2, 0, 3, 1, 4)
        bias = self.attention.position_bias()[None] + self.penalties(down, right, shift).repeat(B, 1, 1, 1)
        x = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], attn_mask=bias.to(qkv.dtype))
        x = self.attention.proj(x.transpose(1, 2).reshape(-1, window**2, C))
        x = x.reshape(B, down, right, window, window, C).permute(0, 1, 3, 2, 4, 5)
        x = x.reshape(B, down * window, right * window, C)
        x = torch.roll(x, (shift, shift), (1, 2)) if shift else x
        return x[:, :H, :W]

    def penalties(self, down: int, right: int, shift: int) -> torch.Tensor:
        """(windows, 1, tokens, tokens): what keeps apart tokens that only became neighbors by shifting."""
        window, device = self.attention.window, self.attention.bias_table.device
        rows, columns = (rolled_around(count * window, shift, device) for count in (down, right))
        region = 2 * rows[:, None] + columns  # (H, W)
        region = region.reshape(down, window, right, window).permute(0, 2, 1, 3).reshape(-1, window**2)
        return (REGION_PENALTY * (region[:, :, None] != region[:, None]))[:, None]


def rolled_around(length: int, shift: int, device: torch.device) -> torch.Tensor:
    """(length,) int64: 1 for what comes from the start of an axis that is rolled by `-shift`, else 0."""
    return (torch.arange(length, device=device) >= length - shift).long()


def in_plain_operators(network: nn.Module) -> None:
    """Give the Swin in a network such layers instead, with the same weights."""
    replace_modules(network, WindowAttention, PlainWindowAttention)
    replace_modules(network, PixelLinear, PlainLinear)
