"""Places on disks: which paths lead to one file, however they are spelled, and whether a file can be written there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeAlias

from dis_core.environment import working_folder
from dis_core.errors import OutputFailed
from dis_core.files import UNFINISHED_ENDING, nearest_existing, refuse_irreplaceable, write_failed

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
        return os.path.normcase(os.path.realpath(path if path.is_absolute() else working_folder() / path))
    except ValueError:  # a name that no file can have
        return str(path)


_TRIED_BYTES: Final = 4096


class Trial:
    """Tries places for files before the work that fills them; each folder once."""

    def __init__(self) -> None:
        self._found: dict[Path, OutputFailed | None] = {}

    def refuse_unwritable(self, path: Path, *, overwrite: bool) -> None:
        """Raises OutputFailed if no file could be written at `path`, whose folders may still have to be made."""
        folder = nearest_existing(path.parent)
        if folder not in self._found:
            self._found[folder] = _problem_with(folder)
        if (problem := self._found[folder]) is not None:
            raise type(problem)(problem.message, hint=problem.hint)
        _refuse_impossible_name(path, folder)
        if overwrite:
            refuse_irreplaceable(path)


def _problem_with(folder: Path) -> OutputFailed | None:
    """What happens to a small file in a folder that exists: nothing is left of it."""
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises where it may not look
        return OutputFailed(f"{folder} is not a folder, so no result can be in it", hint="give another folder")
    tried = folder / f".dis-core-{secrets.token_hex(8)}-trial{UNFINISHED_ENDING}"
    try:
        with tried.open("xb", buffering=0) as file:
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        return write_failed(folder, error)
    finally:
        with contextlib.suppress(OSError):
            tried.unlink()
    return None


def _refuse_impossible_name(path: Path, folder: Path) -> None:
    """Raises OutputFailed for a name, of the file or of a folder yet to be made, that is too long or not possible."""
    for place in [path, *(folder / name for name in path.parts[len(folder.parts) :])]:
        try:
            place.lstat()
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.ENOTDIR):
                raise write_failed(path, error) from error
        except ValueError as error:
            raise OutputFailed(f"{str(path)!r} is not a file name", hint="check the spelling") from error
