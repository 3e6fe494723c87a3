"""Where the daemon is found and what protects it: a private folder, a lock, an endpoint file and a key."""

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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dis_core import files
from dis_core.__version__ import __version__
from dis_core.daemon.protocol import PROTOCOL
from dis_core.environment import CERTIFICATES, NO_PROXIES, PLACES, PROXIES, TOKENS
from dis_core.errors import DaemonUnavailable, OutputFailed

if TYPE_CHECKING:
    from dis_core.daemon.protocol import Connection

SETTINGS: Final = (*PLACES, *CERTIFICATES, *NO_PROXIES, "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
"""Environment variables that change results, where models come from, or how they are reached."""

SECRET_SETTINGS: Final = (*TOKENS, *PROXIES)
"""The same, but their values may be passwords: they are compared and never shown."""

LONGEST_SOCKET_PATH_BYTES: Final = 103
"""macOS has room for 104 bytes including the final zero, Linux for 108."""

_LONGEST_NAME: Final = 64
_ENDPOINT, _LOCK, _KEY_ENDING, _SOCKET_ENDING = "endpoint.json", "daemon.lock", ".key", ".socket"


@dataclass(frozen=True)
class Endpoint:
    """How to reach a daemon. `name` is unique to it; `identity` stands for its program and settings.

    It may be stale: a daemon that was killed leaves it behind. A daemon that `is_leaving` takes no more jobs.
    """

    name: str
    address: str
    identity: str
    version: str
    pid: int
    is_leaving: bool = False


def identity() -> str:
    """One string for this program and its settings. A daemon with another one would give other results."""
    settings = {name: os.environ.get(name) for name in (*SETTINGS, *SECRET_SETTINGS, "HOME")}
    package = str(Path(__file__).resolve().parents[1])
    facts = json.dumps([PROTOCOL, __version__, package, sys.prefix, settings])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def runtime_folder(platform: str = sys.platform) -> Path:
    """The folder for the socket, lock, key and endpoint file; it may not exist yet.

    A folder in XDG_RUNTIME_DIR if that belongs to this user, else one with the user's ID in the temporary folder.
    """
    if platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir(), "dis-core", "run")
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    with contextlib.suppress(OSError):
        if given.is_absolute() and given.stat().st_uid == _user_id():
            return given / "dis-core"
    return Path(tempfile.gettempdir(), f"dis-core-{_user_id()}")


def _user_id() -> int:
    user_id = -1  # Windows has none, and protects folders in other ways
    if sys.platform != "win32":
        user_id = os.geteuid()
    return user_id


def make_private(folder: Path) -> Path:
    """The folder, created if it is missing. Raises DaemonUnavailable if it belongs to, or is open to, anybody else."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True, parents=os.name == "nt")
    except OSError as error:
        raise DaemonUnavailable(
            f"the folder {folder} cannot be created: {error.strerror}", hint="check the folder above it"
        ) from error
    if not is_private(folder):
        raise DaemonUnavailable(f"the folder {folder} is not private to you, so it cannot be trusted", hint="delete it")
    return folder


def is_private(folder: Path) -> bool:
    """Whether the folder exists and only this user can open it."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    is_own = sys.platform == "win32" or (status.st_uid == _user_id() and not status.st_mode & 0o077)
    return is_own and stat.S_ISDIR(status.st_mode)


def new_address(folder: Path, name: str, platform: str = sys.platform) -> str:
    """Where a new daemon listens: a named pipe on Windows, else a socket whose path is short enough."""
    if platform == "win32":
        return rf"\\.\pipe\dis-core-{name}"
    path = folder / f"{name}{_SOCKET_ENDING}"
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH_BYTES:
        # Long temporary folders are common on macOS. mkdtemp creates a private folder.
        path = Path(tempfile.mkdtemp(prefix="dis-core-", dir="/tmp"), "socket")
    return str(path)


