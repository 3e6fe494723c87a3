"""A manifest: which images are done, and which failed, in a file that survives being killed at any moment.

It is a text file with one JSON object per line, and only ever grows: the last line about an image counts. A line goes
to the disk when its result is there, whole; what a kill leaves is at most the beginning of a line, which is cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dis_core.batch.rows import Row, row_of
from dis_core.batch.settings import Settings
from dis_core.batch.shards import Shard, as_shard
from dis_core.errors import BadRequest, OutputExists
from dis_core.files import atomic_file, make_folder, write_atomically, write_failed
from dis_core.jobs.claims import claimed

_VERSION: Final = 1
_MARK: Final = "dis-core manifest"


@dataclass(frozen=True)
class Contents:
    """What a manifest says: the last row of each image, by path, and what the names of settings stand for."""

    shard: Shard | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    settings: dict[str, Mapping[str, object]] = field(default_factory=dict)


class Manifest:
    """A manifest that this program alone writes; `open_manifest` makes it."""

    def __init__(self, path: Path, descriptor: int, contents: Contents) -> None:
        self.path = path
        self.contents = contents
        self._descriptor = descriptor

    @property
    def rows(self) -> Mapping[str, Row]:
        """The last row of each image, by path."""
        return self.contents.rows

    def add_settings(self, settings: Settings) -> None:
        """Write down what a name of settings stands for, once. Raises OutputFailed."""
        if settings.name not in self.contents.settings:
            self._append(json.dumps({"settings": settings.name, "values": settings.values}) + "\n")
            self.contents.settings[settings.name] = settings.values

    def add(self, *rows: Row) -> None:
        """Write down what became of some images; that is on the disk when this returns. Raises OutputFailed."""
        if not rows:
            return
        self._append("".join(row.line() for row in rows))
        if any(row.status != "begun" for row in rows):  # work may begin twice, and must not be done twice
            with _explained(self.path):
                os.fsync(self._descriptor)
        self.contents.rows.update((row.path, row) for row in rows)

    def _append(self, text: str) -> None:
        data = text.encode("ascii")
        with _explained(self.path):
            while data:
                data = data[os.write(self._descriptor, data) :]


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise write_failed(path, error) from error


@contextmanager
def open_manifest(path: Path, shard: Shard | None) -> Iterator[Manifest]:
    """The manifest of a run, which is made if it is not there; nobody else can use it until the block ends.

    Raises BadRequest for a file that is no manifest or is that of another shard, OutputExists if another program uses
    it, OutputFailed if it cannot be written.
    """
    make_folder(path.parent)
    with claimed(path) as is_ours:
        if not is_ours:
            hint = "wait for it, or give each program a manifest of its own"
            raise OutputExists(f"another program uses the manifest {path}", hint=hint)
        if not os.path.lexists(path):
            write_atomically(path, _header(shard).encode("ascii"))
        contents = read_manifest(path)
        if contents.shard != shard:
            raise BadRequest(
                f"{path} is the manifest of {_named(contents.shard)}, not of {_named(shard)}",
                hint="give each shard a manifest of its own, or take the shard that it belongs to",
            )
        with _explained(path):
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0))
        try:
            with _explained(path):
                _cut_torn_line(descriptor)
            yield Manifest(path, descriptor, contents)
        finally:
            os.close(descriptor)


def _header(shard: Shard | None) -> str:
    return json.dumps({_MARK: _VERSION, "shard": None if shard is None else str(shard)}) + "\n"


def _named(shard: Shard | None) -> str:
    return "all images" if shard is None else f"shard {shard}"


def _cut_torn_line(descriptor: int) -> None:
    """Remove what a kill left of a line: the next one must not continue it."""
    size = os.fstat(descriptor).st_size
    end = size
    while end:
        start = max(end - (1 << 16), 0)
        os.lseek(descriptor, start, os.SEEK_SET)
        at = os.read(descriptor, end - start).rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)


def read_manifest(path: Path) -> Contents:
    """What a manifest says now, also while another program writes it.

    Raises BadRequest if it cannot be read or is no manifest.
    """
    try:
        with path.open("rb") as file:
            contents = Contents(_shard_of(path, file.readline(1000)))
            for number, line in enumerate(file, 2):
                if line.endswith(b"\n"):  # else it is being written, or was when the program was killed
                    _read_line(path, number, line, contents)
    except OSError as error:
        hint = "check its name, and whether you may read it"
        raise BadRequest(f"the manifest {path} cannot be read: {error.strerror}", hint=hint) from error
    return contents


def _shard_of(path: Path, line: bytes) -> Shard | None:
    header: Any = None  # of JSON
    if line.startswith(b"{") and line.endswith(b"\n"):
        try:
            header = json.loads(line)
        except ValueError:
            header = None
    if not isinstance(header, dict) or _MARK not in header:
        raise BadRequest(f"{path} is not a manifest", hint="give another file, or one that is not there yet")
    if header[_MARK] != _VERSION:
        raise BadRequest(
            f"{path} is a manifest of another version ({header[_MARK]})", hint="use the dis-core that wrote it"
        )
    return as_shard(str(header["shard"])) if header.get("shard") else None


def _read_line(path: Path, number: int, line: bytes, contents: Contents) -> None:
    try:
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("it is not an object")
        if isinstance(values.get("values"), dict):
            contents.settings[str(values["settings"])] = values["values"]
        else:
            row = row_of(values)
            contents.rows[row.path] = row
    except (ValueError, KeyError, RecursionError) as error:
        raise BadRequest(
            f"line {number} of the manifest {path} is damaged: {error}",
            hint="remove that line; its image is then done again",
        ) from error


def merged(manifests: Iterable[Contents]) -> Contents:
    """All images of several manifests; where they differ, done is better than failed, and later better than earlier."""
    whole = Contents()
    for contents in manifests:
        whole.settings.update(contents.settings)
        for path, row in contents.rows.items():
            if path not in whole.rows or row.rank > whole.rows[path].rank:
                whole.rows[path] = row
    return whole


def write_merged(contents: Contents, path: Path, inputs: Sequence[Path]) -> None:
    """Write a manifest of all images, whole or not at all. Raises OutputExists, OutputFailed."""
    if any(path == other for other in inputs):
        raise OutputExists(f"{path} is also one of the manifests to merge", hint="give another file with -o")
    with atomic_file(path, overwrite=False) as unfinished, unfinished.open("w", encoding="ascii") as file:
        file.write(_header(None))
        for name, values in contents.settings.items():
            file.write(json.dumps({"settings": name, "values": values}) + "\n")
        file.writelines(contents.rows[key].line() for key in sorted(contents.rows))
