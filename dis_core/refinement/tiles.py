"""Refinement with tiles: from a coarse matte and the image at full size to a matte as fine as the image.

Each level is at most twice the size of the one before. On each, the matte is enlarged along the image's edges, and the
model looks at tiles of its input's size along the band where the matte is uncertain. A tile counts as far as it does
not contradict what was known before. Outside the band around the coarse matte's boundary nothing changes.
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
    """Look again, tile by tile, wherever the coarse matte is uncertain.

    `image` is (H, W, 3) float32 sRGB in [0, 1]. If the image is not much larger than the network's
    input, the matte stays as it is.

    Raises OutOfMemory, and what `report` raises; it is called before every batch of tiles.
    """
    side_px = segmenter.side_for(quality)
    if not can_be_refined(coarse.alpha, side_px):
        return Refined(coarse.alpha)
    sizes = level_sizes(image.shape[:2], side_px)
    seen = size_seen(image.shape[:2], side_px)
    smaller = start_image = shrunk(image, seen)
    matte = start = shrunk(coarse.alpha, seen)
    levels: list[RefinedLevel] = []
    doubtful = Unresolved((), np.ones(seen, np.float32))
    for number, level_size in enumerate(sizes):
        # Tiles lie along a line, so a level has about twice as many as the one before.
        shares = [(2**step - 1) / (2 ** len(sizes) - 1) * 0.95 for step in (number, number + 1)]
        own = with_prefix(span(report, *shares), f"refining level {number + 1} of {len(sizes)}")
        larger = shrunk(image, level_size)
        coarser, matte = matte, with_changes_kept(matte, coarse.alpha, level_size)
        follow_edges(matte, of=larger, coarse=coarser, small=smaller, report=span(own, 0.0, 0.2))
        known = known_at(coarse, matte)
        left = effort.max_tiles - sum(level.tiles_run for level in levels)
        tiles = _TilesOfLevel(larger, known, segmenter, quality, Effort(left, effort.tiles_at_once), doubtful)
        level, doubtful = tiles.refine(matte, span(own, 0.2, 1.0))
        levels.append(level)
        smaller = larger
    # Where no tile could be trusted, wide windows, as at the start, explain the matte better than narrow ones.
    last = with_prefix(span(report, 0.95, 1.0), "refining the rest")
    before = matte.copy()
    follow_edges(matte, of=image, coarse=shrunk(before, seen), small=start_image, where=doubtful.share, report=last)
    matte -= before
    matte *= doubtful.share
    matte += before
    return Refined(within_band(matte, coarse.alpha, start), tuple(levels))


def with_changes_kept(matte: Plane, coarse: Plane, size: Size) -> Plane:
    """A level's matte, (h, w), at the next level's `size`: the coarse matte, (H, W), plus the changes made since.

    What no level has changed is then still the coarse matte, not a copy of it that was shrunk and enlarged again.
    """
    changed = matte - shrunk(coarse, (matte.shape[0], matte.shape[1]))
    carried: Plane = shrunk(coarse, size) + enlarged(changed, size)
    return np.clip(carried, 0, 1, out=carried)


def with_prefix(report: Report, name: str) -> Report:
    """A report that puts a prefix before what is being done."""
    return lambda fraction, doing: report(fraction, f"{name}, {doing}")


def with_fixed_text(report: Report, name: str) -> Report:
    """A report that always says the same is being done."""
    return lambda fraction, _: report(fraction, name)


@dataclass(frozen=True)
class Unresolved:
    """What no tile could settle so far: `tiles` inside which finer ones need not look, and each pixel's `share`."""

    tiles: Sequence[Tile]
    share: Plane


@dataclass(frozen=True)
class _TilesOfLevel:
    """One level: the image (H, W, 3) at that size, what is known about it, and the segmenter that looks at tiles."""

    image: Plane
    known: Segmentation
    segmenter: Segmenter
    quality: Quality
    effort: Effort
    before: Unresolved

    def refine(self, matte: Plane, report: Report) -> tuple[RefinedLevel, Unresolved]:
        """Improve the level's matte, (H, W), in place.

        Where a tile was rejected, tiles of the next level would be too, because they see less of the surroundings.
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
        return level, Unresolved([*rejected, *(grid[number] for number in hopeless)], doubt)

    def _answers(self, tiles: Sequence[Tile], report: Report) -> Iterator[tuple[Tile, Plane]]:
        """What the segmenter says about each tile, in batches, which become smaller when memory runs out."""
        done, at_once = 0, self.effort.tiles_at_once
        while done < len(tiles):
            doing = f"tile {done + 1} of {len(tiles)}"
            report(done / len(tiles), doing)
            batch = tiles[done : done + at_once]
            own = span(report, done / len(tiles), (done + len(batch)) / len(tiles))
            try:
                answers = self._look_at(batch, with_fixed_text(own, doing))
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
    """The matte (h, w) of a level, with the coarse matte's depth and guide at its size."""
    size = matte.shape[0], matte.shape[1]
    depth, guide = (None if plane is None else shrunk(plane, size) for plane in (coarse.depth, coarse.guide))
    return Segmentation(matte, depth, guide, coarse.extremes)


def part_of(known: Segmentation, place: tuple[slice, slice]) -> Segmentation:
    """The part of a segmentation at these rows and columns."""
    depth, guide = (
        None if plane is None else np.ascontiguousarray(plane[place]) for plane in (known.depth, known.guide)
    )
    return Segmentation(np.ascontiguousarray(known.alpha[place]), depth, guide, known.extremes)
