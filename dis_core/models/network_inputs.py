"""What the networks of several families take, as declarations; nothing here imports torch."""

from __future__ import annotations

from typing import Final

from dis_core.model_spec import NetworkInput

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)

TO_CORNERS: Final = "bilinear, centers of the corner pixels fixed"
ANTIALIASED: Final = "bilinear, antialiased"

LOGITS: Final = "logits, (B, 1, H, W): their sigmoid is the matte"

DEPTH: Final = "relative inverse depth, near = large"


def imagenet_image(resize: str = ANTIALIASED) -> NetworkInput:
    """The image with ImageNet's statistics taken out, which most networks take."""
    return NetworkInput("image", IMAGENET_MEAN, IMAGENET_STD, "the image: red, green and blue, sRGB-encoded", resize)