def new_endpoint(folder: Path) -> tuple[Endpoint, bytes]:
    """The endpoint of a new daemon, and its key, which is put into `folder`."""
    name, key = secrets.token_hex(8), secrets.token_hex(32)
    _write_private(folder / f"{name}{_KEY_ENDING}", key)
    return Endpoint(name, new_address(folder, name), identity(), __version__, os.getpid()), key.encode()


def publish(folder: Path, own: Endpoint) -> None:
    """Let clients find the daemon."""
    _write_private(folder / _ENDPOINT, json.dumps(asdict(own)))


def is_published(folder: Path, own: Endpoint) -> bool:
    """Whether the files by which clients find a daemon are still there."""
    is_findable = os.path.lexists(folder / _ENDPOINT) and os.path.lexists(_key_file(folder, own))
    return is_findable and (os.name == "nt" or os.path.lexists(own.address))


def read_endpoint(folder: Path) -> Endpoint | None:
    """The endpoint that was published there, if any; its daemon may have been killed."""
    try:
        found = json.loads((folder / _ENDPOINT).read_text(encoding="utf-8"))
        own = Endpoint(**{name: found[name] for name in Endpoint.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return own if _is_sound(own) else None


def _is_sound(own: Endpoint) -> bool:
    """Whether an endpoint's values are of their types, and its name one that a file can have."""
    texts, numbers = (own.name, own.address, own.identity, own.version), (own.pid, own.is_leaving)
    if not (all(isinstance(text, str) for text in texts) and all(isinstance(number, int) for number in numbers)):
        return False
    return own.name.isascii() and own.name.isalnum() and len(own.name) <= _LONGEST_NAME


def read_key(folder: Path, own: Endpoint) -> bytes | None:
    """The key of a daemon; None if it has ended."""
    try:
        return _key_file(folder, own).read_bytes()
    except (OSError, ValueError):
        return None


def _key_file(folder: Path, own: Endpoint) -> Path:
    return folder / f"{Path(own.name).name}{_KEY_ENDING}"


def withdraw(folder: Path, own: Endpoint) -> None:
    """Remove what a daemon left: its endpoint file unless that is another one's, its key and its socket."""
    published = read_endpoint(folder)
    if published is not None and published.name == own.name:
        (folder / _ENDPOINT).unlink(missing_ok=True)
    _key_file(folder, own).unlink(missing_ok=True)
    if os.name == "nt":
        return
    address = Path(own.address)
    with contextlib.suppress(OSError, ValueError):
        if stat.S_ISSOCK(address.lstat().st_mode):
            address.unlink()
        if address.parent != folder:
            address.parent.rmdir()


def remove_stale_files(folder: Path) -> None:
    """Remove what killed daemons left behind. Only the daemon that holds the lock may do this."""
    if (stale := read_endpoint(folder)) is not None:
        withdraw(folder, stale)
    for path in folder.iterdir():
        if path.suffix in (_KEY_ENDING, _SOCKET_ENDING, files.UNFINISHED_ENDING):
            path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, name: str = _LOCK, *, timeout_s: float = 0.0) -> Iterator[bool]:
    """Whether the lock was free in time. It is held until the block or the process ends, however that happens.

    Raises DaemonUnavailable if the file cannot be locked at all.
    """
    with ExitStack() as stack:
        try:
            is_mine = stack.enter_context(files.locked(folder / name, timeout_s=timeout_s))
        except OutputFailed as error:
            raise DaemonUnavailable(error.message, hint=error.hint) from error
        yield is_mine


def interrupt(connection: Connection) -> None:
    """Make reads and writes that wait in other threads fail at once."""
    with contextlib.suppress(OSError, ValueError):
        if sys.platform == "win32":
            connection.close()
        else:
            with socket.socket(fileno=os.dup(connection.fileno())) as own:
                own.shutdown(socket.SHUT_RDWR)


@contextmanager
def deadline(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer: the other side may never send another byte."""
    timer = threading.Timer(seconds, interrupt, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all. Raises DaemonUnavailable."""
    try:
        files.write_atomically(path, text.encode(), overwrite=True, mode=0o600)
    except OutputFailed as error:
        raise DaemonUnavailable(error.message, hint=error.hint) from error
