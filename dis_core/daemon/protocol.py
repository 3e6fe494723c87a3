"""The messages between client and daemon: one small JSON object each. Nothing in them is ever executed.

A client sends `{"protocol": ..., "do": "segment" | "prepare" | "status" | "stop", ...}`. The daemon answers with
events. The first one that is not one of `INTERMEDIATE_EVENTS` ends the answer.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dis_core import errors
from dis_core.errors import DisError, ProtocolMismatch

if TYPE_CHECKING:
    from multiprocessing import connection
    from typing import TypeAlias

    if sys.platform == "win32":
        Connection: TypeAlias = connection.Connection | connection.PipeConnection
    else:
        Connection: TypeAlias = connection.Connection

PROTOCOL: Final = 4

MAX_MESSAGE_BYTES: Final = 1 << 18
"""Room for five paths of the greatest length with each character escaped."""

INTERMEDIATE_EVENTS: Final = ("progress", "log", "heartbeat")
"""Events before the last one: progress, a log record of the library, and a heartbeat."""

Message = dict[str, Any]
"""A JSON object. Any, because each value is checked where it is used."""


class InvalidMessage(ValueError):
    """The data received is not a valid message."""


def send(connection: Connection, message: Message) -> None:
    """Send a message. Raises OSError if the other side has disconnected."""
    connection.send_bytes(json.dumps(message, allow_nan=False).encode("ascii"))


def receive(connection: Connection) -> Message:
    """The next message. Raises EOFError or OSError if the other side has gone, InvalidMessage for anything else."""
    data = connection.recv_bytes(MAX_MESSAGE_BYTES)
    try:
        message = json.loads(data.decode("ascii"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidMessage("it is not valid JSON") from None
    if not isinstance(message, dict):
        raise InvalidMessage("it is not a JSON object")
    return message


def check_protocol(message: Message) -> None:
    """Raises ProtocolMismatch if the message uses another protocol."""
    theirs = message.get("protocol")
    if theirs != PROTOCOL:
        raise ProtocolMismatch(
            f"the daemon uses protocol {PROTOCOL}, but the request uses protocol {str(theirs)[:20]}",
            hint="it is another version of dis-core: stop it with dis-core daemon stop",
        )


def describe_error(event: str, error: DisError) -> Message:
    """An error as an event."""
    return {"event": event, "code": error.code, "message": error.message, "hint": error.hint}


def error_of(message: Message) -> DisError:
    """The error that an event describes; its code says which class."""
    kinds: dict[str, type[DisError]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, DisError):
            kinds.setdefault(kind.code, kind)  # the general one comes first: NoImage, not NoSuchFile
    kind = kinds.get(str(message.get("code")), DisError)
    return kind(str(message.get("message", "")), hint=str(message.get("hint", "")))


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidMessage(f"{name} is not a number that JSON allows")
