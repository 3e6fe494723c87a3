"""Runs jobs: reads the image, segments it, makes what the job wants of the matte, and writes it."""

from __future__ import annotations

import functools
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from dis_core.errors import OF_ONE_IMAGE, BadRequest, DiskFull, OutOfMemory, OutputExists, OutputFailed
from dis_core.jobs.job import Job, JobFailure, JobResult, MaskStyle, Style
from dis_core.jobs.outputs import MakeResult, make_cutout, make_mask, refuse_too_large, remarks_on, write_result
from dis_core.progress import Report, span

if TYPE_CHECKING:
    from dis_core.images.picture import Picture
    from dis_core.model_spec import Precision
    from dis_core.pipeline import Pipeline
    from dis_core.prompts import SegmentOptions


READING: Final = "reading"
"""What is reported while files are read."""


class JobRunner:
    """A pipeline that stays warm from one job to the next, on the device of the last job."""

    def __init__(self) -> None:
        self.pipeline: Pipeline | None = None
        self._place: tuple[str, Precision] | None = None
        self._background: tuple[object, Picture] | None = None

    def run(self, job: Job, report: Report) -> JobResult | JobFailure:
        """Run one job; what is wrong with this image alone comes back as a failure.

        Raises what concerns all images alike: Cancelled, DiskFull, DeviceUnavailable, UnknownModel, WeightsMissing and
        the like, BadRequest for an unknown color, NoImage for a background that cannot be read.
        """
        report(0.0, READING)
        make_result = self._result_maker(job.style)
        report(0.0, "starting")
        started = time.monotonic()
        pipeline = self._pipeline_on(job.options.device, job.options.precision)
        waited_s = time.monotonic() - started
        try:
            outcome = _run_job(job, pipeline, make_result, report)
        except MemoryError:
            return JobFailure(
                OutOfMemory("there is not enough memory for an image of this size", hint="try a smaller image")
            )
        except OF_ONE_IMAGE as error:
            return JobFailure(error)
        if isinstance(outcome, JobFailure):
            return outcome
        return replace(outcome, loading_s=outcome.loading_s + waited_s)

    def load_libraries(self) -> None:
        """Import what every job needs, so that the first one does not wait for it: seconds, for torch."""
        import dis_core.pipeline  # noqa: F401

    def prepare(self, options: SegmentOptions) -> None:
        """Load the model of a job to come, if it is on this machine. Raises what `Pipeline.prepare` raises."""
        self._pipeline_on(options.device, options.precision).prepare(options)

    def _pipeline_on(self, device: str, precision: Precision) -> Pipeline:
        """The pipeline for a device: the one from before, model and all, if that is the same place by another name."""
        if self.pipeline is None or (device, precision) != self._place:
            from dis_core.pipeline import Pipeline  # takes seconds: torch

            new = Pipeline(device, precision=precision)  # holds no model yet, so memory never holds two
            if self.pipeline is None or new.placement != self.pipeline.placement:
                self.pipeline = new
            self._place = device, precision
        return self.pipeline

    def _result_maker(self, style: Style) -> MakeResult:
        """The function from matte to result; a background is read once for all the images that get it."""
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


def _run_job(job: Job, pipeline: Pipeline, make_result: MakeResult, report: Report) -> JobResult | JobFailure:
    from dis_core.images.reading import read_picture

    report(0.0, READING)
    source = _source(job)
    if job.animation is not None and (outcome := _run_animation(job, source, pipeline, make_result, report)):
        return outcome
    picture = read_picture(source)
    refuse_too_large(job, picture)
    matte = pipeline.segment_with(picture, job.options, report=span(report, 0.0, 0.85))
    report(0.85, "making the result")
    result = make_result(matte)
    report(0.95, "writing")
    try:
        written = write_result(job, result, matte)
    except DiskFull:
        raise  # the next image's files would not find room either
    except (OutputExists, OutputFailed) as error:  # of this image's files; weights that cannot be saved concern all
        return JobFailure(error)
    return JobResult(
        matte.model, matte.device, matte.refinement, tuple(remarks_on(job, written, matte)), matte.loading_s
    )


def _source(job: Job) -> Path | BinaryIO | bytes:
    """What to read the image from; bytes if it may have to be read twice."""
    if job.source is not None:
        return job.source
    from dis_core.images.formats import MAX_STREAM_BYTES

    return sys.stdin.buffer if job.animation is None else sys.stdin.buffer.read(MAX_STREAM_BYTES)


def _run_animation(
    job: Job, source: Path | BinaryIO | bytes, pipeline: Pipeline, make_result: MakeResult, report: Report
) -> JobResult | JobFailure | None:
    """All frames as an animation; None if it is a still that can be written as one."""
    from dis_core.images.animation import open_animation
    from dis_core.jobs.animation import run_animation

    assert job.animation is not None  # noqa: S101  for the types
    with open_animation(source) as animation:
        if animation is None and job.animation == "gif":
            raise BadRequest(f"{job.name} is not an animation", hint="leave out `frames=all`, and write PNG or WebP")
        if animation is None or (animation.count == 1 and job.animation != "gif"):
            return None
        try:
            matte, remarks = run_animation(job, job.animation, animation, pipeline, make_result, report)
        except DiskFull:
            raise
        except (OutputExists, OutputFailed) as error:
            return JobFailure(error)
    return JobResult(matte.model, matte.device, matte.refinement, remarks, matte.loading_s)
