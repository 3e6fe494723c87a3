"""Runs workers one after the other, watches the time that each input takes, and collects what went wrong."""

from __future__ import annotations

import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import IO, Literal

from tests.fuzz.kinds import kind_at

_AT_ONCE = 2000
"""A worker is replaced after as many inputs, so that memory that is lost does not add up."""
_START_S = 120.0


@dataclass(frozen=True)
class Failure:
    """An input that was not answered as it should be: its number, and what happened instead."""

    number: int
    what: str


@dataclass(frozen=True)
class Outcome:
    """How many inputs were tried, and those that failed."""

    tried: int
    failures: tuple[Failure, ...]


def run(place: str, *, seed: int, seconds: float, first: int = 0, most_inputs: int | None = None) -> Outcome:
    """Feed inputs of the kind at "module:name" until the time is over, or as many as are asked for."""
    until = time.monotonic() + seconds
    failures: list[Failure] = []
    number = first
    while time.monotonic() < until and (most_inputs is None or number < first + most_inputs):
        count = _AT_ONCE if most_inputs is None else min(_AT_ONCE, first + most_inputs - number)
        number, failure = _one_worker(place, seed=seed, first=number, count=count, until=until)
        if failure is not None:
            failures.append(failure)
    return Outcome(number - first, tuple(failures))


def _one_worker(place: str, *, seed: int, first: int, count: int, until: float) -> tuple[int, Failure | None]:
    """The number to go on with, and the failure that ended the worker, if any."""
    command = [sys.executable, "-m", "tests.fuzz.worker", "--kind", place, "--seed", str(seed)]
    command += ["--first", str(first), "--count", str(count)]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as worker,
    ):
        assert worker.stdout is not None
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_pass_on, args=(worker.stdout, lines), daemon=True).start()
        last, how = _watch(lines, most_seconds=kind_at(place).most_seconds, until=until)
        if how != "ended":
            worker.kill()
        status = worker.wait()
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip()
    if how == "out of time":
        return (first if last is None else last), None
    if how == "ended" and status == 0:
        return first + count, None
    at = first if last is None else last
    what = f"took more than {kind_at(place).most_seconds:g} s" if how == "silent" else f"status {status}\n{said}"
    return at + 1, Failure(at, what)


def _watch(
    lines: queue.Queue[str | None], *, most_seconds: float, until: float
) -> tuple[int | None, Literal["ended", "silent", "out of time"]]:
    """The last input that was begun, and why the watch ended."""
    last = None
    while True:
        try:
            line = lines.get(timeout=_START_S if last is None else most_seconds)
        except queue.Empty:
            return last, "silent"
        if line is None:
            return last, "ended"
        last = int(line)
        if time.monotonic() > until:
            return last, "out of time"


def _pass_on(lines: IO[str], to: queue.Queue[str | None]) -> None:
    for line in lines:
        to.put(line)
    to.put(None)
