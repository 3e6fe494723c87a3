"""BiRefNet: a backbone at two scales, and a decoder that is shown the picture itself again at every scale.

Zheng et al., "Bilateral Reference for High-Resolution Dichotomous Image Segmentation" (arXiv 2401.03407), with the
choices of the published weights. Levels go from coarse to fine: strides 32, 16, 8 and 4. Every resize in here keeps
the corners' centers (`resize_to_corners`): the published weights were trained so. The batch norms of the published
networks are folded into the convolutions before them (`checkpoint.py`), so there are none here.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.backbones.swin import Swin
from dis_core.models.birefnet.deformable import DeformableConv
from dis_core.models.resample import resize_to_corners, size_of
from dis_core.models.strips import Rows, convolved, convolved_in_strips
from dis_core.models.tensors import packed

GRIDS = (32, 16, 8, 4)
"""Tiles per side that the picture is cut into for each level; a tile is as large as the level's map."""

MULTIPLE_PX = 32
"""Sides of the input are multiples of the coarsest stride, so that they can be cut into whole tiles."""

PIXELS_AT_ONCE = 2**17
"""So many pixels of the full-size picture are convolved at once: 64 channels of them are 32 MiB."""


class Context(nn.Module):
    """Deformable convolutions of 1 x 1, 1 x 1, 3 x 3 and 7 x 7 and the mean of the map, joined (section 3.3)."""

    def __init__(self, width: int, branch_width: int = 256) -> None:
        super().__init__()
        self.branches = nn.ModuleList(DeformableConv(width, branch_width, kernel) for kernel in (1, 1, 3, 7))
        self.mean = nn.Conv2d(width, branch_width, 1)
        self.join = nn.Conv2d(5 * branch_width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        *weights, weight_of_mean = map(packed, self.join.weight.chunk(5, 1))
        joined = F.conv2d(F.relu(self.mean(x.mean((2, 3), keepdim=True))), weight_of_mean, self.join.bias)
        # One after the other into their sum: next to each other they would be twenty times as wide as the input.
        for branch, weight in zip(self.branches, weights, strict=True):
            joined = joined + branch(x, functools.partial(rectified_and_joined, weight=weight))
        return F.relu_(joined)


def rectified_and_joined(found: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A branch's share of the sum, from rows that are not needed afterwards."""
    return F.conv2d(F.relu_(found), weight)


class DecoderBlock(nn.Module):
    """Down to few channels, context, and up again."""

    def __init__(self, channels: int, out_channels: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, width, 3, padding=1)
        self.context = Context(width)
        self.leave = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Maps of one size, (B, C, H, W) with the channels of all in order, -> (B, out, H, W)."""
        weights = [packed(weight) for weight in torch.split(self.enter.weight, [part.shape[1] for part in parts], 1)]
        entered = F.conv2d(parts[0], weights[0], self.enter.bias, padding=1)
        for part, weight in zip(parts[1:], weights[1:], strict=True):
            entered = entered + F.conv2d(part, weight, padding=1)
        out: torch.Tensor = self.leave(self.context(F.relu_(entered)))
        return out


class PictureBlock(nn.Module):
    """The picture itself for one level: cut into `grid` x `grid` tiles that are stacked as channels."""

    def __init__(self, grid: int, out_channels: int, width: int = 64) -> None:
        super().__init__()
        self.grid = grid
        self.gather = nn.Conv2d(3 * grid**2, width, 3, padding=1)
        self.spread = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, out, H / grid, W / grid)."""
        # There is no activation between the two: the published networks have none.
        out: torch.Tensor = self.spread(self.gather(tiles_as_channels(x, self.grid)))
        return out

    def projected(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """A 1 x 1 convolution, `weight` (1, out, 1, 1), of what `forward` gives for a grid of 1: (B, 1, H, W).

        It is merged with the last layer, and made in strips, so that no full-size map has more than one channel.
        """
        merged = torch.einsum("po, oikl -> pikl", weight.flatten(1), self.spread.weight)
        bias = torch.einsum("po, o -> p", weight.flatten(1), self.spread.bias)
        H, W = size_of(x)
        return convolved_in_strips(
            lambda gathered: F.conv2d(gathered, merged, bias, padding=1),
            lambda rows: convolved(self.gather, Rows.all_of(x).cut, rows, H),
            (H, W),
            pixels_at_once=PIXELS_AT_ONCE,
        )


class Gate(nn.Module):
    """How much of each pixel counts, learned from where the picture has its gradients (section 3.4)."""

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        self.gradient = nn.Conv2d(channels, width, 3, padding=1)
        self.attention = nn.Conv2d(width, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, 1, H, W), whose sigmoid is a factor."""
        attention: torch.Tensor = self.attention(F.relu_(self.gradient(x)))
        return attention


class BiRefNet(nn.Module):
    """The whole network, for a backbone whose finest map is `embedding` wide and each coarser one twice that.

    `width` is how narrow the decoder's blocks are inside.
    """

    def __init__(self, backbone: nn.Module, *, embedding: int, width: int = 64) -> None:
        super().__init__()
        levels = [16 * embedding, 8 * embedding, 4 * embedding, 2 * embedding]  # both scales of the picture together
        *shown, shown_whole = [level // 8 for level in (levels[0], *levels)]
        self.backbone = backbone
        self.squeeze = DecoderBlock(sum(levels), levels[0], width)
        self.pictures = nn.ModuleList(PictureBlock(*sizes) for sizes in zip(GRIDS, shown, strict=True))
        self.whole_picture = PictureBlock(1, shown_whole)
        self.blocks = nn.ModuleList(
            DecoderBlock(level + picture, level // 2, width) for level, picture in zip(levels, shown, strict=True)
        )
        self.gates = nn.ModuleList(Gate(level) for level in levels[1:])
        self.laterals = nn.ModuleList(nn.Conv2d(level, level, 1) for level in levels[1:])
        self.head = nn.Conv2d(levels[3] // 2 + shown_whole, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W), sides multiples of 32, -> logits (B, 1, H, W)."""
        features = self.features(x)
        coarsest = size_of(features[0])
        # From fine to coarse, as the published weights have them.
        found: torch.Tensor = self.squeeze([resize_to_corners(feature, coarsest) for feature in reversed(features)])
        for level, (block, picture) in enumerate(zip(self.blocks, self.pictures, strict=True)):
            if level:
                found = found * self.gates[level - 1](found).sigmoid()  # not in place: gradients need what it was
                found = resize_to_corners(found, size_of(features[level]))
                found += self.laterals[level - 1](features[level])
            found = block([found, picture(x)])
        # A sum over channels and a resize may change places, and one channel is far less to enlarge than all.
        of_found, of_picture = map(packed, self.head.weight.tensor_split([found.shape[1]], 1))
        logits = resize_to_corners(F.conv2d(found, of_found, self.head.bias), size_of(x))
        return logits + self.whole_picture.projected(x, of_picture)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps of the picture and of its half, side by side, coarse to fine."""
        whole = self.backbone(x)
        half = self.backbone(resize_to_corners(x, (x.shape[2] // 2, x.shape[3] // 2)))
        return [
            torch.cat([one, resize_to_corners(other, size_of(one))], 1)
            for one, other in zip(reversed(whole), reversed(half), strict=True)
        ]


def tiles_as_channels(x: torch.Tensor, grid: int) -> torch.Tensor:
    """Cut into `grid` x `grid` tiles, (B, C, H, W) -> (B, C * grid * grid, H / grid, W / grid).

    Channels are ordered by color, row of the tile, column of the tile.
    """
    B, C, H, W = x.shape
    tiles = x.reshape(B, C, grid, H // grid, grid, W // grid)
    return tiles.permute(0, 1, 2, 4, 3, 5).reshape(B, C * grid**2, H // grid, W // grid)


def large_network() -> BiRefNet:
    """With a Swin-L as backbone, for most of the published weights: 219 M parameters."""
    return BiRefNet(Swin(embedding=192, depths=(2, 2, 18, 2), heads=(6, 12, 24, 48), window=12), embedding=192)


def lite_network() -> BiRefNet:
    """With a Swin-T as backbone: 44 M parameters."""
    return BiRefNet(Swin(embedding=96, depths=(2, 2, 6, 2), heads=(3, 6, 12, 24), window=7), embedding=96)
