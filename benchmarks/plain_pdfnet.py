"""PDFNet as one would write it down first: the yardstick for speed and memory.

The arithmetic is that of the paper and of `dis_core.models.pdfnet.network`, whose parameters it takes; nothing is saved
anywhere. All windows are padded, and padded tokens get query, key and value like others; attention weights exist as
tensors; image and depth, and all 64 patches, go through the backbone at once; every feature lives until the end; the
head enlarges the six-channel input four times and works on whole maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F

from dis_core.models.backbones.swin import REGION_PENALTY, Block, PatchMerging, Swin
from dis_core.models.pdfnet.network import (
    ConvNormAct,
    CrossAttention,
    Decoder,
    Encoder,
    FusionBlock,
    PDFNet,
    Stream,
    cut_patches,
    join_patches,
    spread_cells,
)
from dis_core.models.resample import resize_bicubic, resize_to_corners, size_of


def plain_logits(network: PDFNet, image: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """What `network(image, depth).logits` is, (B, 1, H, W), computed the plain way."""
    H, W = size_of(image)
    depth = depth.repeat(1, 3, 1, 1)
    whole = [resize_to_corners(x, (H // 2, W // 2)) for x in (image, depth)]
    both = encode(network.encoder, torch.cat(whole))
    streams = [Stream([level.chunk(2)[i] for level in both.levels], both.glob.chunk(2)[i]) for i in range(2)]
    pieces = encode(network.encoder, cut_patches(image))
    streams.append(Stream([join_patches(level) for level in pieces.levels], join_patches(pieces.glob)))
    return decode(network.decoder, streams, torch.cat([image, depth], 1))


def mix(block: ConvNormAct, x: torch.Tensor) -> torch.Tensor:
    """3x3 convolution, RMSNorm over channels, SiLU, each a tensor of its own."""
    x = block.conv(x)
    mean_square = x.float().pow(2).mean(1, keepdim=True)
    x = x * torch.rsqrt(mean_square + block.norm.eps) * block.norm.weight[:, None, None]
    return x * torch.sigmoid(x)


def encode(encoder: Encoder, x: torch.Tensor) -> Stream:
    """The backbone's four levels at one width, and their global mixture."""
    features = backbone(cast("Swin", encoder.backbone), x)
    levels = [mix(cast("ConvNormAct", mixer), f) for mixer, f in zip(encoder.level_mixers, features, strict=True)]
    together = torch.cat([resize_to_corners(level, size_of(levels[3])) for level in levels], 1)
    return Stream(levels, mix(encoder.glob, mix(encoder.glob_mixer, together)))


def backbone(swin: Swin, x: torch.Tensor) -> list[torch.Tensor]:
    """The four stages, every window of the padded map in full."""
    x = swin.patch_norm(swin.patch_embed(x).permute(0, 2, 3, 1))
    if swin.position is not None:
        x = x + resize_bicubic(swin.position, (x.shape[1], x.shape[2])).permute(0, 2, 3, 1)
    features = []
    for stage, blocks in enumerate(swin.stages):
        if stage:
            x = merge(cast("PatchMerging", swin.merges[stage - 1]), x)
        for block in cast("Sequence[Block]", blocks):
            x = x + attend(block, block.norm1(x))
            hidden = F.gelu(linear(block.mlp[0], block.norm2(x)))
            x = x + linear(block.mlp[2], hidden)
        features.append(swin.norms[stage](x).permute(0, 3, 1, 2))
    return features


