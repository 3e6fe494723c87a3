"""The folder for what clients send: nobody else can look into it, and nothing of it stays."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dis_core.files import locked

PREFIX: Final = "dis-core-serve-"
LOCK: Final = "in-use.lock"
"""Who holds it is alive; the system lets go of it with the process, however that ends."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that is removed after the block; those of servers that were killed are removed before it.

    Raises OutputFailed if there is no place for it.
    """
    remove_abandoned(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with locked(folder / LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(place: Path) -> None:
    """Remove this user's folders of that kind that nobody uses any more."""
    for folder in place.glob(f"{PREFIX}*"):
        if _is_own(folder) and (folder / LOCK).is_file():  # without one, it is being made just now
            with locked(folder / LOCK) as is_free:
                if is_free:
                    shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    """Whether this user has made it: in a common place for temporary files, others could put a link there."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    is_folder = folder.is_dir() and not folder.is_symlink()
    return is_folder and (not hasattr(os, "getuid") or status.st_uid == os.getuid())
