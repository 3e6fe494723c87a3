"""PDFNet: image, pseudo depth and native-resolution patches through one backbone, fused from coarse to fine.

Liu, Fu and Zhao, "High-Precision Dichotomous Image Segmentation via Depth Integrity-Prior and Fine-Grained Patch
Strategy" (arXiv 2503.06100). B, C, H and W are as usual; the four levels of a stream are called 1 (finest, stride 4) to
4 (coarsest, stride 32) after the paper. Every resize in here keeps the corners' centres (`resize_to_corners`): the
published weights were trained so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.resample import Size, resize_to_corners, size_of

PATCHES_PER_SIDE = 8
"""The full-size image is cut into 8 x 8 patches, and so is the boundary map (sections 3.1 and 3.2)."""


class Stream(NamedTuple):
    """Features of one input: four levels, fine to coarse, and their global mixture, all of one width."""

    levels: list[torch.Tensor]
    glob: torch.Tensor


class Fused(NamedTuple):
    """The decoder before its head: the three streams (B, 3 * width, H/4, W/4), their mixture, and the side logits."""

    streams: torch.Tensor
    mixed: torch.Tensor
    sides: tuple[torch.Tensor, ...]


class PDFNetOutput(NamedTuple):
    """`logits` (B, 1, H, W), whose sigmoid is the matte, and side logits 1 (H/4) to 5 (H/32) for deep supervision."""

    logits: torch.Tensor
    sides: tuple[torch.Tensor, ...]


class ChannelRMSNorm(nn.Module):
    """Divide each pixel's channels by their root mean square, taken in float32 whatever the input's type."""

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        length: torch.Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=torch.float32)
        scale = (length.square() / x.shape[1] + self.eps).rsqrt()
        return x * scale.to(x.dtype) * self.weight.to(x.dtype)[:, None, None]


class ConvNormAct(nn.Module):
    """3x3 convolution, RMSNorm over channels, SiLU."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)
        self.norm = ChannelRMSNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = F.silu(self.norm(self.conv(x)))
        return out


