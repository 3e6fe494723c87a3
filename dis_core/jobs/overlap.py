"""Many jobs, with the network at work all the time: the next image is read and the last result made meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from dis_core.errors import Cancelled
from dis_core.jobs.background import Background, Handed, answer_of
from dis_core.jobs.job import Job, JobFailure, JobResult
from dis_core.jobs.runner import MAKING, READING, SEGMENTED, JobRunner, Segmented, finish, read_source
from dis_core.progress import Report, ignore

if TYPE_CHECKING:
    from dis_core.images.picture import Picture

GIVES_UP_READING_AFTER_S: Final = 1.0
"""How long the end of a run that is stopped waits for an image that is being read; nothing is lost with it."""

Answer = TypeVar("Answer")

Done = Callable[[Job, JobResult | JobFailure, float], None]
"""What is told of each job, in their order, when it is done: its outcome, and the seconds spent on it alone."""


def run_overlapping(
    runner: JobRunner, jobs: Iterable[Job], *, report_on: Callable[[int, Job], Report], done: Done
) -> None:
    """Run jobs as `JobRunner.run` does, but with up to three in work: one is read, one segmented, one finished.

    `report_on` gives the report for a job and its number. A job is taken from `jobs` when it is time to read it,
    which is before the one ahead of it is segmented. All of these are called by the calling thread.

    Raises what `JobRunner.run`, `jobs`, the reports and `done` raise; what is not being written by then is not written.
    """
    _, loading_s = _timed(runner.load_libraries)  # before other threads import parts of them
    with _Reading(jobs) as reading, _Finishing(done) as finishing:
        ahead, number = reading.next(), 0
        report: Report = ignore
        while ahead is not None:
            report = finishing.heard_by(report_on(number, ahead.job))
            report(0.0, READING)
            if ahead.picture is None:
                finishing.wait(partial(report, 0.0, READING))
                done(ahead.job, *_timed(partial(runner.run, ahead.job, report)))
                ahead = reading.next()
            else:
                job = ahead.job
                picture, read_s = answer_of(ahead.picture, partial(report, 0.0, READING))
                ahead = reading.next()
                found, found_s = _timed(partial(_segment, runner, job, picture, report))
                del picture  # what is done may go
                finishing.wait(partial(report, SEGMENTED, MAKING))
                finishing.start(job, _loaded_for(found, loading_s), loading_s + read_s + found_s, report)
                del found
                loading_s = 0.0
            number += 1
        finishing.wait(partial(report, SEGMENTED, MAKING))


def _segment(runner: JobRunner, job: Job, picture: Picture | JobFailure, report: Report) -> Segmented | JobFailure:
    return picture if isinstance(picture, JobFailure) else runner.segment(job, picture, report)


def _loaded_for(found: Segmented | JobFailure, loading_s: float) -> Segmented | JobFailure:
    """The same, with loading the libraries as a part of its time."""
    return found if isinstance(found, JobFailure) else found._replace(loading_s=found.loading_s + loading_s)


def _timed(work: Callable[[], Answer]) -> tuple[Answer, float]:
    """An answer and the seconds that it took."""
    started = time.monotonic()
    answer = work()
    return answer, time.monotonic() - started


def can_be_read_ahead(job: Job) -> bool:
    """Whether a job's image is a still in a file: animations take much memory, and pipes would block the thread."""
    try:
        return job.animation is None and job.source is not None and job.source.is_file()
    except (OSError, ValueError):
        return False  # running it will say why


class _Ahead(NamedTuple):
    """A job, and its picture as soon as it is read, with the seconds; None if it is not read ahead."""

    job: Job
    picture: Future[tuple[Picture | JobFailure, float]] | None


class _Reading:
    """Takes the jobs one by one, and reads each while something else goes on."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = iter(jobs)
        self._thread: Background[tuple[Picture | JobFailure, float]] = Background("reading")

    def __enter__(self) -> _Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.close(timeout_s=GIVES_UP_READING_AFTER_S)

    def next(self) -> _Ahead | None:
        """The next job, whose image is read from now on; None after the last one."""
        job = next(self._jobs, None)
        if job is None:
            return None
        if not can_be_read_ahead(job):
            return _Ahead(job, None)
        return _Ahead(job, self._thread.submit(partial(_timed, partial(read_source, job))))


class _Finishing:
    """Makes and writes one result at a time while something else goes on, and tells `done` of it."""

    def __init__(self, done: Done) -> None:
        self._done = done
        self._stopped = threading.Event()
        self._pending: tuple[Job, Future[tuple[JobResult | JobFailure, float]], float] | None = None
        self._thread: Background[tuple[JobResult | JobFailure, float]] = Background("finishing")

    def __enter__(self) -> _Finishing:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the thread, never in the middle of writing. What it has still written is told of."""
        if kind is not None:
            self._stopped.set()
        self._thread.close()
        if self._pending is not None and self._pending[1].exception() is None:
            self._tell()

    def heard_by(self, report: Report) -> Report:
        """A report that also tells of what is done, and raises what concerns all jobs."""

        def report_and_tell(fraction: float, doing: str) -> None:
            if self._pending is not None and self._pending[1].done():
                self._tell()
            report(fraction, doing)

        return report_and_tell

    def start(self, job: Job, found: Segmented | JobFailure, seconds: float, report: Report) -> None:
        """Finish a job on which so many seconds were spent before. One at a time: `wait` comes first."""
        report(SEGMENTED, MAKING)
        handed = found if isinstance(found, JobFailure) else Handed(found)
        work = partial(_timed, partial(self._finish, job, handed))
        self._pending = job, self._thread.submit(work), seconds

    def wait(self, look_up: Callable[[], None]) -> None:
        """Wait until nothing is in work, tell of it, and call `look_up` now and then."""
        if self._pending is not None:
            answer_of(self._pending[1], look_up)
            if self._pending is not None:  # unless `look_up` told of it
                self._tell()

    def _finish(self, job: Job, found: Handed[Segmented] | JobFailure) -> JobResult | JobFailure:
        return found if isinstance(found, JobFailure) else finish(job, found, self._go_on)

    def _go_on(self, _fraction: float, _doing: str) -> None:
        if self._stopped.is_set():
            raise Cancelled

    def _tell(self) -> None:
        assert self._pending is not None  # noqa: S101  for the types
        job, future, seconds_before = self._pending
        self._pending = None
        outcome, seconds = future.result()
        self._done(job, outcome, seconds_before + seconds)
