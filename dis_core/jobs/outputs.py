"""What to make of a matte, and how to write it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dis_core.errors import OutputExists
from dis_core.images.framing import Framing
from dis_core.jobs.job import CutoutStyle, Edges, Job, MaskStyle

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dis_core.images.compositing import Color
    from dis_core.images.picture import Picture
    from dis_core.matte.matte import Matte


MakeResult = Callable[["Matte"], "Picture"]


def make_mask(style: MaskStyle, matte: Matte) -> Picture:
    """The gray matte, with its edges moved and softened, and framed, as the style says."""
    from dis_core.images.framing import remarks_on_placing
    from dis_core.images.placing import placed_plane

    if style.edges != Edges():
        # Of what is visible, so that the edge can also be moved beyond the end of a cut-out layer.
        matte = replace(matte, alpha=with_edges(matte.visible(), style.edges), picture=None)
    if style.framing is None:
        return matte.gray(bits=style.bits)
    subject, placing = matte.placing(style.framing)
    remarks = remarks_on_placing(placing, subject, matte.alpha.shape)
    framed = replace(matte, alpha=placed_plane(matte.visible(), placing), picture=None)
    return replace(framed.gray(bits=style.bits), remarks=tuple(remarks))


def make_cutout(style: CutoutStyle, color: Color | None, background: Picture | None, matte: Matte) -> Picture:
    """The subject on its new background, if any, and cropped if the style says so."""
    framing = style.framing or Framing()
    return replace(matte, alpha=with_edges(matte.alpha, style.edges)).cutout(
        colors=style.colors,
        background=background if color is None else color,
        crop=style.crop or style.framing is not None,
        margin_px=framing.margin_px,
        margin_fraction=framing.margin_fraction,
        size=framing.size,
    )


def with_edges(alpha: NDArray[np.float32], edges: Edges) -> NDArray[np.float32]:
    """The matte, (H, W) float32 in [0, 1], with other edges; itself if they stay.

    They are made of the matte rounded to 16 bits, so that exactly the same comes of one that was kept in a file.
    """
    import numpy as np

    from dis_core.matte.edges import reshape_edges

    if edges == Edges():
        return alpha
    rounded = alpha * np.float32(65535)
    np.rint(rounded, out=rounded)
    rounded /= np.float32(65535)
    return reshape_edges(rounded, threshold=edges.threshold, grow_px=edges.grow, feather_px=edges.feather)


def refuse_too_large(job: Job, picture: Picture) -> None:
    """Raise BadRequest, before the work, if the format cannot hold a result of the wanted size or the image's.

    A result that is cropped to the subject may fit; it is refused when its size is known.
    """
    from dis_core.images.picture import refuse_longer_sides

    framing = job.style.framing
    if framing is not None and framing.size is not None:
        refuse_longer_sides(framing.size, format=job.format)
    elif framing is None and not (isinstance(job.style, CutoutStyle) and job.style.crop):
        refuse_longer_sides(picture.size, format=job.format)


def write_result(job: Job, result: Picture, depth: NDArray[np.float32] | None) -> Picture:
    """Write the result, and the depth map, (H, W) in [0, 1], if there is one and the job wants it.

    Returns what was written, with remarks on what the format cannot hold and on a depth map that was there already.

    Raises OutputExists, OutputFailed, BadRequest (a picture that the format cannot hold).
    """
    from dis_core.files import make_folder
    from dis_core.images.picture import fit_to_format, write_picture

    result = fit_to_format(result, format=job.format)
    if job.destination is None:
        write_picture(result, sys.stdout.buffer, format=job.format, overwrite=False)
        return result
    make_folder(job.destination.parent)
    if job.depth_destination is not None and depth is not None:
        # Before the result, because a run that is resumed skips the images that have their results.
        result = write_depth(job.depth_destination, depth, result, overwrite=job.overwrite)
    write_picture(result, job.destination, format=job.format, overwrite=job.overwrite)
    return result


def write_depth(path: Path, depth: NDArray[np.float32], result: Picture, *, overwrite: bool) -> Picture:
    """Write a depth map, unless the same one is there already; returns the result, with a remark if there is another.

    Such a map is what a run left that was stopped before its result, or somebody's own: neither may cost the result.

    Raises OutputFailed.
    """
    from dis_core.files import holds, write_atomically
    from dis_core.images.picture import encode, gray_picture

    data = encode(gray_picture(depth, bits=16, name="the depth map"), format="png")
    try:
        write_atomically(path, data, overwrite=overwrite)
    except OutputExists:
        if not holds(path, data):
            kept = f"the depth map {path} was there already and was kept; to replace it, use `overwrite=True`"
            return replace(result, remarks=(*result.remarks, kept))
    return result


def remarks_on_reading(matte: Matte) -> tuple[str, ...]:
    """What the user should know about the image that a matte is of."""
    return matte.picture.remarks if matte.picture else ()


def remarks_on_matte(job: Job, matte: Matte) -> list[str]:
    """What the user should know about a matte, in words; arguments in backticks, as in an error's hint."""
    remarks = []
    if matte.bounds() is None:
        remarks.append("no subject was found")
    remarks += matte.remarks
    if job.depth_destination is not None and matte.depth is None:
        remarks.append("no depth map was saved, because this model does not use depth")
    left_out = 0 if matte.refinement is None else matte.refinement.tiles_over_limit
    if left_out:
        allowed = job.options.max_tiles
        remarks.append(f"{left_out} tiles along the boundary were left out: the limit is `max_tiles={allowed}`")
    return remarks