class Encoder(nn.Module):
    """The backbone that all three streams share, with the mixers that bring its four levels to one width."""

    def __init__(self, backbone: nn.Module, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.level_mixers = nn.ModuleList(ConvNormAct(c, width) for c in channels)
        self.glob_mixer = ConvNormAct(4 * width, width)
        self.glob = ConvNormAct(width, width)

    def forward(self, x: torch.Tensor) -> Stream:
        """(B, 3, H, W) -> levels at strides 4, 8, 16, 32 and the global feature at stride 32."""
        features = self.backbone(x)
        levels = [mix(feature) for mix, feature in zip(self.level_mixers, features, strict=True)]
        together = torch.cat([resize_to_corners(level, size_of(levels[3])) for level in levels], 1)
        return Stream(levels, self.glob(self.glob_mixer(together)))


class TokenRMSNorm(nn.RMSNorm):
    """RMSNorm over the last dimension, whose weight follows the input's type where layers are cast on their way."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = None if self.weight is None else self.weight.to(x.dtype)
        return F.rms_norm(x, self.normalized_shape, weight, self.eps)


class CrossAttention(nn.Module):
    """One-head attention of a map to others, then a SwiGLU, each normed and added (the paper's CoA, section 3.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj = nn.Parameter(torch.empty(3 * width, width))
        nn.init.xavier_uniform_(self.in_proj)
        self.out_proj = nn.Linear(width, width, bias=False)
        self.norm1 = TokenRMSNorm((width,), eps=1e-6)
        self.gate = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, width, bias=False)
        self.down = nn.Linear(width, width, bias=False)
        self.norm2 = TokenRMSNorm((width,), eps=1e-6)

    def forward(self, query: torch.Tensor, others: Sequence[torch.Tensor]) -> torch.Tensor:
        """`query` (B, C, H, W) attends to all pixels of `others`, each (B, C, h, w); the query's shape comes back."""
        to_query, to_key, to_value = self.in_proj.chunk(3)
        x = tokens(query)
        context = torch.cat([tokens(other) for other in others], 1)
        attended = F.scaled_dot_product_attention(
            F.linear(x, to_query)[:, None], F.linear(context, to_key)[:, None], F.linear(context, to_value)[:, None]
        )[:, 0]
        x = x + self.norm1(self.out_proj(attended))
        x = x + self.norm2(self.down(F.silu(self.gate(x)) * self.up(x)))
        out: torch.Tensor = x.transpose(1, 2).reshape(query.shape)
        return out


def tokens(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) -> (B, H * W, C)."""
    return x.flatten(2).transpose(1, 2)


class BoundaryPrior(nn.Module):
    """What the previous side output says about boundaries, as the first release computes it (March 2025)."""

    def forward(self, probability: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, 1, h, w) in [0, 1] -> boundary and integrity of the same shape, and each cell's gain, (B, 1, 8, 8)."""
        boundary = 2 * local_contrast(probability)
        integrity = F.relu(probability - 5 * boundary)
        return boundary, integrity, 1 + 5 * cell_means(boundary)


class ThresholdedBoundaryPrior(nn.Module):
    """The same as the authors' later code computes it (October 2025): the boundary is thresholded where it can be."""

    def forward(self, probability: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, 1, h, w) in [0, 1] -> boundary and integrity of the same shape, and each cell's gain, (B, 1, 8, 8)."""
        boundary = local_contrast(probability)
        if (probability.shape[2] // PATCHES_PER_SIDE) % 2 == 0:
            boundary = (boundary > 0.1).to(boundary.dtype)
        integrity = F.relu(probability - boundary)
        return boundary, integrity, 1 + (cell_means(boundary) > 0).to(boundary.dtype)


def local_contrast(probability: torch.Tensor) -> torch.Tensor:
    """How far each pixel lies from the mean around it: large at the matte's boundary; (B, 1, h, w) in and out.

    The authors' code applies the sigmoid a second time here. The weights were trained so, and tidying it away would
    move every boundary: test_boundaries_and_integrity_match_the_reference holds it.
    """
    doubly = probability.sigmoid()
    reach = probability.shape[2] // PATCHES_PER_SIDE
    kernel = reach + 1 if reach % 2 == 0 else reach
    return (doubly - F.avg_pool2d(doubly, kernel, stride=1, padding=reach // 2)).abs()


def cell_means(x: torch.Tensor) -> torch.Tensor:
    """Mean over each of 8 x 8 equal cells: (B, 1, h, w) -> (B, 1, 8, 8)."""
    return F.avg_pool2d(x, (x.shape[2] // PATCHES_PER_SIDE, x.shape[3] // PATCHES_PER_SIDE))


class FusionBlock(nn.Module):
    """Fine-grained perception between the three streams at one level (the paper's FSE, section 3.2).

    `pool` shrinks the maps before attention, which would otherwise be too long at the fine levels.
    """

    def __init__(self, width: int, pool: int, boundary_prior: nn.Module) -> None:
        super().__init__()
        self.pool = pool
        self.boundary_prior = boundary_prior
        self.image_in = ConvNormAct(2 * width, width)
        self.depth_in = ConvNormAct(2 * width, width)
        self.patch_in = ConvNormAct(2 * width, width)
        self.patch_from_both = CrossAttention(width)
        self.image_from_patch = CrossAttention(width)
        self.depth_from_both = CrossAttention(width)
        self.image_from_depth = CrossAttention(width)

    def forward(
        self, image: torch.Tensor, depth: torch.Tensor, patch: torch.Tensor, side: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Streams (B, 2 * width, h, w), `patch` at its own size, and the side logit before; all return `width` wide."""
        probability = side.sigmoid()
        _, integrity, gain = self.boundary_prior(probability)
        image = image * resize_to_corners(probability, size_of(image))
        depth = depth * resize_to_corners(probability, size_of(depth))
        patch = patch * resize_to_corners(probability, size_of(patch))

        whole = resize_to_corners(side, size_of(depth)).sigmoid() + resize_to_corners(integrity, size_of(depth))
        image = self.image_in(image)
        depth = self.depth_in(depth * whole)
        patch = self.patch_in(patch * spread_cells(gain, size_of(patch)))

        small_image, small_depth, small_patch = (F.avg_pool2d(x, self.pool) for x in (image, depth, patch))
        fused_patch = self.patch_from_both(small_patch, [small_image, small_depth])
        fused_image = self.image_from_patch(image, [fused_patch])  # the image alone keeps its full size
        fused_depth = self.depth_from_both(small_depth, [small_image, small_patch])
        fused_image = self.image_from_depth(fused_image, [fused_depth])
        return (
            fused_image + image,
            resize_to_corners(fused_depth, size_of(depth)) + depth,
            resize_to_corners(fused_patch, size_of(patch)) + patch,
        )


def spread_cells(cells: torch.Tensor, size: Size) -> torch.Tensor:
    """Enlarge (B, 1, 8, 8) so that each cell fills its eighth of the map: (B, 1, *size)."""
    tall = cells.repeat_interleave(size[0] // PATCHES_PER_SIDE, 2)
    return tall.repeat_interleave(size[1] // PATCHES_PER_SIDE, 3)


class Decoder(nn.Module):
    """Fuses the three streams from coarse to fine and draws the matte at the input's size (section 3.2)."""

    def __init__(self, width: int, boundary_prior: nn.Module) -> None:
        super().__init__()
        self.fusions = nn.ModuleList(FusionBlock(width, pool, boundary_prior) for pool in (1, 1, 2, 2))
        self.mixers = nn.ModuleList(ConvNormAct(3 * width, width) for _ in range(4))
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 3, padding=1) for _ in range(6))
        self.shallow_embed = nn.Conv2d(6, width, 4, stride=4)
        self.shallow_mix = ConvNormAct(width, width)
        self.upsample1 = ConvNormAct(width, width)
        self.upsample2 = ConvNormAct(width, width)

    def fuse(self, image: Stream, depth: Stream, patch: Stream) -> Fused:
        """Join the streams level by level, each guided by the side logits of the level before."""
        size = size_of(patch.glob)
        side = self.heads[5](resize_to_corners(image.glob, size) + resize_to_corners(depth.glob, size) + patch.glob)
        sides = [side]
        streams = (image, depth, patch)
        fused: tuple[torch.Tensor, ...] = (image.glob, depth.glob, patch.glob)
        for fusion, level in zip(self.fusions, (4, 3, 2, 1), strict=True):
            features = [stream.levels[level - 1] for stream in streams]
            joined = [
                torch.cat([resize_to_corners(before, size_of(feature)), feature], 1)
                for before, feature in zip(fused, features, strict=True)
            ]
            fused = fusion(*joined, side)
            together = torch.cat([resize_to_corners(x, size_of(features[2])) for x in fused], 1)
            mixed = self.mixers[level - 1](together)
            side = self.heads[level](mixed)
            sides.append(side)
        return Fused(together, mixed, tuple(reversed(sides)))

    def draw(self, mixed: torch.Tensor, full: torch.Tensor) -> torch.Tensor:
        """The finest fused map (B, width, H/4, W/4) and the input itself become logits (B, 1, H, W)."""
        H, W = size_of(full)
        shallow = self.shallow_mix(self.shallow_embed(resize_to_corners(full, (4 * H, 4 * W))))
        half = (2 * mixed.shape[2], 2 * mixed.shape[3])
        x = self.upsample1(resize_to_corners(mixed, half) + resize_to_corners(shallow, half))
        x = self.upsample2(resize_to_corners(x, (2 * half[0], 2 * half[1])) + shallow)
        logits: torch.Tensor = self.heads[0](x)
        return logits


def cut_patches(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) -> (64 * B, C, H / 8, W / 8); all images' first patch, then all images' second."""
    B, C, H, W = x.shape
    n = PATCHES_PER_SIDE
    cells = x.view(B, C, n, H // n, n, W // n).permute(2, 4, 0, 1, 3, 5)
    return cells.reshape(n * n * B, C, H // n, W // n)


def join_patches(patches: torch.Tensor) -> torch.Tensor:
    """Undo `cut_patches`: (64 * B, C, h, w) -> (B, C, 8 * h, 8 * w)."""
    count, C, h, w = patches.shape
    n = PATCHES_PER_SIDE
    cells = patches.view(n, n, count // (n * n), C, h, w).permute(2, 3, 0, 4, 1, 5)
    return cells.reshape(-1, C, n * h, n * w)


class PDFNet(nn.Module):
    """The whole network; its sizes are those of its parts.

    `backbone` maps (B, 3, H, W) to four maps of `channels` at strides 4, 8, 16 and 32. `width` is the number of
    channels everywhere behind it. `boundary_prior` is the one piece in which the published revisions differ.
    """

    def __init__(
        self, backbone: nn.Module, *, channels: Sequence[int], width: int = 128, boundary_prior: nn.Module
    ) -> None:
        super().__init__()
        self.encoder = Encoder(backbone, channels, width)
        self.decoder = Decoder(width, boundary_prior)

    def forward(self, image: torch.Tensor, depth: torch.Tensor) -> PDFNetOutput:
        """Find the subject.

        `image` (B, 3, H, W) float, ImageNet-normalised; `depth` (B, 1, H, W) in [0, 1], near = large; H and W multiples
        of 256, so that every patch still has a pixel at stride 32.
        """
        fused, full = self.fuse(image, depth)
        mixed, sides = fused.mixed, fused.sides
        del fused  # its streams would live through the head, and that is where memory peaks
        return PDFNetOutput(self.decoder.draw(mixed, full), sides)

    def fuse(self, image: torch.Tensor, depth: torch.Tensor) -> tuple[Fused, torch.Tensor]:
        """All of `forward` but the head, and what the head takes besides: (B, 6, H, W), image and depth."""
        H, W = size_of(image)
        if H % 256 or W % 256:
            raise ValueError(f"PDFNet takes inputs whose sides are multiples of 256, not {H} x {W}")
        depth = depth.expand(-1, 3, -1, -1)
        half = (H // 2, W // 2)
        both = self.encoder(torch.cat([resize_to_corners(image, half), resize_to_corners(depth, half)]))
        image_levels, depth_levels = zip(*(level.chunk(2) for level in both.levels), strict=True)
        image_glob, depth_glob = both.glob.chunk(2)
        fused = self.decoder.fuse(
            Stream(list(image_levels), image_glob), Stream(list(depth_levels), depth_glob), self.encode_patches(image)
        )
        return fused, torch.cat([image, depth], 1)

    def encode_patches(self, image: torch.Tensor) -> Stream:
        """The full-size image patch by patch, each level joined to one map again (section 3.1)."""
        pieces = self.encoder(cut_patches(image))
        return Stream([join_patches(level) for level in pieces.levels], join_patches(pieces.glob))
