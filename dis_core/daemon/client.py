"""Reaching the daemon from a command: find it, start it where there is none, ask, and listen to the answer."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any, Final

import dis_core
from dis_core.daemon import endpoint
from dis_core.daemon.protocol import ON_THE_WAY, PROTOCOL, Message, NotUnderstood, receive, send
from dis_core.errors import DaemonUnavailable

KEEP_ALIVE_S: Final = 600.0
"""So long after the last image the daemon stays, unless told otherwise."""

PROOF_S: Final = 3.0
START_S: Final = 15.0
"""A daemon that was started must answer by then. It takes a quarter of a second where the machine has nothing else."""

REPLACED_S: Final = 3.0
"""A daemon of another version that is told to leave is waited for so long: it may be busy with an image."""

SILENCE_S: Final = 60.0
"""A daemon gives a sign of life every two seconds; one that is silent for so long is as good as dead."""

_STARTING_LOCK: Final = "starting.lock"

# In place of the working folder, which could hold anything, the one that this package is in; not at all where Python
# finds it anyway, since a folder of installed packages must not come before the standard library.
_PROGRAM: Final = (
    "import sys; sys.path[:] = [place for place in sys.path if place]; "
    "sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]); "
    "from dis_core.daemon.server import main; main(*sys.argv[2:])"
)


class Lost(Exception):
    """The daemon is not there, or no longer; another one may be."""


class Left(Lost):
    """The daemon ended, or was about to, before it began with what it was asked; that is how daemons leave."""


class Talk:
    """A connection to a daemon that knows the key, as this process does."""

    def __init__(self, connection: Connection, directions: endpoint.Directions) -> None:
        self.directions = directions
        self._connection = connection

    def ask(self, do: str, **more: Any) -> Iterator[Message]:  # what JSON can hold
        """The events of the answer, the last one last. Raises Lost if the daemon ends before that."""
        lost: type[Lost] = Left
        try:
            send(self._connection, {"protocol": PROTOCOL, "do": do, **more})
            while True:
                if not self._connection.poll(SILENCE_S):
                    raise Lost(f"the daemon has been silent for {SILENCE_S:.0f} seconds")
                message = receive(self._connection)
                if message.get("event") == "leaving":
                    raise Left("the daemon was about to leave")
                lost = Lost
                if message.get("event") != "alive":
                    yield message
                if message.get("event") not in ON_THE_WAY:
                    return
        except (EOFError, OSError, NotUnderstood) as error:
            raise lost("the daemon ended unexpectedly") from error

    def close(self) -> None:
        """Hang up; a job that is not answered is cancelled by that."""
        self._connection.close()


def find_daemon(folder: Path) -> Talk | None:
    """A talk with the daemon that runs, whatever its version; None if none does, or does not answer."""
    if not endpoint.is_private(folder):
        return None
    directions = endpoint.read_directions(folder)
    key = None if directions is None else endpoint.read_key(folder, directions)
    if directions is None or key is None:
        return None
    try:
        opened: Any = Client(directions.address)  # on Windows a PipeConnection, which can do all that is needed here
    except (OSError, ValueError):
        return None  # stale directions
    connection: Connection = opened
    try:
        with endpoint.deadline(connection, PROOF_S):
            answer_challenge(connection, key)
            deliver_challenge(connection, key)
    except (EOFError, OSError, AuthenticationError, AssertionError, ValueError):
        connection.close()
        return None
    return Talk(connection, directions)


def reach_daemon(folder: Path, *, but: Collection[str] = ()) -> Talk:
    """A talk with a daemon of this program and its settings: the one that runs, or a new one.

    One of another version, or with other settings, is told to leave and replaced. Those whose names
    are in `but` were lost before and are left alone.

    Raises DaemonUnavailable.
    """
    endpoint.make_private(folder)
    if (talk := _find_ours(folder, but)) is not None:
        return talk
    # Of many commands that find no daemon, one starts it and the others wait.
    with endpoint.locked(folder, _STARTING_LOCK, patience_s=START_S):
        if (talk := _find_ours(folder, but)) is not None:
            return talk
        _dismiss_other(folder)
        return _start(folder)


def _find_ours(folder: Path, but: Collection[str]) -> Talk | None:
    """A talk with a daemon of this program that takes orders and is not among those that were lost."""
    directions = endpoint.read_directions(folder)
    if directions is None or directions.name in but or not _is_ours(directions):
        return None
    return find_daemon(folder)


def _is_ours(directions: endpoint.Directions) -> bool:
    return directions.identity == endpoint.identity() and not directions.is_leaving


def _dismiss_other(folder: Path) -> None:
    """Send away a daemon that is not ours, or see one off that leaves. Raises DaemonUnavailable if it is busy."""
    other = find_daemon(folder)
    if other is not None:
        with contextlib.suppress(Lost), contextlib.closing(other):
            if not _is_ours(other.directions):
                list(other.ask("stop", when="idle"))
    with endpoint.locked(folder, patience_s=REPLACED_S) as has_left:
        if not has_left:
            raise DaemonUnavailable("a daemon of another version, with other settings, or about to leave is at work")


def _start(folder: Path) -> Talk:
    """Start a daemon and wait until it answers. Raises DaemonUnavailable."""
    package = str(Path(dis_core.__file__).parents[1])
    command = [sys.executable, "-c", _PROGRAM, package]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(package).anchor,
            **detached(),
        )
    except OSError as error:
        raise DaemonUnavailable(f"no daemon could be started: {error.strerror}") from error
    patience_ends = time.monotonic() + START_S
    while time.monotonic() < patience_ends:
        if (talk := _find_ours(folder, ())) is not None:
            process.returncode = 0  # so that Python does not complain that nobody waits for its end
            return talk
        if process.poll() is not None:
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    if (talk := _find_ours(folder, ())) is not None:
        return talk  # another one was quicker
    raise DaemonUnavailable(
        f"a daemon was started and did not answer (exit status {process.returncode})", hint="see its log"
    )


def detached(platform: str = sys.platform) -> dict[str, Any]:  # arguments of Popen
    """How to start a process that lives on: no signal of this one's terminal reaches it, none of its files is open.

    Windows: DETACHED_PROCESS and CREATE_NEW_PROCESS_GROUP, whose numbers only Windows' Python knows by name.
    """
    if platform == "win32":
        return {"creationflags": 0x00000008 | 0x00000200, "close_fds": True}
    return {"start_new_session": True, "close_fds": True}
