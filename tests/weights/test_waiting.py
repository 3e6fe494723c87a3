"""Waiting for a thread: what comes out of it, and what becomes of it when nobody waits any more."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dis_core.weights.waiting import HEARTBEAT_S, first_answer, iterate_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 20.0
"""For what takes a fraction of a second where nothing else runs."""


def working_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "iterate-in-thread"]


def test_the_thread_of_an_abandoned_iteration_ends_and_lets_go_of_what_it_held() -> None:
    closed = threading.Event()

    def produce() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            closed.set()

    items = iterate_in_thread(produce, timeout_s=LIMIT_S)
    next(item for item in items if item is not None)
    threads = working_threads()
    items.close()
    for thread in threads:
        thread.join(LIMIT_S)

    assert threads
    assert not working_threads()
    assert closed.wait(LIMIT_S)


def test_the_thread_works_only_a_little_ahead_of_the_one_who_waits() -> None:
    made: list[int] = []

    def produce() -> Iterator[int]:
        for number in range(10_000):
            made.append(number)
            yield number

    items = iterate_in_thread(produce, timeout_s=LIMIT_S)
    next(item for item in items if item is not None)
    time.sleep(2 * HEARTBEAT_S)
    ahead = len(made)
    items.close()

    assert ahead < 20


def test_items_come_in_order_and_an_error_after_them() -> None:
    def produce() -> Iterator[int]:
        yield from range(30)
        raise KeyError("of the thread")

    came: list[int | None] = []
    with pytest.raises(KeyError, match="of the thread"):
        came.extend(iterate_in_thread(produce, timeout_s=LIMIT_S))

    assert [item for item in came if item is not None] == [*range(30)]


def test_each_item_restarts_the_time_limit() -> None:
    def produce() -> Iterator[int]:
        for number in range(4):
            time.sleep(0.5)
            yield number

    assert [item for item in iterate_in_thread(produce, timeout_s=1.5) if item is not None] == [0, 1, 2, 3]


def test_who_waits_for_one_answer_hears_a_beat_and_may_give_up() -> None:
    released = threading.Event()
    beats: list[float] = []

    def beat() -> None:
        beats.append(time.monotonic())
        if len(beats) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        first_answer(lambda: released.wait(LIMIT_S), timeout_s=LIMIT_S, beat=beat)
    released.set()

    assert len(beats) == 3


@pytest.mark.parametrize("answer", [7, None, ()])
def test_one_answer_is_given_as_it_is(answer: object) -> None:
    assert first_answer(lambda: answer, timeout_s=LIMIT_S) is answer


def test_one_answer_that_does_not_come_is_given_up() -> None:
    released = threading.Event()

    with pytest.raises(TimeoutError, match="no answer for"):
        first_answer(lambda: released.wait(LIMIT_S), timeout_s=0.1)
    released.set()
