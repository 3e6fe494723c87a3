"""What SOURCE and SINK of a batch mean: a folder, a list, or files of many images."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from dis_core.batch.containers import Unit
from dis_core.batch.shards import Shard
from dis_core.errors import BadRequest, NoImage
from dis_core.places import folded

Kind = Literal["folder", "list", "tars", "tables", "addresses"]

TAR_ENDINGS: Final = (".tar", ".tar.gz", ".tgz")
TABLE_ENDINGS: Final = (".parquet",)

_RANGE: Final = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_NAMES: Final = 1_000_000


def kind_of(source: str) -> Kind:
    """What kind of source this is, by its name. Raises BadRequest for files of other kinds."""
    if source == "-":
        return "list"
    if "://" in source:
        return "addresses"
    if source.endswith(("/", os.sep)) or os.path.isdir(source):  # noqa: PTH112 - Path.is_dir raises where it may not look
        return "folder"
    name = source.lower()
    if name.endswith(TAR_ENDINGS):
        return "tars"
    if name.endswith(TABLE_ENDINGS):
        return "tables"
    raise BadRequest(
        f"{source} is not a folder, a tar or a Parquet file", hint="give a folder, 'photos/*.tar', a.parquet or -"
    )


def files_of(source: str) -> list[Path]:
    """The files that a name with * and {000..099} stands for, in order. Raises NoImage, BadRequest."""
    found: list[Path] = []
    for name in _expanded(source):
        if os.path.lexists(name):
            found.append(Path(name))
        else:
            found += map(Path, sorted(glob.glob(name, recursive=True)))  # noqa: PTH207 - of a whole path
    if not found:
        raise NoImage(f"there is no file {source}", hint="check the spelling, and put names with * in quotes")
    return list(dict.fromkeys(found))


def _expanded(source: str) -> Iterator[str]:
    """The names with each {000..099} in it written out, as webdataset does it."""
    found = _RANGE.search(source)
    if found is None:
        yield source
        return
    first, last = int(found[1]), int(found[2])
    if last - first >= _MOST_NAMES:
        raise BadRequest(f"{found[0]} stands for too many names", hint="give several smaller ranges")
    for number in range(first, last + 1):
        yield from _expanded(f"{source[: found.start()]}{number:0{len(found[1])}d}{source[found.end() :]}")


def units_of(
    files: Sequence[Path], sink: Path, *, kind: Kind, shard: Shard | None, overwrite: Literal["yes", "no"]
) -> list[Unit]:
    """A unit for each file, with the results under its name in the folder `sink`; those of one shard, if there is one.

    Raises BadRequest for files that would get the same name, and for a sink that is among them.
    """
    if sink.is_file():
        raise BadRequest(f"{sink} is a file, but results need a folder", hint="give a folder")
    names: dict[str, Path] = {}
    units = []
    for file in files:
        name = result_name(file.name) if kind == "tars" else file.name
        if (other := names.setdefault(folded(name), file)) != file:
            raise BadRequest(f"the results of {other} and {file} would get the same name", hint="do them one by one")
        destination = sink / name
        if destination.resolve() == file.resolve():
            raise BadRequest(f"{destination} is also one of the inputs", hint="give another folder")
        if shard is None or shard.holds(name):
            units.append(Unit(name, file, destination, overwrite == "yes"))
    return units


def result_name(name: str) -> str:
    """What the tar of results is called: as the source is, without the ending of a compression."""
    ending = next(ending for ending in TAR_ENDINGS if name.lower().endswith(ending))
    return f"{name[: -len(ending)]}.tar"
