"""Requests that wait, are given up, or meet a process that dies; and how the server stops."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.fakes.served import Served, png, served, two_halves
from tests.server.conftest import PLACES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc")

PHOTO = png(two_halves())


@pytest.fixture
def idle(server: Served) -> Served:
    """The shared server while nothing else is done on it."""
    server.wait_for(lambda: server.metric("dis_core_queue_length") == 0, "the queue to be empty")
    return server


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as running:
        yield running


def ask_and_leave(server: Served, until: threading.Event) -> None:
    """Ask for something that takes long, with its progress, and close the connection when told to."""
    data = {"options": '{"model": "bright-slowly"}'}
    headers = {"Accept": "text/event-stream"}
    with requests.post(
        f"{server.url}/v1/segment", files={"image": PHOTO}, data=data, headers=headers, stream=True, timeout=60
    ) as answer:
        lines = answer.iter_lines()
        while not until.is_set() and b"segmenting" not in next(lines, b"segmenting"):
            pass
        until.wait(60)


def test_a_full_queue_answers_429_and_when_to_come_again(idle: Served, pool: ThreadPoolExecutor) -> None:
    leave = threading.Event()
    asking = [pool.submit(ask_and_leave, idle, leave) for _ in range(PLACES)]
    try:
        idle.wait_for(lambda: idle.metric("dis_core_queue_length") == PLACES, "the queue to be full")

        refused = idle.removebg(PHOTO)
        by_events = idle.post("/v1/segment", files={"image": PHOTO}, headers={"Accept": "text/event-stream"})
    finally:
        leave.set()

    for future in asking:
        future.result()
    assert (refused.status_code, by_events.status_code) == (429, 429)
    assert refused.json()["errors"][0]["code"] == "rate_limit_exceeded"
    assert 1 <= int(refused.headers["retry-after"]) <= 300


def test_a_closed_connection_cancels_and_leaves_nothing_behind(idle: Served, pool: ThreadPoolExecutor) -> None:
    before = idle.metric("dis_core_network_starts_total")
    leave = threading.Event()
    asking = pool.submit(ask_and_leave, idle, leave)
    idle.wait_for(lambda: idle.metric("dis_core_queue_length") == 1, "the image to be in work")

    leave.set()
    asking.result()

    idle.wait_for(lambda: idle.metric("dis_core_queue_length") == 0, "the image to be cancelled")
    idle.wait_for(lambda: not idle.files(), "its files to be gone")
    assert idle.removebg(PHOTO).status_code == 200
    assert idle.metric("dis_core_network_starts_total") == before, "the process notices, and need not be replaced"


def test_a_client_of_remove_bg_that_hangs_up_cancels_too(idle: Served) -> None:
    data = {"options": '{"model": "bright-slowly"}'}
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(f"{idle.url}/v1/segment", files={"image": PHOTO}, data=data, timeout=1.0)

    idle.wait_for(lambda: idle.metric("dis_core_queue_length") == 0, "the image to be cancelled")
    idle.wait_for(lambda: not idle.files(), "its files to be gone")


def test_a_process_that_dies_costs_one_answer_and_is_replaced(idle: Served) -> None:
    before = idle.metric("dis_core_network_starts_total")

    died = idle.segment(PHOTO, {"model": "bright-dies"})
    after = idle.segment(PHOTO)

    assert (died.status_code, died.json()["errors"][0]["code"]) == (503, "worker_lost")
    assert int(died.headers["retry-after"]) >= 1
    assert after.status_code == 200
    assert idle.metric("dis_core_network_starts_total") == before + 1
    idle.wait_for(lambda: not idle.files(), "its files to be gone")


def is_over(number: int) -> bool:
    path = Path(f"/proc/{number}/stat")
    return not path.exists() or path.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_all_processes_may_be_killed_while_nothing_is_done(idle: Served) -> None:
    killed = idle.children()
    for number in killed:
        os.kill(number, signal.SIGKILL)
    idle.wait_for(lambda: all(is_over(number) for number in killed), "their end")

    answers = [idle.removebg(PHOTO).status_code for _ in range(4)]

    assert answers == [200] * 4


def test_stopping_finishes_what_is_being_done_and_leaves_nothing(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    with served(tmp_path, "--model", "bright-soon") as running:
        assert running.removebg(PHOTO).status_code == 200
        asking: Future[requests.Response] = pool.submit(running.removebg, PHOTO)
        running.wait_for(lambda: running.metric("dis_core_queue_length") == 1, "the image to be in work")
        mode = {path.stat().st_mode & 0o777 for path in running.temporary.iterdir()}

        running.process.send_signal(signal.SIGTERM)
        status = running.process.wait(60)

        assert asking.result().status_code == 200
        assert status == 0
        assert mode == {0o700}
        assert not list(running.temporary.glob("dis-core-serve-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_processes_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    with served(tmp_path, "--model", "bright") as running:
        running.wait_for(running.children, "the process that runs the network")
        children = running.children()

        running.process.kill()
        running.process.wait()

        running.wait_for(lambda: not any(Path(f"/proc/{number}/cmdline").exists() for number in children), "their end")
