"""Runs jobs: reads the image, segments it, makes what the job wants of the matte, and writes it."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, TypeVar

from dis_core.errors import OF_ONE_IMAGE, BadRequest, DiskFull, OutOfMemory, OutputExists, OutputFailed
from dis_core.jobs.background import Handed
from dis_core.jobs.job import Job, JobFailure, JobResult, MaskStyle, Style
from dis_core.jobs.outputs import (
    MakeResult,
    make_cutout,
    make_mask,
    refuse_too_large,
    remarks_on_matte,
    remarks_on_reading,
    write_result,
)
from dis_core.progress import Report, span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dis_core.images.picture import Picture
    from dis_core.matte.matte import Matte
    from dis_core.model_spec import Precision
    from dis_core.pipeline import Pipeline
    from dis_core.prompts import SegmentOptions


READING: Final = "reading"
"""What is reported while files are read."""

MAKING: Final = "making the result"
"""What is reported between the matte and the file."""

SEGMENTED: Final = 0.85
"""The share of a job's progress that is over with its matte."""

Answer = TypeVar("Answer")


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
        ready = self._ready_for(job, report)
        return _of_one_image(lambda: _run_job(job, ready, report))

    def segment(self, job: Job, picture: Picture, report: Report) -> Segmented | JobFailure:
        """Find the subject of what `read_source` returned; `finish` does the rest. Raises what `run` raises."""
        ready = self._ready_for(job, report)
        return _of_one_image(lambda: _segment(job, ready, picture, report))

    def encode(self, job: Job, source: Path | bytes, report: Report) -> Encoded | JobFailure:
        """The result of `source` as the bytes of a file instead of a file; of an animation, a still.

        The paths of the job do not matter. Raises what `run` raises.
        """
        ready = self._ready_for(job, report)
        return _of_one_image(lambda: _encode(job, ready, source, report))

    def model_of(self, job: Job, report: Report) -> str:
        """The model that a job would run, "pdfnet@revision", which is fetched if it has to be; see `run`."""
        return self._pipeline_on(job.options.device, job.options.precision).model_of(job.options, report)

    def _ready_for(self, job: Job, report: Report) -> _Ready:
        make_result = self._result_maker(job.style)
        report(0.0, "starting")
        started = time.monotonic()
        pipeline = self._pipeline_on(job.options.device, job.options.precision)
        return _Ready(pipeline, make_result, time.monotonic() - started)

    def load_libraries(self) -> None:
        """Import what every job needs, so that the first one does not wait for it: seconds, for torch."""
        import dis_core.pipeline  # noqa: F401

    def prepare_for(self, job: Job, report: Report) -> None:
        """As `prepare`; also raises what is wrong with the background of the job's style."""
        self._ready_for(job, report).pipeline.prepare(job.options)

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


class _Ready(NamedTuple):
    """What every job needs, and how long it took to get it."""

    pipeline: Pipeline
    make_result: MakeResult
    waited_s: float


class Segmented(NamedTuple):
    """A matte, the function that makes the result of it, and how long loading took."""

    matte: Matte
    make_result: MakeResult
    loading_s: float


class Encoded(NamedTuple):
    """The bytes of a result's file, and how it was made."""

    data: bytes
    result: JobResult


def _of_one_image(work: Callable[[], Answer]) -> Answer | JobFailure:
    """What the work returns, or what is wrong with this image alone."""
    try:
        return work()
    except MemoryError:
        return JobFailure(
            OutOfMemory("there is not enough memory for an image of this size", hint="try a smaller image")
        )
    except OF_ONE_IMAGE as error:
        return JobFailure(error)


def _run_job(job: Job, ready: _Ready, report: Report) -> JobResult | JobFailure:
    report(0.0, READING)
    source = _source(job)
    if job.animation is not None and (outcome := _run_animation(job, source, ready, report)):
        return outcome
    return _finish(job, Handed(_segment(job, ready, _read(job, source), report)), report)


def read_source(job: Job) -> Picture | JobFailure:
    """The image of a job that is a file and no animation."""
    return _of_one_image(lambda: _read(job, _source(job)))


def finish(job: Job, segmented: Handed[Segmented], report: Report) -> JobResult | JobFailure:
    """Make the result and write it. Raises DiskFull, and what `report` raises."""
    return _of_one_image(lambda: _finish(job, segmented, report))


def _read(job: Job, source: Path | BinaryIO | bytes) -> Picture:
    from dis_core.images.reading import read_picture

    picture = read_picture(source)
    refuse_too_large(job, picture)
    return picture


def _segment(job: Job, ready: _Ready, picture: Picture, report: Report) -> Segmented:
    matte = ready.pipeline.segment_with(picture, job.options, report=span(report, 0.0, SEGMENTED))
    return Segmented(matte, ready.make_result, matte.loading_s + ready.waited_s)


def _finish(job: Job, segmented: Handed[Segmented], report: Report) -> JobResult | JobFailure:
    made = _make(job, segmented, report)
    report(0.95, "writing")
    try:
        written = write_result(job, made.result, made.depth)
    except DiskFull:
        raise  # the next image's files would not find room either
    except (OutputExists, OutputFailed) as error:  # of this image's files; weights that cannot be saved concern all
        return JobFailure(error)
    return made.known_with(written)


def _encode(job: Job, ready: _Ready, source: Path | bytes, report: Report) -> Encoded:
    from dis_core.images.picture import encode, fit_to_format

    report(0.0, READING)
    made = _make(job, Handed(_segment(job, ready, _read(job, source), report)), report)
    result = fit_to_format(made.result, format=job.format)
    return Encoded(encode(result, format=job.format), made.known_with(result))


class _Made(NamedTuple):
    """A result that is not written yet, the depth map if there is one, and what is known of how it was made."""

    result: Picture
    depth: NDArray[np.float32] | None
    known: JobResult
    remarks_on_reading: tuple[str, ...]
    remarks_on_matte: list[str]

    def known_with(self, written: Picture) -> JobResult:
        """How it was made, with all remarks."""
        remarks = (*self.remarks_on_reading, *written.remarks, *self.remarks_on_matte)
        return replace(self.known, remarks=tuple(dict.fromkeys(remarks)))


def _make(job: Job, segmented: Handed[Segmented], report: Report) -> _Made:
    """The result of a matte, which may go then: while the result is written, another image is in memory."""
    matte, make_result, loading_s = segmented.take()
    report(SEGMENTED, MAKING)
    result = make_result(matte)
    known = JobResult(matte.model, matte.device, matte.refinement, (), loading_s, _size_of(matte))
    return _Made(result, matte.depth, known, remarks_on_reading(matte), remarks_on_matte(job, matte))


def _size_of(matte: Matte) -> tuple[int, int]:
    height, width = matte.alpha.shape
    return height, width


def _source(job: Job) -> Path | BinaryIO | bytes:
    """What to read the image from; bytes if it may have to be read twice."""
    if job.source is not None:
        return job.source
    from dis_core.images.formats import MAX_STREAM_BYTES

    return sys.stdin.buffer if job.animation is None else sys.stdin.buffer.read(MAX_STREAM_BYTES)


def _run_animation(
    job: Job, source: Path | BinaryIO | bytes, ready: _Ready, report: Report
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
            matte, remarks = run_animation(job, job.animation, animation, ready.pipeline, ready.make_result, report)
        except DiskFull:
            raise
        except (OutputExists, OutputFailed) as error:
            return JobFailure(error)
    loading_s = matte.loading_s + ready.waited_s
    return JobResult(matte.model, matte.device, matte.refinement, remarks, loading_s, _size_of(matte))
