"""Tiled patch refinement: a coarse matte and the image at its full size become a matte as fine as the image.

Level by level, each twice the size of the one before, the matte is enlarged along the image's edges, and tiles of the
network's size look again at the band where it is uncertain. What a tile says counts as far as it does not contradict
what was known before. Outside of the band around the coarse matte's boundary nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.errors import OutOfMemory
from dis_core.guards import belief
from dis_core.guided_filter import enlarge_along_edges
from dis_core.model_spec import Effort, Quality, Refined, RefinedLevel, Segmentation, Segmenter
from dis_core.models.arrays import from_tensor, to_tensor
from dis_core.models.resample import box_mean, part_of_resized, shrink_smoothly
from dis_core.progress import Report, span
from dis_core.tiling import Size, Tile, blocks, grown, level_sizes, logit, plan_tiles, scaled, shift_logits, with_margin

Plane = NDArray[np.float32]

UNCERTAIN: Final = 0.01
"""A matte that is closer than this to 0 or 1 is certain."""

BAND_PX: Final = 16
"""How far the band reaches around what is uncertain, in pixels of the level in question."""

FADE_PX: Final = 4
"""Half the width over which a band ends, in pixels of the level in question."""


def refine_fast(
    image: Plane,
    coarse: Segmentation,
    segmenter: Segmenter,
    *,
    quality: Quality,
    effort: Effort,  # noqa: ARG001  a Refiner is given it
    report: Report,
) -> Refined:
    """Enlarge the coarse matte along the image's edges: a guided filter, and no second look by the model.

    `image` is (H, W, 3) float32 sRGB in [0, 1]. Raises what `report` raises.
    """
    size = image.shape[0], image.shape[1]
    side_px = segmenter.side_for(quality)
    if not level_sizes(size, side_px):
        return Refined(coarse.alpha)
    report(0.0, "refining edges")
    start = scaled(size, side_px / max(size))
    matte = shrunk(coarse.alpha, start)
    fine = enlarge_along_edges(matte, shrunk(image, start), image)
    return Refined(within_band(fine, coarse.alpha, matte))


def refine_with_tiles(
    image: Plane, coarse: Segmentation, segmenter: Segmenter, *, quality: Quality, effort: Effort, report: Report
) -> Refined:
    """Look again, tile by tile at full size, wherever the coarse matte is uncertain.

    `image` is (H, W, 3) float32 sRGB in [0, 1]. An image not much larger than the network's input keeps its matte.

    Raises OutOfMemory, and what `report` raises: it is asked before every batch of tiles.
    """
    size = image.shape[0], image.shape[1]
    side_px = segmenter.side_for(quality)
    sizes = level_sizes(size, side_px)
    if not sizes:
        return Refined(coarse.alpha)
    start_size = scaled(size, side_px / max(size))
    smaller = start_image = shrunk(image, start_size)
    matte = start = shrunk(coarse.alpha, start_size)
    levels: list[RefinedLevel] = []
    # A level has about twice the tiles of the one before: they lie along a line.
    shares = np.cumsum([0, *(2**number for number in range(len(sizes)))]) / (2 ** len(sizes) - 1)
    doubtful = Doubtful((), np.zeros(start_size, np.float32))
    for number, level_size in enumerate(sizes):
        doing = f"refining level {number + 1} of {len(sizes)}"
        larger = shrunk(image, level_size)
        matte = enlarge_along_edges(matte, smaller, larger)
        depth = None if coarse.depth is None else shrunk(coarse.depth, level_size)
        left = effort.max_tiles - sum(level.tiles_run for level in levels)
        tiles = _TilesOfLevel(larger, depth, segmenter, quality, Effort(left, effort.tiles_at_once), doubtful.tiles)
        level, doubtful = tiles.refine(matte, span(report, float(shares[number]), float(shares[number + 1])), doing)
        levels.append(level)
        smaller = larger
    # Where no tile could be trusted, windows as wide as at the start explain the matte better than narrow ones.
    rest = enlarge_along_edges(shrunk(matte, start_size), start_image, image, where=doubtful.share)
    matte += doubtful.share * (rest - matte)
    return Refined(within_band(matte, coarse.alpha, start), tuple(levels))


@dataclass(frozen=True)
class Doubtful:
    """What tiles could not tell: `tiles` within which finer ones need not look, and at each pixel the share, (H, W)."""

    tiles: Sequence[Tile]
    share: Plane


@dataclass(frozen=True)
class _TilesOfLevel:
    """One level: the image (H, W, 3) and its depth (H, W) at that size, and who looks at their tiles."""

    image: Plane
    depth: Plane | None
    segmenter: Segmenter
    quality: Quality
    effort: Effort
    hopeless: Sequence[Tile]

    def refine(self, matte: Plane, report: Report, doing: str) -> tuple[RefinedLevel, Doubtful]:
        """Improve the level's matte, (H, W), in place.

        Where a tile was rejected, those of the next level within it, which see less of what is around, would be too.
        """
        size = matte.shape[0], matte.shape[1]
        grid = list(plan_tiles(size, self.segmenter.side_for(self.quality)))
        needed = {number: weight for number, tile in enumerate(grid) if (weight := band_of(tile, matte).sum()) > 0}
        hopeless = [
            number for number in needed if any(tile.counts_in_the_middle_of(grid[number]) for tile in self.hopeless)
        ]
        promising = sorted(needed.keys() - set(hopeless), key=lambda number: (-needed[number], number))
        chosen = sorted(promising[: max(self.effort.max_tiles, 0)])
        shift, doubt = np.zeros(size, np.float32), np.zeros(size, np.float32)
        for number in needed.keys() - set(chosen):
            doubt[grid[number].place] += grid[number].weights()
        rejected = []
        for tile, answer in self._answers([grid[number] for number in chosen], report, doing):
            before = matte[tile.place]
            believed = belief(answer, before)
            if believed is None:
                rejected.append(tile)
                doubt[tile.place] += tile.weights()
                continue
            doubt[tile.place] += tile.weights() * (1 - believed)
            shift[tile.place] += band_of(tile, matte) * believed * (logit(answer) - logit(before))
        shift_logits(matte, shift)
        level = RefinedLevel(
            size=size,
            tiles_run=len(chosen),
            tiles_skipped=len(grid) - len(promising),
            tiles_rejected=len(rejected),
            tiles_over_limit=len(promising) - len(chosen),
        )
        return level, Doubtful([*rejected, *(grid[number] for number in hopeless)], doubt)

    def _answers(self, tiles: Sequence[Tile], report: Report, doing: str) -> Iterator[tuple[Tile, Plane]]:
        """What the segmenter says of each tile, in batches; smaller ones from there on where memory runs out."""
        done, at_once = 0, self.effort.tiles_at_once
        while done < len(tiles):
            report(done / len(tiles), f"{doing}, tile {done + 1} of {len(tiles)}")
            batch = tiles[done : done + at_once]
            try:
                answers = self._look_at(batch)
            except OutOfMemory:
                if len(batch) == 1:
                    raise
                at_once = len(batch) // 2
                continue
            yield from zip(batch, answers, strict=True)
            done += len(batch)

    def _look_at(self, batch: Sequence[Tile]) -> Sequence[Plane]:
        depths = None if self.depth is None else [np.ascontiguousarray(self.depth[tile.place]) for tile in batch]
        images = [np.ascontiguousarray(self.image[tile.place]) for tile in batch]
        return self.segmenter.segment_tiles(images, depths=depths, quality=self.quality)


def band_of(tile: Tile, matte: Plane) -> Plane:
    """The tile's weights inside of the band, (h, w) float32 in [0, 1], 0 elsewhere; `matte` is the level's, (H, W)."""
    height, width = matte.shape
    margin = BAND_PX + FADE_PX
    rows, columns = with_margin(tile.rows, margin, height), with_margin(tile.columns, margin, width)
    band = band_weights(matte[rows, columns])
    own = band[tile.rows.start - rows.start :, tile.columns.start - columns.start :]
    weights: Plane = own[: len(tile.row_weights), : len(tile.column_weights)] * tile.weights()
    return weights


def band_weights(matte: Plane) -> Plane:
    """1 where the matte (H, W) is uncertain and around, falling to 0 at the end of the band, float32."""
    uncertain = (matte > UNCERTAIN) & (matte < 1 - UNCERTAIN)
    if not uncertain.any():
        return np.zeros(matte.shape, np.float32)
    band = grown(uncertain, BAND_PX)
    with torch.inference_mode():
        share = from_tensor(box_mean(to_tensor(band.astype(np.float32)), FADE_PX))
    return np.clip(2 * share - 1, 0, 1)


def within_band(fine: Plane, coarse: Plane, start: Plane) -> Plane:
    """`fine` inside of the band of the coarse matte, the coarse matte itself outside, (H, W); `fine` is used up.

    `start` is the coarse matte at the size from which refinement started, (h, w), which decides on the band.
    """
    size = coarse.shape[0], coarse.shape[1]
    with torch.inference_mode():
        band = to_tensor(band_weights(start))
        for place in blocks(size):
            weights = from_tensor(part_of_resized(band, size, *place))
            kept = coarse[place]
            fine[place] = kept + weights * (fine[place] - kept)
    return fine


def shrunk(array: Plane, size: Size) -> Plane:
    """(H, W) or (H, W, C) float32 at a smaller size, antialiased; the array itself where it has that size."""
    if array.shape[:2] == size:
        return array
    with torch.inference_mode():
        return from_tensor(shrink_smoothly(to_tensor(array), size))
