"""PDFNet: image, pseudo depth and native-resolution patches through one backbone, fused from coarse to fine.

Liu, Fu and Zhao, "High-Precision Dichotomous Image Segmentation via Depth Integrity-Prior and Fine-Grained Patch
Strategy" (arXiv 2503.06100). B, C, H and W are as usual; the four levels of a stream are called 1 (finest, stride 4) to
4 (coarsest, stride 32) after the paper. Every resize in here keeps the corners' centers (`resize_to_corners`): the
published weights were trained so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.resample import Size, resize_to_corners, size_of
from dis_core.models.strips import RowBuffer, Rows, convolved, convolved_in_strips, rows_beneath

PATCHES_PER_SIDE = 8
"""The full-size image is cut into 8 x 8 patches, and so is the boundary map (sections 3.1 and 3.2)."""

PIXELS_AT_ONCE = 512 * 256
"""So many pixels of input go through the backbone at once, unless a network is told otherwise. Such maps are the
fastest on a CPU: they fit into memory that has been used before (docs/explanation/speed.md)."""

STRIPS = 8
"""The decoder works on this many times fewer pixels at once: its maps have 128 channels, not 3."""


class Stream(NamedTuple):
    """Features of one input: four levels, fine to coarse, and their global mixture, all of one width."""

    levels: list[torch.Tensor]
    glob: torch.Tensor


class Fused(NamedTuple):
    """The decoder before its head: the three streams, their mixture (B, width, H/4, W/4), and the side logits."""

    streams: tuple[torch.Tensor, ...]
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
        return F.silu(self.norm(self.conv(x)), inplace=True)


class Encoder(nn.Module):
    """The backbone that all three streams share, with the mixers that bring its four levels to one width.

    So many inputs go through it at once as together have at most `pixels_at_once` pixels.
    """

    def __init__(self, backbone: nn.Module, channels: Sequence[int], width: int, pixels_at_once: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.level_mixers = nn.ModuleList(ConvNormAct(c, width) for c in channels)
        self.glob_mixer = ConvNormAct(4 * width, width)
        self.glob = ConvNormAct(width, width)
        self.pixels_at_once = pixels_at_once

    def forward(self, x: torch.Tensor) -> Stream:
        """(B, 3, H, W) -> levels at strides 4, 8, 16, 32 and the global feature at stride 32."""
        at_once = max(self.pixels_at_once // (x.shape[2] * x.shape[3]), 1)
        parts = [self.levels(part) for part in torch.split(x, at_once)]
        levels = [torch.cat(level) for level in zip(*parts, strict=True)]
        together = torch.cat([resize_to_corners(level, size_of(levels[3])) for level in levels], 1)
        return Stream(levels, self.glob(self.glob_mixer(together)))

    def levels(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The four levels, of one width."""
        return [mix(feature) for mix, feature in zip(self.level_mixers, self.backbone(x), strict=True)]


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
        x = x + self.norm2(self.down(F.silu(self.gate(x), inplace=True) * self.up(x)))
        B, C, H, W = query.shape
        out: torch.Tensor = x.reshape(B, H, W, C).permute(0, 3, 1, 2)  # (B, H * W, C) -> (B, C, H, W)
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

    def __init__(self, width: int, pool: int, boundary_prior: nn.Module, strip_px: int) -> None:
        super().__init__()
        self.strip_px = strip_px
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
        self, coarser: Sequence[torch.Tensor], level: Sequence[torch.Tensor], side: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Fuse image, depth and patch features, (B, width, h, w) in and out, the patches' at a size of their own.

        `level` are this level's features and `coarser` what the block before made of its own, of any size; `side` is
        the side logit before.
        """
        image_size, depth_size, patch_size = map(size_of, level)
        probability = side.sigmoid()
        _, integrity, gain = self.boundary_prior(probability)
        whole = resize_to_corners(side, depth_size).sigmoid() + resize_to_corners(integrity, depth_size)
        guides = (
            resize_to_corners(probability, image_size),
            resize_to_corners(probability, depth_size) * whole,
            resize_to_corners(probability, patch_size) * spread_cells(gain, patch_size),
        )
        image, depth, patch = (
            self.enter(mix, before, here, guide)
            for mix, before, here, guide in zip(
                (self.image_in, self.depth_in, self.patch_in), coarser, level, guides, strict=True
            )
        )

        small_image, small_depth, small_patch = (F.avg_pool2d(x, self.pool) for x in (image, depth, patch))
        fused_patch = self.patch_from_both(small_patch, [small_image, small_depth])
        fused_image = self.image_from_patch(image, [fused_patch])  # the image alone keeps its full size
        fused_depth = self.depth_from_both(small_depth, [small_image, small_patch])
        fused_image = self.image_from_depth(fused_image, [fused_depth])
        return (
            fused_image + image,
            resize_to_corners(fused_depth, depth_size) + depth,
            resize_to_corners(fused_patch, patch_size) + patch,
        )

    def enter(self, mix: nn.Module, before: torch.Tensor, here: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        """Features of the level before and of this one, weighted by a guide (B, 1, h, w), mixed to (B, width, h, w)."""
        size = size_of(here)

        def joined(rows: slice) -> torch.Tensor:
            return torch.cat([Rows.all_of(before).resized(size, rows), here[:, :, rows]], 1) * guide[:, :, rows]

        return convolved_in_strips(mix, joined, size, pixels_at_once=self.strip_px)


def spread_cells(cells: torch.Tensor, size: Size) -> torch.Tensor:
    """Enlarge (B, 1, 8, 8) so that each cell fills its eighth of the map: (B, 1, *size)."""
    tall = cells.repeat_interleave(size[0] // PATCHES_PER_SIDE, 2)
    return tall.repeat_interleave(size[1] // PATCHES_PER_SIDE, 3)


class Decoder(nn.Module):
    """Fuses the three streams from coarse to fine and draws the matte at the input's size (section 3.2)."""

    def __init__(self, width: int, boundary_prior: nn.Module, strip_px: int) -> None:
        super().__init__()
        self.strip_px = strip_px
        self.fusions = nn.ModuleList(FusionBlock(width, pool, boundary_prior, strip_px) for pool in (1, 1, 2, 2))
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
        fused: tuple[torch.Tensor, ...] = (image.glob, depth.glob, patch.glob)
        for fusion, level in zip(self.fusions, (4, 3, 2, 1), strict=True):
            fused = fusion(fused, [stream.levels[level - 1] for stream in (image, depth, patch)], side)
            mixed = self.mix(fused, level)
            side = self.heads[level](mixed)
            sides.append(side)
        return Fused(fused, mixed, tuple(reversed(sides)))

    def mix(self, streams: Sequence[torch.Tensor], level: int) -> torch.Tensor:
        """The three streams as one map of `width` channels, of the patches' size."""
        size = size_of(streams[2])
        return convolved_in_strips(
            self.mixers[level - 1],
            lambda rows: torch.cat([Rows.all_of(x).resized(size, rows) for x in streams], 1),
            size,
            pixels_at_once=self.strip_px,
        )

    def draw(self, mixed: torch.Tensor, full: torch.Tensor) -> torch.Tensor:
        """The finest fused map (B, width, H/4, W/4) and the input itself become logits (B, 1, H, W).

        Strip by strip from the input to the logits: no map of `width` channels ever exists as a whole at full size.
        """
        size = H, _ = size_of(full)
        half = (2 * mixed.shape[2], 2 * mixed.shape[3])
        shallow = RowBuffer(H, lambda rows: self.look_at_input(full, rows))

        def half_size(rows: slice) -> torch.Tensor:
            beneath = shallow.rows(rows_beneath(rows, half[0], H))
            return Rows.all_of(mixed).resized(half, rows) + beneath.resized(half, rows)

        deep = RowBuffer(half[0], lambda rows: convolved(self.upsample1, half_size, rows, half[0]))

        def full_size(rows: slice) -> torch.Tensor:
            beneath = deep.rows(rows_beneath(rows, H, half[0]))
            return beneath.resized(size, rows) + shallow.rows(rows).cut(rows)

        fine = RowBuffer(H, lambda rows: convolved(self.upsample2, full_size, rows, H))
        return convolved_in_strips(
            self.heads[0], lambda rows: fine.rows(rows).cut(rows), size, pixels_at_once=self.strip_px
        )

    def look_at_input(self, full: torch.Tensor, rows: slice) -> torch.Tensor:
        """Rows of the input's own features, `width` channels at full size, made from the input enlarged four times."""
        H, W = size_of(full)

        def embedded(rows: slice) -> torch.Tensor:
            enlarged = Rows.all_of(full).resized((4 * H, 4 * W), slice(4 * rows.start, 4 * rows.stop))
            out: torch.Tensor = self.shallow_embed(enlarged)
            return out

        return convolved(self.shallow_mix, embedded, rows, H)


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
    channels everywhere behind it. `boundary_prior` is the only part that differs between the published revisions.
    `pixels_at_once` decides about memory and speed only.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        channels: Sequence[int],
        width: int = 128,
        boundary_prior: nn.Module,
        pixels_at_once: int = PIXELS_AT_ONCE,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(backbone, channels, width, pixels_at_once)
        self.decoder = Decoder(width, boundary_prior, pixels_at_once // STRIPS)

    def forward(self, image: torch.Tensor, depth: torch.Tensor) -> PDFNetOutput:
        """Find the subject.

        `image` (B, 3, H, W) float, ImageNet-normalized; `depth` (B, 1, H, W) in [0, 1], near = large; H and W multiples
        of 256, so that every patch still has a pixel at stride 32.
        """
        fused, full = self.fuse(image, depth)
        mixed, sides = fused.mixed, fused.sides
        del fused  # its streams would live through the head, and that is where memory peaks
        return PDFNetOutput(self.decoder.draw(mixed, full), sides)

    def fuse(self, image: torch.Tensor, depth: torch.Tensor) -> tuple[Fused, torch.Tensor]:
        """All of `forward` but the head, and the other input of the head: (B, 6, H, W), image and depth."""
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
        return fused, torch.cat([image, depth], 1).contiguous(memory_format=torch.channels_last)

    def encode_patches(self, image: torch.Tensor) -> Stream:
        """The full-size image patch by patch, each level joined to one map again (section 3.1)."""
        pieces = self.encoder(cut_patches(image))
        return Stream([join_patches(level) for level in pieces.levels], join_patches(pieces.glob))
