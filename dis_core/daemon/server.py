"""The daemon itself: takes connections, lets one worker carry out what they ask, and leaves when nobody asks any more.

Accepting, each conversation, and the work have threads of their own; the main thread waits until it is time to leave.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Final, Literal, NoReturn

import dis_core
from dis_core.daemon import endpoint
from dis_core.daemon.client import KEEP_ALIVE_S
from dis_core.daemon.connection import Conversation
from dis_core.daemon.logs import write_log
from dis_core.daemon.memory import memory_of_this_process, memory_on_device
from dis_core.daemon.protocol import Message
from dis_core.daemon.worker import Worker
from dis_core.errors import DaemonUnavailable, DisError

MAX_CONVERSATIONS: Final = 64
PATIENCE_S: Final = 5.0
"""A command between two of its images is waited for so long, however short the daemon is to be kept alive."""

FIRST_S: Final = 30.0
"""For the first order a daemon waits so long, however short it is to be kept alive: it was started for one."""

LOCK_PATIENCE_S: Final = 3.0
"""A daemon that is about to end is waited for so long."""

logger = logging.getLogger(__name__)


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
        self._conversations: set[Conversation] = set()

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
        """Take no more orders and end: after the image at hand, or without it."""
        if when == "now":
            self.worker.abort()
        else:
            self.worker.dismiss()
        if not self._told_to_leave:
            self._told_to_leave = True
            self._announce_leaving()
        self.changed()

    def welcome(self, connection: Connection) -> None:
        """Talk with whoever has connected, in threads of its own; one too many is sent away."""
        if len(self._conversations) >= MAX_CONVERSATIONS:
            connection.close()
            return
        conversation = Conversation(connection, self)
        with self._change:
            self._conversations.add(conversation)
        conversation.start()

    def farewell(self, conversation: Conversation) -> None:
        """A conversation is over."""
        with self._change:
            self._conversations.discard(conversation)
        if conversation.has_asked:
            self.touched()

    def wait_until_it_is_time(self) -> None:
        """Return when the daemon is to end: then it takes no more orders, and all answers are on their way."""
        with self._change:
            while True:
                left_s = self._seconds_left()
                if not self.worker.is_alive or (left_s <= 0 and not self._owes_answers() and self.worker.close()):
                    return
                # Only so long, because a signal is heeded between two waits.
                self._change.wait(min(max(left_s, 0.05), 1.0))

    def _owes_answers(self) -> bool:
        with self._change:
            return self.worker.is_busy or any(conversation.owes_an_answer for conversation in self._conversations)

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
            return any(conversation.has_asked for conversation in self._conversations)

    def status(self) -> Message:
        """What the daemon is and does, for `dis-core daemon status`."""
        pipeline = self.worker.workshop.pipeline
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


def serve(folder: Path, *, keep_alive_s: float, lock_patience_s: float = 0.0) -> None:
    """Be the daemon until it is time to leave. Raises DaemonUnavailable if there is one that does not leave in time."""
    endpoint.make_private(folder)
    with endpoint.locked(folder, patience_s=lock_patience_s) as is_mine:
        if not is_mine:
            raise DaemonUnavailable("a daemon is running already", hint="see: dis-core daemon status")
        endpoint.sweep(folder)
        directions, key = endpoint.new_directions(folder)
        try:
            leaving = replace(directions, is_leaving=True)
            announce = functools.partial(endpoint.publish, folder, leaving)
            _serve(folder, directions, Daemon(key, keep_alive_s=keep_alive_s, announce_leaving=announce))
        finally:
            endpoint.withdraw(folder, directions)


def _serve(folder: Path, directions: endpoint.Directions, daemon: Daemon) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.leave("now"))
    before = os.umask(0o077)
    listener = Listener(directions.address, backlog=MAX_CONVERSATIONS)
    os.umask(before)
    daemon.worker.start()
    threading.Thread(target=_accept, args=(listener, daemon), name="accept", daemon=True).start()
    endpoint.publish(folder, directions)
    logger.info("came, version %s", dis_core.__version__)
    daemon.wait_until_it_is_time()
    logger.info("leaves after %d images", daemon.worker.done)


def _accept(listener: Listener, daemon: Daemon) -> None:
    while True:
        try:
            connection = listener.accept()
        except OSError as error:  # too many open files, or a client that went at once; the next may be welcome
            logger.warning("a connection was not made: %s", error.strerror)
            time.sleep(0.05)
            continue
        daemon.welcome(connection)


def main(keep_alive_s: str = str(KEEP_ALIVE_S)) -> NoReturn:
    """What a process that a client has started does: be the daemon, and end."""
    write_log(logging.INFO)
    try:
        serve(endpoint.runtime_folder(), keep_alive_s=float(keep_alive_s), lock_patience_s=LOCK_PATIENCE_S)
    except DisError as error:
        logger.info("not needed: %s", error.message)
        end(1)
    end(0)


def end(status: int) -> NoReturn:
    """End this process at once. Threads may be in the middle of a network, which Python would wait for or trip over."""
    logging.shutdown()
    os._exit(status)
