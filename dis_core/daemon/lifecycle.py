"""Who is connected, what is being done, and when it is time to exit."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final, Literal, Protocol

from dis_core.__version__ import __version__
from dis_core.daemon.memory import memory_of_this_process, memory_on_device
from dis_core.daemon.owners import Owners
from dis_core.daemon.protocol import Message
from dis_core.daemon.worker import Worker
from dis_core.errors import Cancelled

logger = logging.getLogger(__name__)

MAX_CLIENTS: Final = 64

BETWEEN_IMAGES_S: Final = 5.0
"""How long the daemon waits for a connected command's next image, even if its keep-alive time is shorter."""

FIRST_REQUEST_S: Final = 1.0
"""How long a new daemon waits for the first request before it loads anything. Usually that takes milliseconds."""

FIRST_JOB_S: Final = 30.0
"""How long a new daemon waits for its first job, even if its keep-alive time is shorter."""


AFTER_OWNER_S: Final = 10.0
"""How long the daemon stays when the editor that it worked for has ended; it may just be started again."""

NOW_S: Final = 5.0
"""How long a daemon that is to exit at once waits for its worker to notice: it may be stuck in a file."""

ANSWERING_S: Final = 1.0
"""The last part of that time is for sending the answers that the worker owes."""

READING_S: Final = 60.0
"""How long reading the files of one job may take. No honest file takes that long, and no thread can be stopped."""


class Client(Protocol):
    """A connected client: whether it has ever sent a job, and whether an answer to it is still to be sent."""

    @property
    def has_asked(self) -> bool: ...

    @property
    def has_unsent_answer(self) -> bool: ...


class Daemon:
    """What the threads share: the worker, the clients, and when it is time to exit.

    It exits `keep_alive_s` after the last request: 0 means at once, a negative number never. If the `owners`, for which
    it works, have all ended, it exits sooner. `announce_exit` tells new
    commands not to use this daemon while it finishes its last image. `can_be_found` says whether they still can: it
    also exits when somebody has removed its files.
    """

    def __init__(
        self,
        key: bytes,
        *,
        keep_alive_s: float,
        announce_exit: Callable[[], None],
        can_be_found: Callable[[], bool] = lambda: True,
    ) -> None:
        self.key = key
        self.keep_alive_s = keep_alive_s
        self.worker = Worker(self.mark_active)
        self.owners = Owners()
        self.may_load = threading.Event()
        self._started = self._active = time.monotonic()
        self._is_new = True
        self._is_exiting = False
        self._exit_by = float("inf")
        self._announce_exit = announce_exit
        self._can_be_found = can_be_found
        self._change = threading.Condition()
        self._clients: set[Client] = set()

    def notify(self) -> None:
        """Let the main thread check again whether it is time to exit."""
        with self._change:
            self._change.notify_all()

    def mark_active(self) -> None:
        """Restart the keep-alive time, because something was requested or finished."""
        with self._change:
            self._active = time.monotonic()
            self._is_new = False
            self._change.notify_all()

    def expect_work(self) -> None:
        """Restart the keep-alive time, because a job will come soon; one that is new stays as long as it would."""
        with self._change:
            self._active = time.monotonic()
            self._change.notify_all()

    def keep_alive(self, seconds: float) -> None:
        """From now on, stay this long after the last request."""
        self.keep_alive_s = seconds
        self.notify()

    def leave(self, when: Literal["idle", "now"]) -> None:
        """Take no more jobs and exit, after the current image or at once: within seconds, whatever the worker does."""
        if when == "now":
            self._exit_by = min(self._exit_by, time.monotonic() + NOW_S)
            self.worker.abort()
        else:
            self.worker.close_after_current()
        if not self._is_exiting:
            self._announce_exit()  # first: after the exit it would leave a file behind
            self._is_exiting = True
        self.notify()

    def add_client(self, client: Client) -> bool:
        """Add a client; False if there are too many already."""
        with self._change:
            if len(self._clients) >= MAX_CLIENTS:
                return False
            self._clients.add(client)
            return True

    def remove_client(self, client: Client) -> None:
        """Remove a client that has disconnected."""
        with self._change:
            self._clients.discard(client)
        if client.has_asked:
            self.mark_active()

    def run_until_idle(self) -> None:
        """Return when the daemon should exit: it takes no more jobs and all answers are sent, or time is up."""
        with self._change:
            while True:
                self._look_after_worker()
                left_s = self._seconds_left()
                if not self.worker.is_alive or time.monotonic() > self._exit_by:
                    return
                if left_s <= 0 and not self._has_unsent_answers() and self.worker.close():
                    return
                # Not longer, because signals are handled between two waits.
                self._change.wait(min(max(left_s, 0.05), 1.0))

    def _look_after_worker(self) -> None:
        """Exit if the worker is stuck in a file, or if no more work can come; answer for it where it does not."""
        if self._exit_by == float("inf") and self.worker.give_up_reading(READING_S):
            logger.warning("exiting: reading a file takes longer than %.0f s", READING_S)
            self.leave("now")
            self._exit_by = time.monotonic() + ANSWERING_S
        if time.monotonic() > self._exit_by - ANSWERING_S:
            self.worker.give_up(Cancelled())
        if not self._is_exiting and not self._can_be_found():
            logger.warning("exiting: the files by which commands find this daemon were removed")
            self.leave("idle")

    def _has_unsent_answers(self) -> bool:
        with self._change:
            return self.worker.is_busy or any(client.has_unsent_answer for client in self._clients)

    def _seconds_left(self) -> float:
        """How long it stays if nothing happens; infinite if it never exits by itself."""
        if self._is_exiting:
            return 0.0
        if self.keep_alive_s < 0:
            return float("inf")
        least_s = FIRST_JOB_S if self._is_new else BETWEEN_IMAGES_S if self._has_active_client() else 0.0
        left_s = self._active + max(self.keep_alive_s, least_s) - time.monotonic()
        ended_s_ago = self.owners.ended_s_ago()
        return left_s if ended_s_ago is None else min(left_s, AFTER_OWNER_S - ended_s_ago)

    def _has_active_client(self) -> bool:
        with self._change:
            return any(client.has_asked for client in self._clients)

    def status(self) -> Message:
        """The daemon's state, for `dis-core daemon status`."""
        pipeline = self.worker.runner.pipeline
        left_s = self._seconds_left()
        return {
            "pid": os.getpid(),
            "version": __version__,
            "uptime_s": round(time.monotonic() - self._started, 1),
            "models": [] if pipeline is None else list(pipeline.loaded),
            "device": "" if pipeline is None else pipeline.placement.device,
            "memory_bytes": memory_of_this_process(),
            "device_memory_bytes": memory_on_device(),
            "doing": self.worker.doing,
            "waiting": self.worker.waiting,
            "done": self.worker.done,
            "leaves_in_s": None if left_s == float("inf") or self.worker.is_busy else round(max(left_s, 0.0), 1),
            "is_leaving": self._is_exiting,
        }
