"""In which order a BiRefNet wants the colors of a picture's tiles, and how weights of one become those of another.

At each level of the decoder the picture is cut into a grid of tiles, which are stacked as channels. Until November 2024
the authors' code stacked them by column, row and color, and since then (5198d3f of ZhengPeng7/BiRefNet) by color, row
and column; most published weights are older than that and were not trained again. No shape tells them apart, and what
goes wrong in the wrong order are fine edges: some pixels in ten thousand.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, Literal

import torch
import torch.nn.functional as F

from dis_core.models.birefnet.network import GRIDS

logger = logging.getLogger(__name__)

TileOrder = Literal["column-row-color", "color-row-column"]

BEFORE_NOVEMBER_2024: Final = "column-row-color"
OUR_ORDER: Final = "color-row-column"
"""That in which our network stacks them."""

CLEARLY: Final = 0.2
"""By so much more alike must the kernels for the three colors be in one order than in the other before it counts."""

KEYS: Final = {f"decoder.ipt_blk{5 - level}.conv1.weight": grid for level, grid in enumerate(GRIDS)}
"""The published layers that take tiles, and how many tiles of a row and of a column they take."""


def reorder_kernels(published: Mapping[str, torch.Tensor], *, declared: TileOrder | None) -> dict[str, torch.Tensor]:
    """A published checkpoint, its kernels for tiles in the order in which our network stacks them.

    Where no order is declared, the kernels decide, and the log says which it was; where one is declared, the log warns
    if the kernels clearly look like the other.
    """
    order, clearness = order_of_kernels(published)
    if declared is None:
        level = logging.INFO if clearness >= CLEARLY else logging.WARNING
        unclear = "" if clearness >= CLEARLY else ", though not clearly"
        logger.log(level, "the kernels of these weights look like tiles in the order %s%s: taking that", order, unclear)
    elif order != declared and clearness >= CLEARLY:
        logger.warning(
            "these weights should have their tiles in the order %s, but their kernels look like %s; if fine edges come "
            "out wrong, see docs/explanation/birefnet.md",
            declared,
            order,
        )
    return dict(published) if (declared or order) == OUR_ORDER else reordered(published)


def reordered(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights for tiles that are stacked by column, row and color, for tiles stacked by color, row and column.

    What does not have the shape of such weights stays as it is, and is refused later.
    """
    ordered = dict(published)
    for key, kernels, grid in kernels_for_tiles(published):
        by_place = kernels.reshape(-1, grid, grid, 3, *kernels.shape[2:])
        ordered[key] = by_place.permute(0, 3, 2, 1, 4, 5).flatten(1, 3)
    return ordered


def order_of_kernels(published: Mapping[str, torch.Tensor]) -> tuple[TileOrder, float]:
    """The order in which the kernels for a tile's three colors are more alike, and by how much, from 0 to 2.

    What a layer looks for is mostly brightness, so these three should resemble each other. That is a hint and no proof:
    it has been tried on kernels that were made up to be so.
    """
    todays, older = [torch.zeros(1)], [torch.zeros(1)]
    for _, kernels, grid in kernels_for_tiles(published):
        flat = F.normalize(kernels.float().transpose(0, 1).flatten(1), dim=1)  # one row for each channel
        by_color, by_place = flat.view(3, grid**2, -1), flat.view(grid**2, 3, -1)
        todays.append((by_color[0] * by_color[1]).sum(1))
        older.append((by_place[:, 0] * by_place[:, 1]).sum(1))
    difference = float(torch.cat(older).mean() - torch.cat(todays).mean())
    return (BEFORE_NOVEMBER_2024 if difference > 0 else OUR_ORDER), abs(difference)


def kernels_for_tiles(published: Mapping[str, torch.Tensor]) -> list[tuple[str, torch.Tensor, int]]:
    """Key, kernels (out, 3 * grid**2, height, width) and grid of each layer that takes tiles, if it has that shape."""
    found = [(key, published[key], grid) for key, grid in KEYS.items() if key in published]
    return [
        (key, kernels, grid) for key, kernels, grid in found if kernels.ndim == 4 and kernels.shape[1] == 3 * grid**2
    ]
