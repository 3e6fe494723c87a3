"""Processes that read what strangers send and make files of results, beside the one that runs the network.

A file that crashes or stalls a decoder costs its own request and a process, not the server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal, NoReturn

from dis_core.daemon.logs import describe_bug
from dis_core.daemon.protocol import Message, receive, send
from dis_core.errors import DisError
from dis_core.server.answers import Refused
from dis_core.server.children import ChildDied, ChildProcess

if TYPE_CHECKING:
    from dis_core.daemon.protocol import Connection

RETIRES_AFTER: Final = 200
"""So many images, and a process makes room for a new one: decoders leave memory in pieces behind."""

Work = Literal["read", "make"]


class Codecs:
    """A few processes, each of which does one piece of work at a time; they are started when they are needed."""

    def __init__(self, count: int, *, limit_s: float) -> None:
        self.children = [ChildProcess(run_codec) for _ in range(count)]
        self._limit_s = limit_s
        self._idle: asyncio.LifoQueue[tuple[ChildProcess, int]] = asyncio.LifoQueue()
        for child in self.children:
            self._idle.put_nowait((child, 0))

    async def call(self, work: Work, asked: Message) -> Message:
        """Do a piece of work and return what came of it. Raises Refused.

        A caller that is cancelled still waits for the end of it, which comes soon, so that no file is written later.
        """
        child, done = await self._idle.get()
        task = asyncio.create_task(self._call(child, {"do": work, "asked": asked}))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise
        finally:
            if done >= RETIRES_AFTER:
                child.kill()
                done = -1
            self._idle.put_nowait((child, done + 1))

    async def _call(self, child: ChildProcess, message: Message) -> Message:
        try:
            event = await asyncio.wait_for(_last_event(child, message), self._limit_s)
        except ChildDied:
            raise Refused(
                503, "worker_lost", "the process that read the image ended", "try again or send another image"
            ) from None
        except asyncio.TimeoutError:
            child.kill()
            raise Refused(422, "took_too_long", f"reading the image took longer than {self._limit_s:g} s") from None
        if event.get("event") == "refused":
            raise Refused(int(event["status"]), str(event["code"]), str(event["title"]), str(event["detail"]))
        return event

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The processes end with the block."""
        try:
            yield
        finally:
            for child in self.children:
                child.kill()


async def _last_event(child: ChildProcess, message: Message) -> Message:
    return [event async for event in child.ask(message)][-1]


def run_codec(connection: Connection) -> NoReturn:
    """What such a process does: one piece of work after the other, until nobody is at the other end."""
    os.umask(0o077)
    # The network has the cores. With threads of their own these processes wait for each other's, and for the network's.
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported
    try:
        while True:
            send(connection, _answer(receive(connection)))
    except (EOFError, OSError):
        os._exit(0)


def _answer(message: Message) -> Message:
    import logging

    from dis_core.server import answers, pictures

    work = pictures.read if message["do"] == "read" else pictures.make
    try:
        return {"event": "done", **work(message["asked"])}
    except Refused as refused:
        why = refused
    except DisError as error:
        why = answers.refusal_of(error)
    except MemoryError:
        why = Refused(
            503, "out_of_memory", "there is not enough memory for an image of this size", "send a smaller one"
        )
    except Exception as error:  # noqa: BLE001 - the edge of the process: a bug must cost one answer
        logging.getLogger(__name__).error("%s", describe_bug(error))
        why = answers.bug()
    return {"event": "refused", "status": why.status, "code": why.code, "title": why.title, "detail": why.detail}
