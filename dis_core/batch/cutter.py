"""The worker of a batch: an image in bytes or a file goes in, the bytes of its result come out, or what was wrong."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from dis_core.jobs.job import Job, JobFailure, JobResult
from dis_core.jobs.runner import JobRunner
from dis_core.progress import Report, ignore


class Cut(NamedTuple):
    """The bytes of a result's file, how it was made, and how many seconds it took without loading the model."""

    data: bytes
    result: JobResult
    seconds: float


class Cutter:
    """Decodes, segments and encodes, with one model that stays loaded: make one for each worker.

    `job` says what to make; its paths do not matter. It can be pickled, and loads its model where it is first called.
    """

    def __init__(self, job: Job) -> None:
        self.job = replace(job, source=None, destination=None, depth_destination=None, animation=None)
        self._runner = JobRunner()

    def __reduce__(self) -> tuple[type[Cutter], tuple[Job]]:
        """What travels to another process is what to make, never a model."""
        return Cutter, (self.job,)

    def __call__(self, source: Path | bytes, report: Report = ignore) -> Cut | JobFailure:
        """The result of an image, or what is wrong with this image alone.

        Raises what concerns all images alike, such as WeightsMissing; see `JobRunner.run`.
        """
        started = time.monotonic()
        made = self._runner.encode(self.job, source, report)
        if isinstance(made, JobFailure):
            return made
        return Cut(made.data, made.result, max(time.monotonic() - started - made.result.loading_s, 0.0))

    def model(self, report: Report = ignore) -> str:
        """The model that runs, "pdfnet@revision"; it is fetched if it has to be."""
        return self._runner.model_of(self.job, report)
