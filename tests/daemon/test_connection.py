"""One client's connection, in this process: how long it may take over a message, and what its numbers may be."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import AuthenticationError, Pipe
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

import pytest

from dis_core.daemon import connection as of_daemon
from dis_core.daemon.connection import ClientConnection
from dis_core.daemon.lifecycle import Daemon
from dis_core.daemon.protocol import PROTOCOL
from dis_core.jobs.job import Job, MaskStyle
from dis_core.jobs.json_values import to_json_value
from dis_core.prompts import SegmentOptions

KEY = b"a key"
KEEP_ALIVE_S = 123.0
LIMIT_S = 20.0
"""For what takes a fraction of a second where nothing else runs."""

JOB = to_json_value(Job(Path("/a.png"), Path("/b.png"), "png", MaskStyle(), SegmentOptions()))


@dataclass(frozen=True)
class Side:
    """The client's side of a connection, authenticated, and the daemon, whose worker is never started."""

    daemon: Daemon
    connection: Connection

    def submit(self, **more: object) -> None:
        """Send a job, which stays in the queue."""
        self.connection.send_bytes(json.dumps({"protocol": PROTOCOL, "do": "segment", "job": JOB, **more}).encode())
        self.wait_for(lambda: self.daemon.worker.waiting == 1)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < give_up_at
            time.sleep(0.01)

    def ask(self, **message: object) -> dict[str, Any]:
        self.connection.send_bytes(json.dumps({"protocol": PROTOCOL, **message}).encode())
        return self.hear()

    def hear(self) -> dict[str, Any]:
        assert self.connection.poll(LIMIT_S)
        return dict(json.loads(self.connection.recv_bytes()))

    def is_hung_up_on(self) -> bool:
        if not self.connection.poll(LIMIT_S):
            return False
        with pytest.raises((EOFError, OSError)):
            self.connection.recv_bytes()
        return True


@pytest.fixture
def side() -> Iterator[Side]:
    daemon = Daemon(KEY, keep_alive_s=KEEP_ALIVE_S, announce_exit=lambda: None)
    ours, theirs = Pipe()
    client = ClientConnection(theirs, daemon)
    daemon.add_client(client)
    client.start()
    answer_challenge(ours, KEY)
    deliver_challenge(ours, KEY)
    with ours:
        yield Side(daemon, ours)
    for thread in threading.enumerate():
        if thread.name in ("read", "write"):
            thread.join(LIMIT_S)


def test_who_sends_half_a_message_is_hung_up_on(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_daemon, "MESSAGE_S", 0.2)

    side.connection._send(struct.pack("!i", 100) + b'{"do": ')  # type: ignore[attr-defined]  # the bytes themselves

    assert side.is_hung_up_on()


def test_who_sends_nothing_is_hung_up_on_after_a_while(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_daemon, "IDLE_S", 0.2)

    first = side.ask(do="status")

    assert first["event"] == "status"
    assert side.is_hung_up_on()


def test_who_waits_for_a_job_is_not_hung_up_on_and_hears_a_heartbeat(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_daemon, "IDLE_S", 0.1)
    monkeypatch.setattr(of_daemon, "HEARTBEAT_S", 0.2)

    side.submit()

    assert [side.hear()["event"] for _ in range(3)] == ["heartbeat"] * 3


@pytest.mark.parametrize("seconds", [0, 0.5, 3600, -1, -1e9, 1e9])
def test_a_keep_alive_time_comes_with_a_job(side: Side, seconds: float) -> None:
    side.submit(keep_alive_s=seconds)

    assert side.daemon.keep_alive_s == seconds


@pytest.mark.parametrize("seconds", [-1.1e9, 1.1e9, -1e308, 10**400, "3", None, [1]], ids=lambda value: str(value)[:9])
def test_a_keep_alive_time_that_is_none_is_ignored(side: Side, seconds: object) -> None:
    side.submit(keep_alive_s=seconds)

    assert side.daemon.keep_alive_s == KEEP_ALIVE_S


def test_a_keep_alive_time_without_a_good_job_is_ignored(side: Side) -> None:
    answer = side.ask(do="segment", job={}, keep_alive_s=5)

    assert answer["code"] == "BadRequest"
    assert side.daemon.keep_alive_s == KEEP_ALIVE_S


def test_the_job_of_a_client_that_goes_is_taken_back(side: Side) -> None:
    side.submit()

    side.connection.close()

    side.wait_for(lambda: side.daemon.worker.waiting == 0)


def test_an_unknown_request_is_refused_by_its_name(side: Side) -> None:
    answer = side.ask(do="dance")

    assert (answer["code"], answer["message"]) == ("BadRequest", "unknown request 'dance'")
    assert side.ask(do="status")["event"] == "status"


@pytest.mark.parametrize(("more", "when"), [({}, "idle"), ({"when": "idle"}, "idle"), ({"when": "now"}, "now")])
def test_a_daemon_is_told_when_to_stop(
    side: Side, monkeypatch: pytest.MonkeyPatch, more: dict[str, str], when: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(side.daemon, "leave", told.append)

    answer = side.ask(do="stop", **more)

    assert answer["event"] == "stopping"
    side.wait_for(lambda: told == [when])


def test_who_does_not_know_the_key_is_sent_away_noted_and_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    daemon = Daemon(KEY, keep_alive_s=KEEP_ALIVE_S, announce_exit=lambda: None)
    ours, theirs = Pipe()
    stranger = ClientConnection(theirs, daemon)
    daemon.add_client(stranger)

    stranger.start()
    with ours, pytest.raises(AuthenticationError):
        answer_challenge(ours, b"a guess")

    Side(daemon, ours).wait_for(lambda: not daemon._clients)
    assert [record.getMessage() for record in caplog.records] == ["a client failed to authenticate"]
