"""The programs that the daemon works for: when all of them have ended, there is no use in keeping a model ready."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


class Owners:
    """The processes that asked for work, such as editors, as far as they can be seen from here.

    A process in another container cannot; nor is Windows asked. Nothing is known of such programs, so they count as
    none.
    """

    def __init__(self) -> None:
        self._marks: dict[int, str] = {}
        self._ended_at: float | None = None
        self._is_owned = False

    def asked(self, pid: int | None) -> None:
        """Something was asked for by this process, or by a command that belongs to none."""
        mark = None if pid is None else mark_of(pid)
        if pid is not None and mark is not None:
            self._marks[pid] = mark
        self._is_owned, self._ended_at = mark is not None, None

    def ended_s_ago(self) -> float | None:
        """How long it is known that all have ended; None if one is left, or the last request belonged to none."""
        if not self._is_owned or any(mark_of(pid) == mark for pid, mark in self._marks.items()):
            return None
        if self._ended_at is None:
            self._ended_at = time.monotonic()
        return time.monotonic() - self._ended_at


def mark_of(pid: int) -> str | None:
    """What tells a running process from a later one with the same number; None if there is none, or on Windows."""
    if pid <= 0:
        return None
    if not Path("/proc/self/stat").exists():
        return _seen_by_kill(pid)
    try:
        # The name, in brackets, may hold anything; behind it are the state and, as the 20th, the time of the start.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if len(fields) < 20 or fields[0] in (b"Z", b"X") else fields[19].decode("ascii", "replace")


def _seen_by_kill(pid: int) -> str | None:
    mark = None
    if sys.platform != "win32":  # there it would end the process
        try:
            os.kill(pid, 0)
            mark = "running"
        except ProcessLookupError:
            pass
        except PermissionError:
            mark = "running"  # and another user's
    return mark
