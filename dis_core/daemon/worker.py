"""The thread that does the work: jobs wait in a short queue and run one by one on the same warm pipeline."""

from __future__ import annotations

import functools
import gc
import logging
import os
import queue
import stat
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dis_core.daemon.logs import describe_bug
from dis_core.daemon.protocol import Message, describe_error
from dis_core.errors import BadRequest, Cancelled, DaemonBusy, DisError, NoImage, OutOfMemory
from dis_core.jobs.job import Job, JobFailure
from dis_core.jobs.json_values import to_json_value
from dis_core.jobs.runner import READING, JobRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from dis_core.prompts import SegmentOptions

MAX_WAITING: Final = 16
"""How many images may wait. Each command sends one at a time, so this is also the number of commands."""

logger = logging.getLogger(__name__)


class WorkerClosed(Exception):
    """The daemon takes no more jobs, because it is about to exit."""


@dataclass(eq=False)
class QueuedJob:
    """A job and what its command wants with it. Events go into `outbox`, the answer last.

    `run` is the same for all jobs of one command. `umask` decides who may read the result. `log_level` is the lowest
    level of log records that the command wants to see.
    """

    job: Job
    run: object
    umask: int
    log_level: int
    outbox: queue.SimpleQueue[Message | None]
    came_at: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)
    _answering: threading.Lock = field(default_factory=threading.Lock)

    def report(self, fraction: float, doing: str) -> None:
        """Send progress to the client. Raises Cancelled if the job should stop."""
        if self.cancelled.is_set():
            raise Cancelled
        self.outbox.put({"event": "progress", "fraction": fraction, "doing": doing})

    def answer(self, message: Message) -> None:
        """Send the final event, unless one was sent."""
        with self._answering:
            if self.answered.is_set():
                return
            self.answered.set()  # first, because the client may send its next job as soon as it has the answer
        self.outbox.put(message)


