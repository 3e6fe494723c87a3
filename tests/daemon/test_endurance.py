"""Three hundred requests in a row leave the daemon as it was after twenty."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dis_core.geometry import Box
from dis_core.jobs.job import CutoutStyle, Job
from dis_core.jobs.json_values import to_plain
from dis_core.prompts import SegmentOptions
from tests.fakes.daemon_house import House, open_house

REQUESTS, WARM_UP = 300, 20
GROWTH = 1.05


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def ask(house: House, job: Job) -> str:
    """What becomes of an job, on a connection of its own."""
    talk = house.talk()
    assert talk is not None
    *_, answer = talk.ask("segment", job=to_plain(job))
    talk.close()
    return str(answer.get("code", answer["event"]))


def ask_and_hang_up(house: House, job: Job) -> str:
    talk = house.talk()
    assert talk is not None
    event = next(talk.ask("segment", job=to_plain(job)))["event"]
    talk.close()
    return str(event)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="open files of other processes are counted in /proc")
def test_three_hundred_requests_cost_neither_memory_nor_open_files(house: House) -> None:
    segmenting = SegmentOptions(model="dis-lite", device="cpu", quality="draft", refine="none")
    job = Job(house.work / "a.png", house.work / "out.png", "png", CutoutStyle(), segmenting, overwrite=True)
    gone = replace(job, source=house.work / "gone.png")
    outside = replace(job, segmenting=replace(segmenting, roi=Box(5000, 5000, 5001, 5001)))
    unknown = replace(job, segmenting=replace(segmenting, model="pdfnot"))
    house.run("mask", "a.png", "--model", "pdfnot", "--warm")

    memory_bytes, open_files = [], []
    for number in range(5, REQUESTS + 1, 5):
        assert ask(house, job) == "result"
        assert ask(house, gone) == "NoImage"
        assert ask(house, outside) == "BadRequest"
        assert ask(house, unknown) == "UnknownModel"
        assert ask_and_hang_up(house, job) == "progress"
        if number in (WARM_UP, REQUESTS):
            house.wait_for(lambda: not (house.status() or {})["doing"], "the last one to be cancelled")
            memory_bytes.append((house.status() or {})["memory_bytes"])
            open_files.append(len(list(Path(f"/proc/{house.pid()}/fd").iterdir())))

    assert memory_bytes[1] <= GROWTH * memory_bytes[0]
    assert open_files[1] <= open_files[0] + 1  # the connection that has just been closed may still be among them
