"""What arrives in folders: which files are new or have changed, and are complete."""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from dis_core.images.formats import IMAGE_ENDINGS
from dis_core.places import file_id

SETTLED_AFTER_S: Final = 1.0
"""A file whose size and time have been still for so long is taken for complete, if it also looks so."""

PATIENCE_S: Final = 20.0
"""A file that does not look complete is waited for as long as this, after its last change."""

_TEMPORARY_ENDINGS: Final = frozenset(
    {"part", "partial", "tmp", "temp", "crdownload", "download", "filepart", "opdownload", "swp", "lock"}
)
"""Of files that programs rename when they are complete, also before the real ending: beach.tmp.jpg."""

_TAIL_BYTES: Final = 1 << 16


class FileState(NamedTuple):
    """What changes when a file does; `arrived_ns` is the last time that its content, name or place changed."""

    size_bytes: int
    changed_ns: int
    arrived_ns: int


@dataclass(eq=False)
class Arrival:
    """A file, the watched folder that it is in, and what has become of it since it was last changed, at `since_s`.

    `not_before_s` is when to try it next, `is_told` whether a failure was told, `has_changed` whether it was dealt with
    in an earlier state, and `was_there` whether it was found by the first look.
    """

    path: Path
    root: Path
    state: FileState
    since_s: float
    fate: Literal["new", "over"] = "new"
    not_before_s: float = 0.0
    is_told: bool = False
    has_changed: bool = False
    was_there: bool = False


class Folders:
    """Watched folders; `trouble` are those that cannot be read now, and why not."""

    def __init__(self, roots: Sequence[Path], *, output: Path | None, recursive: Literal["yes", "no"]) -> None:
        self._roots, self._output, self._recursive = roots, output, recursive
        self.trouble: dict[Path, str] = {}
        self._arrivals: dict[Path, Arrival] = {}
        self._has_looked = False

    def settled(self, now_s: float) -> list[Arrival]:
        """Look once, and return the files of which nothing has become yet and that are complete, the oldest first.

        `now_s` is a time of `time.monotonic`. What is gone is forgotten, unless its whole folder is.
        """
        trouble: dict[Path, str] = {}
        found = {path: (root, state) for root in self._roots for path, state in self._files_of(root, trouble)}
        self.trouble = trouble
        self._forget(found)
        for path, (root, state) in found.items():
            known = self._arrivals.get(path)
            if known is None or (known.state[:2] != state[:2]):
                has_changed = known is not None and (known.fate == "over" or known.has_changed)
                self._arrivals[path] = Arrival(
                    path, root, state, now_s, has_changed=has_changed, was_there=not self._has_looked
                )
        self._has_looked = True
        ready = [arrival for arrival in self._arrivals.values() if arrival.path in found and _is_ready(arrival, now_s)]
        return sorted(ready, key=lambda arrival: (arrival.state.arrived_ns, arrival.path))

    def images(self) -> list[Path]:
        """All the files with the names of images that were there when they were last looked for."""
        return [path for path in self._arrivals if path.suffix.lower() in IMAGE_ENDINGS]

    def _forget(self, found: Container[Path]) -> None:
        """Forget what is gone, but not what is only out of reach."""
        for path in [path for path in self._arrivals if path not in found]:
            if self.trouble.keys().isdisjoint(path.parents):
                del self._arrivals[path]

    def _files_of(self, root: Path, trouble: dict[Path, str]) -> Iterator[tuple[Path, FileState]]:
        """The files in a folder and, if so wanted, in those inside it; hidden and temporary names are left out."""
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if is_temporary(entry.name):
                            continue
                        path = folder / entry.name
                        if entry.is_dir(follow_symlinks=False):
                            if self._recursive == "yes" and not self._is_output(path):
                                folders.append(path)
                        elif (state := state_of(path)) is not None:
                            yield path, state
            except OSError as error:
                if folder != root and isinstance(error, FileNotFoundError):
                    continue  # it was removed meanwhile
                trouble[folder] = error.strerror or str(error)

    def _is_output(self, folder: Path) -> bool:
        return self._output is not None and file_id(folder) == file_id(self._output)


def state_of(path: Path) -> FileState | None:
    """The state of a file, links followed; None if there is none, or if it is something else."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FileState(status.st_size, status.st_mtime_ns, max(status.st_mtime_ns, status.st_ctime_ns))


def is_temporary(name: str) -> bool:
    """Whether files are called so only for a while, or are not meant to be seen."""
    return name.startswith((".", "~")) or not _TEMPORARY_ENDINGS.isdisjoint(name.lower().split(".")[1:])


def _is_ready(arrival: Arrival, now_s: float) -> bool:
    still_s = now_s - arrival.since_s
    if arrival.fate == "over" or still_s < SETTLED_AFTER_S or now_s < arrival.not_before_s:
        return False
    return still_s >= PATIENCE_S or looks_complete(arrival.path)


def looks_complete(file: Path) -> bool:
    """Whether a file's end has arrived, as far as that can be told without decoding it.

    Some programs give a file its size first and its content later: until then it ends with zeros. Some images can be
    decoded although a bit of their end is missing. On Windows, a file that is being copied cannot be opened.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(12)
            size_bytes = opened.seek(0, os.SEEK_END)
            opened.seek(max(size_bytes - _TAIL_BYTES, 0))
            tail = opened.read()
    except OSError:
        return False
    if head.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in tail
    if head.startswith(b"\x89PNG"):
        return b"IEND\xaeB`\x82" in tail
    if head.startswith(b"RIFF") and int.from_bytes(head[4:8], "little") + 8 > size_bytes:
        return False
    return any(tail[-64:])
