"""DIS-Lite, the network that comes with the package: a classifier's backbone, a light pyramid.

Maps at strides 4 to 32 of an EfficientNet-Lite are narrowed to one width and joined from coarse to fine (feature
pyramids: Lin et al., arXiv 1612.03144). What the whole picture shows comes into the coarsest map: by its mean, by the
same backbone's maps of the image at half its size, and by attention among all of its places. A last step at stride 2
follows edges with what the image itself shows there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.resample import resize_by_area, size_of

WIDTH = 64
FINE_WIDTH = 16
MULTIPLE_PX = 64
"""The backbone halves half of the image five times."""

HEADS = 4
OVERVIEW_LEVELS = 2
"""How many of the coarsest maps of the image at half its size are used."""


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


class Attention(nn.Module):
    """A residual block: every place of a map asks all others (Vaswani et al., arXiv 1706.03762), without positions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same shape."""
        shape = (x.shape[0], 3, HEADS, x.shape[1] // HEADS, -1)
        queries, keys, values = self.qkv(self.norm(x)).reshape(shape).transpose(3, 4).unbind(1)
        attended = F.scaled_dot_product_attention(queries, keys, values)
        mixed: torch.Tensor = self.out(attended.transpose(2, 3).reshape(x.shape))
        return x + mixed


class DisLite(nn.Module):
    """(B, 3, H, W), ImageNet-normalized, sides multiples of 64 -> logits (B, 1, H, W).

    `backbone` gives maps of `channels` at strides 4, 8, 16 and 32.
    """

    def __init__(self, backbone: nn.Module, channels: Sequence[int], width: int = WIDTH) -> None:
        super().__init__()
        self.backbone = backbone
        self.narrow = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.whole = nn.Conv2d(channels[-1], width, 1)
        self.overview = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels[-OVERVIEW_LEVELS:])
        self.attend = nn.ModuleList(Attention(width) for _ in range(2))
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
        x = self._coarsest(image, features[-1])
        outputs: list[torch.Tensor] = []
        for level in reversed(range(len(features))):
            if level < len(features) - 1:
                x = resize_by_area(x, size_of(features[level])) + self.narrow[level](features[level])
            x = self.mix[level](x)
            if not outputs:
                x = self.attend[1](x)
            outputs.append(self.sides[level](x))
        fine = self.fine_image(image)
        fine = (fine + resize_by_area(self.fine_narrow(x), size_of(fine))).relu()
        fine = self.fine_mix(fine).relu()
        outputs.append(self.fine_head(fine) + resize_by_area(outputs[-1], size_of(fine)))
        return outputs[::-1]

    def _coarsest(self, image: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The coarsest map, with what the whole picture shows at each of its places."""
        x: torch.Tensor = self.narrow[-1](features) + self.whole(features.mean((2, 3), keepdim=True))
        seen_from_afar = self.backbone(F.avg_pool2d(image, 2))[-OVERVIEW_LEVELS:]
        for narrow, seen in zip(self.overview, seen_from_afar, strict=True):
            x = x + resize_by_area(narrow(seen), size_of(x))
        attended: torch.Tensor = self.attend[0](x)
        return attended


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
