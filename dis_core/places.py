"""Places on disks: which paths lead to one file, however they are spelled."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

FileId: TypeAlias = tuple[int, int] | str
"""What is the same for all spellings of a path: device and inode of what exists, or a spelling, links followed."""


def file_id(path: Path) -> FileId:
    """What tells a file or folder from any other one, links followed.

    Spellings do not: many disks ignore the case of names, and `os.path.realpath` keeps whichever was given.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        return spelled(path)
    # Some network drives of Windows have no numbers for files, and 0 for all of them.
    return (status.st_dev, status.st_ino) if status.st_ino else folded(spelled(path))


def folded(name: str) -> str:
    """A name as disks compare names that ignore case and the ways to compose letters with accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Files:
    """A set of files that knows them under all their names: `path in files`."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._ids: set[FileId] = set()
        for path in paths:
            self._ids |= _ids(path)

    def __contains__(self, path: Path) -> bool:
        return not self._ids.isdisjoint(_ids(path))


def _ids(path: Path) -> set[FileId]:
    """With the spelling, because a file may come or go between two looks."""
    return {file_id(path), spelled(path)}


def spelled(path: Path) -> str:
    """One spelling for all spellings of a path: links and ".." followed, case folded where the system does."""
    try:
        return os.path.normcase(os.path.realpath(path))
    except ValueError:  # a name that no file can have
        return str(path)
