"""One client's connection to the daemon: authentication, requests and answers, in two threads of its own.

One thread reads, so that it notices at once when the client disconnects, and cancels its job. The other thread writes,
so that a client that does not read keeps nobody else waiting.
"""

from __future__ import annotations

import logging
import queue
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import answer_challenge, deliver_challenge
from typing import TYPE_CHECKING, Final

from dis_core.daemon import endpoint
from dis_core.daemon.lifecycle import Daemon
from dis_core.daemon.protocol import (
    INTERMEDIATE_EVENTS,
    InvalidMessage,
    Message,
    check_protocol,
    describe_error,
    receive,
    send,
)
from dis_core.daemon.worker import QueuedJob, WorkerClosed, checked_places
from dis_core.errors import BadRequest, DisError
from dis_core.jobs.job import Job
from dis_core.jobs.json_values import InvalidValue, from_json_value
from dis_core.prompts import SegmentOptions

if TYPE_CHECKING:
    from dis_core.daemon.protocol import Connection

AUTHENTICATION_S: Final = 10.0
"""A client must authenticate within this time, in which this process may not get to reading what it sends."""

MESSAGE_S: Final = 10.0
"""Once a message has begun, the rest of it must arrive within this time."""

IDLE_S: Final = 600.0
"""A client that sends nothing for this long is disconnected."""

MAX_UNSENT: Final = 16
"""A client that lets more answers than this pile up is disconnected."""

LONGEST_KEEP_ALIVE_S: Final = 1e9

HEARTBEAT_S: Final = 2.0

logger = logging.getLogger(__name__)


class ClientConnection:
    """A connection to one client. `has_asked` says whether it has ever sent a job."""

    def __init__(self, connection: Connection, daemon: Daemon) -> None:
        self.has_asked = False
        self._connection = connection
        self._daemon = daemon
        self._outbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._queued: QueuedJob | None = None
        self._unsent = 0
        self._counting = threading.Lock()
        self._run = object()

    @property
    def has_unsent_answer(self) -> bool:
        """Whether an answer is still to be sent."""
        return self._unsent > 0

    def start(self) -> None:
        """Start reading and writing."""
        threading.Thread(target=self._read, name="read", daemon=True).start()

    def _read(self) -> None:
        writing = threading.Thread(target=self._write, name="write", daemon=True)
        try:
            if not self._is_authenticated():
                return
            writing.start()
            while self._connection.poll(IDLE_S) or self._has_job:
                if self._connection.poll(0):
                    with endpoint.deadline(self._connection, MESSAGE_S):
                        message = receive(self._connection)
                    self._handle(message)
        except InvalidMessage as error:
            self._reply(describe_error("error", BadRequest(f"the daemon did not understand the message: {error}")))
        except (EOFError, OSError):
            pass  # the client disconnected, as every client does in the end
        finally:
            self._end(writing)

    def _is_authenticated(self) -> bool:
        """Whether the client knows the key. Raises EOFError, OSError if it disconnects."""
        try:
            with endpoint.deadline(self._connection, AUTHENTICATION_S):
                deliver_challenge(self._connection, self._daemon.key)
                answer_challenge(self._connection, self._daemon.key)
        except (AuthenticationError, AssertionError, ValueError):  # which one depends on the version of Python
            logger.warning("a client failed to authenticate")
            return False
        return True

    @property
    def _has_job(self) -> bool:
        return self._queued is not None and not self._queued.answered.is_set()

    def _end(self, writing: threading.Thread) -> None:
        if self._queued is not None and self._has_job:
            self._daemon.worker.withdraw(self._queued)
        if writing.ident is not None:
            self._outbox.put(None)
            writing.join(AUTHENTICATION_S)
        endpoint.interrupt(self._connection)
        self._connection.close()
        self._unsent = 0
        self._daemon.remove_client(self)

    def _write(self) -> None:
        try:
            while True:
                try:
                    message = self._outbox.get(timeout=HEARTBEAT_S)
                except queue.Empty:
                    if self._has_job:
                        send(self._connection, {"event": "heartbeat"})
                    continue
                if message is None:
                    return
                send(self._connection, message)
                self._daemon.may_load.set()
                if message["event"] not in INTERMEDIATE_EVENTS:
                    self._count_unsent(-1)
                    self._daemon.notify()
        except OSError:
            pass  # the reading thread notices this too and ends the connection

    def _reply(self, message: Message) -> None:
        """Send an answer to the last message."""
        self._count_unsent(1)
        self._outbox.put(message)

    def _count_unsent(self, more: int) -> None:
        with self._counting:
            self._unsent += more

    def _handle(self, message: Message) -> None:
        """Do what a message asks for. Raises InvalidMessage if the one before is not answered yet."""
        if self._has_job or self._unsent > MAX_UNSENT:
            raise InvalidMessage("it came before the last one was answered")
        asked = message.get("do")
        try:
            if asked == "status":  # "status" and "stop" work in every protocol, so that versions can replace each other
                self._reply({"event": "status", "status": self._daemon.status()})
            elif asked == "stop":
                self._reply({"event": "stopping", "status": self._daemon.status()})
                self._daemon.leave("now" if message.get("when") == "now" else "idle")
            elif asked == "segment":
                check_protocol(message)
                self._submit(message)
            elif asked == "prepare":
                check_protocol(message)
                self._prepare(message)
            else:
                raise BadRequest(f"unknown request {str(asked)[:40]!r}")
        except DisError as error:
            self._reply(describe_error("error", error))

    def _prepare(self, message: Message) -> None:
        """Let the worker load a model before there is a job for it. Raises BadRequest."""
        try:
            options = from_json_value(SegmentOptions, message.get("options"))
        except InvalidValue as error:
            raise BadRequest(f"the daemon did not understand what to prepare: {error}") from None
        self._take_stay(message)
        self._daemon.expect_work()
        self._daemon.worker.expect(options)
        self._reply({"event": "preparing"})

    def _take_stay(self, message: Message) -> None:
        """Take over how long the daemon is to stay, and for which process."""
        owner = message.get("owner_pid")
        self._daemon.owners.asked(owner if type(owner) is int else None)
        keep_alive_s = message.get("keep_alive_s")
        if isinstance(keep_alive_s, (int, float)) and abs(keep_alive_s) <= LONGEST_KEEP_ALIVE_S:
            self._daemon.keep_alive(float(keep_alive_s))

    def _submit(self, message: Message) -> None:
        """Put a job into the queue. Raises BadRequest, DaemonBusy."""
        try:
            job = checked_places(from_json_value(Job, message.get("job")))
        except InvalidValue as error:
            raise BadRequest(f"the daemon did not understand the job: {error}") from None
        self._take_stay(message)
        queued = QueuedJob(
            job,
            run=self._run,
            umask=_number(message, "umask", 0o077) & 0o777,
            log_level=_number(message, "log_level", logging.WARNING),
            outbox=self._outbox,
        )
        self.has_asked = True
        self._count_unsent(1)
        self._queued = queued
        try:
            self._daemon.worker.submit(queued)
            self._daemon.may_load.set()
        except WorkerClosed:
            queued.answer({"event": "exiting"})
        except DisError:
            self._count_unsent(-1)
            self._queued = None
            raise


def _number(message: Message, name: str, otherwise: int) -> int:
    value = message.get(name)
    return value if type(value) is int else otherwise
