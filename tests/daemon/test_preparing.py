"""A daemon that is told what will be asked for loads it meanwhile, and never in the way of what is asked for."""

from __future__ import annotations

import logging
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dis_core.daemon import endpoint
from dis_core.daemon.protocol import Message
from dis_core.daemon.worker import QueuedJob, Worker
from dis_core.errors import WeightsMissing
from dis_core.jobs.job import Job, JobResult, MaskStyle
from dis_core.progress import Report
from dis_core.prompts import SegmentOptions
from tests.fakes.daemon_home import QUICK, DaemonHome, daemon_home

WAIT_S = 60.0
STALL_S = 6


class ScriptedRunner:
    """Notes what it is told to do, and does each only when it may."""

    pipeline = None

    def __init__(self) -> None:
        self.done: list[str] = []
        self.may_go_on = threading.Semaphore(0)
        self.has_begun = threading.Semaphore(0)
        self.error: Exception | None = None

    def _do(self, what: str) -> None:
        self.has_begun.release()
        assert self.may_go_on.acquire(timeout=WAIT_S)
        self.done.append(what)

    def load_libraries(self) -> None:
        self._do("libraries")

    def prepare(self, options: SegmentOptions) -> None:
        self._do(f"prepare {options.model}")
        if self.error is not None:
            raise self.error

    def run(self, job: Job, report: Report) -> JobResult:
        self._do(f"run {job.options.model}")
        return JobResult(str(job.options.model), "cpu")


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner()


@pytest.fixture
def worker(runner: ScriptedRunner) -> Iterator[Worker]:
    worker = Worker(lambda: None)
    worker.runner = runner  # type: ignore[assignment]
    worker.start()
    yield worker
    for _ in range(10):
        runner.may_go_on.release()


def queued(model: str) -> QueuedJob:
    job = Job(Path("/a.png"), Path("/b.png"), "png", MaskStyle(), SegmentOptions(model=model))
    return QueuedJob(job, run=None, umask=0o077, log_level=logging.WARNING, outbox=queue.SimpleQueue())


def go_on(runner: ScriptedRunner, steps: int) -> None:
    """Let it do so many things, one after the other."""
    for _ in range(steps):
        assert runner.has_begun.acquire(timeout=WAIT_S)
        runner.may_go_on.release()


def wait_until_done(job: QueuedJob) -> None:
    assert job.answered.wait(WAIT_S)


def test_libraries_are_loaded_first_and_then_what_is_expected(worker: Worker, runner: ScriptedRunner) -> None:
    worker.expect(SegmentOptions(model="a"))
    go_on(runner, 2)
    job = queued("a")
    worker.submit(job)
    go_on(runner, 1)

    wait_until_done(job)
    assert runner.done == ["libraries", "prepare a", "run a"]


def test_a_job_that_comes_first_goes_first_and_nothing_else_is_loaded(worker: Worker, runner: ScriptedRunner) -> None:
    worker.expect(SegmentOptions(model="a"))
    job = queued("b")
    worker.submit(job)
    go_on(runner, 2)

    wait_until_done(job)
    assert runner.done == ["libraries", "run b"]
    assert not runner.has_begun.acquire(timeout=0.2)


def test_a_daemon_that_works_is_left_alone(worker: Worker, runner: ScriptedRunner) -> None:
    go_on(runner, 1)
    job = queued("b")
    worker.submit(job)
    assert runner.has_begun.acquire(timeout=WAIT_S)

    worker.expect(SegmentOptions(model="a"))
    runner.may_go_on.release()

    wait_until_done(job)
    assert not runner.has_begun.acquire(timeout=0.2)


def test_preparing_is_no_reason_to_stay(worker: Worker, runner: ScriptedRunner) -> None:
    go_on(runner, 1)
    worker.expect(SegmentOptions(model="a"))
    assert runner.has_begun.acquire(timeout=WAIT_S)

    assert worker.doing == "loading a"
    assert not worker.is_busy
    assert worker.close()


def last_event(job: QueuedJob) -> Message:
    wait_until_done(job)
    while (event := job.outbox.get(timeout=WAIT_S)) and event["event"] == "progress":
        pass
    assert event is not None
    return event


