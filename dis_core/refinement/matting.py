"""Refinement by matting: along edges first, from one larger look if the model takes any, then closed-form in the band.

Matting happens at a size that does not grow with the photo, and edges carry its answer to the photo's size. So its cost
has a bound: as measured, about half of IS-Net's first look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dis_core.planes import Plane, Size, dilated
from dis_core.progress import Report, span
from dis_core.protocols import Effort, Quality, Refined, Segmentation, Segmenter
from dis_core.refinement.answers import answer_side_of
from dis_core.refinement.band import can_be_refined, uncertain_in, within_band
from dis_core.refinement.closed_form import matted
from dis_core.refinement.guided_filter import follow_edges
from dis_core.refinement.larger import refine_with_larger_look
from dis_core.refinement.levels import enlarged_changes, with_prefix
from dis_core.refinement.resizing import enlarged, shrunk
from dis_core.refinement.tiling import size_seen

MATTED_PX: Final = 1536
"""The longer side at which matting happens, at most: at 2048 it takes twice as long and is no better."""

WINDOW_RADIUS_PX: Final = 1
"""Half the side of the windows in which edges are followed from there: as narrow as matting's own."""

MOST_UNKNOWN: Final = 2 / 3
"""If more than this share of the image is unknown, the model does not know the subject, and color cannot tell."""

_MOSTLY: Final = 0.3


def refine_with_matting(
    image: Plane, coarse: Segmentation, segmenter: Segmenter, *, quality: Quality, effort: Effort, report: Report
) -> Refined:
    """Follow the edges, after a larger look if the model takes any, and then find the band's matte by matting.

    `image` is (H, W, 3) float32 sRGB in [0, 1]. Raises OutOfMemory, and what `report` raises.
    """
    edges = refine_with_larger_look(
        image, coarse, segmenter, quality=quality, effort=effort, report=span(report, 0.0, 0.6)
    )
    side_px = answer_side_of(segmenter, quality)
    if not can_be_refined(coarse.alpha, side_px):
        return edges
    size = image.shape[0], image.shape[1]
    answered = shrunk(coarse.alpha, size_seen(size, side_px))
    level = size_at_most(size, MATTED_PX)
    unknown = unknown_at(answered, level)
    if unknown.mean() > MOST_UNKNOWN:
        return edges
    rest = with_prefix(span(report, 0.6, 1.0), "refining")
    small, before = shrunk(image, level), shrunk(edges.alpha, level)
    known = matted(before, small, unknown, report=span(rest, 0.0, 0.6))
    matte = enlarged_changes(known - before, edges.alpha)
    follow_edges(matte, of=image, coarse=known, small=small, radius_px=WINDOW_RADIUS_PX, report=span(rest, 0.6, 1.0))
    seen = shrunk(coarse.alpha, size_seen(size, segmenter.side_for(quality)))
    return replace(edges, alpha=within_band(matte, coarse.alpha, seen))


def size_at_most(size: Size, longer_px: int) -> Size:
    """The size (height, width) with the same proportions whose longer side is at most so many pixels."""
    scale = min(longer_px / max(size), 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def unknown_at(answered: Plane, size: Size) -> NDArray[np.bool_]:
    """Where the matte is unknown at a `size`: the model's own answer, (h, w), is uncertain there or one pixel away."""
    around = dilated(uncertain_in(answered), 1).astype(np.float32)
    return (around if around.shape == size else enlarged(around, size)) > _MOSTLY
