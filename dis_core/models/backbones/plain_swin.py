"""The Swin backbone in operators that every runtime has: whole windows of a padded map, instead of groups filled alike.

`swin` computes no more than the windows hold, with a group for each way in which they are filled. As a graph of fixed
size that is many times as many nodes. Here tokens are picked into their windows and back by tables, which are computed
with numpy so that they are constants of the graph.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from dis_core.models.backbones.swin import REGION_PENALTY, PixelLinear, WindowAttention
from dis_core.models.replacing import replace_modules
from dis_core.models.resample import Size


class PlainLinear(nn.Module):
    """A linear layer on every pixel, as such."""

    def __init__(self, layer: PixelLinear) -> None:
        super().__init__()
        self.weight = layer.weight
        self.bias = layer.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight, self.bias)


class Windows(NamedTuple):
    """The windows of a map of H x W tokens that is padded at its end and rolled.

    `picked` (windows * n * n,) are the tokens in them, H * W for padding; `places` (H * W,) is where each token is
    among those; `regions` (windows, n * n) tell apart what only became neighbors by shifting, and are None where
    nothing did.
    """

    picked: NDArray[np.int64]
    places: NDArray[np.int64]
    regions: NDArray[np.int64] | None


def windows_of(size: Size, window: int, shift: int) -> Windows:
    """All windows of a map, each as its tokens row by row."""
    H, W = size
    tall, wide = (length + -length % window for length in (H, W))
    tokens = np.full((tall, wide), H * W)
    tokens[:H, :W] = np.arange(H * W).reshape(H, W)
    picked = in_windows(np.roll(tokens, (-shift, -shift), (0, 1)), window).ravel()
    places = np.empty(H * W + 1, np.int64)
    places[picked] = np.arange(len(picked))
    if not shift:
        return Windows(picked, places[:-1], None)
    rows, columns = (np.arange(length) >= length - shift for length in (tall, wide))
    return Windows(picked, places[:-1], in_windows(2 * rows[:, None] + columns, window))


def in_windows(plane: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """(H, W) in whole windows -> (windows, window * window)."""
    H, W = plane.shape
    cells = plane.reshape(H // window, window, W // window, window).swapaxes(1, 2)
    return cells.reshape(-1, window**2)


class PlainWindowAttention(nn.Module):
    """`WindowAttention` over all windows at once: what is padded takes part as tokens of its own."""

    bias: torch.Tensor

    def __init__(self, attention: WindowAttention) -> None:
        super().__init__()
        self.qkv = attention.qkv
        self.proj = attention.proj
        self.heads = attention.heads
        self.window = attention.window
        self.register_buffer("bias", attention.position_bias().detach()[None].contiguous())

    def forward(self, x: torch.Tensor, shift: int) -> torch.Tensor:
        """(B, H, W, C) -> (B, H, W, C), in windows of the map padded at its end and rolled by `-shift`."""
        B, H, W, C = x.shape
        found = windows_of((H, W), self.window, shift)
        tokens = x.reshape(B, H * W, C)
        if len(found.picked) > H * W:
            tokens = torch.cat([tokens, tokens.new_zeros(B, 1, C)], 1)
        picked = tokens.index_select(1, constant(found.picked, x)).reshape(-1, self.window**2, C)
        attended = self.attend(picked, found.regions).reshape(B, -1, C)
        return attended.index_select(1, constant(found.places, x)).reshape(B, H, W, C)

    def attend(self, x: torch.Tensor, regions: NDArray[np.int64] | None) -> torch.Tensor:
        """(B * windows, n * n, C) -> the same shape."""
        count, tokens, C = x.shape
        split = self.qkv(x).reshape(count, tokens, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)
        scores = (query * (C // self.heads) ** -0.5) @ key.transpose(2, 3) + self.bias
        if regions is not None:
            # Computed when it runs: as constants, the pairs of all windows would be 100 MB of the file.
            region = constant(regions, x)
            penalties = REGION_PENALTY * (region[:, None, :, None] != region[:, None, None]).to(x.dtype)
            scores = (scores.view(-1, *regions.shape[:1], *scores.shape[1:]) + penalties).flatten(0, 1)
        out: torch.Tensor = self.proj((scores.softmax(-1) @ value).transpose(1, 2).reshape(count, tokens, C))
        return out


def constant(values: NDArray[np.int64], beside: torch.Tensor) -> torch.Tensor:
    """The values where a tensor is."""
    return torch.from_numpy(values).to(beside.device)


def in_plain_operators(network: nn.Module) -> None:
    """Give the Swin in a network such layers instead, with the same weights."""
    replace_modules(network, WindowAttention, PlainWindowAttention)
    replace_modules(network, PixelLinear, PlainLinear)
