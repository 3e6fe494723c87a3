"""DIS-Lite, the network that comes with the package: one look at the image, a classifier's backbone, a light pyramid.

Maps at strides 4 to 32 of an EfficientNet-Lite are narrowed to one width and joined from coarse to fine (feature
pyramids: Lin et al., arXiv 1612.03144). The mean of the coarsest map tells every place what the whole picture shows.
A last step at stride 2 follows edges with what the image itself shows there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from dis_core.models.resample import resize_by_area, size_of

WIDTH = 64
FINE_WIDTH = 16
MULTIPLE_PX = 32
"""The backbone halves the image five times."""


class Mix(nn.Module):
    """A residual block: a depthwise 5 x 5 convolution that looks around, a 1 x 1 convolution that mixes channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.across = nn.Conv2d(width, width, 1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same shape."""
        mixed: torch.Tensor = self.across(self.act(self.around(x)))
        return x + mixed


class DisLite(nn.Module):
    """(B, 3, H, W), ImageNet-normalized, sides multiples of 32 -> logits (B, 1, H, W).

    `backbone` gives maps of `channels` at strides 4, 8, 16 and 32.
    """

    def __init__(self, backbone: nn.Module, channels: Sequence[int], width: int = WIDTH) -> None:
        super().__init__()
        self.backbone = backbone
        self.narrow = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.whole = nn.Conv2d(channels[-1], width, 1)
        # The coarsest level looks twice: one cell there is a whole part of the subject.
        self.mix = nn.ModuleList(
            nn.Sequential(*(Mix(width) for _ in range(3 if c == channels[-1] else 2))) for c in channels
        )
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 3, padding=1) for _ in channels)
        self.fine_image = nn.Conv2d(3, FINE_WIDTH, 3, stride=2, padding=1)
        self.fine_narrow = nn.Conv2d(width, FINE_WIDTH, 1)
        self.fine_mix = nn.Conv2d(FINE_WIDTH, FINE_WIDTH, 3, padding=1)
        self.fine_head = nn.Conv2d(FINE_WIDTH, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return resize_by_area(self.outputs(image)[0], size_of(image))

    def outputs(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Logits (B, 1, ., .) at strides 2, 4, 8, 16 and 32, fine to coarse: all of them are trained."""
        features = self.backbone(image)
        x = self.narrow[-1](features[-1]) + self.whole(features[-1].mean((2, 3), keepdim=True))
        outputs: list[torch.Tensor] = []
        for level in reversed(range(len(features))):
            if level < len(features) - 1:
                x = resize_by_area(x, size_of(features[level])) + self.narrow[level](features[level])
            x = self.mix[level](x)
            outputs.append(self.sides[level](x))
        fine = self.fine_image(image)
        fine = (fine + resize_by_area(self.fine_narrow(x), size_of(fine))).relu()
        fine = self.fine_mix(fine).relu()
        outputs.append(self.fine_head(fine) + resize_by_area(outputs[-1], size_of(fine)))
        return outputs[::-1]


class BothWays(nn.Module):
    """The mean of two looks of `network`: at the image, and at its mirror image."""

    network: DisLite

    def __init__(self, network: DisLite) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> logits (B, 1, H, W)."""
        plain, mirrored = self.network(torch.cat([image, image.flip(3)])).chunk(2)
        mean: torch.Tensor = (plain + mirrored.flip(3)) / 2
        return mean
