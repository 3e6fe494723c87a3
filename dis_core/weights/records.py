"""What is known about the weights on this machine: a small record for each model, in the user's data folder.

It says which checksum the first download had, and where the ready file is with its size, time and checksum, so that a
changed or half-written file is noticed without reading all of it at every start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from dis_core.environment import cache_folder, data_folder
from dis_core.errors import CacheUnwritable, OutputFailed
from dis_core.files import atomic_file, sha256_of, wait_for_lock
from dis_core.progress import Report
from dis_core.weights import hub
from dis_core.weights.pinning import is_second_hand

if TYPE_CHECKING:
    from dis_core.model_spec import ModelSpec, WeightsFile


Origin = Literal["hub", "trusted", "file"]


@dataclass(frozen=True)
class Record:
    """What is known about a model's weights on this machine.

    `origin` is "hub" for the published file, "trusted" for what the Hub had in its place when the user said that a pin
    known second-hand is wrong, and "file" for one that the user gave. `source_sha256` is the checksum of the published
    file; `path` is the file that a loader takes, `sha256`, `size_bytes` and `mtime_ns` are as it was
    when it was verified. `conversion` is the name and version of what made it, None where it is the published file;
    older versions wrote the function's place there, so their files are made once more. `commit` is the one that the
    published file is of, None for a user's file and in records of older versions.
    """

    origin: Origin
    repo: str
    filename: str
    revision: str
    source_sha256: str
    source_size_bytes: int
    conversion: str | None
    path: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    commit: str | None = None


def weights_folder() -> Path:
    """Where weights lie that were converted from published files, and can be made again.

    Raises CacheUnwritable if this user has no folders.
    """
    return cache_folder() / "weights"


def records_folder() -> Path:
    """Where the records are, and weights that were made from the user's own files.

    Not in a cache folder: a deleted checksum protects nothing, and what somebody fetched by hand cannot be had again by
    a program. Raises CacheUnwritable if this user has no folders.
    """
    return data_folder() / "weights"


def read_record(spec: ModelSpec) -> Record | None:
    """What is known about the model's weights; None if nothing is, or if it is about another file than declared now."""
    try:
        record = Record(**json.loads(record_path(spec).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError, CacheUnwritable):
        return None
    return record if _is_sound(record) and _holds(record, spec.weights) else None


def _is_sound(record: Record) -> bool:
    """Whether its values are of their types: what a damaged disk or a careless hand left is as good as nothing."""
    texts = record.repo, record.filename, record.revision, record.source_sha256, record.path, record.sha256
    numbers = record.source_size_bytes, record.size_bytes, record.mtime_ns
    return (
        record.origin in get_args(Origin)
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(number, int) for number in numbers)
        and all(text is None or isinstance(text, str) for text in (record.conversion, record.commit))
    )


def _holds(record: Record, weights: WeightsFile) -> bool:
    """Whether a record is about the file that is declared now; a user's own file stays, whatever is published."""
    if record.origin == "file":
        return True
    if (record.repo, record.filename, record.revision) != (weights.repo or "", weights.filename, weights.revision):
        return False
    if record.origin == "trusted":
        return is_second_hand(weights)
    return weights.sha256 in (None, record.source_sha256)


def origin_of_published(spec: ModelSpec, sha256: str) -> Origin:
    """Where a file from the Hub is from: what the user has trusted once stays so when it is made ready again."""
    record = read_record(spec)
    is_trusted = record is not None and record.origin == "trusted" and record.source_sha256 == sha256
    return "trusted" if is_trusted else "hub"


def commit_of(spec: ModelSpec, source: Path, *, origin: Origin) -> str | None:
    """The commit that a file in the Hub's cache is of; None for a user's file, wherever it lies."""
    return None if origin == "file" else hub.commit_of(spec.weights, source)


def describe(spec: ModelSpec, ready: Path, *, source: Path, source_sha256: str, origin: Origin) -> Record:
    status = ready.stat()
    return Record(
        origin=origin,
        repo=spec.weights.repo or "",
        filename=spec.weights.filename,
        revision=spec.weights.revision,
        source_sha256=source_sha256,
        source_size_bytes=source.stat().st_size,
        conversion=spec.conversion_id,
        path=str(ready),
        sha256=source_sha256 if ready == source else sha256_of(ready),
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        commit=commit_of(spec, source, origin=origin),
    )


def is_unchanged(spec: ModelSpec, record: Record) -> bool:
    """Whether the recorded file is what was recorded; one that was only touched is hashed and recorded anew."""
    path = Path(record.path)
    try:
        status = path.stat()
    except (OSError, ValueError):  # gone, or a name that no file has
        return False
    if record.conversion != spec.conversion_id or status.st_size != record.size_bytes:
        return False
    if status.st_mtime_ns != record.mtime_ns:
        if sha256_of(path) != record.sha256:
            return False
        write_record(spec, replace(record, mtime_ns=status.st_mtime_ns), must="no")
    return True


def record_path(spec: ModelSpec) -> Path:
    return records_folder() / f"{spec.name}.json"


def write_record(spec: ModelSpec, record: Record, *, must: Literal["yes", "no"]) -> None:
    """Write the record whole or not at all; if only speed depends on it, a read-only folder is not an error."""
    try:
        with atomic_file(record_path(spec)) as beside:
            beside.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
    except (OutputFailed, CacheUnwritable):
        if must == "yes":
            raise


@contextmanager
def alone_at(spec: ModelSpec, report: Report) -> Iterator[None]:
    """Let one process at a time work on a model's weights; who waits can still be cancelled.

    Programs with records of their own may share the folder of converted weights, so it has a lock too. Where that
    folder cannot be written, there is nothing in it to take turns at.

    Raises CacheUnwritable if the folder for records cannot be written.
    """
    name, waiting = f"{spec.name}.lock", f"waiting for another program that fetches {spec.name}"
    with ExitStack() as stack:
        try:
            stack.enter_context(wait_for_lock(records_folder() / name, waiting, report))
        except OutputFailed as error:
            raise CacheUnwritable(error.message, hint="set XDG_DATA_HOME to a folder that you may write to") from error
        if spec.conversion is not None:
            with suppress(OutputFailed):
                stack.enter_context(wait_for_lock(weights_folder() / name, waiting, report))
        yield
