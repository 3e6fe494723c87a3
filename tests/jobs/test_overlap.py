"""Many jobs at once: what goes on at the same time, in which order it is told, and what is left when it stops."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.errors import Cancelled, DiskFull, NoImage
from dis_core.images.picture import Picture
from dis_core.jobs import runner
from dis_core.jobs.background import Background
from dis_core.jobs.job import Job, JobFailure, JobResult, MaskStyle
from dis_core.jobs.outputs import MakeResult
from dis_core.jobs.overlap import run_overlapping
from dis_core.jobs.runner import JobRunner, Segmented
from dis_core.matte.matte import Matte
from dis_core.progress import Report, ignore
from dis_core.prompts import SegmentOptions

LIMIT_S = 20
"""How long a test waits for another thread before it fails."""


class Scripted:
    """Stands in for the pipeline, and for reading; every step can wait for another one, and says when it starts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: dict[str, threading.Event] = {}
        self.waits_for: dict[str, str] = {}
        self.alive: weakref.WeakSet[Picture] = weakref.WeakSet()
        self.most_alive = 0
        self.alphas: dict[str, weakref.ref[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]] = {}
        self.kept_while_written: dict[str, bool] = {}
        self.fails: dict[str, Exception] = {}
        self.reports_until_stopped = ""
        monkeypatch.setattr(runner, "_read", self.read)
        monkeypatch.setattr(runner, "write_result", self.write)
        monkeypatch.setattr(JobRunner, "segment", self.segment)

    def step(self, name: str) -> None:
        self.started.setdefault(name, threading.Event()).set()
        if (other := self.waits_for.get(name)) is not None:
            assert self.started.setdefault(other, threading.Event()).wait(LIMIT_S), f"{name} waited for {other}"
        if name in self.fails:
            raise self.fails[name]

    def read(self, job: Job, _source: object) -> Picture:
        self.step(f"read {stem(job)}")
        picture = Picture(np.zeros((4, 4, 3), np.uint8), name=stem(job))
        self.count(picture)
        self.step(f"have {stem(job)}")
        return picture

    def count(self, picture: Picture) -> None:
        self.alive.add(picture)
        self.most_alive = max(self.most_alive, len(self.alive))

    def segment(self, job: Job, picture: Picture, report: Report) -> Segmented:
        self.step(f"segment {stem(job)}")
        report(0.5, "segmenting")
        limit = time.monotonic() + LIMIT_S
        while stem(job) == self.reports_until_stopped and time.monotonic() < limit:
            report(0.5, "segmenting")
        self.step(f"segmented {stem(job)}")
        make: MakeResult = Matte.gray
        alpha = np.ones((4, 4), np.float32)
        self.alphas[stem(job)] = weakref.ref(alpha)
        return Segmented(Matte(alpha, "fake", picture), make, 0.0)

    def write(self, job: Job, result: Picture, _depth: object) -> Picture:
        self.kept_while_written[stem(job)] = self.alphas[stem(job)]() is not None
        self.count(result)
        self.step(f"write {stem(job)}")
        assert job.destination is not None
        job.destination.write_bytes(b"result")
        self.step(f"wrote {stem(job)}")
        return result


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    return Scripted(monkeypatch)


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    return [job_of(tmp_path, name) for name in "abcdef"]


def job_of(folder: Path, name: str) -> Job:
    source = folder / f"{name}.png"
    source.write_bytes(b"")
    return Job(source, folder / f"{name}-mask.png", "png", MaskStyle(), SegmentOptions(model="dis-lite", device="cpu"))


def stem(job: Job) -> str:
    assert job.source is not None
    return job.source.stem


class Told:
    """What was told of each job, in order."""

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self.outcomes: list[JobResult | JobFailure] = []

    def __call__(self, job: Job, outcome: JobResult | JobFailure, _seconds: float) -> None:
        self.jobs.append(stem(job))
        self.outcomes.append(outcome)


def quiet(_number: int, _job: Job) -> Report:
    return ignore


def results_in(jobs: list[Job]) -> list[str]:
    return [stem(job) for job in jobs if job.destination is not None and job.destination.exists()]


def test_a_matte_is_not_kept_while_its_result_is_written(scripted: Scripted, jobs: list[Job]) -> None:
    run_overlapping(JobRunner(), jobs, report_on=quiet, done=Told())

    assert scripted.kept_while_written == dict.fromkeys("abcdef", False)


def test_the_next_image_is_read_and_the_last_result_written_while_one_is_segmented(
    scripted: Scripted, jobs: list[Job]
) -> None:
    scripted.waits_for = {"segment b": "read c", "write a": "segment b", "segment c": "wrote b"}
    told = Told()

    run_overlapping(JobRunner(), jobs[:3], report_on=quiet, done=told)

    assert told.jobs == ["a", "b", "c"]
    assert results_in(jobs) == ["a", "b", "c"]


def test_no_more_than_three_pictures_are_in_memory(scripted: Scripted, jobs: list[Job]) -> None:
    # Each is segmented only when the next one is there, and written only when the one after that is there too.
    scripted.waits_for = {
        f"segment {this}": f"have {following}" for this, following in zip("abcde", "bcdef", strict=True)
    }
    scripted.waits_for |= {f"write {this}": f"have {later}" for this, later in zip("abcd", "cdef", strict=True)}

    run_overlapping(JobRunner(), jobs, report_on=quiet, done=Told())

    assert scripted.most_alive == 3
    assert len(scripted.alive) == 0


