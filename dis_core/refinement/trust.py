"""How far a tile may be believed: a part of an image, seen without the rest, may show another subject or none.

What the whole image has shown is right in the large and wrong in the small. So a tile has to agree with it in the
large, where the matte is certain and on average over small cells, and is free to differ inside of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from dis_core.models.resample import cell_means, resize_by_area
from dis_core.models.tensors import to_array, to_tensor
from dis_core.planes import Plane

CERTAIN: Final = 0.05
"""A matte closer than this to 0 or 1 is what a tile has to agree with."""

_LEAST_CERTAIN: Final = 0.001
"""What is certain in less than this share of a tile is no reason to reject it."""

AGREEMENT: Final = (0.9, 0.97)
"""A tile that agrees less with what is certain is rejected, one that agrees more is trusted; between, in part."""

CELL_PX: Final = 16
"""The side of the cells over which answer and matte are compared: some pixels of the coarse matte, many of the tile."""

APART: Final = (0.15, 0.35)
"""Where the means of a cell differ by less the tile is believed, where by more it is not; between, in part."""

GRAYER: Final = 0.15
"""A tile whose answer is grayer than the matte by more than this does not know what it sees."""


def belief(answer: Plane, matte: Plane) -> Plane | None:
    """How far each pixel of a tile's answer is believed, (h, w) float32 in [0, 1], or None if not at all.

    `answer` is (h, w), and so is `matte`, what is known so far, float32 in [0, 1]. A tile is rejected that is not
    finite, mostly gray, or of the opposite opinion where the matte is certain of the subject or of the background.
    """
    if not np.isfinite(answer).all() or grayness(answer) > grayness(matte) + GRAYER:
        return None
    trust = rise(agreement(answer, matte), *AGREEMENT)
    if trust == 0:
        return None
    with torch.inference_mode():
        cells = cell_means(to_tensor(answer - matte), CELL_PX).abs()
        apart = resize_by_area(cells, (CELL_PX * cells.shape[2], CELL_PX * cells.shape[3]))
    height, width = matte.shape
    believed: Plane = trust * (1 - rise(to_array(apart)[:height, :width], *APART))
    return believed if believed.any() else None


def grayness(matte: Plane) -> float:
    """How far a matte is from being 0 or 1 everywhere: 0 where it is, 1 where all is a half."""
    return float(np.mean(4 * matte * (1 - matte)))


def agreement(answer: Plane, matte: Plane) -> float:
    """How well the answer agrees where the matte is certain, in [0, 1]: of subject and background, the worse.

    Where nothing is certain there is nothing to disagree with: 1.
    """
    certain = (matte <= CERTAIN, matte >= 1 - CERTAIN)
    shares = [1 - float(np.abs(answer - matte)[sure].mean()) for sure in certain if sure.mean() > _LEAST_CERTAIN]
    return min(shares, default=1.0)


def rise(value: Plane | float, low: float, high: float) -> Plane:
    """From 0 at `low` to 1 at `high`, smoothly: float32."""
    share = np.clip((np.asarray(value, np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    smooth: Plane = share * share * (3 - 2 * share)
    return smooth
