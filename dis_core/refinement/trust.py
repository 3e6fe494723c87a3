"""How far to trust a tile: a part of an image, seen without the rest, may show another subject or none.

What the network saw in the whole image is right overall and wrong in the details. So a tile has to agree with it where
the matte is certain, and on average over small cells; inside the cells it is free to differ.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from dis_core.models.resample import cell_means, resize_by_area
from dis_core.models.tensors import to_array, to_tensor
from dis_core.planes import Plane

CERTAIN: Final = 0.05
"""A tile has to agree with the matte where that is closer than this to 0 or 1."""

_LEAST_CERTAIN: Final = 0.001
"""A tile is not rejected because of less than this share of its pixels."""

AGREEMENT: Final = (0.9, 0.97)
"""A tile that agrees less than this is rejected, one that agrees more is trusted, and between in part."""

CELL_PX: Final = 16
"""The side of the cells over which answer and matte are compared on average."""

MEAN_DIFFERENCE: Final = (0.15, 0.35)
"""A cell whose means differ by less than this is trusted, one that differs by more is not, and between in part."""

MAX_EXTRA_GRAYNESS: Final = 0.15
"""A tile that is grayer than the matte by more than this does not know what it sees."""


def belief(answer: Plane, matte: Plane) -> Plane | None:
    """How far to trust each pixel of a tile's answer, (h, w) float32 in [0, 1], or None if the tile is rejected.

    `answer` and `matte`, what is known so far, are (h, w) float32 in [0, 1]. A tile is rejected if it is not finite,
    is mostly gray, or contradicts the matte where that is certain of the subject or of the background.
    """
    if not np.isfinite(answer).all() or grayness(answer) > grayness(matte) + MAX_EXTRA_GRAYNESS:
        return None
    trust = smoothstep(agreement(answer, matte), *AGREEMENT)
    if trust == 0:
        return None
    with torch.inference_mode():
        cells = cell_means(to_tensor(answer - matte), CELL_PX).abs()
        apart = resize_by_area(cells, (CELL_PX * cells.shape[2], CELL_PX * cells.shape[3]))
    height, width = matte.shape
    believed: Plane = trust * (1 - smoothstep(to_array(apart)[:height, :width], *MEAN_DIFFERENCE))
    return believed if believed.any() else None


def grayness(matte: Plane) -> float:
    """How far a matte is from being 0 or 1 everywhere: 0 if it is, 1 if it is 0.5 everywhere."""
    return float(np.mean(4 * matte * (1 - matte)))


def agreement(answer: Plane, matte: Plane) -> float:
    """How well the answer agrees where the matte is certain, in [0, 1]: for subject or background, the worse of both.

    If nothing is certain, there is nothing to disagree with: 1.
    """
    certain = (matte <= CERTAIN, matte >= 1 - CERTAIN)
    shares = [1 - float(np.abs(answer - matte)[sure].mean()) for sure in certain if sure.mean() > _LEAST_CERTAIN]
    return min(shares, default=1.0)


def smoothstep(value: Plane | float, low: float, high: float) -> Plane:
    """A smooth step from 0 at `low` to 1 at `high`, float32."""
    share = np.clip((np.asarray(value, np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    smooth: Plane = share * share * (3 - 2 * share)
    return smooth
