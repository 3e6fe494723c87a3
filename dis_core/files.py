"""Files: whole-or-nothing writing, one program at a time, checksums, room on disks."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from dis_core.errors import BadRequest, DiskFull, OutputExists, OutputFailed
from dis_core.progress import Report, ignore

_HELD_BY_ANOTHER: Final = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
"""Error numbers that mean that another process holds the lock."""


def megabytes(size_bytes: int, *, of: int | None = None) -> str:
    """A size for people, or a part `of` one: "411 MB", "120 of 411 MB"; decimal units, as download pages use them."""
    whole = size_bytes if of is None else of
    divisor, digits, unit = (1e9, 1, "GB") if whole >= 10_000_000_000 else (1e6, 0 if whole >= 10_000_000 else 1, "MB")
    part = "" if of is None else f"{size_bytes / divisor:.{digits}f} of "
    return f"{part}{whole / divisor:.{digits}f} {unit}"


def sha256_of(path: Path, *, report: Report = ignore, doing: str = "verifying") -> str:
    """The file's SHA-256 as 64 lower-case hexadecimal digits."""
    digest = hashlib.sha256()
    size_bytes = max(path.stat().st_size, 1)
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
            report(min(file.tell() / size_bytes, 1.0), doing)
    return digest.hexdigest()


def size_of(file: Path) -> int:
    """Bytes in a file; 0 where none is, or none that may be looked at."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def holds(path: Path, data: bytes) -> bool:
    """Whether a file has exactly this content; not if it may not be read."""
    try:
        return size_of(path) == len(data) and path.read_bytes() == data
    except OSError:
        return False


def free_space(folder: Path) -> int:
    """Free bytes on the disk that `folder` is on or will be on."""
    return shutil.disk_usage(nearest_existing(folder)).free


def nearest_existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above that exists, as far as may be looked."""
    # Not Path.exists, which raises PermissionError below a folder that may not be entered.
    while not os.path.exists(folder) and folder.parent != folder:  # noqa: PTH110
        folder = folder.parent
    return folder


def refuse_unreadable(file: Path) -> None:
    """Raises BadRequest if a checkpoint that the user names is not there or may not be read; a folder may be one."""
    try:
        if file.is_dir():
            return
        if not file.is_file():
            raise BadRequest(f"there is no file {file}", hint="give a .pth, .pt, .bin, .safetensors or .onnx file")
        file.open("rb").close()
    except OSError as error:
        raise BadRequest(
            f"{file} cannot be read: {error.strerror}", hint="check its name, and whether you may read it"
        ) from error


@contextmanager
def locked(lock_file: Path, *, timeout_s: float = 0.0) -> Iterator[bool]:
    """Whether the lock was free in time. It is held until the block or the process ends, however that happens.

    Raises OutputFailed if the file cannot be written or locked at all.
    """
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise _lock_failed(lock_file, error) from error
    give_up_at = time.monotonic() + timeout_s
    try:
        while not (is_mine := try_to_lock(descriptor, lock_file)) and time.monotonic() < give_up_at:
            time.sleep(0.02)
        yield is_mine
    finally:
        os.close(descriptor)


def try_to_lock(descriptor: int, lock_file: Path) -> bool:
    """Whether the lock is ours now. Raises OutputFailed if the file system has no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD_BY_ANOTHER:
            raise _lock_failed(lock_file, error) from error
        return False
    return True


def _lock_failed(lock_file: Path, error: OSError) -> OutputFailed:
    return OutputFailed(
        f"the lock file {lock_file} cannot be used: {error.strerror}", hint="check who owns that folder"
    )


@contextmanager
def wait_for_lock(lock_file: Path, waiting: str, report: Report) -> Iterator[None]:
    """Let one process at a time do what the file stands for; `waiting` is what is reported meanwhile.

    Raises OutputFailed if the file cannot be written or locked, and what `report` raises.
    """
    while True:
        with locked(lock_file, timeout_s=0.3) as is_mine:
            if is_mine:
                yield
                return
        report(0.0, waiting)


# How file systems without hard links (FAT, some network drives, Android) say so.
_NO_LINKS: Final = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP}

_HINTS: Final = {
    errno.ENOSPC: "there is no space left: free some, or write to another disk",
    errno.EDQUOT: "your quota is used up: free some space, or write to another disk",
    errno.ENOENT: "make the folder first, or check the spelling",
    errno.ENOTDIR: "make the folder first, or check the spelling",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "the disk is read-only: choose another one",
    errno.EISDIR: "give the name of a file, not of a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EFBIG: "the file is larger than is allowed there: write to another disk",
}


UNFINISHED_ENDING: Final = ".part"
"""The ending of unfinished files, which a killed process leaves behind."""

_TOKEN_BYTES: Final = 8
_NAME_KEPT: Final = 48
"""Characters: with the whole name in it, an unfinished file's could be longer than the file system allows."""


