"""The child processes of the preview, of which one works at a time, while the dialog goes on."""

from __future__ import annotations

import subprocess
import threading
from typing import Any, Callable, Mapping, Sequence

from child_process import run_child
from gi.repository import GLib
from gimp_image import Refused
from shared.events import Done, Failed, Outcome, Progress
from shared.program import OFFLINE, Program

UNREADABLE = "Unreadable"


class Children:
    """Runs dis-core in a thread; the calls are made in the dialog's own thread, and none after `stop`."""

    def __init__(self, program: Program, on_progress: Callable[[Progress], None]) -> None:
        self._program, self._on_progress = program, on_progress
        self._turn = 0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_working(self) -> bool:
        """Whether a child is at work, or what it made is being read."""
        return self._thread is not None

    def start(
        self,
        arguments: Sequence[str],
        then: Callable[[Outcome, Any], None],
        *,
        read: Callable[[], Any] = lambda: None,
        environment: Mapping[str, str] = OFFLINE,
    ) -> None:
        """Run dis-core, read what it made in the same thread if it succeeded, and call `then` with both."""
        self.stop()
        turn = self._turn

        def report(progress: Progress) -> None:
            GLib.idle_add(self._report, turn, progress)

        def work() -> None:
            outcome, _ = run_child(
                self._program,
                arguments,
                more_environment=environment,
                on_progress=report,
                on_start=lambda process: self._take(turn, process),
            )
            value = None
            try:
                value = read() if isinstance(outcome, Done) and turn == self._turn else None
            except Refused as reason:
                outcome = Failed(UNREADABLE, str(reason))
            GLib.idle_add(self._end, turn, outcome, value, then)

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the child that is at work, and wait for that."""
        with self._lock:
            self._turn += 1
            process = self._process
            if process is not None:
                process.kill()
        if self._thread is not None:
            self._thread.join()
        self._thread = None

    def _take(self, turn: int, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._process = process
            if turn != self._turn:
                process.kill()

    def _report(self, turn: int, progress: Progress) -> None:
        if turn == self._turn:
            self._on_progress(progress)

    def _end(self, turn: int, outcome: Outcome, value: Any, then: Callable[[Outcome, Any], None]) -> None:
        if turn == self._turn:
            self._thread = self._process = None
            then(outcome, value)
