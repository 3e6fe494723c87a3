"""Where the daemon is found and what protects it: a folder of the user's own, a lock, directions, a key."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dis_core
from dis_core.daemon.protocol import PROTOCOL
from dis_core.errors import DaemonUnavailable

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SETTINGS: Final = (
    *("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    *("XDG_CACHE_HOME", "XDG_DATA_HOME"),
    *("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"),
)
"""Environment variables that change what comes of an image, and from where its model comes."""

LONGEST_SOCKET_PATH_BYTES: Final = 103
"""macOS has room for 104 bytes with the zero at the end, Linux for 108."""

_DIRECTIONS, _LOCK, _KEY_ENDING, _SOCKET_ENDING = "endpoint.json", "daemon.lock", ".key", ".socket"


@dataclass(frozen=True)
class Directions:
    """How to reach a daemon: `name` is its own and of no other, `identity` is that of its program and settings.

    They may be stale: a daemon that was killed leaves them behind. One that `is_leaving` takes no more orders.
    """

    name: str
    address: str
    identity: str
    version: str
    pid: int
    is_leaving: bool = False


def identity() -> str:
    """One string for this program with its settings; a daemon with another one would give other results."""
    settings = {name: os.environ.get(name) for name in (*SETTINGS, "HOME")}
    package = os.path.realpath(dis_core.__path__[0])
    facts = json.dumps([PROTOCOL, dis_core.__version__, package, sys.prefix, settings])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def runtime_folder(platform: str = sys.platform) -> Path:
    """The folder that holds socket, lock, key and directions; it need not be there yet.

    XDG_RUNTIME_DIR where it is this user's, else a folder with the user's number below the temporary one.
    """
    if platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir(), "dis-core", "run")
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    with contextlib.suppress(OSError):
        if given.is_absolute() and given.stat().st_uid == _own_number():
            return given / "dis-core"
    return Path(tempfile.gettempdir(), f"dis-core-{_own_number()}")


def _own_number() -> int:
    """This user's number, as it stands at the user's files; 0 on Windows, where it stands at all files."""
    number = 0
    if sys.platform != "win32":
        number = os.geteuid()
    return number


def make_private(folder: Path) -> Path:
    """The folder, made if it is not there. Raises DaemonUnavailable if others could look into it or made it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True, parents=os.name == "nt")
    except OSError as error:
        raise DaemonUnavailable(
            f"the folder {folder} cannot be made: {error.strerror}", hint="check the folder above it"
        ) from error
    if not is_private(folder):
        raise DaemonUnavailable(
            f"{folder} does not belong to you alone, so nothing in it can be trusted", hint="remove it"
        )
    return folder


def is_private(folder: Path) -> bool:
    """Whether a folder is there that is this user's and nobody else's."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    is_own = sys.platform == "win32" or (status.st_uid == _own_number() and not status.st_mode & 0o077)
    return is_own and stat.S_ISDIR(status.st_mode)


def new_address(folder: Path, name: str, platform: str = sys.platform) -> str:
    """Where a new daemon listens: a named pipe on Windows, else a socket, in a folder with a short name if need be."""
    if platform == "win32":
        return rf"\\.\pipe\dis-core-{name}"
    path = folder / f"{name}{_SOCKET_ENDING}"
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH_BYTES:
        # Long temporary folders are usual on macOS. mkdtemp makes a folder that is the user's alone.
        path = Path(tempfile.mkdtemp(prefix="dis-core-", dir="/tmp"), "socket")
    return str(path)


def new_directions(folder: Path) -> tuple[Directions, bytes]:
    """Directions to a daemon that is about to be, and its key, which is put into `folder`."""
    name, key = secrets.token_hex(8), secrets.token_hex(32)
    _write_private(folder / f"{name}{_KEY_ENDING}", key)
    return Directions(name, new_address(folder, name), identity(), dis_core.__version__, os.getpid()), key.encode()


def publish(folder: Path, directions: Directions) -> None:
    """Let clients find the daemon, from one moment to the next."""
    _write_private(folder / _DIRECTIONS, json.dumps(asdict(directions)))


def read_directions(folder: Path) -> Directions | None:
    """The directions that lie there, if any; they may be stale."""
    try:
        found = json.loads((folder / _DIRECTIONS).read_text(encoding="utf-8"))
        directions = Directions(**{name: found[name] for name in Directions.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return directions if all(isinstance(value, (str, int)) for value in vars(directions).values()) else None


def read_key(folder: Path, directions: Directions) -> bytes | None:
    """The key of a daemon; None if it has gone."""
    try:
        return (folder / f"{Path(directions.name).name}{_KEY_ENDING}").read_bytes()
    except (OSError, ValueError):
        return None


def withdraw(folder: Path, directions: Directions) -> None:
    """Remove what a daemon left: its directions unless they are another one's, its key and its socket."""
    lying_there = read_directions(folder)
    if lying_there is not None and lying_there.name == directions.name:
        (folder / _DIRECTIONS).unlink(missing_ok=True)
    (folder / f"{Path(directions.name).name}{_KEY_ENDING}").unlink(missing_ok=True)
    if os.name == "nt":
        return
    address = Path(directions.address)
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(address.lstat().st_mode):
            address.unlink()
        if address.parent != folder:
            address.parent.rmdir()


def sweep(folder: Path) -> None:
    """Remove what daemons left that were killed; only the one that holds the lock may do so."""
    if (stale := read_directions(folder)) is not None:
        withdraw(folder, stale)
    for path in folder.iterdir():
        if path.suffix in (_KEY_ENDING, _SOCKET_ENDING, ".new"):
            path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, name: str = _LOCK, *, patience_s: float = 0.0) -> Iterator[bool]:
    """Whether the lock could be had in time; it is held until the block ends, or the process, however that happens."""
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    patience_ends = time.monotonic() + patience_s
    try:
        while not (is_mine := _try_to_lock(descriptor)) and time.monotonic() < patience_ends:
            time.sleep(0.02)
        yield is_mine
    finally:
        os.close(descriptor)


def _try_to_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def interrupt(connection: Connection) -> None:
    """Let every read and write of a connection that waits in another thread fail at once."""
    with contextlib.suppress(OSError, ValueError):
        if sys.platform == "win32":
            connection.close()
        else:
            with socket.socket(fileno=os.dup(connection.fileno())) as own:
                own.shutdown(socket.SHUT_RDWR)


@contextmanager
def deadline(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer: it waits for somebody who may never say another word."""
    timer = threading.Timer(seconds, interrupt, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _write_private(path: Path, text: str) -> None:
    """A file that only its owner may read, there in one piece or not at all."""
    new = path.with_name(f"{secrets.token_hex(8)}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