def write_atomically(path: Path, data: bytes, *, overwrite: bool = False, mode: int | None = None) -> None:
    """Make `path` a file with this content: other programs see all of it or nothing, whatever happens in between.

    A symbolic link in the place counts as taken, and is replaced, never followed, where `overwrite` allows it. Only
    files and links to files are replaced, and the new file gets the mode of the old one and, where possible, its owner.
    `mode`, if given, says who may read and write the file instead, as far as the umask lets them.

    Raises OutputExists if the place is taken, OutputFailed if the file cannot be written.
    """
    if "\0" in str(path):
        raise OutputFailed(f"{str(path)!r} is not a file name", hint="check the spelling")
    if overwrite:
        refuse_irreplaceable(path)
    else:
        refuse_taken(path)
    replaced = _status_of(path) if overwrite and mode is None else None
    name = _replace if overwrite else _name_unless_taken
    with _errors_explained(path), _unfinished(path, name, replaced) as unfinished:
        descriptor = _create(unfinished, 0o666 if mode is None else mode, replaced)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """A name for the block to write to: if the block ends well, that file takes the place of `path`, whole.

    Folders are made where they are missing. What is replaced, and who may read it, is as in `write_atomically`.

    Raises OutputFailed, also for what goes wrong in the block, and OutputExists if the place is taken and must not be.
    """
    make_folder(path.parent)
    if overwrite:
        refuse_irreplaceable(path)
    else:
        refuse_taken(path)
    replaced = _status_of(path) if overwrite else None
    name = _replace if overwrite else _name_unless_taken
    with _errors_explained(path), _unfinished(path, name, replaced) as unfinished:
        if replaced is not None:
            os.close(_create(unfinished, 0o600, replaced))
        yield unfinished


@contextmanager
def appending_to(path: Path) -> Iterator[TextIO]:
    """The end of a text file, for one more line. Raises OutputFailed."""
    with _errors_explained(path), path.open("a", encoding="utf-8") as file:
        yield file


@contextmanager
def _unfinished(path: Path, give_name: Callable[[Path, Path], None], replaced: os.stat_result | None) -> Iterator[Path]:
    """A new name beside `path`; what is written there reaches the disk before it gets its real name.

    It is as accessible as the file that is `replaced`, if any. After a failure or Ctrl-C nothing is left of it.
    """
    token = secrets.token_hex(_TOKEN_BYTES)
    unfinished = path.parent / f".dis-core-{token}-{path.name[:_NAME_KEPT]}{UNFINISHED_ENDING}"
    try:
        yield unfinished
        if replaced is not None:
            _give_access_of(replaced, unfinished)
        _sync(unfinished)
        give_name(unfinished, path)
    finally:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            unfinished.unlink()
    _sync_folder(path.parent)