def answer_to(job: QueuedJob) -> object:
    """What the last event says: its kind, or the code of its error."""
    event = last_event(job)
    return event.get("code", event["event"])


def test_the_time_for_which_a_job_waits_while_libraries_are_loaded_is_not_called_work(
    worker: Worker, runner: ScriptedRunner
) -> None:
    job, later = queued("a"), queued("a")
    worker.submit(job)
    time.sleep(0.5)
    go_on(runner, 2)
    wait_until_done(job)
    later.came_at = time.monotonic()
    worker.submit(later)
    go_on(runner, 1)

    assert last_event(job)["result"]["loading_s"] > 0.4
    assert last_event(later)["result"]["loading_s"] == 0.0


def test_a_daemon_that_is_to_leave_does_the_job_for_which_it_is_loading(worker: Worker, runner: ScriptedRunner) -> None:
    assert runner.has_begun.acquire(timeout=WAIT_S)
    first, second = queued("a"), queued("b")
    worker.submit(first)
    worker.submit(second)

    worker.close_after_current()

    assert not worker.close()
    runner.may_go_on.release()
    go_on(runner, 1)
    assert (answer_to(first), answer_to(second)) == ("result", "exiting")
    assert runner.done == ["libraries", "run a"]


def test_a_daemon_that_is_to_leave_at_once_cancels_the_job_for_which_it_is_loading(
    worker: Worker, runner: ScriptedRunner
) -> None:
    assert runner.has_begun.acquire(timeout=WAIT_S)
    first, second = queued("a"), queued("b")
    worker.submit(first)
    worker.submit(second)

    worker.abort()

    assert (answer_to(first), answer_to(second)) == ("Cancelled", "exiting")
    assert worker.close()
    assert not runner.done


@pytest.mark.parametrize("error", [WeightsMissing("they are not here"), RuntimeError("a bug")])
def test_what_cannot_be_loaded_does_not_end_the_work(worker: Worker, runner: ScriptedRunner, error: Exception) -> None:
    runner.error = error
    go_on(runner, 1)
    worker.expect(SegmentOptions(model="a"))
    go_on(runner, 1)
    job = queued("b")
    worker.submit(job)
    go_on(runner, 1)

    wait_until_done(job)
    assert worker.is_alive
    assert runner.done == ["libraries", "prepare a", "run b"]


def test_loading_keeps_nobody_from_being_answered(tmp_path: Path) -> None:
    with daemon_home(tmp_path) as home:
        command = [sys.executable, "-m", "tests.fakes.stalling_daemon", str(STALL_S)]
        home.children.append(subprocess.Popen(command, env=home.environment, text=True))
        home.wait_for(lambda: endpoint.read_endpoint(home.runtime), "the daemon")

        started = time.monotonic()
        first, first_s = home.status(), time.monotonic() - started
        second, second_s = home.status(), time.monotonic() - started

    assert first is not None
    assert first_s < STALL_S / 2  # it has started the daemon, and is answered before anything is loaded
    assert second is not None
    assert second_s > STALL_S / 2


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonHome]:
    with daemon_home(tmp_path_factory.mktemp("home")) as home:
        yield home


def test_a_started_daemon_has_the_model_before_there_is_an_image(home: DaemonHome) -> None:
    started = home.run("daemon", "start", "--model", "dis-lite", "--device", "cpu")
    home.wait_for(lambda: (home.status() or {}).get("models") == ["dis-lite"], "the model to be loaded")
    pid = home.pid()

    made = home.run("mask", "a.png", *QUICK, "--warm", "-o", "1.png")

    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    assert made.returncode == 0
    assert home.pid() == pid
    assert "dis-lite was loaded in" in home.log()
    assert (home.status() or {})["done"] == 1


def test_nothing_is_downloaded_ahead(home: DaemonHome) -> None:
    assert home.run("daemon", "start", "--model", "isnet", "--device", "cpu").returncode == 0
    home.wait_for(lambda: "isnet was loaded in" in home.log(), "it to look for the model")

    assert "isnet" not in (home.status() or {})["models"]


def test_a_name_that_nobody_knows_is_refused_at_once(home: DaemonHome) -> None:
    refused = home.run("daemon", "start", "--model", "nonsense")

    assert refused.returncode == 1
    assert "unknown model 'nonsense'" in refused.stderr
