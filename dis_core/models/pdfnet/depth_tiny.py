"""depth-tiny, the embedded depth model: a small convolutional network for a rough idea of what is near.

It stands in for Depth Anything where no weights can be downloaded: an EfficientNet-Lite0 without its last level looks
at the image, its coarsest map is widened to the whole picture, and the levels are joined from coarse to fine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from dis_core.device import run_on
from dis_core.models.backbones.efficientnet import CHANNELS, folded_backbone
from dis_core.models.pdfnet.network import ConvNormAct
from dis_core.models.progress_hooks import Stages
from dis_core.models.resample import resize_by_area, shrink_smoothly, size_of
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD, to_array, to_tensor
from dis_core.models.unfilled import unfilled
from dis_core.progress import Report, ignore
from dis_core.protocols import Placement
from dis_core.weights.checkpoint import load_strictly

SIDE_PX = 256
BACKBONE: Final = "efficientnet-lite0"


class DepthTiny(nn.Module):
    """Three levels of a backbone, strides 4, 8 and 16, to one map at stride 4."""

    def __init__(self, backbone: nn.Module, channels: Sequence[int], width: int = 48) -> None:
        super().__init__()
        self.backbone = backbone
        self.narrow = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.whole = nn.Conv2d(channels[-1], width, 1)
        self.around = nn.ModuleList(nn.Conv2d(width, width, 3, padding=reach, dilation=reach) for reach in (1, 2, 4))
        self.join = nn.ModuleList(ConvNormAct(width, width) for _ in channels)
        self.head = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W), ImageNet-normalized -> relative inverse depth (B, 1, H/4, W/4) in (0, 1), near = large."""
        *finer, coarsest = self.backbone(x)
        # What the whole picture shows says where the horizon is; no window of a few cells does.
        x = self.narrow[-1](coarsest) + self.whole(coarsest.mean((2, 3), keepdim=True))
        for around in self.around:
            x = x + F.silu(around(x))
        x = self.join[-1](x)
        for level in reversed(range(len(finer))):
            x = resize_by_area(x, size_of(finer[level])) + self.narrow[level](finer[level])
            x = self.join[level](x)
        out: torch.Tensor = self.head(x).float().sigmoid()
        return out


def network() -> DepthTiny:
    """The network of the embedded weights: 1.0 M parameters."""
    return DepthTiny(folded_backbone(BACKBONE, levels=3), CHANNELS[BACKBONE][:3])


class DepthTinyEstimator:
    """The loaded network, which takes and returns arrays."""

    def __init__(self, network: nn.Module, *, placement: Placement) -> None:
        self.network = network
        self.placement = placement
        self.stages = Stages(network)

    def __call__(self, image: NDArray[np.float32], *, report: Report = ignore) -> NDArray[np.float32]:
        """Estimate the depth of `image`, (H, W, 3) float32 sRGB in [0, 1].

        Returns relative inverse depth, (H, W) float32 in [0, 1], near = large.
        """
        report(0.0, "estimating depth")
        with run_on(self.placement), self.stages.reporting(report, "estimating depth"):
            x = (shrink_smoothly(to_tensor(image), (SIDE_PX, SIDE_PX)) - IMAGENET_MEAN) / IMAGENET_STD
            depth = self.network(x.to(self.placement.device)).float().cpu()
            full = resize_by_area(depth, (image.shape[0], image.shape[1]))
        report(1.0, "estimating depth")
        return to_array(full)


def load_network(weights: Path, *, placement: Placement) -> DepthTiny:
    """The embedded network from a verified file."""
    with unfilled():
        empty = network()
    load_strictly(empty, weights)
    return empty.eval().to(placement.device)


def load(weights: Path, *, placement: Placement) -> DepthTinyEstimator:
    """The same as an estimator."""
    return DepthTinyEstimator(load_network(weights, placement=placement), placement=placement)
