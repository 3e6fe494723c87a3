"""What to make of a matte, and how to write it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dis_core.jobs.job import CutoutStyle, Edges, Job, MaskStyle

if TYPE_CHECKING:
    from dis_core.images.compositing import Color
    from dis_core.images.picture import Picture
    from dis_core.matte.matte import Matte


MakeResult = Callable[["Matte"], "Picture"]


def make_mask(style: MaskStyle, matte: Matte) -> Picture:
    """The gray matte, with its edges moved and softened as the style says."""
    from dis_core.matte.edges import reshape_edges

    if style.edges != Edges():
        # Of what is visible, so that the edge can also be moved beyond the end of a cut-out layer.
        edges = reshape_edges(matte.visible(), grow_px=style.edges.grow, feather_px=style.edges.feather)
        matte = replace(matte, alpha=edges, picture=None)
    return matte.gray(bits=style.bits)


def make_cutout(style: CutoutStyle, color: Color | None, background: Picture | None, matte: Matte) -> Picture:
    """The subject on its new background, if any, and cropped if the style says so."""
    return (
        matte.grow(style.edges.grow)
        .feather(style.edges.feather)
        .cutout(
            colors=style.colors,
            background=background if color is None else color,
            crop=style.crop,
            margin_px=style.crop_margin,
        )
    )


def write_result(job: Job, result: Picture, matte: Matte) -> Picture:
    """Write the result, and the depth map if the job wants it.

    Returns what was written, with remarks on what the format cannot hold.

    Raises OutputExists, OutputFailed, BadRequest (a picture that the format cannot hold).
    """
    from dis_core.files import make_folder
    from dis_core.images.picture import fit_to_format, gray_picture, write_picture

    result = fit_to_format(result, format=job.format)
    if job.destination is None:
        write_picture(result, sys.stdout.buffer, format=job.format, overwrite=False)
        return result
    make_folder(job.destination.parent)
    if job.depth_destination is not None and matte.depth is not None:
        # Before the result, because a run that is resumed skips the images that have their results.
        depth = gray_picture(matte.depth, bits=16, name="the depth map")
        write_picture(depth, job.depth_destination, format="png", overwrite=job.overwrite)
    write_picture(result, job.destination, format=job.format, overwrite=job.overwrite)
    return result


def remarks_on(job: Job, written: Picture, matte: Matte) -> list[str]:
    """What the user should know about a result, in words; arguments in backticks, as in an error's hint."""
    read = matte.picture.remarks if matte.picture else ()
    remarks = list(dict.fromkeys((*read, *written.remarks)))
    if matte.bounds() is None:
        remarks.append("no subject was found")
    if job.depth_destination is not None and matte.depth is None:
        remarks.append("no depth map was saved, because this model does not use depth")
    left_out = 0 if matte.refinement is None else matte.refinement.tiles_over_limit
    if left_out:
        allowed = job.options.max_tiles
        remarks.append(f"{left_out} tiles along the boundary were left out: the limit is `max_tiles={allowed}`")
    return remarks
