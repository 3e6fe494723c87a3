"""The network, and how an image gets into it; imported when an image is there."""

from pathlib import Path

import torch
from torch import nn

from dis_core.plugins import DepthEstimator, Placement, SquareSegmenter, load_strictly, shrink_smoothly


class Warmth(nn.Module):
    """One number per pixel, from its color and its neighbors': more than 0 is the subject."""

    def __init__(self) -> None:
        super().__init__()
        self.warmth = nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.warmth(x)
        return logits


def load(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> SquareSegmenter:
    network = Warmth()
    load_strictly(network, weights)
    network.eval().to(placement.device)
    return SquareSegmenter(network, side_px=256, placement=placement, to_input=shrink_smoothly)