def test_a_job_is_taken_when_it_is_read_and_not_before(scripted: Scripted, jobs: list[Job]) -> None:
    taken: list[str] = []
    told = Told()
    ahead: list[int] = []

    def one_by_one() -> Iterator[Job]:
        for job in jobs:
            ahead.append(len(taken) - len(told.jobs))
            taken.append(stem(job))
            yield job

    run_overlapping(JobRunner(), one_by_one(), report_on=quiet, done=told)

    assert max(ahead) <= 2


def test_a_failure_in_the_middle_is_told_in_its_place(scripted: Scripted, jobs: list[Job]) -> None:
    scripted.fails = {"read b": NoImage("b is no image"), "read d": MemoryError()}
    scripted.waits_for = {"write a": "read c"}  # so that b has failed before a is done
    told = Told()

    run_overlapping(JobRunner(), jobs, report_on=quiet, done=told)

    assert told.jobs == list("abcdef")
    assert [isinstance(outcome, JobFailure) for outcome in told.outcomes] == [False, True, False, True, False, False]
    assert results_in(jobs) == list("acef")


def test_a_full_disk_stops_the_pass_that_is_running(scripted: Scripted, jobs: list[Job]) -> None:
    scripted.fails = {"write b": DiskFull("the disk is full")}
    scripted.reports_until_stopped = "c"
    told = Told()

    with pytest.raises(DiskFull):
        run_overlapping(JobRunner(), jobs, report_on=quiet, done=told)

    assert told.jobs == ["a"]
    assert results_in(jobs) == ["a"]
    assert "segmented c" not in scripted.started


def test_a_cancel_is_heard_within_a_pass_and_keeps_what_is_being_written(scripted: Scripted, jobs: list[Job]) -> None:
    scripted.waits_for = {"segment b": "write a", "wrote a": "cancel"}
    told = Told()

    def report_on(_number: int, job: Job) -> Report:
        def report(_fraction: float, doing: str) -> None:
            if stem(job) == "b" and doing == "segmenting":
                scripted.step("cancel")
                raise Cancelled

        return report

    with pytest.raises(Cancelled):
        run_overlapping(JobRunner(), jobs, report_on=report_on, done=told)

    assert told.jobs == ["a"]  # its file was written whole, and that is told
    assert results_in(jobs) == ["a"]
    assert "segment c" not in scripted.started


def test_what_is_not_yet_being_written_is_not_written_after_a_cancel(
    scripted: Scripted, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    making, stop = threading.Event(), threading.Event()

    def slow_gray(matte: Matte) -> Picture:
        making.set()
        assert stop.wait(LIMIT_S)
        return Picture(np.zeros((4, 4, 1), np.uint8))

    monkeypatch.setattr(Matte, "gray", slow_gray)
    close = Background.close

    def stopped_by_then(background: Background[object], **limits: float) -> None:
        stop.set()
        close(background, **limits)

    monkeypatch.setattr(Background, "close", stopped_by_then)

    def report_on(_number: int, job: Job) -> Report:
        def report(_fraction: float, doing: str) -> None:
            if stem(job) == "b" and doing == "segmenting":
                assert making.wait(LIMIT_S)
                raise Cancelled

        return report

    told = Told()
    with pytest.raises(Cancelled):
        run_overlapping(JobRunner(), jobs, report_on=report_on, done=told)

    assert told.jobs == []
    assert results_in(jobs) == []


def test_progress_never_goes_back(scripted: Scripted, jobs: list[Job]) -> None:
    fractions: list[float] = []

    def report_on(number: int, _job: Job) -> Report:
        return lambda fraction, _: fractions.append(number + fraction)

    run_overlapping(JobRunner(), jobs, report_on=report_on, done=Told())

    assert fractions == sorted(fractions)
    assert {int(fraction) for fraction in fractions} == set(range(len(jobs)))


def test_what_is_no_still_in_a_file_is_done_alone_and_in_its_turn(
    scripted: Scripted, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    before: list[list[str]] = []

    def run(_runner: JobRunner, job: Job, _report: Report) -> JobResult:
        before.append(list(told.jobs))
        assert "read c" not in scripted.started
        return JobResult("fake", "cpu")

    monkeypatch.setattr(JobRunner, "run", run)
    jobs[1] = replace(jobs[1], animation="webp")

    run_overlapping(JobRunner(), jobs[:3], report_on=quiet, done=told)

    assert before == [["a"]]
    assert told.jobs == ["a", "b", "c"]


def test_real_jobs_have_the_same_results_as_one_by_one(tmp_path: Path) -> None:
    jobs = [replace(job_of(tmp_path, name), overwrite=True) for name in "abc"]
    for shade, job in enumerate(jobs):
        assert job.source is not None
        Image.new("RGB", (40, 30), (90 * shade, 40, 60)).save(job.source)
    one_by_one = JobRunner()
    expected = []
    for job in jobs:
        assert isinstance(one_by_one.run(job, ignore), JobResult)
        assert job.destination is not None
        expected.append(job.destination.read_bytes())
        job.destination.unlink()

    told = Told()
    run_overlapping(one_by_one, jobs, report_on=quiet, done=told)

    assert [job.destination.read_bytes() for job in jobs if job.destination] == expected
    assert all(isinstance(outcome, JobResult) for outcome in told.outcomes)
