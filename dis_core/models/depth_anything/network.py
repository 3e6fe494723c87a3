"""The network of Depth Anything V2 (Yang et al., NeurIPS 2024) for relative depth.

A plain vision transformer (DINOv2: Oquab et al., TMLR 2024) looks at patches of 14 x 14 pixels. What its tokens are
after four of its blocks becomes four maps, from fine to coarse, which are joined from coarse to fine (DPT: Ranftl et
al., ICCV 2021). The names of the parameters are those of the published files, which later transformers renames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.resample import Size, resize_bicubic, resize_to_corners, size_of

TOKEN_PX: Final = 14
TOKENS_ALONG: Final = 37
"""Along a side of the published position embedding: it was learned from images of 518 pixels."""

NORM_EPS: Final = 1e-6
ENLARGED: Final = (4, 2)
"""How many times the two finest maps are enlarged; the third stays, and the fourth is halved."""


class Patches(nn.Module):
    """Patches as tokens, behind the one that stands for the whole image, and where each is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))  # in the files, and only used to pretrain
        self.position_embeddings = nn.Parameter(torch.zeros(1, TOKENS_ALONG**2 + 1, width))
        self.patch_embeddings = nn.ModuleDict({"projection": nn.Conv2d(3, width, TOKEN_PX, stride=TOKEN_PX)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 1 + H/14 * W/14, C)."""
        patches = self.patch_embeddings["projection"](x)
        patches = patches + self.positions(size_of(patches))
        whole = (self.cls_token + self.position_embeddings[:, :1]).expand(len(x), -1, -1)
        return torch.cat([whole.to(patches.dtype), patches.flatten(2).transpose(1, 2)], 1)

    def positions(self, size: Size) -> torch.Tensor:
        """The learned positions for a grid of another size: (1, C, *size)."""
        learned = self.position_embeddings[:, 1:].reshape(1, TOKENS_ALONG, TOKENS_ALONG, -1).permute(0, 3, 1, 2)
        return resize_bicubic(learned, size)


class Projections(nn.Module):
    """What each token asks, offers and tells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)


class Attention(nn.Module):
    """Every token attends to every other one."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention = Projections(width)
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, C) -> the same shape."""
        query, key, value = (
            project(x).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, N, C) -> (B, heads, N, C / heads)
            for project in (self.attention.query, self.attention.key, self.attention.value)
        )
        told = F.scaled_dot_product_attention(query, key, value)
        out: torch.Tensor = self.output["dense"](told.transpose(1, 2).flatten(2))
        return out


class Scale(nn.Module):
    """A learned factor for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.lambda1


class MLP(nn.Module):
    """Each token on its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Attention and an MLP, each behind a norm, scaled, and beside a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attention = Attention(width, heads)
        self.layer_scale1 = Scale(width)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = MLP(width)
        self.layer_scale2 = Scale(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, C) -> the same shape."""
        x = x + self.layer_scale1(self.attention(self.norm1(x)))
        out: torch.Tensor = x + self.layer_scale2(self.mlp(self.norm2(x)))
        return out


class Encoder(nn.Module):
    """Blocks in a row."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Block(width, heads) for _ in range(depth))

    def forward(self, tokens: torch.Tensor, taps: Sequence[int]) -> list[torch.Tensor]:
        """(B, N, C) -> the same after each of the blocks in `taps`, counted from 1."""
        found = []
        for number, block in enumerate(self.layer, 1):
            tokens = block(tokens)
            if number in taps:
                found.append(tokens)
        return found


class Backbone(nn.Module):
    """The transformer, tapped after some of its blocks, which are counted from 1."""

    def __init__(self, width: int, depth: int, heads: int, taps: Sequence[int]) -> None:
        super().__init__()
        self.taps = tuple(taps)
        self.embeddings = Patches(width)
        self.encoder = Encoder(width, depth, heads)
        self.layernorm = nn.LayerNorm(width, eps=NORM_EPS)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W), sides multiples of 14 -> for each tap a map of the patches (B, C, H/14, W/14)."""
        grid = x.shape[2] // TOKEN_PX, x.shape[3] // TOKEN_PX
        tapped = self.encoder(self.embeddings(x), self.taps)
        # (B, 1 + N, C) -> (B, C, H/14, W/14), without the token of the whole image
        return [self.layernorm(tokens)[:, 1:].transpose(1, 2).unflatten(2, grid) for tokens in tapped]


class Reassemble(nn.Module):
    """A map of patches with other channels, and of another size."""

    def __init__(self, width: int, channels: int, resize: nn.Module) -> None:
        super().__init__()
        self.projection = nn.Conv2d(width, channels, 1)
        self.resize = resize

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.resize(self.projection(x))
        return out


class Residual(nn.Module):
    """Two convolutions, each behind its activation, beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(width, width, 3, padding=1)
        self.convolution2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = x + self.convolution2(self.convolution1(x.relu()).relu())
        return out


