"""BiRefNet in operators that every runtime has."""

from __future__ import annotations

import numpy as np
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
        self.kernel = layer.product.weight.shape[-1]
        self.bias = nn.Parameter(layer.product.bias[:, None, None].detach())
        rows = layer.product.weight.detach().unbind(2)
        self.rows = nn.ParameterList(row.flatten(1)[:, :, None, None].contiguous() for row in rows)

    def forward(self, x: torch.Tensor, then: OnRows) -> torch.Tensor:
        """(B, C, H, W) -> what `then` makes of (B, out, H, W)."""
        H, W = size_of(x)
        grids = torch.split(self.grid_of(self.offsets(x).float()), self.kernel, 1)
        modulations = torch.split((2 * self.modulation(x).sigmoid())[:, None], self.kernel, 2)
        total: torch.Tensor = self.bias
        for grid, modulation, weight in zip(grids, modulations, self.rows, strict=True):
            found = F.grid_sample(x.float(), grid.flatten(1, 2), padding_mode="zeros", align_corners=False)
            samples = found.to(x.dtype).view(*x.shape[:2], self.kernel, H, W) * modulation
            total = total + F.conv2d(samples.flatten(1, 2), weight)
        return then(total)

    def grid_of(self, offsets: torch.Tensor) -> torch.Tensor:
        """Where the taps look, (B, taps, H, W, 2), (x, y); -1 and 1 are the outer edges of the map.

        `offsets` (B, 2 * taps, H, W) are in pixels, (y, x) for each tap; in float32 whatever the type of the rest,
        because in half precision coordinates are whole pixels off in wide maps.
        """
        B, _, H, W = offsets.shape
        moved = offsets.view(B, -1, 2, H, W).permute(0, 1, 3, 4, 2).flip(-1)
        tap = np.arange(self.kernel**2)[:, None, None]
        down = np.arange(H)[:, None] + tap // self.kernel - self.kernel // 2
        right = np.arange(W) + tap % self.kernel - self.kernel // 2
        still = np.stack(np.broadcast_arrays((2 * right + 1) / W - 1, (2 * down + 1) / H - 1), -1)
        share = np.array([2 / W, 2 / H])
        return moved * constant(share, offsets) + constant(still, offsets)


def constant(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], beside: torch.Tensor) -> torch.Tensor:
    """The values as float32 where a tensor is; numpy computes them, so that they are constants of a graph."""
    return torch.from_numpy(values.astype(np.float32)).to(beside.device)


def matte(network: nn.Module) -> nn.Module:
    """The network, changed in place, as a module whose answer is the matte."""
    replace_modules(network, DeformableConv, PlainDeformableConv)
    plain_swin.in_plain_operators(network)
    return Matte(network)
