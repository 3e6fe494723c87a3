"""Refinement with tiles: from a coarse matte and the image at full size to a matte as fine as the image.

Each level is at most twice the size of the one before. On each, the matte is enlarged along the image's edges, and the
model looks at tiles of its input's size along the band where the matte is uncertain. A tile counts as far as it does
not contradict what was known before. Outside the band around the coarse matte's boundary nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dis_core.errors import OutOfMemory
from dis_core.planes import Plane
from dis_core.progress import Report, span
from dis_core.protocols import Effort, LooksLarger, Quality, Refined, RefinedLevel, Segmentation, Segmenter
from dis_core.refinement.answers import answer_side_of
from dis_core.refinement.band import band_of, can_be_refined, is_worth_a_look, within_band
from dis_core.refinement.fast import refine_fast
from dis_core.refinement.guided_filter import follow_edges
from dis_core.refinement.larger import (
    follow_from_answer,
    larger_side_of,
    look_larger,
    refine_with_larger_look,
    sizes_from_larger_look,
)
from dis_core.refinement.levels import levels_along_edges, with_fixed_text, with_prefix
from dis_core.refinement.resizing import enlarged, shrunk
from dis_core.refinement.tiling import Tile, is_strip, level_sizes, logit, plan_tiles, shift_logits, size_seen
from dis_core.refinement.trust import belief


def refine_with_tiles(
    image: Plane, coarse: Segmentation, segmenter: Segmenter, *, quality: Quality, effort: Effort, report: Report
) -> Refined:
    """Look again, tile by tile, wherever the coarse matte is uncertain.

    `image` is (H, W, 3) float32 sRGB in [0, 1]. If the image is not much larger than the network's input, or a narrow
    strip, the matte stays as it is.

    Raises OutOfMemory, and what `report` raises; it is called before every batch of tiles.
    """
    side_px = segmenter.side_for(quality)
    size = image.shape[0], image.shape[1]
    if not can_be_refined(coarse.alpha, side_px):  # it may still be larger than what the network answers
        return refine_fast(image, coarse, segmenter, quality=quality, effort=effort, report=report)
    if is_strip(size, side_px):
        return Refined(coarse.alpha)
    seen = size_seen(size, side_px)
    larger_px = larger_side_of(segmenter, quality) if effort.max_tiles > 0 else None
    sizes = level_sizes(size, side_px) if larger_px is None else sizes_from_larger_look(size, larger_px)
    if larger_px is not None and sizes == [size]:  # nothing is left for tiles
        return refine_with_larger_look(image, coarse, segmenter, quality=quality, effort=effort, report=report)
    answers_smaller = answer_side_of(segmenter, quality) < side_px
    levels: list[RefinedLevel] = []
    doubtful = Unresolved((), np.ones(seen, np.float32))
    matte = coarse.alpha
    for step in levels_along_edges(image, coarse.alpha, seen=seen, sizes=sizes, report=span(report, 0.0, 0.95)):
        matte = step.matte
        if isinstance(segmenter, LooksLarger) and larger_px is not None and not levels:
            looking = step._replace(report=span(step.report, 0.0, 0.8))
            levels.append(look_larger(looking, segmenter, coarse, quality=quality))
            if not levels[0].tiles_rejected:
                follow_from_answer(step._replace(report=span(step.report, 0.8, 1.0)))
            continue
        left = replace(effort, max_tiles=effort.max_tiles - sum(level.tiles_run for level in levels))
        tiles = _TilesOfLevel(step.image, known_at(coarse, matte), segmenter, quality, left, doubtful)
        level, doubtful = tiles.refine(matte, span(step.report, 0.0, 0.8))
        levels.append(level)
        if answers_smaller and level.tiles_run > level.tiles_rejected:
            follow_from_answer(step._replace(report=span(step.report, 0.8, 1.0)))
    # Where no tile could be trusted, wide windows, as at the start, explain the matte better than narrow ones.
    last = with_prefix(span(report, 0.95, 1.0), "refining the rest")
    before = matte.copy()
    follow_edges(
        matte, of=image, coarse=shrunk(before, seen), small=shrunk(image, seen), where=doubtful.share, report=last
    )
    matte -= before
    matte *= doubtful.share
    matte += before
    return Refined(within_band(matte, coarse.alpha, shrunk(coarse.alpha, seen)), tuple(levels))


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
        needed = {
            number: band_of(tile, matte).sum() for number, tile in enumerate(grid) if is_worth_a_look(tile, matte)
        }
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