def _create(unfinished: Path, mode: int, replaced: os.stat_result | None) -> int:
    """A descriptor of a new file; while it stands in for another one it is private, as that one may be."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.open(unfinished, flags, mode if replaced is None else 0o600)


def _give_access_of(replaced: os.stat_result, file: Path) -> None:
    """Give a file the mode and, where possible, the owner and the group of the one that it replaces."""
    if sys.platform != "win32":
        mode, own = stat.S_IMODE(replaced.st_mode) & 0o777, file.stat()
        if own.st_gid != replaced.st_gid:
            try:
                os.chown(file, -1, replaced.st_gid)
            except OSError:
                mode = mode & ~0o070 | (mode & 0o007) << 3  # our group is nobody in particular to the old file
        with contextlib.suppress(OSError):  # FAT has no modes; what cannot be changed stays private
            file.chmod(mode)
        if own.st_uid != replaced.st_uid:
            with contextlib.suppress(OSError):  # only root may give files away
                os.chown(file, replaced.st_uid, -1)


def unfinished_pattern(name: Sequence[str]) -> str:
    """What matches the unfinished files of a name that is given as one pattern for each of its characters.

    It matches no files of longer names that end alike: those may be somebody else's, who is writing them now.
    """
    return f".dis-core-{'[0-9a-f]' * 2 * _TOKEN_BYTES}-{''.join(name[:_NAME_KEPT])}{UNFINISHED_ENDING}"


def unfinished_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The unfinished files in a folder, each with the beginning of the name that it was going to get."""
    for path in folder.glob(unfinished_pattern("*")):
        yield path, path.name.removesuffix(UNFINISHED_ENDING)[len(".dis-core--") + 2 * _TOKEN_BYTES :]


def beginning_of(name: str) -> str:
    """What is left of a name in that of its unfinished file."""
    return name[:_NAME_KEPT]


@contextmanager
def _errors_explained(path: Path) -> Iterator[None]:
    """Raise OutputFailed or OutputExists for what goes wrong in writing `path`."""
    from safetensors import SafetensorError

    try:
        yield
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise write_failed(path, error) from error
    except SafetensorError as error:
        raise OutputFailed(f"{path} could not be written: {error}", hint="make room on that disk") from error
    except RuntimeError as error:
        if "PytorchStreamWriter" not in str(error):  # torch has no class for it
            raise
        raise OutputFailed(f"{path} could not be written completely", hint="make room on that disk") from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing. Raises OutputFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_failed(folder, error) from error


def _replace(unfinished: Path, path: Path) -> None:
    refuse_irreplaceable(path)  # once more, because the work in between can take long
    unfinished.replace(path)


def _name_unless_taken(temporary: Path, path: Path) -> None:
    """Give the file its name. Raises FileExistsError if somebody took it in the meantime."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without hard links there is a gap of microseconds here, except on Windows, where rename refuses by itself.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        temporary.rename(path)


def _sync(path: Path) -> None:
    """Bring the content of a file to the disk."""
    # Windows flushes only files that are open for writing; elsewhere the umask may forbid that for the file's owner.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" or os.access(path, os.W_OK) else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk too, where folders can be opened for that (not on Windows)."""
    if os.name == "nt":
        return
    # Some network file systems refuse this for folders, and some folders may not be read; the file itself is written.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def refuse_taken(path: Path) -> None:
    """Raises OutputExists if there is something in the place, OutputFailed if that could not even be replaced."""
    if os.path.lexists(path):
        if (status := _status_of(path)) is not None and not stat.S_ISDIR(status.st_mode):
            refuse_irreplaceable(path)
        raise _taken(path)


_KINDS: Final = {
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def refuse_irreplaceable(path: Path) -> None:
    """Raises OutputFailed if there is something in the place that is neither a file nor a link to one.

    A device, a pipe or a socket would be gone, and a file in its place.
    """
    status = _status_of(path)
    if status is None:
        if os.path.islink(path):  # noqa: PTH114 - Path.is_symlink raises where it may not look
            raise OutputFailed(f"{path} is a link that leads nowhere", hint="remove it, or give another name")
    elif not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "not a file")
        raise OutputFailed(f"{path} is {kind}, and only files can be replaced", hint="give the name of a file")


def _status_of(path: Path) -> os.stat_result | None:
    """What is in the place, links followed; None if nothing is, or nothing that may be looked at."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _taken(path: Path) -> OutputExists:
    return OutputExists(f"{path} already exists", hint="use another name, or `overwrite=True`")


def write_failed(place: object, error: OSError) -> OutputFailed:
    """The error for a place that cannot be written: DiskFull where room is missing, which concerns all that follows."""
    hint = _HINTS.get(error.errno or 0, "check the folder and the disk")
    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else OutputFailed
    return kind(f"{place} could not be written: {error.strerror or error}", hint=hint)