class Fusion(nn.Module):
    """What is known from coarser maps, joined with a finer one and enlarged.

    The coarsest map has nothing to be joined with; its `residual_layer1` is in the files and never runs.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(width, width, 1)
        self.residual_layer1 = Residual(width)
        self.residual_layer2 = Residual(width)

    def joined(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """Two maps of one size."""
        out: torch.Tensor = coarse + self.residual_layer1(fine)
        return out

    def forward(self, x: torch.Tensor, size: Size) -> torch.Tensor:
        """(B, C, h, w) -> (B, C, *size)."""
        out: torch.Tensor = self.projection(resize_to_corners(self.residual_layer2(x), size))
        return out


class Neck(nn.Module):
    """Four maps of patches -> one map, eight times as fine as the patches."""

    def __init__(self, width: int, channels: Sequence[int], fusion: int) -> None:
        super().__init__()
        resizes = (
            *(nn.ConvTranspose2d(c, c, times, stride=times) for c, times in zip(channels[:2], ENLARGED, strict=True)),
            nn.Identity(),
            nn.Conv2d(channels[3], channels[3], 3, stride=2, padding=1),
        )
        layers = (Reassemble(width, c, resize) for c, resize in zip(channels, resizes, strict=True))
        self.reassemble_stage = nn.ModuleDict({"layers": nn.ModuleList(layers)})
        self.convs = nn.ModuleList(nn.Conv2d(c, fusion, 3, padding=1, bias=False) for c in channels)
        self.fusion_stage = nn.ModuleDict({"layers": nn.ModuleList(Fusion(fusion) for _ in channels)})

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        reassemble: nn.ModuleList = self.reassemble_stage["layers"]  # type: ignore[assignment]  # as it was made
        fusions: nn.ModuleList = self.fusion_stage["layers"]  # type: ignore[assignment]
        features = [conv(layer(one)) for one, layer, conv in zip(maps, reassemble, self.convs, strict=True)]
        x: torch.Tensor = features[-1]
        for number, fusion in enumerate(fusions):
            finer = features[-2 - number] if number + 1 < len(features) else None
            x = x if number == 0 else fusion.joined(x, features[-1 - number])  # type: ignore[operator]  # a Fusion
            height, width = size_of(x)
            x = fusion(x, (2 * height, 2 * width) if finer is None else size_of(finer))
        return x


class Head(nn.Module):
    """One map -> depth in every pixel."""

    def __init__(self, fusion: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(fusion, fusion // 2, 3, padding=1)
        self.conv2 = nn.Conv2d(fusion // 2, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, 1, 1)

    def forward(self, x: torch.Tensor, size: Size) -> torch.Tensor:
        """(B, C, h, w) -> (B, 1, *size), 0 or more."""
        x = resize_to_corners(self.conv1(x), size)
        out: torch.Tensor = self.conv3(self.conv2(x).relu()).relu()
        return out


class DepthAnythingNetwork(nn.Module):
    """(B, 3, H, W), ImageNet-normalized, sides multiples of 14 -> relative inverse depth (B, 1, H, W), near = large.

    The backbone has `depth` blocks of `width` channels with `heads` heads, and is tapped after those in `taps`, counted
    from 1. `neck`, `fusion` and `head` are the channels of the four maps, of what joins them, and of the last layers.
    """

    def __init__(
        self, *, width: int, depth: int, heads: int, taps: Sequence[int], neck: Sequence[int], fusion: int, head: int
    ) -> None:
        super().__init__()
        self.backbone = Backbone(width, depth, heads, taps)
        self.neck = Neck(width, neck, fusion)
        self.head = Head(fusion, head)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        depth: torch.Tensor = self.head(self.neck(self.backbone(x)), size_of(x))
        return depth
