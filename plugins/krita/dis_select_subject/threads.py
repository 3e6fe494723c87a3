"""Work that is one long call, in a thread of its own: Krita hears the mouse meanwhile."""

from __future__ import annotations

import threading
from typing import Callable, Generator, TypeVar

T = TypeVar("T")

LOOK_S = 0.01
"""Krita's thread sleeps so long before it looks for events again; with none it would take the thread's time away."""


def in_a_thread(work: Callable[[], T]) -> Generator[bool, None, T]:
    """The result of a call that touches nothing of Krita's. Yields until it is there, and raises what it raises."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_S)
        yield False
    if errors:
        raise errors[0]
    return results[0]
