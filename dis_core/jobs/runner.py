"""Carries out orders: reads, segments, makes what was wanted of the matte, and writes it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.errors import BadRequest, NoImage, OutOfMemory, OutputExists, OutputFailed
from dis_core.jobs.job import (
    CutoutStyle,
    Edges,
    Failure,
    MaskStyle,
    Order,
    Receipt,
    Segmenting,
    Style,
)
from dis_core.progress import Report, span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dis_core.geometry import BoxLike, Points, PromptLike
    from dis_core.images import Picture
    from dis_core.images.compositing import Color
    from dis_core.matte.matte import Matte
    from dis_core.model_spec import Precision
    from dis_core.pipeline import Pipeline

OF_ONE_IMAGE = (NoImage, BadRequest, OutOfMemory, OutputExists, OutputFailed)
"""What may be wrong with one image; the next one can still go well. Everything else concerns all of them."""

MakeResult = Callable[["Matte"], "Picture"]


class Workshop:
    """A pipeline that stays warm from one order to the next, on the device of the last order."""

    def __init__(self) -> None:
        self.pipeline: Pipeline | None = None
        self._place: tuple[str, Precision] | None = None
        self._background: tuple[object, Picture] | None = None

    def fulfill(self, order: Order, report: Report) -> Receipt | Failure:
        """Do what an order says; what is wrong with this image alone comes back as a failure.

        Raises what concerns all images alike: Cancelled, DeviceUnavailable, UnknownModel, WeightsMissing and the like,
        BadRequest for a color that is none, NoImage for a background that cannot be read.
        """
        make_result = self._prepared(order.style)
        pipeline = self._pipeline_on(order.segmenting.device, order.segmenting.precision)
        try:
            return _fulfill(order, pipeline, make_result, report)
        except MemoryError:
            return Failure(OutOfMemory("there is too little memory for so large an image"))
        except OF_ONE_IMAGE as error:
            return Failure(error)

    def _pipeline_on(self, device: str, precision: Precision) -> Pipeline:
        """The pipeline for a device: the one before, model and all, if that is the same place by another name."""
        if self.pipeline is None or (device, precision) != self._place:
            from dis_core.pipeline import Pipeline  # takes seconds: torch

            new = Pipeline(device, precision=precision)  # holds no model yet, so memory never holds two
            if self.pipeline is None or new.placement != self.pipeline.placement:
                self.pipeline = new
            self._place = device, precision
        return self.pipeline

    def _prepared(self, style: Style) -> MakeResult:
        """What makes the result of a matte; a background is read once for all images that are put before it."""
        if isinstance(style, MaskStyle):
            self._background = None
            return functools.partial(make_mask, style)
        from dis_core.images.compositing import parse_color

        color = None if style.bgcolor is None else parse_color(style.bgcolor)
        background = self._read_background(style.bgimage)
        return functools.partial(make_cutout, style, color, background)

    def _read_background(self, path: Path | None) -> Picture | None:
        from dis_core.images import read_picture

        if path is None:
            self._background = None
            return None
        try:
            status = path.stat()
            state = path, status.st_ino, status.st_size, status.st_mtime_ns
        except (OSError, ValueError):
            state = None  # reading it will say why
        if self._background is None or state is None or self._background[0] != state:
            self._background = None
            self._background = state, read_picture(path)
        return self._background[1]


def _fulfill(order: Order, pipeline: Pipeline, make_result: MakeResult, report: Report) -> Receipt:
    from dis_core.images import read_picture

    wanted = order.segmenting
    picture = read_picture(sys.stdin.buffer if order.source is None else order.source)
    matte = pipeline.segment(
        picture,
        model=wanted.model,
        quality=wanted.quality,
        refine=wanted.refine,
        max_tiles=wanted.max_tiles,
        roi=wanted.roi,
        prompt=prompt_of(wanted),
        depth=None if wanted.depth is None else read_depth(wanted.depth),
        depth_model=wanted.depth_model,
        accept_noncommercial=wanted.accept_noncommercial,
        report=span(report, 0.0, 0.85),
    )
    report(0.85, "making the result")
    result = make_result(matte)
    report(0.95, "writing")
    written = write_result(order, result, matte)
    return Receipt(matte.model, matte.device, matte.refinement, tuple(remarks_on(order, written, matte)))


def prompt_of(wanted: Segmenting) -> PromptLike | None:
    """What the order says about which subject is meant, or None if it says nothing."""
    parts: list[BoxLike | Points] = [*wanted.boxes, *([wanted.points] if wanted.points else [])]
    return parts or None


def make_mask(style: MaskStyle, matte: Matte) -> Picture:
    """The gray matte, with its edges moved and softened if that is wanted."""
    from dis_core.matte.edges import reshape_edges

    if style.edges != Edges():
        # Of what is visible, so that the edge can also be moved beyond the end of a cut-out layer.
        edges = reshape_edges(matte.visible(), grow_px=style.edges.grow, feather_px=style.edges.feather)
        matte = replace(matte, alpha=edges, picture=None)
    return matte.gray(bits=style.bits)


def make_cutout(style: CutoutStyle, color: Color | None, background: Picture | None, matte: Matte) -> Picture:
    """The subject before its new background, if any, and cropped if that is wanted."""
    from dis_core.matte.edges import reshape_edges

    edges = reshape_edges(matte.alpha, grow_px=style.edges.grow, feather_px=style.edges.feather)
    matte = replace(matte, alpha=edges)
    result = placed(matte.cutout(colors=style.colors), color, background)
    return cropped(result, matte, style.crop_margin) if style.crop else result


def placed(cutout: Picture, color: Color | None, background: Picture | None) -> Picture:
    """The cutout before its new background, or as it is."""
    from dis_core.images.compositing import over_color, over_picture

    if color is not None:
        return over_color(cutout, color)
    return cutout if background is None else over_picture(cutout, background)


def cropped(result: Picture, matte: Matte, margin_px: int) -> Picture:
    """The result cut to the subject with its soft edges, down to a cover of 2 %; whole if there is no subject."""
    from dis_core.images.compositing import box_with_margin, crop

    bounds = matte.bounds(threshold=0.02)
    if bounds is None:
        return result
    return crop(result, box_with_margin(bounds, size=result.size, margin_px=margin_px))


def read_depth(path: Path) -> NDArray[np.float32]:
    """A depth map from an image file, (H, W) float32: its gray values, or the mean of its colors.

    Raises NoImage.
    """
    from dis_core.images import read_picture

    mean: NDArray[np.float32] = read_picture(path).pixels.mean(axis=2, dtype="float32")
    return mean


def write_result(order: Order, result: Picture, matte: Matte) -> Picture:
    """Write the result, and the depth beside it where that was asked for.

    Returns what was written, with remarks on what the format could not hold.

    Raises OutputExists, OutputFailed, BadRequest (a picture that the format cannot hold).
    """
    from dis_core.images.writing import fit_to_format, make_folder, write_picture

    result = fit_to_format(result, format=order.format)
    if order.destination is None:
        write_picture(result, sys.stdout.buffer, format=order.format, overwrite=False)
        return result
    make_folder(order.destination.parent)
    if order.depth_destination is not None and matte.depth is not None:
        # Before the result, because a run that is taken up again goes by the results that are there.
        write_picture(gray_of(matte.depth), order.depth_destination, format="png", overwrite=order.overwrite)
    write_picture(result, order.destination, format=order.format, overwrite=order.overwrite)
    return result


def gray_of(depth: NDArray[np.float32]) -> Picture:
    """A depth map (H, W) in [0, 1] as a 16-bit gray picture, near = bright."""
    from dis_core.matte.matte import Matte

    return Matte(depth, model="").gray(bits=16)


def remarks_on(order: Order, written: Picture, matte: Matte) -> list[str]:
    """What the user should know about a result, worded for them."""
    read = matte.picture.remarks if matte.picture else ()
    remarks = list(dict.fromkeys((*read, *written.remarks)))
    if matte.bounds() is None:
        remarks.append("no subject was found")
    if order.depth_destination is not None and matte.depth is None:
        remarks.append("no depth map was written, because this model does not look at depth")
    left_out = 0 if matte.refinement is None else matte.refinement.tiles_over_limit
    if left_out:
        allowed = order.segmenting.max_tiles
        remarks.append(f"{left_out} places along the boundary got no tile: --max-tiles allows {allowed}")
    return remarks
