"""The model that dis-core keeps in memory between two runs, as `dis-core daemon status --json` tells of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Sequence

from .words import _

STATUS_ARGUMENTS = ("daemon", "status", "--json")
FREE_ARGUMENTS = ("daemon", "stop")


@dataclass(frozen=True)
class KeptModel:
    """What is in memory, how much of it that takes, and after how long it goes by itself, if that is known."""

    names: tuple[str, ...]
    size_bytes: int
    leaves_in_s: float | None

    def words(self) -> str:
        """A line for the user."""
        name = self.names[0] if self.names else "dis-core"
        if not self.size_bytes:
            return _("{model} stays ready", model=name)
        return _("{model} stays ready: {size} GB of memory", model=name, size=f"{self.size_bytes / 1e9:.1f}")


def is_kept(options: Sequence[str]) -> bool:
    """Whether the options for finding subjects ask for a process that keeps models in memory."""
    return "--warm" in options


def parse_status(printed: bytes) -> KeptModel | None:
    """What is kept; None if nothing is, or if the answer cannot be read."""
    try:
        status = json.loads(printed.decode("utf-8"))
        sizes = [status.get("memory_bytes") or 0, status.get("device_memory_bytes") or 0]
        leaves_in_s = status.get("leaves_in_s")
        return KeptModel(
            tuple(map(str, status["models"])), int(sum(sizes)), None if leaves_in_s is None else float(leaves_in_s)
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def keeping_arguments(options: Sequence[str], *, keep_min: int, owner_pid: int) -> list[str]:
    """The options for finding subjects and, where a process keeps models, for how long and for which editor."""
    if not is_kept(options):
        return list(options)
    return [*options, "--keep-alive", f"{keep_min}m", "--owner-pid", str(owner_pid)]
