"""Child processes of the installer: heard line by line, and ended when they are to stop or when the installer dies."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from typing import Callable, Mapping, Sequence

from .pythons import NO_WINDOW

TICK_S = 0.5

GUARD = (
    "import os, runpy, sys, threading\n"
    "def watch():\n    os.read(0, 1)\n    os._exit(130)\n"
    "threading.Thread(target=watch, daemon=True).start()\n"
    "sys.argv = sys.argv[1:]\n"
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)\n"
)
"""Runs a module, and ends as soon as its standard input ends: that of a child does when its parent has died."""


class Stopped(Exception):
    """Whoever started this process wants it to stop."""


class Stop:
    """Set when this process's standard input has ended, or by a signal."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def watch(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._read, daemon=True).start()
        for name in ("SIGTERM", "SIGINT"):
            signal.signal(getattr(signal, name), lambda *_: self._event.set())

    def check(self) -> None:
        """Raises Stopped."""
        if self._event.is_set():
            raise Stopped

    def _read(self) -> None:
        # Not sys.stdin, whose lock would stop the interpreter from ending.
        while os.read(0, 4096):
            pass
        self._event.set()


def module(python: str, *arguments: str) -> list[str]:
    """The command line that runs a module with a Python."""
    return [python, "-I", "-c", GUARD, *arguments]


def run(
    command: Sequence[str],
    stop: Stop,
    *,
    environment: Mapping[str, str],
    on_line: Callable[[str], None] = lambda _line: None,
    on_tick: Callable[[], None] = lambda: None,
) -> tuple[int, list[str]]:
    """Run a command until it ends: its exit status, and the lines that it printed. Raises Stopped, OSError."""
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        creationflags=NO_WINDOW,
        start_new_session=sys.platform != "win32",  # a group of its own, which is ended together
    )
    heard: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_listen, args=(process, heard), daemon=True).start()
    lines: list[str] = []
    try:
        while True:
            stop.check()
            try:
                line = heard.get(timeout=TICK_S)
            except queue.Empty:
                on_tick()
                continue
            if line is None:
                return process.wait(), lines
            lines.append(line)
            on_line(line)
    finally:
        _end(process)


def _listen(process: subprocess.Popen[bytes], heard: queue.Queue[str | None]) -> None:
    assert process.stdout is not None  # noqa: S101 - narrows the type
    for line in process.stdout:
        heard.put(line.decode("utf-8", "replace").rstrip("\r\n"))
    heard.put(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its own children, if they have not ended."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.stdin is not None  # noqa: S101 - narrows the type
    process.stdin.close()
