"""A thread beside the one that waits for it, for one piece of work after the other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, Generic, TypeVar

Answer = TypeVar("Answer")

LOOKS_UP_AFTER_S: Final = 0.2
"""How often who waits looks up: on Windows, Ctrl-C does not wake a thread that waits without a limit."""


class Handed(Generic[Answer]):
    """Something large that goes from one function to another: once it is taken, nobody else keeps it in memory."""

    def __init__(self, given: Answer) -> None:
        self._given = [given]

    def take(self) -> Answer:
        """What was given, once."""
        return self._given.pop()


class Background(Generic[Answer]):
    """A thread that does what it is given, in order.

    It does not keep the program from ending: reading from a drive that does not answer can take for ever.
    """

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Answer], Future[Answer]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Do this as soon as what was submitted before is done."""
        future: Future[Answer] = Future()
        self._work.put((work, future))
        return future

    def close(self, *, timeout_s: float | None = None) -> None:
        """Let the thread end after what it was given, and wait for that."""
        self._work.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (given := self._work.get()) is not None:
            work, future = given
            del given
            # What was worked on goes before the answer is there: whoever waits for it may count on the memory.
            try:
                answer = work()
            except BaseException as error:  # noqa: BLE001 - it is raised again where the answer is wanted
                del work
                future.set_exception(error)
            else:
                del work
                future.set_result(answer)
                del answer  # or it would stay in memory until there is more to do
            del future


def answer_of(future: Future[Answer], look_up: Callable[[], None]) -> Answer:
    """Wait for an answer, and call `look_up` now and then. Raises what the work and `look_up` raise."""
    while not wait([future], LOOKS_UP_AFTER_S).done:
        look_up()
    return future.result()
