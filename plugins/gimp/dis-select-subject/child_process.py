"""Runs dis-core as a child process of the plug-in, in a clean environment, and waits for it.

GIMP cancels a plug-in by killing it. The child notices this because its standard input ends.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from typing import IO, Callable, Mapping, Sequence

from shared.events import CRASHED, EventReader, Failed, Outcome, Progress
from shared.file_names import file_name
from shared.program import Program, child_environment
from shared.words import _

MOST_ERROR_BYTES = 10_000
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows, each child would open a console window otherwise


def start_detached(program: Program, arguments: Sequence[str], *, more_environment: Mapping[str, str]) -> None:
    """Start dis-core and do not wait for it or hear of it. If it cannot be started, the run itself will say so."""
    with contextlib.suppress(OSError):
        process = subprocess.Popen(
            [file_name(part) for part in (*program.command, *arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            env={**child_environment(os.environ, program), **more_environment},
            creationflags=_NO_WINDOW,
        )
        process.returncode = 0  # so that Python does not warn about a child nobody waits for


def start_child(
    program: Program, arguments: Sequence[str], *, more_environment: Mapping[str, str], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start dis-core with pipes to and from it. Raises OSError."""
    return subprocess.Popen(
        [file_name(part) for part in (*program.command, *arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        # Not the folder where GIMP was started: a Python file there could shadow one of ours.
        cwd=tempfile.gettempdir(),
        env={**child_environment(os.environ, program), **more_environment},
        creationflags=_NO_WINDOW,
    )


def run_child(
    program: Program,
    arguments: Sequence[str],
    *,
    more_environment: Mapping[str, str],
    on_progress: Callable[[Progress], None],
    on_start: Callable[[subprocess.Popen[bytes]], None] = lambda _process: None,
) -> tuple[Outcome, bytes]:
    """Run dis-core until it ends; returns the outcome and all that it printed.

    `on_start` is given the process, so that it can be ended from elsewhere.
    """
    answers, printed = EventReader(), []
    with tempfile.TemporaryFile() as errors:
        try:
            process = start_child(program, arguments, more_environment=more_environment, errors=errors)
        except OSError as error:
            return Failed(CRASHED, _("dis-core could not be started: {error}", error=error)), b""
        with process:
            assert process.stdout is not None  # noqa: S101 - narrows the type
            try:
                on_start(process)
                while data := process.stdout.read1(65536):  # type: ignore[attr-defined]  # a BufferedReader
                    printed.append(data)
                    for progress in answers.feed(data):
                        on_progress(progress)
                status = process.wait()
            except BaseException:
                process.kill()
                raise
        errors.seek(max(errors.seek(0, os.SEEK_END) - MOST_ERROR_BYTES, 0))
        if status < 0:
            killed = _("another program or the system stopped it, perhaps because memory ran out")
            return Failed(CRASHED, _("dis-core was stopped while it was working"), killed), b"".join(printed)
        return answers.finish(status, errors.read()), b"".join(printed)
