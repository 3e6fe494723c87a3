"""The one thread that works: orders wait in a short queue, and each is carried out on the same warm pipeline."""

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
from dis_core.jobs.job import Failure, Order
from dis_core.jobs.json_values import to_plain
from dis_core.jobs.runner import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WAITING: Final = 16
"""So many images may wait; each command has one at a time, so these are as many commands."""

logger = logging.getLogger(__name__)


class Leaving(Exception):
    """The daemon takes no more orders: it is about to end."""


@dataclass(eq=False)
class Job:
    """An order with what surrounds it where it came from; events about it go into `outbox`, the answer as the last one.

    `run` is the same for all orders of one command. `umask` decides who may read the result. `log_level` is from where
    on the command wants to hear what is logged.
    """

    order: Order
    run: object
    umask: int
    log_level: int
    outbox: queue.SimpleQueue[Message | None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)

    def report(self, fraction: float, doing: str) -> None:
        """Progress for the client, and the place where a job stops. Raises Cancelled."""
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
        self.workshop = Workshop()
        self.doing = ""
        self.done = 0
        self._changed = changed
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._run: object = None
        self._closed = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="work", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many orders wait."""
        return len(self._waiting)

    @property
    def is_busy(self) -> bool:
        """Whether an order is being carried out or waits for it."""
        with self._condition:
            return self._current is not None or bool(self._waiting)

    @property
    def is_alive(self) -> bool:
        """Whether the thread is there that works."""
        return self._thread.is_alive()

    def submit(self, job: Job) -> None:
        """Put an order into the queue. Raises DaemonBusy if that is full, Leaving after `close`."""
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
                job.report(0.0, f"waiting for {ahead} other {'image' if ahead == 1 else 'images'}")
            self._waiting.append(job)
            self._condition.notify()
        self._changed()

    def withdraw(self, job: Job) -> None:
        """Stop a job wherever it is; a waiting one gives its place in the queue to others."""
        job.cancelled.set()
        with self._condition:
            if job in self._waiting:
                self._waiting.remove(job)
        self._changed()

    def close(self) -> bool:
        """Take no more orders; False, and nothing is changed, if there are some to be done."""
        with self._condition:
            if self._current is not None or self._waiting:
                return False
            self._closed = True
            return True

    def dismiss(self) -> None:
        """Take no more orders, send back those that wait, and finish the one at hand."""
        with self._condition:
            self._closed = True
            waiting, self._waiting = list(self._waiting), deque()
        for job in waiting:
            job.answer({"event": "leaving"})
        self._changed()

    def abort(self) -> None:
        """As `dismiss`, but stop the job at hand too."""
        self.dismiss()
        if (current := self._current) is not None:
            current.cancelled.set()

    def _work(self) -> None:
        try:
            while True:
                with self._condition:
                    self._condition.wait_for(lambda: self._waiting)
                    self._current = job = self._waiting.popleft()
                self._do(job)
                del job  # what an order holds must not outlive it while the thread waits
        finally:
            self._changed()  # a thread that ends takes the daemon with it

    def _do(self, job: Job) -> None:
        started = time.monotonic()
        answer: Message = {"event": "bug", "message": "the worker was stopped"}
        try:
            answer = self._answer(job)
        finally:
            self.doing = ""
            self.done += 1
            logger.info("%s after %.2f s", answer.get("code", answer["event"]), time.monotonic() - started)
            with self._condition:
                self._current = None
            job.answer(answer)
            self._changed()

    def _answer(self, job: Job) -> Message:
        """Carry out an order; whatever goes wrong becomes the answer."""
        if job.run is not self._run and self.workshop.pipeline is not None:
            self.workshop.pipeline.forget_fallback()
        self._run = job.run
        os.umask(job.umask)
        forwarding = _Forwarding(job)
        root = logging.getLogger()
        root.addHandler(forwarding)
        try:
            refuse_pipes(job.order)
            came_of_it = self.workshop.fulfill(job.order, self._noting(job))
            if isinstance(came_of_it, Failure):
                if isinstance(came_of_it.error, OutOfMemory):
                    self._make_room()
                return describe_error("failure", came_of_it.error)
            return {"event": "receipt", "receipt": to_plain(came_of_it)}
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

    def _noting(self, job: Job) -> Callable[[float, str], None]:
        def report(fraction: float, doing: str) -> None:
            self.doing = doing
            job.report(fraction, doing)

        return report

    def _make_room(self) -> None:
        """Let go of the model: the next order may need less, or come when other programs need less."""
        if self.workshop.pipeline is not None:
            self.workshop.pipeline.unload()
        gc.collect()


def refuse_pipes(order: Order) -> None:
    """Raises BadRequest for a pipe: opening it would wait for somebody to write to it, and nobody might."""
    for path in order.read:
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):
            continue  # reading it will say why
        if stat.S_ISFIFO(mode):
            raise BadRequest(f"{path} is a pipe", hint="the daemon reads files only")


def checked_places(order: Order) -> Order:
    """The order itself. Raises BadRequest if it leaves open where something is: here, nothing is relative."""
    if order.source is None or order.destination is None:
        raise BadRequest("the daemon reads and writes files only")
    for path in (*order.read, *order.written):
        if not path.is_absolute():
            raise BadRequest("the daemon wants the whole path of each file")
    return order


class _Forwarding(logging.Handler):
    """Sends what the library has to say on to the one whose order it concerns."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.log_level)
        self._job = job

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("dis_core.daemon"):
            self._job.outbox.put({"event": "said", "level": record.levelno, "text": record.getMessage()})
