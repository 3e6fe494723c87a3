"""Swin Transformer backbone (Liu et al., "Swin Transformer", ICCV 2021) for inputs of any size.

It differs from the classifiers in common libraries in what dense-prediction networks were trained with: feature
maps are zero-padded to whole windows after the first norm of a block, odd blocks shift their windows even where the map
fits into one, and the four stage outputs are taken before patch merging, each through a norm of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.resample import resize_bicubic

REGION_PENALTY = -100.0
"""Added to the attention between tokens that only became neighbors by shifting; published weights expect it."""


def relative_position_index(window: int) -> torch.Tensor:
    """(N, N) int64 with N = window * window: the row of the bias table for each pair of tokens in a window."""
    row, column = (axis.flatten() for axis in torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij"))
    down = row[:, None] - row[None, :] + window - 1
    right = column[:, None] - column[None, :] + window - 1
    return down * (2 * window - 1) + right


class PixelLinear(nn.Linear):
    """A linear layer on every pixel of (B, H, W, C), computed as a convolution of 1 x 1.

    It is the same arithmetic, but torch sends it to oneDNN and not to MKL, which is half as fast on AMD's processors
    (docs/explanation/speed.md).
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.conv2d(x.permute(0, 3, 1, 2), self.weight[:, :, None, None], self.bias)
        return out.permute(0, 2, 3, 1)


class AxisWindows(NamedTuple):
    """Windows along one axis that are filled alike.

    There are `number` of them; `tokens` are those in all of them, one window after the other, counted along the axis:
    a slice where they are neighbors, which takes no copy, else int64. `places` (n,) int64 is where in its window each
    of a window's tokens is; `regions` (window,) int64 tells apart what only became neighbors by shifting.
    """

    number: int
    tokens: slice | torch.Tensor
    places: torch.Tensor
    regions: torch.Tensor


def windows_along(length: int, window: int, shift: int, device: torch.device) -> list[AxisWindows]:
    """The windows of an axis that is padded at its end to whole windows and then rolled by `-shift`.

    All that are full are alike; the last one or two hold the padding and what was rolled around. Which those are is
    computed here and not on the device, for whose answers a network would have to wait.
    """
    padded = length + -length % window
    place = torch.arange(window, device=device)
    plain = max(length - shift, 0) // window
    whole = slice(shift, shift + plain * window)
    groups = [AxisWindows(plain, whole, place, torch.zeros_like(place))] if plain else []
    for number in range(plain, padded // window):
        first = number * window + shift
        before_end = range(min(max(length - first, 0), window))
        from_start = range(min(padded - first, window), min(padded - first + length, window))
        filled = [part for part in (before_end, from_start) if part]
        if filled:
            places = torch.cat([torch.arange(part.start, part.stop, device=device) for part in filled])
            region = (place >= padded - first).long()
            groups.append(AxisWindows(1, (places + first) % padded, places, region))
    return groups


class WindowAttention(nn.Module):
    """Self-attention within each window, with a learned bias for every relative position."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.qkv = PixelLinear(width, 3 * width)
        self.proj = PixelLinear(width, width)
        self.bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))

    def position_bias(self) -> torch.Tensor:
        """(heads, N, N) in the table's dtype."""
        index = relative_position_index(self.window).to(self.bias_table.device)
        return self.bias_table[index].permute(2, 0, 1)

    def forward(self, x: torch.Tensor, shift: int) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C), in windows of the map padded at its end and rolled by `-shift`."""
        _, H, W, _ = x.shape
        qkv = self.qkv(x)
        bias = self.position_bias()
        out = qkv.new_empty(x.shape)  # of the type in which attention is computed
        for rows, columns in itertools.product(
            windows_along(H, self.window, shift, x.device), windows_along(W, self.window, shift, x.device)
        ):
            attended = self.attend(qkv[:, rows.tokens][:, :, columns.tokens], rows, columns, bias)
            if isinstance(rows.tokens, torch.Tensor) and isinstance(columns.tokens, torch.Tensor):
                out[:, rows.tokens[:, None], columns.tokens] = attended
            else:
                out[:, rows.tokens, columns.tokens] = attended
        merged: torch.Tensor = self.proj(out)
        return merged

    def attend(self, qkv: torch.Tensor, rows: AxisWindows, columns: AxisWindows, bias: torch.Tensor) -> torch.Tensor:
        """Windows filled alike, (B, rows, columns, 3C) of their tokens only -> (B, rows, columns, C).

        Padding is not masked: the published weights were trained with it. All its tokens have the bias of `qkv` as key
        and value, so together they are one more token, whose attention is the sum of theirs.
        """
        B, height, width, _ = qkv.shape
        down, right = (rows.number, len(rows.places)), (columns.number, len(columns.places))
        split = qkv.view(B, *down, *right, 3, self.heads, -1).permute(5, 0, 1, 3, 6, 2, 4, 7)
        query, key, value = split.flatten(5, 6).flatten(1, 3)  # each (B * windows, heads, n, C / heads)
        place = (rows.places[:, None] * self.window + columns.places).flatten()
        region = (3 * rows.regions[:, None] + columns.regions).flatten()
        bias = bias[:, place] + REGION_PENALTY * (region[place, None] != region)
        if len(place) < self.window**2:
            filled = torch.zeros_like(region, dtype=torch.bool).index_fill(0, place, value=True)
            _, key_of_padding, value_of_padding = self.qkv.bias.view(3, self.heads, 1, -1).to(key.dtype)
            key = torch.cat([key, key_of_padding.expand(len(key), -1, -1, -1)], 2)
            value = torch.cat([value, value_of_padding.expand(len(value), -1, -1, -1)], 2)
            of_padding = bias.masked_fill(filled, -torch.inf).logsumexp(2, keepdim=True)
            bias = torch.cat([bias[:, :, place], of_padding], 2)
        else:
            bias = bias[:, :, place]
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias[None].to(query.dtype))
        out = out.view(B, down[0], right[0], self.heads, down[1], right[1], -1).permute(0, 1, 4, 2, 5, 3, 6)
        return out.reshape(B, height, width, -1)


class Block(nn.Module):
    """Window attention and an MLP, each behind a norm and a shortcut."""

    def __init__(self, width: int, heads: int, window: int, shift: int, mlp_ratio: int) -> None:
        super().__init__()
        self.shift = shift
        self.norm1 = nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            PixelLinear(width, mlp_ratio * width), nn.GELU(), PixelLinear(mlp_ratio * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        x = x + self.attention(self.norm1(x), self.shift)
        out: torch.Tensor = x + self.mlp(self.norm2(x))
        return out


class PatchMerging(nn.Module):
    """Halve the grid: four neighbors become one token of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = PixelLinear(4 * width, 2 * width, bias=False)

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
