"""The band along the uncertain edge of a matte: the only place where refinement may change it."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.models.resample import box_mean, part_of_resized
from dis_core.models.tensors import to_array, to_tensor
from dis_core.planes import Plane, blocks, dilated, part_within, with_margin
from dis_core.refinement.guided_filter import part_below
from dis_core.refinement.tiling import Tile, level_sizes

UNCERTAIN: Final = 0.01
"""Values closer than this to 0 or 1 are certain."""

LEAST_UNCERTAIN: Final = 1 / 16
"""A tile with fewer uncertain pixels than this share of its side is not worth a look: a corner, a speck."""

BAND_PX: Final = 16
"""How far the band reaches around uncertain pixels, in pixels of the level in question."""

FADED_AT_ONCE_PX: Final = 128
"""The side of blocks that are left out where the band is 1 or 0 all over."""

FADE_PX: Final = 4
"""Half the width over which the band fades out, in pixels of the level in question."""


def can_be_refined(coarse: Plane, side_px: int) -> bool:
    """Whether the matte (H, W) is finite and its image is larger than what the network saw."""
    return bool(level_sizes((coarse.shape[0], coarse.shape[1]), side_px)) and bool(np.isfinite(coarse).all())


def band_of(tile: Tile, matte: Plane) -> Plane:
    """The tile's weights inside the band of the level's matte (H, W), and 0 outside: (h, w) float32 in [0, 1]."""
    height, width = matte.shape
    margin = BAND_PX + FADE_PX
    rows, columns = with_margin(tile.rows, margin, height), with_margin(tile.columns, margin, width)
    band = band_weights(matte[rows, columns])
    weights: Plane = band[part_within(tile.rows, rows), part_within(tile.columns, columns)] * tile.weights()
    return weights


def is_worth_a_look(tile: Tile, matte: Plane) -> bool:
    """Whether more than a few pixels that count in the tile are uncertain in the level's matte, (H, W)."""
    around = with_margin(tile.rows, 1, matte.shape[0]), with_margin(tile.columns, 1, matte.shape[1])
    own = part_within(tile.rows, around[0]), part_within(tile.columns, around[1])
    counted = float((uncertain_in(matte[around])[own] * tile.weights()).sum())
    return counted > LEAST_UNCERTAIN * max(len(tile.row_weights), len(tile.column_weights))


def uncertain_in(matte: Plane) -> NDArray[np.bool_]:
    """Where the matte (H, W) is uncertain or at its boundary."""
    uncertain: NDArray[np.bool_] = (matte > UNCERTAIN) & (matte < 1 - UNCERTAIN)
    subject = matte >= 0.5
    uncertain[1:] |= subject[1:] != subject[:-1]
    uncertain[:, 1:] |= subject[:, 1:] != subject[:, :-1]
    return uncertain


def band_weights(matte: Plane) -> Plane:
    """1 where the matte (H, W) is uncertain or at its boundary, and around it; fades to 0 at the end of the band."""
    uncertain = uncertain_in(matte)
    if not uncertain.any():
        return np.zeros(matte.shape, np.float32)
    band = dilated(uncertain, BAND_PX)
    with torch.inference_mode():
        share = to_array(box_mean(to_tensor(band.astype(np.float32)), FADE_PX))
    return np.clip(2 * share - 1, 0, 1)


def within_band(fine: Plane, coarse: Plane, start: Plane) -> Plane:
    """`fine` inside the band, the coarse matte outside, (H, W); overwrites `fine`.

    The band is that of `start`, the coarse matte at the size at which refinement started, (h, w).
    """
    size = coarse.shape[0], coarse.shape[1]
    weights = band_weights(start)
    with torch.inference_mode():
        band = to_tensor(weights)
        for place in blocks(size, FADED_AT_ONCE_PX):
            below = weights[part_below(place, size, (start.shape[0], start.shape[1]))]
            if below.min() == 1:
                continue
            if below.max() == 0:
                fine[place] = coarse[place]
                continue
            kept = torch.from_numpy(coarse[place])
            faded = torch.lerp(kept, torch.from_numpy(fine[place]), part_of_resized(band, size, *place)[0, 0])
            fine[place] = faded.numpy()
    return fine
