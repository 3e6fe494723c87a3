"""Who is connected, what is being done, and when it is time to leave."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final, Literal

import dis_core
from dis_core.daemon.connection import ClientConnection
from dis_core.daemon.memory import memory_of_this_process, memory_on_device
from dis_core.daemon.protocol import Message
from dis_core.daemon.worker import Worker

MAX_CLIENTS: Final = 64

PATIENCE_S: Final = 5.0
"""A command between two of its images is waited for so long, however short the daemon is to be kept alive."""

FIRST_S: Final = 30.0
"""For the first job a daemon waits so long, however short it is to be kept alive: it was started for one."""


class Daemon:
    """What the threads share: the worker, who is connected, and when it is time to leave.

    `keep_alive_s` after the last request it leaves; 0 is at once, less is never. `announce_leaving` keeps commands from
    coming when it was told to leave and still has an image to finish.
    """

    def __init__(self, key: bytes, *, keep_alive_s: float, announce_leaving: Callable[[], None]) -> None:
        self.key = key
        self.keep_alive_s = keep_alive_s
        self.worker = Worker(self.touched)
        self._started = self._active = time.monotonic()
        self._is_new = True
        self._told_to_leave = False
        self._announce_leaving = announce_leaving
        self._change = threading.Condition()
        self._clients: set[ClientConnection] = set()

    def changed(self) -> None:
        """Let the main thread look again whether it is time to leave."""
        with self._change:
            self._change.notify_all()

    def touched(self) -> None:
        """Something was done or asked to be done; the time after which the daemon leaves begins anew."""
        with self._change:
            self._active = time.monotonic()
            self._is_new = False
            self._change.notify_all()

    def keep_alive(self, seconds: float) -> None:
        """From now on stay so long after the last request."""
        self.keep_alive_s = seconds
        self.changed()

    def leave(self, when: Literal["idle", "now"]) -> None:
        """Take no more jobs and end: after the image at hand, or without it."""
        if when == "now":
            self.worker.abort()
        else:
            self.worker.dismiss()
        if not self._told_to_leave:
            self._told_to_leave = True
            self._announce_leaving()
        self.changed()

    def add_client(self, connection: Connection) -> None:
        """Talk with whoever has connected, in threads of its own; one too many is sent away."""
        if len(self._clients) >= MAX_CLIENTS:
            connection.close()
            return
        client = ClientConnection(connection, self)
        with self._change:
            self._clients.add(client)
        client.start()

    def remove_client(self, client: ClientConnection) -> None:
        """A client is over."""
        with self._change:
            self._clients.discard(client)
        if client.has_asked:
            self.touched()

    def run_until_idle(self) -> None:
        """Return when the daemon is to end: then it takes no more jobs, and all answers are on their way."""
        with self._change:
            while True:
                left_s = self._seconds_left()
                if not self.worker.is_alive or (left_s <= 0 and not self._owes_answers() and self.worker.close()):
                    return
                # Only so long, because a signal is heeded between two waits.
                self._change.wait(min(max(left_s, 0.05), 1.0))

    def _owes_answers(self) -> bool:
        with self._change:
            return self.worker.is_busy or any(client.owes_an_answer for client in self._clients)

    def _seconds_left(self) -> float:
        """How long it stays if nothing happens; infinite if it does not leave by itself."""
        if self._told_to_leave:
            return 0.0
        if self.keep_alive_s < 0:
            return float("inf")
        least_s = FIRST_S if self._is_new else PATIENCE_S if self._has_talk() else 0.0
        return self._active + max(self.keep_alive_s, least_s) - time.monotonic()

    def _has_talk(self) -> bool:
        with self._change:
            return any(client.has_asked for client in self._clients)

    def status(self) -> Message:
        """What the daemon is and does, for `dis-core daemon status`."""
        pipeline = self.worker.runner.pipeline
        left_s = self._seconds_left()
        return {
            "pid": os.getpid(),
            "version": dis_core.__version__,
            "uptime_s": round(time.monotonic() - self._started, 1),
            "models": [] if pipeline is None else list(pipeline.loaded),
            "device": "" if pipeline is None else pipeline.placement.device,
            "memory_bytes": memory_of_this_process(),
            "device_memory_bytes": memory_on_device(),
            "doing": self.worker.doing,
            "waiting": self.worker.waiting,
            "done": self.worker.done,
            "leaves_in_s": None if left_s == float("inf") or self.worker.is_busy else round(max(left_s, 0.0), 1),
            "is_leaving": self._told_to_leave,
        }
