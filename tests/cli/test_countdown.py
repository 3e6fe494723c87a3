"""How long a run will still take, for programs that ask for progress in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dis_core.cli.countdown import Countdown
from dis_core.cli.main import run
from dis_core.jobs.timings import Work, expected_s

pytestmark = pytest.mark.usefixtures("bright_models")


def progress_of(*arguments: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert run(["mask", *arguments, "-m", "bright", "--progress", "json", "--overwrite"]) == 0
    events = map(json.loads, capsys.readouterr().out.splitlines())
    return [event for event in events if event["event"] == "progress"]


def test_the_second_run_says_how_long_it_will_still_take(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = progress_of("a.png", capsys=capsys)
    monkeypatch.setattr("dis_core.cli.countdown.expected_s", lambda work: {"bright": 40.0}[work.kind.split()[0]])
    second = progress_of("a.png", capsys=capsys)

    assert not any("remaining_s" in event for event in first)
    assert 30.0 < float(str(second[-1]["remaining_s"])) <= 40.0


def test_what_a_run_took_is_expected_of_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[float | None] = []

    def noting(work: Work) -> float | None:
        asked.append(expected_s(work))
        return asked[-1]

    monkeypatch.setattr("dis_core.cli.countdown.expected_s", noting)

    for _ in range(2):
        progress_of("a.png", capsys=capsys)
    progress_of("a.png", "b.jpg", capsys=capsys)  # of several images at once nothing can be said

    before, after = asked
    assert before is None
    assert after is not None
    assert 0 < after < 30


def test_loading_and_waiting_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("dis_core.cli.countdown.time.monotonic", lambda: now)
    count = Countdown(10.0)
    count.remaining_s("starting")
    now = 50.0
    assert count.remaining_s("loading isnet") == 10.0

    now = 60.0
    assert count.remaining_s("segmenting") == 10.0
    now = 64.0
    assert count.remaining_s("refining") == 6.0
    now = 80.0
    assert count.remaining_s("writing") is None
