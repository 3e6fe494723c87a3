"""BiRefNet in operators that every runtime has."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.backbones import plain_swin
from dis_core.models.birefnet.deformable import DeformableConv, OnRows
from dis_core.models.exportable import Matte
from dis_core.models.replacing import replace_modules
from dis_core.models.resample import size_of


class PlainDeformableConv(nn.Module):
    """`DeformableConv` by sampling a grid, a row of the kernel's taps at a time.

    ONNX has an operator for the whole of it, but few programs know that one. All taps at once would be less to write
    and, for a kernel of 7 x 7, seven times the memory.
    """

    def __init__(self, layer: DeformableConv) -> None:
        super().__init__()
        self.offsets = layer.offsets
        self.modulation = layer.modulation
        self.product = layer.product

    def forward(self, x: torch.Tensor, then: OnRows) -> torch.Tensor:
        """(B, C, H, W) -> what `then` makes of (B, out, H, W)."""
        offsets, modulation = self.offsets(x), 2 * self.modulation(x).sigmoid()
        weight = self.product.weight
        kernel = weight.shape[-1]
        total = self.product.bias[:, None, None]
        for row in range(kernel):
            taps = slice(row * kernel, (row + 1) * kernel)
            own_offsets = offsets[:, 2 * taps.start : 2 * taps.stop].float()
            samples = samples_of_row(x, own_offsets, row - kernel // 2) * modulation[:, None, taps]
            total = total + F.conv2d(samples.flatten(1, 2), weight[:, :, row].flatten(1)[:, :, None, None])
        return then(total)


def samples_of_row(x: torch.Tensor, offsets: torch.Tensor, down: int) -> torch.Tensor:
    """What the taps of one row of a kernel find in a map: (B, C, taps, H, W); outside of it is zero.

    `x` (B, C, H, W); `offsets` (B, 2 * taps, H, W) float32 in pixels, (y, x) for each tap; `down` is how many pixels
    below the middle of the kernel the row is.
    """
    H, W = size_of(x)
    taps = offsets.shape[1] // 2
    rows = torch.arange(H, device=x.device)[:, None] + down
    columns = torch.arange(W, device=x.device) + (torch.arange(taps, device=x.device) - taps // 2)[:, None, None]
    # In float32 whatever the type of the rest: in half precision coordinates are whole pixels off in wide maps.
    y = as_share(offsets[:, 0::2] + rows, H)
    across = as_share(offsets[:, 1::2] + columns, W)
    grid = torch.stack([across, y], -1).flatten(1, 2)  # (B, taps, H, W, 2) -> (B, taps * H, W, 2)
    found = F.grid_sample(x.float(), grid, padding_mode="zeros", align_corners=False)
    return found.to(x.dtype).view(*x.shape[:2], taps, H, W)


def as_share(pixels: torch.Tensor, length: int) -> torch.Tensor:
    """Centers of pixels as grid sampling counts them: -1 and 1 are the outer edges of the map."""
    return (2 * pixels + 1) / length - 1


def matte(network: nn.Module) -> nn.Module:
    """The network, changed in place, as a module whose answer is the matte."""
    replace_modules(network, DeformableConv, PlainDeformableConv)
    plain_swin.in_plain_operators(network)
    return Matte(network)
