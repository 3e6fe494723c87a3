"""Tiled patch refinement: a coarse matte and the image at its full size become a matte as fine as the image.

Level by level, each at most twice the size of the one before, the matte is enlarged along the image's edges, and tiles
of the network's size look again at the band where it is uncertain. What a tile says counts as far as it does not
contradict what was known before. Outside of the band around the coarse matte's boundary nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dis_core.errors import OutOfMemory
from dis_core.planes import Plane, Size
from dis_core.progress import Report, span
from dis_core.protocols import Effort, Quality, Refined, RefinedLevel, Segmentation, Segmenter
from dis_core.refinement.band import band_of, can_be_refined, within_band
from dis_core.refinement.guided_filter import follow_edges
from dis_core.refinement.resizing import enlarged, shrunk
from dis_core.refinement.tiling import Tile, level_sizes, logit, plan_tiles, shift_logits, size_seen
from dis_core.refinement.trust import belief


def refine_with_tiles(
    image: Plane, coarse: Segmentation, segmenter: Segmenter, *, quality: Quality, effort: Effort, report: Report
) -> Refined:
    """Look again, tile by tile at full size, wherever the coarse matte is uncertain.

    `image` is (H, W, 3) float32 sRGB in [0, 1]. An image not much larger than the network's input keeps its matte.

    Raises OutOfMemory, and what `report` raises: it is asked before every batch of tiles.
    """
    side_px = segmenter.side_for(quality)
    if not can_be_refined(coarse.alpha, side_px):
        return Refined(coarse.alpha)
    sizes = level_sizes(image.shape[:2], side_px)
    seen = size_seen(image.shape[:2], side_px)
    smaller = start_image = shrunk(image, seen)
    matte = start = shrunk(coarse.alpha, seen)
    levels: list[RefinedLevel] = []
    doubtful = Doubtful((), np.ones(seen, np.float32))
    for number, level_size in enumerate(sizes):
        # A level has about twice the tiles of the one before: they lie along a line.
        shares = [(2**step - 1) / (2 ** len(sizes) - 1) * 0.95 for step in (number, number + 1)]
        own = named(span(report, *shares), f"refining level {number + 1} of {len(sizes)}")
        larger = shrunk(image, level_size)
        coarser, matte = matte, carried_over(matte, coarse.alpha, level_size)
        follow_edges(matte, of=larger, coarse=coarser, small=smaller, report=span(own, 0.0, 0.2))
        known = known_at(coarse, matte)
        left = effort.max_tiles - sum(level.tiles_run for level in levels)
        tiles = _TilesOfLevel(larger, known, segmenter, quality, Effort(left, effort.tiles_at_once), doubtful)
        level, doubtful = tiles.refine(matte, span(own, 0.2, 1.0))
        levels.append(level)
        smaller = larger
    # Where no tile could be trusted, windows as wide as at the start explain the matte better than narrow ones.
    last = named(span(report, 0.95, 1.0), "refining the rest")
    told = matte.copy()
    follow_edges(matte, of=image, coarse=shrunk(told, seen), small=start_image, where=doubtful.share, report=last)
    matte -= told
    matte *= doubtful.share
    matte += told
    return Refined(within_band(matte, coarse.alpha, start), tuple(levels))


def carried_over(matte: Plane, coarse: Plane, size: Size) -> Plane:
    """A level's matte, (h, w), at the next level's `size`: the coarse matte there, (H, W), with what was changed since.

    So what no level has changed is still the coarse matte, and not one that was shrunk and enlarged again.
    """
    changed = matte - shrunk(coarse, (matte.shape[0], matte.shape[1]))
    carried: Plane = shrunk(coarse, size) + enlarged(changed, size)
    return np.clip(carried, 0, 1, out=carried)


def named(report: Report, name: str) -> Report:
    """A report that puts a name before what is being done."""
    return lambda fraction, doing: report(fraction, f"{name}, {doing}")


def renamed(report: Report, name: str) -> Report:
    """A report in which all that is done goes by one name."""
    return lambda fraction, _: report(fraction, name)


@dataclass(frozen=True)
class Doubtful:
    """What no tile could tell so far: `tiles` within which finer ones need not look, and at each pixel the share."""

    tiles: Sequence[Tile]
    share: Plane


@dataclass(frozen=True)
class _TilesOfLevel:
    """One level: the image (H, W, 3) and what is known of it, at that size, and who looks at their tiles."""

    image: Plane
    known: Segmentation
    segmenter: Segmenter
    quality: Quality
    effort: Effort
    before: Doubtful

    def refine(self, matte: Plane, report: Report) -> tuple[RefinedLevel, Doubtful]:
        """Improve the level's matte, (H, W), in place.

        Where a tile was rejected, those of the next level within it, which see less of what is around, would be too.
        """
        size = matte.shape[0], matte.shape[1]
        grid = list(plan_tiles(size, self.segmenter.side_for(self.quality)))
        needed = {number: weight for number, tile in enumerate(grid) if (weight := band_of(tile, matte).sum()) > 0}
        hopeless = [
            number for number in needed if any(tile.counts_in_the_middle_of(grid[number]) for tile in self.before.tiles)
        ]
        promising = sorted(needed.keys() - set(hopeless), key=lambda number: (-needed[number], number))
        chosen = sorted(promising[: max(self.effort.max_tiles, 0)])
        shift, doubt = np.zeros(size, np.float32), np.zeros(size, np.float32)
        for number in needed.keys() - set(chosen):
            doubt[grid[number].place] += grid[number].weights()
        rejected = []
        for tile, answer in self._answers([grid[number] for number in chosen], report):
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
        doubt = np.minimum(doubt, enlarged(self.before.share, size), out=doubt)
        return level, Doubtful([*rejected, *(grid[number] for number in hopeless)], doubt)

    def _answers(self, tiles: Sequence[Tile], report: Report) -> Iterator[tuple[Tile, Plane]]:
        """What the segmenter says of each tile, in batches; smaller ones from there on where memory runs out."""
        done, at_once = 0, self.effort.tiles_at_once
        while done < len(tiles):
            doing = f"tile {done + 1} of {len(tiles)}"
            report(done / len(tiles), doing)
            batch = tiles[done : done + at_once]
            own = span(report, done / len(tiles), (done + len(batch)) / len(tiles))
            try:
                answers = self._look_at(batch, renamed(own, doing))
            except OutOfMemory:
                if len(batch) == 1:
                    raise
                at_once = len(batch) // 2
                continue
            yield from zip(batch, answers, strict=True)
            done += len(batch)

    def _look_at(self, batch: Sequence[Tile], report: Report) -> Sequence[Plane]:
        known = [part_of(self.known, tile.place) for tile in batch]
        images = [np.ascontiguousarray(self.image[tile.place]) for tile in batch]
        return self.segmenter.segment_tiles(images, known=known, quality=self.quality, report=report)


def known_at(coarse: Segmentation, matte: Plane) -> Segmentation:
    """What came with the coarse matte, at the size of a level whose matte is (h, w)."""
    size = matte.shape[0], matte.shape[1]
    depth, guide = (None if plane is None else shrunk(plane, size) for plane in (coarse.depth, coarse.guide))
    return Segmentation(matte, depth, guide, coarse.extremes)


def part_of(known: Segmentation, place: tuple[slice, slice]) -> Segmentation:
    """The same for the rows and columns of a part."""
    depth, guide = (
        None if plane is None else np.ascontiguousarray(plane[place]) for plane in (known.depth, known.guide)
    )
    return Segmentation(np.ascontiguousarray(known.alpha[place]), depth, guide, known.extremes)
