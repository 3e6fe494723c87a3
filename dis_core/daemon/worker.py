"""The one thread that works: jobs wait in a short queue, and each is carried out on the same warm pipeline."""

from __future__ import annotations

import gc
import logging
import os
import queue
import stat
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dis_core.daemon.logs import describe_bug
from dis_core.daemon.protocol import Message, describe_error
from dis_core.errors import BadRequest, Cancelled, DaemonBusy, DisError, OutOfMemory
from dis_core.jobs.job import Job, JobFailure
from dis_core.jobs.json_values import to_plain
from dis_core.jobs.runner import JobRunner

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WAITING: Final = 16
"""So many images may wait; each command has one at a time, so these are as many commands."""

logger = logging.getLogger(__name__)


class Leaving(Exception):
    """The daemon takes no more jobs: it is about to end."""


@dataclass(eq=False)
class QueuedJob:
    """A job with what surrounds it where it came from; events about it go into `outbox`, the answer as the last one.

    `run` is the same for all jobs of one command. `umask` decides who may read the result. `log_level` is from where
    on the command wants to hear what is logged.
    """

    job: Job
    run: object
    umask: int
    log_level: int
    outbox: queue.SimpleQueue[Message | None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)

    def report(self, fraction: float, doing: str) -> None:
        """Progress for the client, and the place where a queued stops. Raises Cancelled."""
        if self.cancelled.is_set():
            raise Cancelled
        self.outbox.put({"event": "progress", "fraction": fraction, "doing": doing})

    def answer(self, message: Message) -> None:
        """Tell how it ended."""
        self.answered.set()  # first, because the client may ask the next thing as soon as it knows
        self.outbox.put(message)


class Worker:
    """The queue and the thread that works it off; `changed` is called whenever it becomes busy or idle."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.runner = JobRunner()
        self.doing = ""
        self.done = 0
        self._changed = changed
        self._waiting: deque[QueuedJob] = deque()
        self._current: QueuedJob | None = None
        self._run: object = None
        self._closed = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="work", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    @property
    def is_busy(self) -> bool:
        """Whether a job is being carried out or waits for it."""
        with self._condition:
            return self._current is not None or bool(self._waiting)

    @property
    def is_alive(self) -> bool:
        """Whether the thread is there that works."""
        return self._thread.is_alive()

    def submit(self, queued: QueuedJob) -> None:
        """Put a job into the queue. Raises DaemonBusy if that is full, Leaving after `close`."""
        with self._condition:
            if self._closed:
                raise Leaving
            if len(self._waiting) >= MAX_WAITING:
                raise DaemonBusy(
                    f"{len(self._waiting)} images are waiting for the daemon already, and it takes no more",
                    hint="try again later, or without --warm",
                )
            if self._current is not None or self._waiting:
                ahead = len(self._waiting) + (self._current is not None)
                queued.report(0.0, f"waiting for {ahead} other {'image' if ahead == 1 else 'images'}")
            self._waiting.append(queued)
            self._condition.notify()
        self._changed()

    def withdraw(self, queued: QueuedJob) -> None:
        """Stop a queued wherever it is; a waiting one gives its place in the queue to others."""
        queued.cancelled.set()
        with self._condition:
            if queued in self._waiting:
                self._waiting.remove(queued)
        self._changed()

    def close(self) -> bool:
        """Take no more jobs; False, and nothing is changed, if there are some to be done."""
        with self._condition:
            if self._current is not None or self._waiting:
                return False
            self._closed = True
            return True

    def dismiss(self) -> None:
        """Take no more jobs, send back those that wait, and finish the one at hand."""
        with self._condition:
            self._closed = True
            waiting, self._waiting = list(self._waiting), deque()
        for queued in waiting:
            queued.answer({"event": "leaving"})
        self._changed()

    def abort(self) -> None:
        """As `dismiss`, but stop the queued at hand too."""
        self.dismiss()
        if (current := self._current) is not None:
            current.cancelled.set()

    def _work(self) -> None:
        try:
            while True:
                with self._condition:
                    self._condition.wait_for(lambda: self._waiting)
                    self._current = queued = self._waiting.popleft()
                self._do(queued)
                del queued  # what a job holds must not outlive it while the thread waits
        finally:
            self._changed()  # a thread that ends takes the daemon with it

    def _do(self, queued: QueuedJob) -> None:
        started = time.monotonic()
        answer: Message = {"event": "bug", "message": "the worker was stopped"}
        try:
            answer = self._answer(queued)
        finally:
            self.doing = ""
            self.done += 1
            logger.info("%s after %.2f s", answer.get("code", answer["event"]), time.monotonic() - started)
            with self._condition:
                self._current = None
            queued.answer(answer)
            self._changed()

    def _answer(self, queued: QueuedJob) -> Message:
        """Carry out a job; whatever goes wrong becomes the answer."""
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
            return {"event": "result", "result": to_plain(outcome)}
        except DisError as error:
            return describe_error("error", error)
        except MemoryError:
            self._make_room()
            return describe_error("error", OutOfMemory("there is too little memory for that"))
        except Exception as error:  # noqa: BLE001 - the edge of the daemon: a bug costs one answer and not the process
            logger.error("%s", describe_bug(error))  # its message is for the client alone
            return {"event": "bug", "message": f"{type(error).__name__}: {error}"}
        finally:
            root.removeHandler(forwarding)

    def _noting(self, queued: QueuedJob) -> Callable[[float, str], None]:
        def report(fraction: float, doing: str) -> None:
            self.doing = doing
            queued.report(fraction, doing)

        return report

    def _make_room(self) -> None:
        """Let go of the model: the next job may need less, or come when other programs need less."""
        if self.runner.pipeline is not None:
            self.runner.pipeline.unload()
        gc.collect()


def refuse_pipes(job: Job) -> None:
    """Raises BadRequest for a pipe: opening it would wait for somebody to write to it, and nobody might."""
    for path in job.read:
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):
            continue  # reading it will say why
        if stat.S_ISFIFO(mode):
            raise BadRequest(f"{path} is a pipe", hint="the daemon reads files only")


def checked_places(job: Job) -> Job:
    """The job itself. Raises BadRequest if it leaves open where something is: here, nothing is relative."""
    if job.source is None or job.destination is None:
        raise BadRequest("the daemon reads and writes files only")
    for path in (*job.read, *job.written):
        if not path.is_absolute():
            raise BadRequest("the daemon wants the whole path of each file")
    return job


class _Forwarding(logging.Handler):
    """Sends what the library has to say on to the one whose job it concerns."""

    def __init__(self, queued: QueuedJob) -> None:
        super().__init__(queued.log_level)
        self._queued = queued

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("dis_core.daemon"):
            self._queued.outbox.put({"event": "said", "level": record.levelno, "text": record.getMessage()})
