"""The events that dis-core prints while it works, one JSON object per line, and the outcome."""

from __future__ import annotations

import errno
import json
import math
import tempfile
from dataclasses import dataclass
from typing import Any, Union

from .core_words import error_in_words, in_words
from .words import _

LONGEST_LINE_BYTES = 1_000_000
CRASHED = "Crashed"
LEAST_TOLD_S = 2.0
"""Of shorter times nobody has to be told."""


@dataclass(frozen=True)
class Progress:
    """How much is done, in [0, 1], what is being done, and how long it will still take, if that is known."""

    fraction: float
    doing: str
    remaining_s: float | None = None

    def words(self) -> str:
        """What is being done and how long it will still take, in a few words."""
        left_s = self.remaining_s
        if left_s is None or left_s < LEAST_TOLD_S:
            return self.doing
        if left_s >= 90:
            return _("{doing}, about {minutes} min left", doing=self.doing, minutes=round(left_s / 60))
        step_s = 1 if left_s < 10 else 5
        return _("{doing}, about {seconds} s left", doing=self.doing, seconds=step_s * round(left_s / step_s))


@dataclass(frozen=True)
class Done:
    """Success: which model ran on which device, and what the user should know about the result."""

    model: str = ""
    device: str = ""
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """Failure; `code` is one of those in dis-core's reference of errors."""

    code: str
    message: str
    hint: str = ""

    def short(self) -> str:
        """What happened, for the user, without what to do about it."""
        return self.message[:1].upper() + self.message[1:]

    def sentence(self) -> str:
        """A sentence or two for the user."""
        return f"{self.short()} ({self.hint})" if self.hint else self.short()


Outcome = Union[Done, Failed]


def failure_of(error: Exception) -> Failed:
    """What an exception in a plug-in means for the user: a disk without room, or a mistake of the plug-in."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        folder = tempfile.gettempdir()
        full = _("the disk with {folder} is full, where the pixels go meanwhile", folder=folder)
        return Failed("DiskFull", full, _("make room there"))
    if isinstance(error, OSError):
        return Failed("Unwritable", f"{error.strerror or error}: {error.filename or tempfile.gettempdir()}")
    return Failed("Bug", f"{type(error).__name__}: {error}", _("this is a bug in the plug-in"))


class EventReader:
    """Reads the standard output of one child process as it arrives."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self._rest = b""

    def feed(self, data: bytes) -> list[Progress]:
        """Take output of any length and return the progress events in it."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:LONGEST_LINE_BYTES]
        return [progress for progress in map(self._take, lines) if progress is not None]

    def finish(self, exit_status: int, errors: bytes) -> Outcome:
        """The outcome, now that the child has ended; `errors` is the end of its standard error."""
        if exit_status == 0:
            return self.outcome if isinstance(self.outcome, Done) else Done()
        if isinstance(self.outcome, Failed):
            return self.outcome
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        said = lines[-1] if lines else _("there was no message")
        return Failed(
            CRASHED,
            _("dis-core stopped unexpectedly ({status}): {message}", status=exit_status, message=said),
            _("run “dis-core doctor” in a terminal to find the cause"),
        )

    def _take(self, line: bytes) -> Progress | None:
        try:
            event = json.loads(line.decode("utf-8", "replace"))
            kind = event.get("event")
        except (ValueError, AttributeError, RecursionError):
            return None  # some library's output
        if kind == "progress":
            left_s = _number(event.get("remaining_s"))
            doing = in_words(str(event.get("doing", "")))
            return Progress(_number(event.get("fraction")), doing, left_s if left_s > 0 else None)
        if kind == "result":
            self.outcome = _done(event)
        elif kind == "error":
            code, message = str(event.get("code", "")), str(event.get("message", ""))
            self.outcome = Failed(code, error_in_words(code, message), str(event.get("hint", "")))
        return None


def _done(event: dict[str, Any]) -> Done:
    remarks = event.get("remarks")
    return Done(
        model=str(event.get("model", "")).partition("@")[0],
        device=str(event.get("device", "")),
        seconds=_number(event.get("seconds")),
        remarks=tuple(in_words(str(remark)) for remark in remarks) if isinstance(remarks, list) else (),
    )


def _number(value: Any) -> float:
    """A number, or 0 for anything else: JSON's whole numbers have any length, and Python's reader knows NaN."""
    try:
        number = float(value) if isinstance(value, (int, float)) else 0.0
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) else 0.0
