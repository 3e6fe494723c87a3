"""Processes that do the work: they can be killed, and then others take their place.

A process is given one message at a time and answers with events, as JSON; the last event is none of
`INTERMEDIATE_EVENTS`. It ends when the server does, whatever ended that, because then nobody holds the other end of its
pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import threading
from collections.abc import AsyncIterator, Callable
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Final

from dis_core.daemon.endpoint import interrupt
from dis_core.daemon.protocol import INTERMEDIATE_EVENTS, InvalidMessage, Message, receive, send

if TYPE_CHECKING:
    from dis_core.daemon.protocol import Connection

ENDS_WITHIN_S: Final = 5.0
"""A process that nobody talks to any more ends within this time, or it is killed."""


class ChildDied(Exception):
    """The process ended before it answered: it was killed, or a decoder crashed in it."""


class ChildProcess:
    """A process that runs `target(connection, *arguments)`; it is started when it is first asked something.

    `starts` counts how often it was started.
    """

    def __init__(self, target: Callable[..., None], *arguments: str) -> None:
        self.starts = 0
        self._target = target
        self._arguments = arguments
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()

    @property
    def pid(self) -> int | None:
        """The number of the process, if there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, unless it is there; one that was killed while it was idle is replaced."""
        if self._connection is not None and self._process is not None and self._process.is_alive():
            return
        self.kill()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(self._target, theirs, self._arguments), daemon=True)
        self._process.start()
        theirs.close()
        self._connection, self._inbox = ours, asyncio.Queue()
        self.starts += 1
        receiving = (ours, self._inbox, asyncio.get_running_loop())
        threading.Thread(target=_receive_all, args=receiving, name="receive", daemon=True).start()

    async def ask(self, message: Message) -> AsyncIterator[Message]:
        """Send a message and yield the events of the answer. Raises ChildDied; the next call starts a new process."""
        self.start()
        self.tell(message)
        while True:
            event = await self._inbox.get()
            if event is None:
                self.kill()
                raise ChildDied
            yield event
            if event.get("event") not in INTERMEDIATE_EVENTS:
                return

    def tell(self, message: Message) -> None:
        """Send a message, also while an answer is on its way. A process that has ended is noticed by `ask`."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                send(self._connection, message)

    def kill(self) -> None:
        """End the process at once."""
        process, self._process, connection, self._connection = self._process, None, self._connection, None
        if connection is not None:
            interrupt(connection)  # the thread that receives closes it: a number that is free again could be another's
        if process is not None:
            process.kill()
            process.join()

    def stop(self) -> None:
        """Let the process end by itself, which it does when it is idle."""
        process, connection, self._connection = self._process, self._connection, None
        if connection is not None:
            interrupt(connection)
        if process is not None:
            process.join(ENDS_WITHIN_S)
        self.kill()


def _receive_all(connection: Connection, inbox: asyncio.Queue[Message | None], loop: asyncio.AbstractEventLoop) -> None:
    message: Message | None = {}
    while message is not None:
        try:
            message = receive(connection)
        except (EOFError, OSError, InvalidMessage, TypeError, ValueError):  # the last two: it was closed here
            message = None
        try:
            loop.call_soon_threadsafe(inbox.put_nowait, message)
        except RuntimeError:  # the loop is closed, and with it the server
            message = None
    connection.close()


def _run(target: Callable[..., None], connection: Connection, arguments: tuple[str, ...]) -> None:
    """What the process does first. Ctrl-C in a terminal reaches it too, but the server decides when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    target(connection, *arguments)
