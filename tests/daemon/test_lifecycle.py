"""When a daemon exits: what its keep-alive time is counted from, and what it is at least."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import pytest

from dis_core.daemon.lifecycle import BETWEEN_IMAGES_S, FIRST_JOB_S, MAX_CLIENTS, Daemon

SLACK_S = 3.0
"""For what takes a fraction of a second where nothing else runs."""


@dataclass(eq=False)
class Visitor:
    has_asked: bool = False
    has_unsent_answer: bool = False


def daemon_of(keep_alive_s: float) -> Daemon:
    """A daemon whose worker is never started."""
    return Daemon(b"a key", keep_alive_s=keep_alive_s, announce_exit=lambda: None)


def seconds_left(daemon: Daemon) -> float:
    left = daemon.status()["leaves_in_s"]
    assert isinstance(left, float)
    return left


@pytest.mark.parametrize("keep_alive_s", [0.0, 1.0, FIRST_JOB_S])
def test_a_new_daemon_waits_for_its_first_job_however_short_its_time_is(keep_alive_s: float) -> None:
    daemon = daemon_of(keep_alive_s)
    daemon.add_client(Visitor())

    assert FIRST_JOB_S - SLACK_S < seconds_left(daemon) <= FIRST_JOB_S


def test_after_a_job_the_time_counts_as_it_is() -> None:
    daemon = daemon_of(0.0)

    daemon.mark_active()

    assert seconds_left(daemon) == 0.0


def test_a_daemon_waits_for_the_next_image_of_a_command_that_is_connected() -> None:
    daemon, command, visitor = daemon_of(0.0), Visitor(has_asked=True), Visitor()
    daemon.add_client(command)
    daemon.add_client(visitor)
    daemon.mark_active()

    meanwhile_s = seconds_left(daemon)
    daemon.remove_client(command)

    assert BETWEEN_IMAGES_S - SLACK_S < meanwhile_s <= BETWEEN_IMAGES_S
    assert seconds_left(daemon) == 0.0


def test_a_longer_time_is_counted_from_the_last_request() -> None:
    daemon = daemon_of(100.0)
    daemon.add_client(Visitor(has_asked=True))

    daemon.mark_active()

    assert 100.0 - SLACK_S < seconds_left(daemon) <= 100.0


def test_who_only_looks_does_not_restart_the_time() -> None:
    daemon = daemon_of(0.2)
    daemon.mark_active()
    time.sleep(0.3)

    visitor = Visitor()
    daemon.add_client(visitor)
    daemon.remove_client(visitor)

    assert seconds_left(daemon) == 0.0


def test_a_negative_time_means_never() -> None:
    daemon = daemon_of(-1.0)

    daemon.mark_active()

    assert daemon.status()["leaves_in_s"] is None


@pytest.mark.parametrize("when", ["idle", "now"])
def test_a_daemon_that_was_told_to_leave_says_so_once_and_has_no_time_left(when: str) -> None:
    announced: list[int] = []
    daemon = Daemon(b"a key", keep_alive_s=-1, announce_exit=lambda: announced.append(1))

    daemon.leave("idle")
    daemon.leave("now" if when == "now" else "idle")

    assert announced == [1]
    assert daemon.status()["is_leaving"]
    assert seconds_left(daemon) == 0.0


def test_a_daemon_exits_only_when_all_answers_are_sent() -> None:
    daemon, client = daemon_of(0.0), Visitor(has_asked=True, has_unsent_answer=True)
    daemon.add_client(client)
    daemon.worker.start()
    running = threading.Thread(target=daemon.run_until_idle)
    running.start()

    daemon.leave("idle")
    running.join(0.5)
    waited = running.is_alive()
    client.has_unsent_answer = False
    daemon.notify()
    running.join(20)

    assert waited
    assert not running.is_alive()


def test_a_daemon_exits_only_when_it_has_said_so() -> None:
    runs: list[bool] = []

    def announce() -> None:
        time.sleep(1.5)  # longer than the main thread waits at most before it looks again
        runs.append(running.is_alive())

    daemon = Daemon(b"a key", keep_alive_s=-1, announce_exit=announce)
    running = threading.Thread(target=daemon.run_until_idle)
    daemon.worker.start()
    running.start()

    daemon.leave("idle")
    running.join(20)

    assert runs == [True]
    assert not running.is_alive()


def test_the_status_says_how_long_it_runs_and_what_it_does() -> None:
    status = daemon_of(60.0).status()

    assert 0 <= status["uptime_s"] < SLACK_S
    assert (status["models"], status["device"], status["doing"]) == ([], "", "")
    assert (status["waiting"], status["done"], status["is_leaving"]) == (0, 0, False)


def test_one_client_too_many_is_refused_until_another_one_goes() -> None:
    daemon, clients = daemon_of(0.0), [Visitor() for _ in range(MAX_CLIENTS)]

    taken = [daemon.add_client(client) for client in clients]
    refused = daemon.add_client(Visitor())
    daemon.remove_client(clients[0])

    assert all(taken)
    assert not refused
    assert daemon.add_client(Visitor())
