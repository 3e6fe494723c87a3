"""Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", CVPR 2019) in plain torch.

Each tap of the kernel looks where an offset of its own points, between four pixels, and what it finds is weighted. So a
sample is a weighted sum of four rows of a table that has one row per pixel, which is what torch's `embedding_bag` does
at the speed of memory; the samples of a few rows of the map then go through one matrix product. On CPUs this takes a
fraction of the time of torchvision's operator (docs/explanation/birefnet.md).
"""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.resample import size_of

logger = logging.getLogger(__name__)

SAMPLES_AT_ONCE = 2**15
"""So many samples are taken before they are multiplied with the kernel; 64 channels wide they are 8 MiB, which are
still near the processor when they are needed. All samples of a map would be gigabytes."""

MOST_GATHERED_BYTES = 2**29
"""torchvision's operator keeps all samples of an image; where they are more than this, they are taken in strips."""

OnRows = Callable[[torch.Tensor], torch.Tensor]
"""Takes rows of a map, (B, C, rows, W), and makes something of each pixel: rows again, as many and as long."""


class TapProduct(nn.Module):
    """The kernel of a convolution, `weight` (out, in, k, k) and `bias` (out,), for inputs that were gathered before."""

    def __init__(self, channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """(B, rows, W, k * k * in), tap by tap, -> (B, out, rows, W)."""
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # (out, in, k, k) -> (out, k * k * in)
        return F.conv2d(samples.permute(0, 3, 1, 2), weight[:, :, None, None], self.bias)


class DeformableConv(nn.Module):
    """A k x k convolution, odd k, whose taps look where the map itself tells them to, and as much as it tells them."""

    def __init__(self, channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.offsets = nn.Conv2d(channels, 2 * kernel**2, kernel, padding=kernel // 2)
        self.modulation = nn.Conv2d(channels, kernel**2, kernel, padding=kernel // 2)
        self.product = TapProduct(channels, out_channels, kernel)

    def forward(self, x: torch.Tensor, then: OnRows) -> torch.Tensor:
        """(B, C, H, W) -> what `then` makes of (B, out, H, W), which need not exist as a whole."""
        offsets, modulation = self.offsets(x), 2 * self.modulation(x).sigmoid()
        compiled = compiled_operator(x.device.type)
        gathered_bytes = 4 * modulation[0].numel() * x.shape[1]
        if compiled is None or gathered_bytes > MOST_GATHERED_BYTES:
            return deformable_conv(x, offsets, modulation, lambda samples: then(self.product(samples)))
        return then(compiled(x, offsets, modulation, self.product))


Deform = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, TapProduct], torch.Tensor]
"""(x, offsets, modulation, product) -> (B, out, H, W)."""


def deformable_conv(x: torch.Tensor, offsets: torch.Tensor, modulation: torch.Tensor, product: OnRows) -> torch.Tensor:
    """The convolution with its taps moved by `offsets`; outside of the map is zero.

    `product` is a `TapProduct`, or begins with one.

    `x` (B, C, H, W); `offsets` (B, 2 * taps, H, W) in pixels, (y, x) for each tap, taps row by row of the kernel;
    `modulation` (B, taps, H, W).
    """
    H, W = size_of(x)
    # Coordinates in float32 whatever the type of the rest: in half precision they are whole pixels off in wide maps.
    table = x.permute(0, 2, 3, 1).float().contiguous()
    count = max(SAMPLES_AT_ONCE // (modulation.shape[1] * W * len(x)), 1)
    strips = [slice(top, min(top + count, H)) for top in range(0, H, count)]
    return torch.cat([product(samples_of(table, offsets, modulation, rows)) for rows in strips], 2)


def samples_of(table: torch.Tensor, offsets: torch.Tensor, modulation: torch.Tensor, rows: slice) -> torch.Tensor:
    """What the taps find on some rows: (B, rows, W, taps * C), weighted; `table` is the map as (B, H, W, C)."""
    B, H, W, C = table.shape
    taps = modulation.shape[1]
    kernel = round(taps**0.5)
    moved = offsets[:, :, rows].permute(0, 2, 3, 1).float().reshape(B, -1, W, taps, 2)
    weight = modulation[:, :, rows].permute(0, 2, 3, 1).float()
    tap = torch.arange(taps, device=table.device)
    down = torch.arange(rows.start, rows.stop, device=table.device)[:, None, None] + tap // kernel - kernel // 2
    right = torch.arange(W, device=table.device)[:, None] + tap % kernel - kernel // 2
    top, above, below = between(moved[..., 0] + down, H)
    left, before, after = between(moved[..., 1] + right, W)
    above, below = above * weight, below * weight
    first = torch.arange(B, device=table.device)[:, None, None, None] * (H * W) + top * W + left
    # A neighbor outside of the map may get the index of an unrelated pixel; its weight is zero.
    pixels = torch.stack([first, first + 1, first + W, first + W + 1], -1).clamp_(0, B * H * W - 1)
    weights = torch.stack([above * before, above * after, below * before, below * after], -1)
    found = weighted_rows(table.flatten(0, 2), pixels.view(-1, 4), weights.view(-1, 4))
    return found.view(B, rows.stop - rows.start, W, taps * C)


def between(position: torch.Tensor, length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The whole number at or before each position along an axis, and the weights of that pixel and of the next one.

    Pixels outside, before 0 or from `length` on, have the weight zero.
    """
    position = position.clamp(-1, length)
    first = position.floor()
    share = position - first
    inside = (first >= 0) & (first < length)
    next_inside = first < length - 1
    return first.int(), (1 - share) * inside, share * next_inside


def weighted_rows(table: torch.Tensor, numbers: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted sums of rows of a table: (rows, C), (N, n) int32 and (N, n) float32 -> (N, C)."""
    if table.device.type in ("cpu", "cuda"):
        return F.embedding_bag(numbers, table, mode="sum", per_sample_weights=weights)
    return weighted_rows_one_by_one(table, numbers, weights)


def weighted_rows_one_by_one(table: torch.Tensor, numbers: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The same for devices for which older versions of torch lack the operator, such as MPS before 2.10."""
    found = table[numbers[:, 0]] * weights[:, :1]
    for n in range(1, numbers.shape[1]):
        found += table[numbers[:, n]] * weights[:, n : n + 1]
    return found


@functools.cache
def compiled_operator(device: str) -> Deform | None:
    """torchvision's operator if it runs on this type of device and is worth it there, else None.

    Not on CPUs, where `deformable_conv` is several times faster. Whether it runs is tried: torchvision may be absent,
    built for another torch, or built without this device, and says so only when it is imported or called.
    """
    if device != "cuda":
        return None
    try:
        operator = importlib.import_module("torchvision.ops").deform_conv2d
        plane = torch.zeros(1, 1, 1, 1, device=device)
        operator(plane, torch.zeros(1, 2, 1, 1, device=device), plane, mask=plane)
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        logger.info("torchvision's deformable convolution does not run here, and torch alone does it: %s", error)
        return None
    return functools.partial(compiled_deformable_conv, operator)


def compiled_deformable_conv(
    operator: Callable[..., torch.Tensor],  # torchvision's, which is not always there to take its type from
    x: torch.Tensor,
    offsets: torch.Tensor,
    modulation: torch.Tensor,
    product: TapProduct,
) -> torch.Tensor:
    """`deformable_conv` by torchvision's operator, image by image: it keeps the samples of all that it is given."""
    padding = product.weight.shape[-1] // 2
    single = [torch.split(part.float(), 1) for part in (x, offsets, modulation)]
    found = [
        operator(one, moved, product.weight, product.bias, padding=padding, mask=weight)
        for one, moved, weight in zip(*single, strict=True)
    ]
    return torch.cat(found)
