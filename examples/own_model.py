"""Run a network of your own, without a package around it: python own_model.py flower.jpg mask.png

It is a poor one, which takes warm colors for the subject. Put in its place what you have trained.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

import dis_core
from dis_core.plugins import DepthEstimator, ModelSpec, Placement, SquareSegmenter, load_strictly, shrink_smoothly


def warmth() -> nn.Module:
    """An image (B, 3, H, W) in [0, 1] becomes logits (B, 1, H, W); more than 0 is the subject."""
    return nn.Conv2d(3, 1, 1)


def load(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> SquareSegmenter:
    network = warmth()
    load_strictly(network, weights)
    network.eval().to(placement.device)
    # The network sees images that were shrunk to 256 x 256. Tiles, edges and cutouts are dis-core's.
    return SquareSegmenter(network, side_px=256, placement=placement, to_input=shrink_smoothly)


if __name__ == "__main__":
    trained = {"weight": torch.tensor([4.0, 1.0, -5.0]).view(1, 3, 1, 1), "bias": torch.tensor([-0.5])}
    save_file(trained, "warm.safetensors")
    spec = ModelSpec(name="warm", summary="what is warm in color", license="MIT", commercial_use="yes")
    dis_core.register_model(spec, loader=load, weights="warm.safetensors")
    dis_core.segment(sys.argv[1], model="warm").save(sys.argv[2], overwrite=True)
