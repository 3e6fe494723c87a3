"""Waiting for something that may never answer, without losing the ability to stop."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

HEARTBEAT_S = 0.2

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Outcome(Generic[Item]):
    """One item handed from the working thread to the waiting one, or how its work ended."""

    item: Item | None = None
    error: BaseException | None = None
    finished: bool = False


def iterate_in_thread(produce: Callable[[], Iterator[Item]], *, timeout_s: float) -> Generator[Item | None]:
    """The items of `produce()`, made in a thread of its own; None a few times a second while none comes.

    A name server, a firewall or a host can keep a call waiting for minutes, and no timeout of an HTTP client covers all
    three. Between two items the caller gets to report, and so to be cancelled.

    Raises TimeoutError when nothing came for `timeout_s`, and whatever `produce` raised.
    """
    outcomes: queue.Queue[_Outcome[Item]] = queue.Queue(maxsize=8)
    abandoned = threading.Event()
    # A daemon, because a thread that waits for a dead name server must not hold up the end of the program.
    threading.Thread(target=_work, args=(produce, outcomes, abandoned), name="iterate-in-thread", daemon=True).start()
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            try:
                outcome = outcomes.get(timeout=HEARTBEAT_S)
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no answer for {timeout_s:.0f} seconds") from None
                yield None
                continue
            if outcome.error is not None:
                raise outcome.error
            if outcome.finished:
                return
            yield outcome.item
            deadline = time.monotonic() + timeout_s
    finally:
        abandoned.set()


def first_answer(ask: Callable[[], Item], *, timeout_s: float, beat: Callable[[], None] = lambda: None) -> Item:
    """What `ask()` returns; `beat` is called a few times a second meanwhile and may raise to give up.

    Raises TimeoutError after `timeout_s`, and whatever `ask` raised.
    """

    def ask_once() -> Iterator[tuple[Item]]:
        yield (ask(),)

    for answer in iterate_in_thread(ask_once, timeout_s=timeout_s):
        if answer is not None:
            return answer[0]
        beat()
    raise RuntimeError("the working thread ended without an answer and without an error")


def _work(
    produce: Callable[[], Iterator[Item]], outcomes: queue.Queue[_Outcome[Item]], abandoned: threading.Event
) -> None:
    try:
        for item in produce():
            _hand_over(_Outcome(item=item), outcomes, abandoned)
            if abandoned.is_set():
                return
        _hand_over(_Outcome(finished=True), outcomes, abandoned)
    except BaseException as error:  # noqa: BLE001 - not swallowed: it goes on in the thread that waits
        _hand_over(_Outcome(error=error), outcomes, abandoned)


def _hand_over(outcome: _Outcome[Item], outcomes: queue.Queue[_Outcome[Item]], abandoned: threading.Event) -> None:
    while not abandoned.is_set():
        try:
            outcomes.put(outcome, timeout=HEARTBEAT_S)
        except queue.Full:
            continue
        return