class Worker:
    """The queue and the thread that works through it. `notify` is called whenever it becomes busy or idle."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self.runner = JobRunner()
        self.doing = ""
        self.done = 0
        self._notify = notify
        self._waiting: deque[QueuedJob] = deque()
        self._current: QueuedJob | None = None
        self._reading_since: float | None = None
        self._ready_at = 0.0
        self._expected: SegmentOptions | None = None
        self._run: object = None
        self._closed = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="work", daemon=True)

    def start(self) -> None:
        """Start working."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of jobs that wait."""
        return len(self._waiting)

    @property
    def is_busy(self) -> bool:
        """Whether a job is running or waiting."""
        with self._condition:
            return self._current is not None or bool(self._waiting)

    @property
    def is_alive(self) -> bool:
        """Whether the thread is still running."""
        return self._thread.is_alive()

    def submit(self, queued: QueuedJob) -> None:
        """Put a job into the queue. Raises DaemonBusy if that is full, WorkerClosed after `close`."""
        with self._condition:
            if self._closed:
                raise WorkerClosed
            if len(self._waiting) >= MAX_WAITING:
                raise DaemonBusy(
                    f"the daemon's queue is full: {len(self._waiting)} images are waiting",
                    hint="try again later",
                )
            if self._current is not None or self._waiting:
                ahead = len(self._waiting) + (self._current is not None)
                queued.report(0.0, f"waiting for {ahead} other {'image' if ahead == 1 else 'images'}")
            self._waiting.append(queued)
            self._condition.notify()
        self._notify()

    def expect(self, options: SegmentOptions) -> None:
        """Load what jobs with these options need while there is nothing else to do; jobs that come first go first."""
        with self._condition:
            if self._current is None and not self._waiting:
                self._expected = options
                self._condition.notify()

    def withdraw(self, queued: QueuedJob) -> None:
        """Cancel a job, whether it is running or still waiting."""
        queued.cancelled.set()
        with self._condition:
            if queued in self._waiting:
                self._waiting.remove(queued)
        self._notify()

    def close(self) -> bool:
        """Take no more jobs. False, without any effect, if there are jobs to be done."""
        with self._condition:
            if self._current is not None or self._waiting:
                return False
            self._closed = True
            return True

    def close_after_current(self) -> None:
        """Take no more jobs, send back those that wait, and finish the current one.

        While something is loaded for it, the job that comes next counts as the current one.
        """
        with self._condition:
            self._closed, self._expected = True, None
            next_up = 1 if self._current is None else 0
            while len(self._waiting) > next_up:
                self._waiting.pop().answer({"event": "exiting"})
        self._notify()

    def abort(self) -> None:
        """As `close_after_current`, but cancel the current job too."""
        self.close_after_current()
        with self._condition:
            current, next_up = self._current, self._waiting.popleft() if self._waiting else None
        if current is not None:
            current.cancelled.set()
        if next_up is not None:
            next_up.answer(describe_error("error", Cancelled()))
        self._notify()

    def give_up_reading(self, limit_s: float) -> bool:
        """Whether the current job has read for longer than that: then it is answered, though its thread goes on."""
        queued, since = self._current, self._reading_since
        if queued is None or since is None or time.monotonic() - since < limit_s:
            return False
        hint = "open it in an image editor and save it again"
        error = NoImage(f"{queued.job.name} takes longer than {limit_s:.0f} s to read", hint=hint)
        queued.answer(describe_error("failure", error))
        return True

    def give_up(self, error: DisError) -> None:
        """Answer the current job with an error, though its thread goes on."""
        if (queued := self._current) is not None:
            queued.answer(describe_error("error", error))

    def _work(self) -> None:
        try:
            self._make_ready("torch", self.runner.load_libraries)
            while True:
                with self._condition:
                    self._condition.wait_for(lambda: self._waiting or self._expected)
                    expected, self._expected = self._expected, None
                    self._current = queued = self._waiting.popleft() if self._waiting else None
                if queued is not None:
                    self._do(queued)
                elif expected is not None:
                    self._make_ready(expected.model or "a model", functools.partial(self.runner.prepare, expected))
                del queued  # so that its memory is free while the thread waits
        finally:
            self._notify()  # the daemon exits when this thread ends

    def _make_ready(self, what: str, load: Callable[[], None]) -> None:
        """Load something before a job needs it. What goes wrong is only logged: the job will meet it, and answer so."""
        self.doing = f"loading {what}"
        started = time.monotonic()
        try:
            load()
            logger.info("%s was loaded in %.2f s", what, time.monotonic() - started)
        except DisError as error:
            logger.info("%s was not loaded: %s", what, error.code)
        except Exception as error:  # noqa: BLE001 - the edge of the daemon, as for jobs
            logger.error("%s", describe_bug(error))
        finally:
            self.doing, self._ready_at = "", time.monotonic()

    def _do(self, queued: QueuedJob) -> None:
        started = time.monotonic()
        answer: Message = {"event": "bug", "message": "the worker thread was stopped"}
        try:
            answer = self._answer(queued)
        finally:
            self.doing, self._reading_since = "", None
            self.done += 1
            logger.info("%s after %.2f s", answer.get("code", answer["event"]), time.monotonic() - started)
            with self._condition:
                self._current = None
            queued.answer(answer)
            self._notify()

    def _answer(self, queued: QueuedJob) -> Message:
        """Run a job. Whatever goes wrong becomes the answer."""
        if queued.run is not self._run and self.runner.pipeline is not None:
            self.runner.pipeline.forget_fallback()
        self._run = queued.run
        os.umask(queued.umask)
        forwarding = _Forwarding(queued)
        root = logging.getLogger()
        root.addHandler(forwarding)
        try:
            refuse_pipes(queued.job)
            outcome = self.runner.run(queued.job, self._noting(queued))
            if isinstance(outcome, JobFailure):
                if isinstance(outcome.error, OutOfMemory):
                    self._make_room()
                return describe_error("failure", outcome.error)
            loading_s = outcome.loading_s + max(self._ready_at - queued.came_at, 0.0)  # also what was loaded before
            return {"event": "result", "result": to_json_value(replace(outcome, loading_s=loading_s))}
        except DisError as error:
            return describe_error("error", error)
        except MemoryError:
            self._make_room()
            return describe_error("error", OutOfMemory("there is not enough memory for this image"))
        except Exception as error:  # noqa: BLE001 - the edge of the daemon: a bug must cost one answer, not the process
            logger.error("%s", describe_bug(error))  # its message goes to the client only
            return {"event": "bug", "message": f"{type(error).__name__}: {error}"}
        finally:
            root.removeHandler(forwarding)

    def _noting(self, queued: QueuedJob) -> Callable[[float, str], None]:
        def report(fraction: float, doing: str) -> None:
            self.doing = doing
            self._reading_since = time.monotonic() if doing == READING else None
            queued.report(fraction, doing)

        return report

    def _make_room(self) -> None:
        """Unload the model: the next job may need less memory, or other programs may have freed some by then."""
        if self.runner.pipeline is not None:
            self.runner.pipeline.unload()
        gc.collect()


def refuse_pipes(job: Job) -> None:
    """Raises BadRequest for a pipe: opening it would block until somebody writes to it, maybe forever."""
    for path in job.read:
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):
            continue  # reading the file will say why
        if stat.S_ISFIFO(mode):
            raise BadRequest(f"{path} is a pipe, and the daemon reads only files", hint="give a file")


def checked_places(job: Job) -> Job:
    """The job itself. Raises BadRequest if a path is missing or relative: the daemon has no working folder."""
    if job.source is None or job.destination is None:
        raise BadRequest("a job for the daemon needs a file to read and a file to write")
    for path in (*job.read, *job.written):
        if not path.is_absolute():
            raise BadRequest(f"the daemon needs absolute paths, not {path}")
    return job


class _Forwarding(logging.Handler):
    """Sends the library's log records to the client whose job is running."""

    def __init__(self, queued: QueuedJob) -> None:
        super().__init__(queued.log_level)
        self._queued = queued

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("dis_core.daemon"):
            self._queued.outbox.put({"event": "log", "level": record.levelno, "text": record.getMessage()})
