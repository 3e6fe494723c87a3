"""The Hub's cache on this machine, in the layout that its client documents, so that other programs share it.

Several users and containers may share one cache, each with records of its own. So what keeps two programs from writing
one partial file is a lock that lies in the cache, beside that file.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dis_core.environment import refuse_homeless
from dis_core.errors import CacheUnwritable, OutputFailed
from dis_core.files import locked, sha256_of, size_of, wait_for_lock
from dis_core.weights.hub_errors import client_constants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dis_core.model_spec import WeightsFile
    from dis_core.progress import Report

PARTIAL_ENDING: Final = ".dis-core.incomplete"

ABANDONED_AFTER_S: Final = 7 * 24 * 3600.0
"""The part of a download that nobody has continued for this long is removed when the repository is used again."""


@dataclass(frozen=True)
class Published:
    """What the Hub says about a file: the commit it is in, its `etag`, which names it in the cache, and its size."""

    commit: str
    etag: str
    size_bytes: int

    @property
    def sha256(self) -> str | None:
        """The checksum, which is the etag of every large file; small ones have a git hash there."""
        return self.etag if _is_sha256(self.etag) else None


def cache_folder() -> Path:
    """Where the Hub client keeps what it and other programs have downloaded.

    Raises CacheUnwritable if this user has no folders.
    """
    return refuse_homeless(Path(client_constants().HF_HUB_CACHE), "downloads")


def repo_folder(weights: WeightsFile) -> Path:
    """Where the Hub client keeps everything of the repository that the file is in."""
    return cache_folder() / f"models--{repo_of(weights).replace('/', '--')}"


def repo_of(weights: WeightsFile) -> str:
    if weights.repo is None:
        raise ValueError(f"{weights.filename} comes with a package and is not on the Hub")
    return weights.repo


def find_cached(weights: WeightsFile) -> Path | None:
    """The file in the Hub's cache, if it is there; uses no network and verifies nothing."""
    with suppress(OSError, CacheUnwritable):  # what may not be looked at is as good as not there
        folder = cache_folder()
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(repo_of(weights), weights.filename, cache_dir=folder, revision=weights.revision)
        return Path(found) if isinstance(found, str) else None
    return None


def commit_of(weights: WeightsFile, file: Path) -> str | None:
    """The commit that a file in the Hub's cache belongs to; None for files that lie elsewhere."""
    try:
        snapshots = repo_folder(weights) / "snapshots"
    except CacheUnwritable:
        return None
    return file.relative_to(snapshots).parts[0] if file.is_relative_to(snapshots) else None


def sha256_promised(cached: Path) -> str | None:
    """The checksum that the Hub gave for a file in its cache: the name of the blob that a snapshot points to."""
    name = cached.resolve().name
    return name if _is_sha256(name) else None


def partial_of(weights: WeightsFile, published: Published) -> Path:
    """Where the part of a download is that has arrived."""
    return repo_folder(weights) / "blobs" / f"{published.etag}{PARTIAL_ENDING}"


def partials_in(weights: WeightsFile) -> list[Path]:
    """All parts of downloads from the file's repository, whichever file they are of."""
    try:
        return sorted((repo_folder(weights) / "blobs").glob(f"*{PARTIAL_ENDING}"))
    except (OSError, CacheUnwritable):
        return []


def find_blob(weights: WeightsFile, published: Published) -> Path | None:
    """The whole file where the cache keeps contents, also if no snapshot points to it: a program may have been killed.

    It is read and compared with its name, which is its checksum.
    """
    blob = repo_folder(weights) / "blobs" / published.etag
    try:
        return blob if size_of(blob) == published.size_bytes and _etag_of(blob, published) == published.etag else None
    except OSError:
        return None


def _etag_of(blob: Path, published: Published) -> str:
    """The etag that the Hub gives to a file with this content."""
    if published.sha256 is not None:
        return sha256_of(blob)
    content = blob.read_bytes()  # only small files are named after git's hash
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def keep(partial: Path, weights: WeightsFile, published: Published) -> Path:
    """Move a complete file to where the Hub client will find it. Raises CacheUnwritable."""
    with writing_to_cache():
        blob = repo_folder(weights) / "blobs" / published.etag
        partial.replace(blob)
    return link(blob, weights, published)


def link(blob: Path, weights: WeightsFile, published: Published) -> Path:
    """Point to a whole file from the snapshot of its commit. Raises CacheUnwritable."""
    folder = repo_folder(weights)
    pointer = folder / "snapshots" / published.commit / weights.filename
    make_folder(pointer.parent)
    with writing_to_cache():
        pointer.unlink(missing_ok=True)
        try:
            pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        except OSError:
            # Windows without the right to make links: there, the client too keeps the file itself in the snapshot.
            blob.replace(pointer)
        if weights.revision != published.commit:
            reference = folder / "refs" / weights.revision
            make_folder(reference.parent)
            reference.write_text(published.commit, encoding="ascii")
    return pointer


def make_folder(folder: Path) -> None:
    """Make a folder in the cache. Raises CacheUnwritable."""
    with writing_to_cache():
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def writing_to_cache() -> Iterator[None]:
    """Raise CacheUnwritable for what fails in the block."""
    try:
        yield
    except OSError as error:
        raise unwritable(error.strerror or str(error)) from error


def unwritable(reason: str) -> CacheUnwritable:
    """The error for a cache that this user cannot write to."""
    return CacheUnwritable(
        f"cannot write to the Hub's cache folder {cache_folder()}: {reason}",
        hint="check who owns that folder, or set HF_HOME to one that you may write to",
    )


@contextmanager
def alone_with(weights: WeightsFile, published: Published, *, name: str, report: Report) -> Iterator[None]:
    """Let one program at a time, of all that share the cache, download a file.

    Raises CacheUnwritable, and what `report` raises while another program works.
    """
    lock_file = _lock_file(weights, published.etag)
    make_folder(lock_file.parent)
    _share(lock_file)
    with ExitStack() as stack:
        try:
            waiting = f"waiting for another program that downloads {name}"
            stack.enter_context(wait_for_lock(lock_file, waiting, report))
        except OutputFailed as error:
            raise unwritable(error.message) from error
        yield


def _lock_file(weights: WeightsFile, etag: str) -> Path:
    return cache_folder() / ".locks" / repo_folder(weights).name / f"{etag}.dis-core.lock"


def _share(lock_file: Path) -> None:
    """Let everybody take the lock who may write to its folder; there is nothing in the file."""
    with suppress(OSError):  # it is there, or the lock itself will say why not
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600 | (lock_file.parent.stat().st_mode & 0o066))
        finally:
            os.close(descriptor)


def sweep_partials(weights: WeightsFile) -> None:
    """Remove the parts of downloads that nobody has continued for a week and nobody is writing now."""
    for partial in partials_in(weights):
        with suppress(OSError, OutputFailed):  # another user's: the next one may go
            if time.time() - partial.stat().st_mtime < ABANDONED_AFTER_S:
                continue
            lock_file = _lock_file(weights, partial.name.removesuffix(PARTIAL_ENDING))
            with locked(lock_file) as is_free:
                if is_free:
                    partial.unlink()


def _is_sha256(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None
