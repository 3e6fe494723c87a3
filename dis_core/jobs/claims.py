"""Who makes which result: several programs can share one folder of images, and no image is done twice."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from dis_core.errors import DiskFull, OutputFailed
from dis_core.files import make_folder, try_to_lock, write_failed
from dis_core.jobs.job import Job
from dis_core.places import folded

_ATTEMPTS: Final = 100
"""How often a claim is tried while others make and remove the same file; each attempt takes microseconds."""


def in_turn(jobs: Sequence[Job], elsewhere: list[Job]) -> Generator[Job]:
    """The jobs, each claimed for as long as it is the last one; those that another program makes go to `elsewhere`.

    What another program had claimed is tried again at the end, because it may have been stopped. A claim is a lock of
    the operating system beside the result: it ends with its process, however that ends. Where a file system has no
    locks, every job is ours.

    Raises DiskFull.
    """
    for job, claim in claimed_in_turn(jobs, elsewhere):
        with claim:
            yield job


def claimed_in_turn(jobs: Sequence[Job], elsewhere: list[Job]) -> Generator[tuple[Job, ExitStack]]:
    """As `in_turn`, for those who do several jobs at once: each with its claim, which they close when it is done.

    Raises DiskFull.
    """
    before = {job.destination: _state_of(job.destination) for job in jobs}
    folders = {job.destination.parent for job in jobs if job.destination is not None}
    missing = {above for folder in folders for above in (folder, *folder.parents) if not os.path.lexists(above)}
    for folder in folders:
        _sweep(folder)
    for _ in range(2):
        taken = []
        for job in jobs:
            with ExitStack() as claim:
                if not claim.enter_context(claimed(job.destination, missing)):
                    taken.append(job)
                elif _is_made(job, before[job.destination]):
                    elsewhere.append(job)
                else:
                    yield job, claim.pop_all()
        jobs = taken
    elsewhere += jobs


def _is_made(job: Job, before: tuple[int, int] | None) -> bool:
    """Whether another program has made the result since the jobs were planned."""
    now = _state_of(job.destination)
    return now != before or (now is not None and not job.overwrite)


def _state_of(result: Path | None) -> tuple[int, int] | None:
    """What changes when a result is written: its number and the time of its last change; None if there is none."""
    if result is None:
        return None
    try:
        status = result.lstat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_mtime_ns


def claim_file(result: Path) -> Path:
    """The file that is locked by who makes a result; it is there only meanwhile."""
    # Folded, because two spellings can be one file; by its checksum, because the name can be as long as is allowed.
    name = hashlib.sha256(folded(result.name).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return result.with_name(f".dis-core-{name}.claim")


@contextmanager
def claimed(result: Path | None, made_for_run: Collection[Path] = ()) -> Iterator[bool]:
    """Whether nobody else makes this result (None: standard output) now; then nobody else does until the block ends.

    Folders that are made for it go with it if they are empty, and so do those that were made for another result of the
    same run, `made_for_run`.
    """
    if result is None:
        yield True
        return
    folders = [folder for folder in result.parents if folder in made_for_run or not os.path.lexists(folder)]
    file = claim_file(result)
    descriptor, is_ours = _lock(file)
    try:
        yield is_ours
    finally:
        if descriptor is not None:
            _release(file, descriptor, folders if is_ours else None)


def _lock(file: Path) -> tuple[int | None, bool]:
    """An open descriptor, if there can be one, and whether the claim is ours. Raises DiskFull."""
    for _ in range(_ATTEMPTS):
        try:
            make_folder(file.parent)
            descriptor = _open(file)
        except FileNotFoundError:
            continue  # its folder was removed by who had just made it
        except OSError as error:
            if isinstance(failure := write_failed(file.parent, error), DiskFull):
                raise failure from error
            return None, True  # writing the result will say what is wrong
        except DiskFull:
            raise
        except OutputFailed:
            return None, True
        try:
            is_ours = try_to_lock(descriptor, file)
        except OutputFailed:
            return descriptor, True  # this file system has no locks
        if not is_ours or _is_still_there(file, descriptor):
            return descriptor, is_ours
        os.close(descriptor)  # it was removed by who had it before, and locks nothing any more
    return None, True


def _sweep(folder: Path) -> None:
    """Remove the claims of killed programs, also of results that they had made: nobody claims those again."""
    try:
        left = list(folder.glob(".dis-core-*.claim"))
    except OSError:
        return  # not to be listed, or removed by another program meanwhile
    for file in left:
        descriptor, is_ours = _lock(file)
        if descriptor is not None:
            _release(file, descriptor, () if is_ours else None)


def _open(file: Path) -> int:
    no_link = getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | no_link, 0o666)
    except PermissionError:
        return os.open(file, os.O_RDONLY | no_link)  # another user's can be locked too


def _is_still_there(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _release(file: Path, descriptor: int, folders: Sequence[Path] | None) -> None:
    """End a claim; `folders` were made for it, and go if they are empty. None: it is not ours."""
    with contextlib.suppress(OSError):
        if folders is not None and sys.platform != "win32":  # before others can lock it
            file.unlink(missing_ok=True)
    os.close(descriptor)
    with contextlib.suppress(OSError):
        if folders is not None and sys.platform == "win32":  # which removes no open files
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for folder in folders or ():
            folder.rmdir()
