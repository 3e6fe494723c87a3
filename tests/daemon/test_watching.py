"""`--watch` as a process: signals that end it, several at once, and with a process that keeps the model warm."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.daemon_home import QUICK, DaemonHome, daemon_home

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are other signals on Windows")

GIVE_UP_AFTER_S = 90.0
AT_ONCE_S = 5.0
"""What stopping may take on a busy machine; it is a fraction of a second otherwise."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DaemonHome]:
    with daemon_home(tmp_path) as home:
        (home.work / "in").mkdir()
        yield home


def until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + GIVE_UP_AFTER_S
    while not is_so():
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.05)


def put(home: DaemonHome, *names: str) -> None:
    for name in names:
        shutil.copyfile(home.work / "a.png", home.work / "in" / name)


def appears(home: DaemonHome, *names: str) -> None:
    until(lambda: all((home.work / "in" / name).exists() for name in names))


def start(home: DaemonHome, *more: str) -> subprocess.Popen[str]:
    """A watcher that has begun."""
    child = home.start("mask", "--watch", "in", *QUICK, *more)
    assert child.stderr is not None
    assert "watching in" in child.stderr.readline()
    return child


def stop(child: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> str:
    """What it said on standard error."""
    child.send_signal(number)
    _, told = child.communicate(timeout=GIVE_UP_AFTER_S)
    return told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_soon_with_a_summary_and_the_usual_status(home: DaemonHome, number: signal.Signals) -> None:
    watcher = start(home)
    put(home, "a.png")
    appears(home, "a-mask.png")
    until(lambda: not list((home.work / "in").glob(".*")))
    stopped = time.monotonic()

    told = stop(watcher, number)

    assert time.monotonic() - stopped < AT_ONCE_S
    assert watcher.returncode == 130
    assert "dis-core: stopped; 1 result was written\n" in told
    assert sorted(path.name for path in (home.work / "in").iterdir()) == ["a-mask.png", "a.png"]


@pytest.mark.slow
def test_it_does_next_to_nothing_while_nothing_appears(home: DaemonHome) -> None:
    put(home, *(f"{number}.txt" for number in range(300)))
    watcher = start(home)

    def seconds_of_work() -> float:
        fields = Path(f"/proc/{watcher.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    time.sleep(2.5)  # what is there is looked at once
    before = seconds_of_work()
    time.sleep(3)
    worked_s = seconds_of_work() - before

    stop(watcher)
    assert worked_s < 0.3


@pytest.mark.slow
def test_what_a_killed_watcher_left_the_next_one_does(home: DaemonHome) -> None:
    watcher = start(home)
    put(home, *(f"{number}.png" for number in range(6)))
    appears(home, "0-mask.png")
    watcher.kill()
    watcher.communicate()

    again = start(home)
    appears(home, *(f"{number}-mask.png" for number in range(6)))
    told = stop(again)

    assert told.count("done by") < 6
    assert len(list((home.work / "in").iterdir())) == 12


@pytest.mark.slow
def test_two_watchers_share_the_images_of_a_folder(home: DaemonHome) -> None:
    watchers = [start(home), start(home)]
    names = [f"{number:02}" for number in range(24)]

    put(home, *(f"{name}.png" for name in names))
    appears(home, *(f"{name}-mask.png" for name in names))
    until(lambda: not list((home.work / "in").glob(".*")))
    time.sleep(1.5)  # a look later
    told = [stop(watcher) for watcher in watchers]

    done = [line.split(":")[1] for text in told for line in text.splitlines() if "done by" in line]
    assert sorted(done) == [f" in/{name}.png" for name in names]  # each once
    assert all("done by" in text for text in told)
    assert not any("kept" in text for text in told)


@pytest.mark.slow
def test_with_a_warm_process_it_outlives_that_one(home: DaemonHome) -> None:
    watcher = start(home, "--warm", "--keep-alive", "1s")
    put(home, "a.png")
    appears(home, "a-mask.png")
    until(lambda: not home.has_daemon())

    put(home, "b.png", "c.png")
    appears(home, "b-mask.png", "c-mask.png")
    until(lambda: not list((home.work / "in").glob(".*")))

    told = stop(watcher)
    assert "stopped; 3 results were written" in told
    assert told.count("done by dis-lite") == 3
    assert "daemon" not in told
