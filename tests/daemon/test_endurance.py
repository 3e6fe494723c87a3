"""Three hundred requests in a row leave the daemon as it was after twenty."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dis_core.geometry import Box
from dis_core.jobs.job import CutoutStyle, Job
from dis_core.jobs.json_values import to_json_value
from dis_core.prompts import SegmentOptions
from tests.fakes.daemon_home import DaemonHome, daemon_home
from tests.fakes.open_files import count_open_files

REQUESTS, WARM_UP = 300, 20
GROWTH = 1.05


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DaemonHome]:
    with daemon_home(tmp_path) as home:
        yield home


def ask(home: DaemonHome, job: Job) -> str:
    """What becomes of an job, on a connection of its own."""
    connection = home.connect()
    assert connection is not None
    *_, answer = connection.ask("segment", job=to_json_value(job))
    connection.close()
    return str(answer.get("code", answer["event"]))


def ask_and_hang_up(home: DaemonHome, job: Job) -> str:
    connection = home.connect()
    assert connection is not None
    event = next(connection.ask("segment", job=to_json_value(job)))["event"]
    connection.close()
    return str(event)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="open files of other processes are counted in /proc")
def test_three_hundred_requests_cost_neither_memory_nor_open_files(home: DaemonHome) -> None:
    options = SegmentOptions(model="dis-lite", device="cpu", quality="draft", refine="none")
    job = Job(home.work / "a.png", home.work / "out.png", "png", CutoutStyle(), options, overwrite=True)
    gone = replace(job, source=home.work / "gone.png")
    outside = replace(job, options=replace(options, roi=Box(5000, 5000, 5001, 5001)))
    unknown = replace(job, options=replace(options, model="pdfnot"))
    home.run("mask", "a.png", "--model", "pdfnot", "--warm")

    memory_bytes, open_files = [], []
    for number in range(5, REQUESTS + 1, 5):
        assert ask(home, job) == "result"
        assert ask(home, gone) == "NoImage"
        assert ask(home, outside) == "BadRequest"
        assert ask(home, unknown) == "UnknownModel"
        assert ask_and_hang_up(home, job) == "progress"
        if number in (WARM_UP, REQUESTS):
            home.wait_for(lambda: not (home.status() or {})["doing"], "the last one to be cancelled")
            memory_bytes.append((home.status() or {})["memory_bytes"])
            open_files.append(count_open_files(home.pid()))

    assert memory_bytes[1] <= GROWTH * memory_bytes[0]
    # The connections that have just been closed may be among them for a moment.
    home.wait_for(
        lambda: count_open_files(home.pid()) <= open_files[0] + 1, f"as few open files as before ({open_files})"
    )
