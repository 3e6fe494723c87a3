"""Taking turns with other programs: one at a time, and who waits can still be cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.errors import OutputFailed
from dis_core.progress import Report

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextmanager
def one_at_a_time(lock_file: Path, waiting: str, report: Report) -> Iterator[None]:
    """Let one process at a time do what the file stands for; `waiting` is what is reported meanwhile.

    Raises OutputFailed if the file cannot be written, and what `report` raises.
    """
    import filelock

    lock = filelock.FileLock(lock_file)
    while not _locked(lock):
        report(0.0, waiting)
    try:
        yield
    finally:
        lock.release()


def _locked(lock: BaseFileLock) -> bool:
    """Whether the lock could be had within a moment."""
    path = Path(lock.lock_file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0.3)
    except TimeoutError:
        return False
    except OSError as error:
        raise OutputFailed(f"{path} cannot be written: {error.strerror}", hint="make that folder yours") from error
    return True
