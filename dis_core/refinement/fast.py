"""Fast refinement: the enlarged matte follows the edges of the image, and the model does not look again."""

from __future__ import annotations

from dis_core.planes import Plane
from dis_core.progress import Report
from dis_core.protocols import Effort, Quality, Refined, Segmentation, Segmenter
from dis_core.refinement.answers import answer_side_of
from dis_core.refinement.band import can_be_refined, within_band
from dis_core.refinement.levels import with_prefix
from dis_core.refinement.resizing import shrunk
from dis_core.refinement.straight import straight_along_edges
from dis_core.refinement.tiling import size_seen


def refine_fast(
    image: Plane,
    coarse: Segmentation,
    segmenter: Segmenter,
    *,
    quality: Quality,
    effort: Effort,  # noqa: ARG001  every Refiner is given it
    report: Report,
) -> Refined:
    """Refine the coarse matte with a guided filter, which follows the image's edges.

    `image` is (H, W, 3) float32 sRGB in [0, 1]. Raises what `report` raises.
    """
    alpha = along_edges(
        image,
        coarse.alpha,
        side_px=segmenter.side_for(quality),
        answered_px=answer_side_of(segmenter, quality),
        report=report,
    )
    return Refined(alpha)


def along_edges(image: Plane, coarse: Plane, *, side_px: int, answered_px: int, report: Report) -> Plane:
    """The coarse matte, (H, W), along the edges of its image, (H, W, 3), which a network saw at `side_px`.

    It stays as it is if the image is hardly larger than what the network answered.
    """
    if not can_be_refined(coarse, answered_px):
        return coarse
    seen = size_seen((image.shape[0], image.shape[1]), side_px)
    known = shrunk(coarse, seen)
    matte = straight_along_edges(
        image,
        coarse,
        seen=shrunk(image, seen),
        before=known,
        known=known,
        report=with_prefix(report, "refining"),
    )
    return within_band(matte, coarse, known)
