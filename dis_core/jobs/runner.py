"""Carries out jobs: reads, segments, makes what was wanted of the matte, and writes it."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.errors import BadRequest, NoImage, OutOfMemory, OutputExists, OutputFailed
from dis_core.jobs.job import (
    Job,
    JobFailure,
    JobResult,
    MaskStyle,
    SegmentOptions,
    Style,
)
from dis_core.jobs.outputs import MakeResult, make_cutout, make_mask, remarks_on, write_result
from dis_core.progress import Report, span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dis_core.geometry import BoxLike, Points
    from dis_core.images.picture import Picture
    from dis_core.model_spec import Precision
    from dis_core.pipeline import Pipeline
    from dis_core.prompts import PromptLike

OF_ONE_IMAGE = (NoImage, BadRequest, OutOfMemory, OutputExists, OutputFailed)
"""What may be wrong with one image; the next one can still go well. Everything else concerns all of them."""


class JobRunner:
    """A pipeline that stays warm from one job to the next, on the device of the last job."""

    def __init__(self) -> None:
        self.pipeline: Pipeline | None = None
        self._place: tuple[str, Precision] | None = None
        self._background: tuple[object, Picture] | None = None

    def run(self, job: Job, report: Report) -> JobResult | JobFailure:
        """Do what a job says; what is wrong with this image alone comes back as a failure.

        Raises what concerns all images alike: Cancelled, DeviceUnavailable, UnknownModel, WeightsMissing and the like,
        BadRequest for a color that is none, NoImage for a background that cannot be read.
        """
        make_result = self._prepared(job.style)
        pipeline = self._pipeline_on(job.segmenting.device, job.segmenting.precision)
        try:
            return _run_job(job, pipeline, make_result, report)
        except MemoryError:
            return JobFailure(OutOfMemory("there is too little memory for so large an image"))
        except OF_ONE_IMAGE as error:
            return JobFailure(error)

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
        from dis_core.images.reading import read_picture

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


def _run_job(job: Job, pipeline: Pipeline, make_result: MakeResult, report: Report) -> JobResult:
    from dis_core.images.reading import read_picture

    wanted = job.segmenting
    picture = read_picture(sys.stdin.buffer if job.source is None else job.source)
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
    written = write_result(job, result, matte)
    return JobResult(matte.model, matte.device, matte.refinement, tuple(remarks_on(job, written, matte)))


def prompt_of(wanted: SegmentOptions) -> PromptLike | None:
    """What the job says about which subject is meant, or None if it says nothing."""
    parts: list[BoxLike | Points] = [*wanted.boxes, *([wanted.points] if wanted.points else [])]
    return parts or None


def read_depth(path: Path) -> NDArray[np.float32]:
    """A depth map from an image file, (H, W) float32: its gray values, or the mean of its colors.

    Raises NoImage.
    """
    from dis_core.images.reading import read_picture

    mean: NDArray[np.float32] = read_picture(path).pixels.mean(axis=2, dtype="float32")
    return mean
