"""How a command reaches the daemon: find it or start it, send a request, and read the answer."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dis_core.daemon import endpoint
from dis_core.daemon.protocol import INTERMEDIATE_EVENTS, PROTOCOL, InvalidMessage, Message, receive, send
from dis_core.errors import DaemonUnavailable

if TYPE_CHECKING:
    from dis_core.daemon.protocol import Connection

KEEP_ALIVE_S: Final = 600.0
"""How long the daemon stays after the last image, by default."""

AUTHENTICATION_S: Final = 10.0
"""A daemon must answer within this time. While it imports torch it cannot: loading its files keeps all other threads
waiting, a second where the machine is idle, and longer where it is busy or the files come from a disk.
"""

START_S: Final = 30.0
"""A new daemon must answer within this time. On an idle machine it takes a quarter of a second."""

REPLACED_S: Final = 3.0
"""How long to wait for a daemon of another version to exit: it may be busy with an image."""

SILENCE_TIMEOUT_S: Final = 60.0
"""A working daemon sends a heartbeat every two seconds. After this much silence it is taken for dead."""

_STARTING_LOCK: Final = "starting.lock"

# The working folder could hold anything, so it is taken off the path. The folder of this package is put there instead,
# unless it is on the path already: a folder of installed packages must not come before the standard library.
_PROGRAM: Final = (
    "import sys; sys.path[:] = [place for place in sys.path if place]; "
    "sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]); "
    "from dis_core.daemon.server import main; main(*sys.argv[2:])"
)


class ConnectionLost(Exception):
    """The daemon cannot be reached any more. A new one might be."""


class DaemonExiting(ConnectionLost):
    """The daemon exited before it began with the request. That is normal when its time is up."""


class DaemonConnection:
    """An authenticated connection to a daemon."""

    def __init__(self, connection: Connection, found: endpoint.Endpoint) -> None:
        self.endpoint = found
        self._connection = connection

    def ask(self, do: str, **more: Any) -> Iterator[Message]:  # what JSON can hold
        """Send a request and yield the events of the answer. Raises ConnectionLost if the daemon ends too early."""
        lost: type[ConnectionLost] = DaemonExiting
        try:
            send(self._connection, {"protocol": PROTOCOL, "do": do, **more})
            while True:
                if not self._connection.poll(SILENCE_TIMEOUT_S):
                    raise ConnectionLost(f"the daemon has not responded for {SILENCE_TIMEOUT_S:.0f} seconds")
                message = receive(self._connection)
                if message.get("event") == "exiting":
                    raise DaemonExiting("the daemon was about to exit")
                lost = ConnectionLost
                if message.get("event") != "heartbeat":
                    yield message
                if message.get("event") not in INTERMEDIATE_EVENTS:
                    return
        except (EOFError, OSError, InvalidMessage) as error:
            raise lost("the daemon ended unexpectedly") from error

    def close(self) -> None:
        """Disconnect. This cancels a job that is not finished."""
        self._connection.close()


def find_daemon(folder: Path) -> DaemonConnection | None:
    """A connection to the running daemon, whatever its version; None if there is none or it does not answer."""
    if not endpoint.is_private(folder):
        return None
    found = endpoint.read_endpoint(folder)
    key = None if found is None else endpoint.read_key(folder, found)
    if found is None or key is None:
        return None
    try:
        connection = Client(found.address)
    except (OSError, ValueError):
        return None  # it was killed
    try:
        with endpoint.deadline(connection, AUTHENTICATION_S):
            answer_challenge(connection, key)
            deliver_challenge(connection, key)
    except (EOFError, OSError, AuthenticationError, AssertionError, ValueError):
        connection.close()
        return None
    return DaemonConnection(connection, found)


def reach_daemon(folder: Path, *, exclude: Collection[str] = ()) -> DaemonConnection:
    """A connection to a daemon with this program's version and settings: the running one, or a new one.

    A daemon with another version or other settings is asked to exit, and is replaced. Those named in `exclude` were
    lost before and are not used again.

    Raises DaemonUnavailable.
    """
    endpoint.make_private(folder)
    if (connection := _find_ours(folder, exclude)) is not None:
        return connection
    # If several commands find no daemon, one of them starts it and the others wait.
    with endpoint.locked(folder, _STARTING_LOCK, timeout_s=START_S):
        if (connection := _find_ours(folder, exclude)) is not None:
            return connection
        _stop_other(folder)
        return _start(folder)


def _find_ours(folder: Path, exclude: Collection[str]) -> DaemonConnection | None:
    """A connection to a daemon of this program that takes jobs and is not excluded."""
    found = endpoint.read_endpoint(folder)
    if found is None or found.name in exclude or not _is_ours(found):
        return None
    return find_daemon(folder)


def _is_ours(found: endpoint.Endpoint) -> bool:
    return found.identity == endpoint.identity() and not found.is_leaving


def _stop_other(folder: Path) -> None:
    """Stop a daemon that is not ours, or wait for one that is exiting. Raises DaemonUnavailable if it is busy."""
    other = find_daemon(folder)
    if other is not None:
        with contextlib.suppress(ConnectionLost), contextlib.closing(other):
            if not _is_ours(other.endpoint):
                list(other.ask("stop", when="idle"))
    with endpoint.locked(folder, timeout_s=REPLACED_S) as has_left:
        if has_left:
            return
    if other is None:
        raise no_answer(folder)
    if other.endpoint.identity == endpoint.identity():
        raise DaemonUnavailable("the daemon is about to exit, and still busy with an image")
    raise DaemonUnavailable("a daemon with another version or other settings is still busy")


def no_answer(folder: Path) -> DaemonUnavailable:
    """The error for a daemon that runs and does not answer."""
    found = endpoint.read_endpoint(folder)
    process = "" if found is None else f" (process {found.pid})"
    return DaemonUnavailable(
        f"the daemon{process} is running, but does not answer", hint="to end it, run: dis-core daemon stop --now"
    )


def kill_silent(folder: Path) -> bool:
    """End a daemon that does not exit by itself; False if it is not known which process it is.

    Its own process has published the endpoint: who takes the lock first removes what was there before.
    """
    found = endpoint.read_endpoint(folder)
    if found is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    with endpoint.locked(folder, timeout_s=REPLACED_S) as has_left:
        return has_left


def _start(folder: Path) -> DaemonConnection:
    """Start a daemon and wait until it answers. Raises DaemonUnavailable."""
    above_package = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", _PROGRAM, above_package]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(above_package).anchor,
            **detached(),
        )
    except OSError as error:
        raise DaemonUnavailable(f"the daemon could not be started: {error.strerror}") from error
    give_up_at = time.monotonic() + START_S
    while time.monotonic() < give_up_at:
        if (connection := _find_ours(folder, ())) is not None:
            process.returncode = 0  # so that Python does not warn about a child nobody waits for
            return connection
        if process.poll() is not None:
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    if (connection := _find_ours(folder, ())) is not None:
        return connection  # another one was quicker
    raise DaemonUnavailable(
        f"the daemon was started but did not answer (exit status {process.returncode})", hint="see its log"
    )


def detached(platform: str = sys.platform) -> dict[str, Any]:  # arguments of Popen
    """Popen arguments for a process that outlives this one and gets neither its terminal's signals nor its files.

    Windows: DETACHED_PROCESS and CREATE_NEW_PROCESS_GROUP, whose numbers only Windows' Python knows by name.
    """
    if platform == "win32":
        return {"creationflags": 0x00000008 | 0x00000200, "close_fds": True}
    return {"start_new_session": True, "close_fds": True}
