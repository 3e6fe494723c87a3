"""Swin Transformer backbone (Liu et al., "Swin Transformer", ICCV 2021) for inputs of any size.

It differs from the classifiers in common libraries in what dense-prediction networks were trained with: feature
maps are zero-padded to whole windows after the first norm of a block, odd blocks shift their windows even where the map
fits into one, and the four stage outputs are taken before patch merging, each through a norm of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.resample import resize_bicubic

REGION_PENALTY = -100.0
"""Added to the attention between tokens that only became neighbours by shifting; published weights expect it."""


def relative_position_index(window: int) -> torch.Tensor:
    """(N, N) int64 with N = window * window: the row of the bias table for each pair of tokens in a window."""
    row, column = (axis.flatten() for axis in torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij"))
    down = row[:, None] - row[None, :] + window - 1
    right = column[:, None] - column[None, :] + window - 1
    return down * (2 * window - 1) + right


def region_mask(height: int, width: int, window: int, shift: int, device: torch.device) -> torch.Tensor:
    """(windows, N, N) float32: 0 between tokens of one region of the shifted map, `REGION_PENALTY` between others.

    `height` and `width` are those of the padded map in tokens, multiples of `window`.
    """

    def region_along(length: int) -> torch.Tensor:
        position = torch.arange(length, device=device)
        return (position >= length - window).long() + (position >= length - shift).long()

    region = 3 * region_along(height)[:, None] + region_along(width)[None, :]
    windows = partition(region[None, :, :, None], window).flatten(1)  # (windows, N)
    differs = windows[:, :, None] != windows[:, None, :]
    return differs.to(torch.float32) * REGION_PENALTY


def partition(x: torch.Tensor, window: int) -> torch.Tensor:
    """Cut (B, H, W, C) into (B * windows, window * window, C), row by row."""
    B, H, W, C = x.shape
    x = x.view(B, H // window, window, W // window, window, C).transpose(2, 3)
    return x.reshape(-1, window * window, C)


def join(windows: torch.Tensor, height: int, width: int, window: int) -> torch.Tensor:
    """Undo `partition`: (B * windows, window * window, C) -> (B, H, W, C)."""
    C = windows.shape[-1]
    x = windows.view(-1, height // window, width // window, window, window, C).transpose(2, 3)
    return x.reshape(-1, height, width, C)


class WindowAttention(nn.Module):
    """Self-attention within each window, with a learned bias for every relative position."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))

    def position_bias(self) -> torch.Tensor:
        """(heads, N, N) in the table's dtype."""
        index = relative_position_index(self.window).to(self.bias_table.device)
        return self.bias_table[index].permute(2, 0, 1)

    def forward(self, windows: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """`windows` (B * windows, N, C); `mask` (windows, N, N) or None; the same shape comes back."""
        count, N, C = windows.shape
        qkv = self.qkv(windows).view(count, N, 3, self.heads, C // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B * windows, heads, N, C / heads)
        bias = self.position_bias()
        if mask is None:
            out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias[None])
        else:
            # The windows of an image become heads, so that one mask serves the whole batch without a copy per image.
            per_image = (-1, mask.shape[0] * self.heads, N, C // self.heads)
            masked = (bias[None] + mask[:, None].to(bias.dtype)).reshape(1, -1, N, N)
            out = F.scaled_dot_product_attention(
                query.reshape(per_image), key.reshape(per_image), value.reshape(per_image), attn_mask=masked
            ).reshape(query.shape)
        merged: torch.Tensor = self.proj(out.transpose(1, 2).reshape(count, N, C))
        return merged


class Block(nn.Module):
    """Window attention and an MLP, each behind a norm and a shortcut."""

    def __init__(self, width: int, heads: int, window: int, shift: int, mlp_ratio: int) -> None:
        super().__init__()
        self.window = window
        self.shift = shift
        self.norm1 = nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, mlp_ratio * width), nn.GELU(), nn.Linear(mlp_ratio * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        x = x + self.attend(self.norm1(x))
        out: torch.Tensor = x + self.mlp(self.norm2(x))
        return out

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        """Pad, roll, attend within windows, roll back, crop.

        The padding is not masked: its tokens are keys and values like others (equal to the bias of `qkv`), because the
        published weights were trained with them.
        """
        _, H, W, _ = x.shape
        bottom, right = -H % self.window, -W % self.window
        x = F.pad(x, (0, 0, 0, right, 0, bottom))
        padded_height, padded_width = H + bottom, W + right
        mask = None
        if self.shift:
            x = x.roll((-self.shift, -self.shift), (1, 2))
            mask = region_mask(padded_height, padded_width, self.window, self.shift, x.device)
        x = join(self.attention(partition(x, self.window), mask), padded_height, padded_width, self.window)
        if self.shift:
            x = x.roll((self.shift, self.shift), (1, 2))
        return x[:, :H, :W]


class PatchMerging(nn.Module):
    """Halve the grid: four neighbours become one token of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, ceil(H / 2), ceil(W / 2), 2C)."""
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        out: torch.Tensor = self.reduction(self.norm(torch.cat(corners, -1)))
        return out


class Swin(nn.Module):
    """Four stages of windowed attention; the features of all four are the output.

    `position_grid` is the side of a learned absolute position embedding in tokens, or None for networks without one.
    """

    def __init__(
        self,
        *,
        embedding: int = 128,
        depths: Sequence[int] = (2, 2, 18, 2),
        heads: Sequence[int] = (4, 8, 16, 32),
        window: int = 12,
        mlp_ratio: int = 4,
        position_grid: int | None = None,
    ) -> None:
        super().__init__()
        widths = [embedding * 2**stage for stage in range(4)]
        self.patch_embed = nn.Conv2d(3, embedding, 4, stride=4)
        self.patch_norm = nn.LayerNorm(embedding)
        self.position = nn.Parameter(torch.zeros(1, embedding, position_grid, position_grid)) if position_grid else None
        self.stages = nn.ModuleList(
            nn.ModuleList(Block(width, head, window, window // 2 * (i % 2), mlp_ratio) for i in range(depth))
            for width, head, depth in zip(widths, heads, depths, strict=True)
        )
        self.merges = nn.ModuleList(PatchMerging(width) for width in widths[:3])
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) -> four maps (B, embedding * 2**s, H / 2**(s+2), W / 2**(s+2))."""
        right, bottom = -x.shape[3] % 4, -x.shape[2] % 4
        x = self.patch_embed(F.pad(x, (0, right, 0, bottom)))
        x = self.patch_norm(x.permute(0, 2, 3, 1))  # (B, C, H, W) -> (B, H, W, C)
        if self.position is not None:
            x = x + resize_bicubic(self.position, (x.shape[1], x.shape[2])).permute(0, 2, 3, 1)
        features = []
        for stage, blocks in enumerate(self.stages):
            if stage:
                x = self.merges[stage - 1](x)
            for block in blocks:  # type: ignore[attr-defined]  # a ModuleList, which iterates; Module does not know
                x = block(x)
            features.append(self.norms[stage](x).permute(0, 3, 1, 2))
        return features
