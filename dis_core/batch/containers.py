"""Files that hold many images, such as tars and tables: each becomes one file of results, whole or not at all.

Results are collected in an unfinished tar beside the place of the file to be. The manifest says for each image where
its result ends in there, so that after a kill the file goes on behind the last image that is noted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from dis_core.batch.cutter import Cut, Cutter
from dis_core.batch.recording import done_row, failed_row, now_utc
from dis_core.batch.resuming import Now, What
from dis_core.batch.rows import Row, Status
from dis_core.batch.tar_members import GrowingTar, Member
from dis_core.errors import BadRequest, DisError, OutputExists
from dis_core.files import atomic_file, make_folder, size_of
from dis_core.jobs.claims import claimed
from dis_core.jobs.job import JobFailure
from dis_core.progress import Report

ERROR_ENDING: Final = "error.json"


@dataclass(frozen=True)
class Item:
    """An image in a file of many, if it is one, and the files that hold what came of it: `members(outcome)`.

    Without an outcome these are what is kept as it is.
    """

    key: str
    image: bytes | Path | None
    members: Callable[[Cut | JobFailure | None], list[Member]]


class Container(Protocol):
    """A file of many images, and how its results become one."""

    def items(self, source: Path) -> Iterator[Item]:
        """Its images in order, and what else is to be kept. Raises BadRequest for a damaged file."""

    def items_again(self, source: Path, results: Path) -> Iterator[Item]:
        """The same, with the results of an earlier run as what is kept. Raises BadRequest for a damaged file."""

    def finished(self, collected: GrowingTar, source: Path) -> Path:
        """The file of results, made of what was collected, under a name of its own. Raises OutputFailed."""


class Notes(Protocol):
    """What is known of images, and takes more: a manifest, or what will be sent to one."""

    @property
    def rows(self) -> Mapping[str, Row]:
        """The last row of each image, by path."""

    def add(self, *rows: Row) -> None:
        """Note these."""


@dataclass
class Collected:
    """Notes that are kept for later."""

    rows: dict[str, Row] = field(default_factory=dict)
    added: list[Row] = field(default_factory=list)

    def add(self, *rows: Row) -> None:
        """Keep these."""
        self.added += rows
        self.rows.update((row.path, row) for row in rows)


@dataclass(frozen=True)
class Unit:
    """One file of many images: what the manifest calls it, where it is, and where its results go."""

    name: str
    source: Path
    destination: Path
    overwrite: bool = False

    @property
    def collected(self) -> Path:
        """Where its results are collected; the name is the same each time, so that it can go on."""
        return self.destination.with_name(f".dis-core-{self.destination.name}.unfinished")

    def row(self, status: Status, now: Now) -> Row:
        """A row about the file. Raises BadRequest if it cannot be looked at."""
        try:
            state = self.source.stat()
        except OSError as error:
            hint = "check its name, and whether you may read it"
            raise BadRequest(f"{self.source} cannot be read: {error.strerror}", hint=hint) from error
        return Row(
            self.name,
            status,
            settings=now.settings.name,
            model=now.model,
            size=state.st_size,
            mtime_ns=state.st_mtime_ns,
            output=str(self.destination),
            at=now_utc(),
        )


def is_same(row: Row | None, other: Row) -> bool:
    """Whether two rows are about the same file, the same settings and the same model."""
    return row is not None and all(
        getattr(row, name) == getattr(other, name) for name in ("size", "mtime_ns", "settings", "model")
    )


def is_whole(unit: Unit, notes: Notes, now: Now) -> bool:
    """Whether the results of a file are there, and would be the same if they were made now."""
    row = notes.rows.get(unit.name)
    is_known = row is not None and row.status == "whole" and is_same(row, unit.row("whole", now))
    return is_known and unit.destination.is_file()


def refuse_irreplaceable_results(unit: Unit, notes: Notes) -> None:
    """Raises OutputExists if there is a file of results that is not the one that we have made."""
    row = notes.rows.get(unit.name)
    is_ours = row is not None and (row.status == "open" or row.output_size == size_of(unit.destination))
    if not (unit.overwrite or is_ours) and unit.destination.exists():
        raise OutputExists(f"{unit.destination} already exists", hint="use another folder, or `overwrite=True`")


ReportOn = Callable[[str], Report]
"""The report for an image of this path."""


def cut_container(
    unit: Unit, container: Container, cutter: Cutter, notes: Notes, now: Now, report_on: ReportOn, *, what: What
) -> None:
    """Make the results of a file of many images, or what is missing of them.

    Raises OutputExists for a file that is not ours to replace or that another program makes now, BadRequest for a
    damaged one, OutputFailed, and what concerns all images.
    """
    with claimed(unit.destination) as is_ours:
        if not is_ours:
            raise OutputExists(f"another program makes {unit.destination}", hint="wait for it")
        _cut(unit, container, cutter, notes, now, report_on, what)


def _cut(
    unit: Unit, container: Container, cutter: Cutter, notes: Notes, now: Now, report_on: ReportOn, what: What
) -> None:
    before = notes.rows.get(unit.name)
    opened = unit.row("open", now)
    refuse_irreplaceable_results(unit, notes)
    if before is not None and before.status == "open" and is_same(before, opened):
        if (before.output_size, before.output_mtime_ns) == _state_of(unit.destination):  # killed behind the last image
            _note_whole(unit, notes, now)
            return
        opened = replace(opened, part=before.part)
    else:
        opened = replace(opened, part=secrets.token_hex(8))
    make_folder(unit.destination.parent)
    if what == "only what failed" and before is not None and before.status == "whole":
        _cut_again(unit, container, cutter, notes, now, report_on)
        return
    rows = _rows_so_far(unit, notes, opened.part)
    notes.add(opened)
    with GrowingTar(unit.collected, end=max((row.end for row in rows.values()), default=0)) as collected:
        for item in _behind(numbered(container.items(unit.source)), unit, rows, collected.end):
            _collect(item, unit, cutter, notes, now, report_on, collected, opened.part)
        _put_in_place(unit, container, collected, notes, opened)
    _note_whole(unit, notes, now)


def _rows_so_far(unit: Unit, notes: Notes, part: str) -> dict[str, Row]:
    """The rows of images whose results are in the unfinished file, whole."""
    there, prefix = size_of(unit.collected), f"{unit.name}/"
    return {
        path: row
        for path, row in notes.rows.items()
        if row.part == part and path.startswith(prefix) and 0 < row.end <= there
    }


def _behind(items: Iterator[Item], unit: Unit, rows: Mapping[str, Row], end: int) -> Iterator[Item]:
    """The items whose results do not lie before `end`."""
    is_behind = end == 0
    for item in items:
        if is_behind:
            yield item
        row = rows.get(f"{unit.name}/{item.key}")
        is_behind = is_behind or (row is not None and row.end == end)


def _collect(
    item: Item,
    unit: Unit,
    cutter: Cutter,
    notes: Notes,
    now: Now,
    report_on: ReportOn,
    collected: GrowingTar,
    part: str,
) -> None:
    if item.image is None:
        collected.add(item.members(None))
        return
    path = f"{unit.name}/{item.key}"
    made, row = cut_item(path, item.image, cutter, now, report_on(path))
    end = collected.add(item.members(made))
    notes.add(replace(row, end=end, part=part) if part else row)


def _cut_again(unit: Unit, container: Container, cutter: Cutter, notes: Notes, now: Now, report_on: ReportOn) -> None:
    """Do only what failed. A kill in the middle of it loses what was done of this file, and nothing else."""
    later = Collected(dict(notes.rows))
    with GrowingTar(unit.collected, end=0) as collected:
        for item in numbered(container.items_again(unit.source, unit.destination)):
            row = notes.rows.get(f"{unit.name}/{item.key}")
            if row is not None and row.status == "failed":
                _collect(item, unit, cutter, later, now, report_on, collected, "")
            else:
                collected.add(item.members(None))
        _put_in_place(unit, container, collected, notes, None)
    notes.add(*later.added)
    _note_whole(unit, notes, now)


def _put_in_place(unit: Unit, container: Container, collected: GrowingTar, notes: Notes, opened: Row | None) -> None:
    ready = container.finished(collected, unit.source)
    if opened is not None:
        size, mtime_ns = _state_of(ready)
        notes.add(replace(opened, output_size=size, output_mtime_ns=mtime_ns))
    with atomic_file(unit.destination) as unfinished:
        ready.replace(unfinished)


def _state_of(path: Path) -> tuple[int, int]:
    """The size of a file and the time of its last change, which it keeps when it gets another name."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _note_whole(unit: Unit, notes: Notes, now: Now) -> None:
    with contextlib.suppress(FileNotFoundError):
        unit.collected.unlink()
    notes.add(replace(unit.row("whole", now), output_size=size_of(unit.destination)))


def numbered(items: Iterable[Item]) -> Iterator[Item]:
    """The items with keys that differ: a key that comes again gets a number."""
    seen: dict[str, int] = {}
    for item in items:
        seen[item.key] = count = seen.get(item.key, 0) + 1
        yield item if count == 1 else replace(item, key=f"{item.key}#{count}")


def cut_item(path: str, image: bytes | Path, cutter: Cutter, now: Now, report: Report) -> tuple[Cut | JobFailure, Row]:
    """What came of an image, and the row for it."""
    started = time.monotonic()
    made = cutter(image, report)
    common = Row(path, "done", settings=now.settings.name, model=now.model)
    if isinstance(image, bytes):
        common = replace(common, size=len(image), sha256=hashlib.sha256(image).hexdigest())
    if isinstance(made, JobFailure):
        return made, failed_row(common, made.error, time.monotonic() - started)
    return made, replace(done_row(common, made.result, made.seconds, None), output_size=len(made.data))


def error_as_json(error: DisError) -> bytes:
    """Why there is no result, for a file beside the image."""
    return json.dumps({"code": error.code, "message": error.message, "hint": error.hint}).encode() + b"\n"
