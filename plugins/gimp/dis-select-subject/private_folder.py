"""A folder for one run's pixels, of which nothing is left even when GIMP kills the plug-in, as its Cancel does.

A small process removes the folder when this one has gone, however it went: its standard input, which this process
holds, ends then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Iterator

FOLDERS = "dis-core-gimp-"
OLD_S = 24 * 3600.0
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)

_REMOVER = """
import os, shutil, sys, time
sys.stdin.buffer.read()
quiet = 0
for _ in range(60):  # dis-core may be writing there while it stops
    quiet = 0 if os.path.isdir(sys.argv[1]) else quiet + 1
    if quiet == 4:
        break
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    time.sleep(0.25)
"""


@contextlib.contextmanager
def private_folder() -> Iterator[str]:
    """A new folder, removed with all that is in it at the end of the block or of this process."""
    _remove_left_over()
    folder = tempfile.mkdtemp(prefix=f"{FOLDERS}{os.getpid()}-")
    remover = _start_remover(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if remover is not None:
            remover.kill()
            remover.communicate()


def _start_remover(folder: str) -> subprocess.Popen[bytes] | None:
    """None if no process can be started here: then the next run removes what a killed one leaves."""
    with contextlib.suppress(OSError):
        return subprocess.Popen(
            [sys.executable, "-I", "-c", _REMOVER, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            creationflags=_NO_WINDOW,
            start_new_session=True,  # so that what ends GIMP from a terminal does not end it too
        )
    return None


def _remove_left_over() -> None:
    """Remove the folders of runs that GIMP has killed, which could not clean up themselves."""
    with os.scandir(tempfile.gettempdir()) as entries:
        left = [entry for entry in entries if entry.name.startswith(FOLDERS) and entry.is_dir(follow_symlinks=False)]
    for entry in left:
        with contextlib.suppress(OSError):
            mine = sys.platform == "win32" or entry.stat(follow_symlinks=False).st_uid == os.getuid()
            if mine and (not _may_run(entry.name) or time.time() - entry.stat().st_mtime > OLD_S):
                shutil.rmtree(entry.path, ignore_errors=True)


def _may_run(name: str) -> bool:
    """Whether the process that made a folder may still be there."""
    number = name[len(FOLDERS) :].partition("-")[0]
    if os.name == "nt" or not number.isdigit():
        return True  # on Windows, this call would end the process
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
