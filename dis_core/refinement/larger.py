"""One larger look: the model sees the whole image again, at more than its usual size, instead of many tiles.

Tiles of the first level overlap and show the model parts without the rest. One pass over all of it at that size costs
less, computes nothing twice, and keeps the context. It is believed like a tile, and its answer follows the edges of the
image, because networks answer at a lower resolution than they look at.
"""

from __future__ import annotations

from dis_core.planes import Plane, Size
from dis_core.progress import Report, span
from dis_core.protocols import Effort, LooksLarger, Quality, Refined, RefinedLevel, Segmentation, Segmenter
from dis_core.refinement.band import band_weights, can_be_refined, within_band
from dis_core.refinement.fast import refine_fast
from dis_core.refinement.guided_filter import follow_edges
from dis_core.refinement.levels import Level, with_fixed_text, with_prefix
from dis_core.refinement.resizing import shrunk
from dis_core.refinement.straight import straight_along_edges
from dis_core.refinement.tiling import is_strip, level_sizes, logit, shift_logits, size_seen
from dis_core.refinement.trust import belief


def refine_with_larger_look(
    image: Plane, coarse: Segmentation, segmenter: Segmenter, *, quality: Quality, effort: Effort, report: Report
) -> Refined:
    """Let the model look once more at the whole image, larger, and follow the edges from there.

    `image` is (H, W, 3) float32 sRGB in [0, 1]. A model that takes no larger look leaves it at the edges,
    and the matte of a narrow strip stays as it is.

    Raises OutOfMemory, and what `report` raises.
    """
    size = image.shape[0], image.shape[1]
    side_px = segmenter.side_for(quality)
    larger_px = larger_side_of(segmenter, quality)
    if not isinstance(segmenter, LooksLarger) or larger_px is None or effort.max_tiles < 1:
        return refine_fast(image, coarse, segmenter, quality=quality, effort=effort, report=report)
    if not can_be_refined(coarse.alpha, side_px):
        return refine_fast(image, coarse, segmenter, quality=quality, effort=effort, report=report)
    if is_strip(size, side_px):
        return Refined(coarse.alpha)
    larger = size_seen(size, larger_px)
    before = shrunk(coarse.alpha, larger)
    # Edges are followed after the look, not before it: what they add would be replaced by the model's answer.
    level = Level(shrunk(image, larger), before.copy(), span(report, 0.0, 0.7))
    looked = look_larger(level, segmenter, coarse, quality=quality)
    rest = span(report, 0.7, 1.0)
    if looked.tiles_rejected:
        edges = refine_fast(image, coarse, segmenter, quality=quality, effort=effort, report=rest)
        return Refined(edges.alpha, (looked,))
    matte = straight_along_edges(
        image,
        coarse.alpha,
        seen=level.image,
        before=before,
        known=level.matte,
        report=with_prefix(rest, "refining"),
    )
    return Refined(within_band(matte, coarse.alpha, shrunk(coarse.alpha, size_seen(size, side_px))), (looked,))


def larger_side_of(segmenter: Segmenter, quality: Quality) -> int | None:
    """The side in pixels of the model's larger look, or None if it takes none."""
    return segmenter.larger_side_for(quality) if isinstance(segmenter, LooksLarger) else None


def sizes_from_larger_look(size: Size, larger_px: int) -> list[Size]:
    """The levels, (height, width) each: that of the larger look, and those between it and the image of `size`."""
    first = size_seen(size, larger_px)
    finer = level_sizes(size, larger_px) or [size]
    return [first, *(level for level in finer if level != first)]


def look_larger(level: Level, segmenter: LooksLarger, coarse: Segmentation, *, quality: Quality) -> RefinedLevel:
    """Improve the matte of a level in place by a larger look, as far as that can be trusted.

    Raises OutOfMemory, and what the level's report raises.
    """
    looking = with_fixed_text(level.report, "refining, a larger look")
    answer = segmenter.look_larger(level.image, known=coarse, quality=quality, report=looking)
    size = level.matte.shape[0], level.matte.shape[1]
    believed = belief(answer, level.matte)
    if believed is not None:
        shift = band_weights(level.matte) * believed
        counts = shift > 0  # most of it is not in the band, and logarithms take long
        shift[counts] *= logit(answer[counts]) - logit(level.matte[counts])
        shift_logits(level.matte, shift)
    return RefinedLevel(size, tiles_run=1, tiles_skipped=0, tiles_rejected=int(believed is None), tiles_over_limit=0)


def follow_from_answer(level: Level) -> None:
    """Let the matte of a level at which the model has looked follow edges, in place.

    Networks answer at half of what they see, or less: from there on, edges are followed.

    Raises what the level's report raises.
    """
    answered = max(level.matte.shape[0] // 2, 1), max(level.matte.shape[1] // 2, 1)
    follow_edges(
        level.matte,
        of=level.image,
        coarse=shrunk(level.matte, answered),
        small=shrunk(level.image, answered),
        report=level.report,
    )
