"""One connection to the daemon: who it is, what it asks, and what it is answered, in two threads of its own.

One thread reads: so it notices at any time that the client has gone, which cancels its queued. The other one writes: a
client that does not read keeps nobody else waiting.
"""

from __future__ import annotations

import logging
import queue
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import TYPE_CHECKING, Final

from dis_core.daemon import endpoint
from dis_core.daemon.protocol import (
    ON_THE_WAY,
    Message,
    NotUnderstood,
    check_protocol,
    describe_error,
    receive,
    send,
)
from dis_core.daemon.worker import Leaving, QueuedJob, checked_places
from dis_core.errors import BadRequest, DisError
from dis_core.jobs.job import Job
from dis_core.jobs.json_values import NotPlain, from_plain

if TYPE_CHECKING:
    from dis_core.daemon.lifecycle import Daemon

PROOF_S: Final = 5.0
"""Who has not proved by then to know the key is sent away."""

MESSAGE_S: Final = 10.0
"""A message that has begun must have arrived by then."""

IDLE_S: Final = 600.0
"""Who asks nothing for so long is sent away."""

MAX_UNSENT: Final = 16
"""Who asks more often without listening to the answers is sent away."""

LONGEST_KEEP_ALIVE_S: Final = 1e9

SIGN_OF_LIFE_S: Final = 2.0

logger = logging.getLogger(__name__)


class ClientConnection:
    """A connection; `has_asked` says whether it has ever given a job."""

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
    def owes_an_answer(self) -> bool:
        """Whether something was asked of which the answer is not sent yet."""
        return self._unsent > 0

    def start(self) -> None:
        """Begin to read and to write."""
        threading.Thread(target=self._read, name="read", daemon=True).start()

    def _read(self) -> None:
        writing = threading.Thread(target=self._write, name="write", daemon=True)
        try:
            with endpoint.deadline(self._connection, PROOF_S):
                deliver_challenge(self._connection, self._daemon.key)
                answer_challenge(self._connection, self._daemon.key)
            writing.start()
            while self._connection.poll(IDLE_S) or self._is_working:
                if self._connection.poll(0):
                    with endpoint.deadline(self._connection, MESSAGE_S):
                        message = receive(self._connection)
                    self._take(message)
        except NotUnderstood as error:
            self._tell(describe_error("error", BadRequest(f"the daemon did not understand: {error}")))
        except (EOFError, OSError):
            pass  # gone; that is how every connection ends
        except (AuthenticationError, AssertionError, ValueError):  # which of them, differs between versions of Python
            logger.warning("somebody did not know the key")
        finally:
            self._end(writing)

    @property
    def _is_working(self) -> bool:
        return self._queued is not None and not self._queued.answered.is_set()

    def _end(self, writing: threading.Thread) -> None:
        if self._queued is not None and self._is_working:
            self._daemon.worker.withdraw(self._queued)
        if writing.ident is not None:
            self._outbox.put(None)
            writing.join(PROOF_S)
        endpoint.interrupt(self._connection)
        self._connection.close()
        self._unsent = 0
        self._daemon.remove_client(self)

    def _write(self) -> None:
        try:
            while True:
                try:
                    message = self._outbox.get(timeout=SIGN_OF_LIFE_S)
                except queue.Empty:
                    if self._is_working:
                        send(self._connection, {"event": "alive"})
                    continue
                if message is None:
                    return
                send(self._connection, message)
                if message["event"] not in ON_THE_WAY:
                    self._owe(-1)
                    self._daemon.changed()
        except OSError:
            pass  # the reading thread notices too, and ends the connection

    def _tell(self, message: Message) -> None:
        """Send an answer to what was asked just now."""
        self._owe(1)
        self._outbox.put(message)

    def _owe(self, more: int) -> None:
        with self._counting:
            self._unsent += more

    def _take(self, message: Message) -> None:
        """Do what a message asks. Raises NotUnderstood for one that comes before the last one is answered."""
        if self._is_working or self._unsent > MAX_UNSENT:
            raise NotUnderstood("one thing after the other")
        asked = message.get("do")
        try:
            if asked == "status":  # and "stop": understood in every protocol, so that versions can replace each other
                self._tell({"event": "status", "status": self._daemon.status()})
            elif asked == "stop":
                self._tell({"event": "stopping", "status": self._daemon.status()})
                self._daemon.leave("now" if message.get("when") == "now" else "idle")
            elif asked == "segment":
                check_protocol(message)
                self._submit(message)
            else:
                raise BadRequest(f"the daemon cannot do {str(asked)[:40]!r}")
        except DisError as error:
            self._tell(describe_error("error", error))

    def _submit(self, message: Message) -> None:
        """Put a job into the queue. Raises BadRequest, DaemonBusy."""
        try:
            job = checked_places(from_plain(Job, message.get("job")))
        except NotPlain as error:
            raise BadRequest(f"the daemon did not understand a job: {error}") from None
        keep_alive_s = message.get("keep_alive_s")
        if isinstance(keep_alive_s, (int, float)) and abs(keep_alive_s) <= LONGEST_KEEP_ALIVE_S:
            self._daemon.keep_alive(float(keep_alive_s))
        queued = QueuedJob(
            job,
            run=self._run,
            umask=_number(message, "umask", 0o077) & 0o777,
            log_level=_number(message, "log_level", logging.WARNING),
            outbox=self._outbox,
        )
        self.has_asked = True
        self._owe(1)
        self._queued = queued
        try:
            self._daemon.worker.submit(queued)
        except Leaving:
            queued.answer({"event": "leaving"})
        except DisError:
            self._owe(-1)
            self._queued = None
            raise


def _number(message: Message, name: str, otherwise: int) -> int:
    value = message.get(name)
    return value if type(value) is int else otherwise