def linear(layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A linear layer as a matrix product."""
    layer = cast("torch.nn.Linear", layer)
    return F.linear(x, layer.weight, layer.bias)


def merge(merging: PatchMerging, x: torch.Tensor) -> torch.Tensor:
    """Four neighbors become one token."""
    x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
    corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
    return linear(merging.reduction, merging.norm(torch.cat(corners, -1)))


def attend(block: Block, x: torch.Tensor) -> torch.Tensor:
    """Padded, rolled window attention with its weights materialised."""
    B, H, W, _ = x.shape
    attention = block.attention
    window = attention.window
    x = F.pad(x, (0, 0, 0, -W % window, 0, -H % window))
    height, width = x.shape[1], x.shape[2]
    mask = torch.zeros(1)
    if block.shift:
        x = x.roll((-block.shift, -block.shift), (1, 2))
        mask = region_mask(height, width, window, block.shift).to(x.device)[:, None].repeat(B, 1, 1, 1)
    windows = partition(x, window)
    count, N, C = windows.shape
    qkv = (
        linear(attention.qkv, windows)
        .reshape(count, N, 3, attention.heads, C // attention.heads)
        .permute(2, 0, 3, 1, 4)
    )
    query, key, value = qkv.unbind(0)
    weights = query * query.shape[-1] ** -0.5 @ key.transpose(-2, -1) + attention.position_bias() + mask
    out = torch.softmax(weights, -1) @ value
    out = linear(attention.proj, out.transpose(1, 2).reshape(count, N, C))
    x = join(out, height, width, window)
    if block.shift:
        x = x.roll((block.shift, block.shift), (1, 2))
    return x[:, :H, :W].contiguous()


def partition(x: torch.Tensor, window: int) -> torch.Tensor:
    """Cut (B, H, W, C) into (B * windows, window * window, C), row by row."""
    B, H, W, C = x.shape
    cells = x.view(B, H // window, window, W // window, window, C).transpose(2, 3)
    return cells.reshape(-1, window * window, C)


def join(windows: torch.Tensor, height: int, width: int, window: int) -> torch.Tensor:
    """Undo `partition`: (B * windows, window * window, C) -> (B, H, W, C)."""
    cells = windows.view(-1, height // window, width // window, window, window, windows.shape[-1]).transpose(2, 3)
    return cells.reshape(-1, height, width, windows.shape[-1])


def region_mask(height: int, width: int, window: int, shift: int) -> torch.Tensor:
    """(windows, N, N): 0 between tokens of one region of the shifted map, `REGION_PENALTY` between others."""

    def region_along(length: int) -> torch.Tensor:
        position = torch.arange(length)
        return (position >= length - window).long() + (position >= length - shift).long()

    region = 3 * region_along(height)[:, None] + region_along(width)[None, :]
    windows = partition(region[None, :, :, None], window).flatten(1)  # (windows, N)
    return REGION_PENALTY * (windows[:, :, None] != windows[:, None, :])


def decode(decoder: Decoder, streams: Sequence[Stream], full: torch.Tensor) -> torch.Tensor:
    """From the three streams, coarse to fine, to the logits."""
    size = size_of(streams[2].glob)
    side = decoder.heads[5](sum(resize_to_corners(stream.glob, size) for stream in streams))
    fused = [stream.glob for stream in streams]
    for block, level in zip(decoder.fusions, (4, 3, 2, 1), strict=True):
        features = [stream.levels[level - 1] for stream in streams]
        joined = [
            torch.cat([resize_to_corners(x, size_of(feature)), feature], 1)
            for x, feature in zip(fused, features, strict=True)
        ]
        image, depth, patch = joined
        fused = fuse(cast("FusionBlock", block), image, depth, patch, side)
        together = torch.cat([resize_to_corners(x, size_of(fused[2])) for x in fused], 1)
        mixed = mix(cast("ConvNormAct", decoder.mixers[level - 1]), together)
        side = decoder.heads[level](mixed)
    H, W = size_of(full)
    shallow = mix(decoder.shallow_mix, decoder.shallow_embed(resize_to_corners(full, (4 * H, 4 * W))))
    half = (2 * mixed.shape[2], 2 * mixed.shape[3])
    x = mix(decoder.upsample1, resize_to_corners(mixed, half) + resize_to_corners(shallow, half))
    x = mix(decoder.upsample2, resize_to_corners(x, (H, W)) + shallow)
    logits: torch.Tensor = decoder.heads[0](x)
    return logits


def fuse(
    block: FusionBlock, image: torch.Tensor, depth: torch.Tensor, patch: torch.Tensor, side: torch.Tensor
) -> list[torch.Tensor]:
    """Fine-grained perception between the streams at one level."""
    probability = side.sigmoid()
    _, integrity, gain = block.boundary_prior(probability)
    image, depth, patch = (x * resize_to_corners(probability, size_of(x)) for x in (image, depth, patch))
    whole = resize_to_corners(side, size_of(depth)).sigmoid() + resize_to_corners(integrity, size_of(depth))
    image, depth = mix(block.image_in, image), mix(block.depth_in, depth * whole)
    patch = mix(block.patch_in, patch * spread_cells(gain, size_of(patch)))
    small_image, small_depth, small_patch = (F.avg_pool2d(x, block.pool) for x in (image, depth, patch))
    fused_patch = cross(block.patch_from_both, small_patch, [small_image, small_depth])
    fused_image = cross(block.image_from_patch, image, [fused_patch])
    fused_depth = cross(block.depth_from_both, small_depth, [small_image, small_patch])
    fused_image = cross(block.image_from_depth, fused_image, [fused_depth])
    grown = [resize_to_corners(x, size_of(y)) for x, y in ((fused_depth, depth), (fused_patch, patch))]
    return [fused_image + image, grown[0] + depth, grown[1] + patch]


def cross(attention: CrossAttention, query: torch.Tensor, others: Sequence[torch.Tensor]) -> torch.Tensor:
    """One-head attention with its weights materialised, then the SwiGLU."""
    x = query.flatten(2).transpose(1, 2)
    context = torch.cat([other.flatten(2).transpose(1, 2) for other in others], 1)
    to_query, to_key, to_value = attention.in_proj.chunk(3)
    weights = torch.softmax(x @ to_query.T @ (context @ to_key.T).transpose(1, 2) * x.shape[2] ** -0.5, -1)
    x = x + attention.norm1(attention.out_proj(weights @ (context @ to_value.T)))
    x = x + attention.norm2(attention.down(F.silu(attention.gate(x)) * attention.up(x)))
    out: torch.Tensor = x.transpose(1, 2).reshape(query.shape)
    return out
