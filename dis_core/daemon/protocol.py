"""What client and daemon say to each other: small JSON objects, one per message, of which nothing is ever executed.

A client asks `{"protocol": ..., "do": "segment" | "status" | "stop", ...}`. The daemon answers with events; the first
that is none of `ON_THE_WAY` is the last one of the answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from dis_core import errors
from dis_core.errors import DisError, ProtocolMismatch

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PROTOCOL: Final = 2

MAX_MESSAGE_BYTES: Final = 1 << 18
"""Five paths as long as they can be, each character escaped, and room to spare."""

ON_THE_WAY: Final = ("progress", "said", "alive")
"""Events before the last one: how far the work is, what the library has to say, and that somebody is there."""

Message = dict[str, Any]
"""A JSON object: Any, because everything in it is checked where it is used."""


class NotUnderstood(ValueError):
    """What came is no message."""


def send(connection: Connection, message: Message) -> None:
    """Raises OSError when the other side has gone."""
    connection.send_bytes(json.dumps(message, allow_nan=False).encode("ascii"))


def receive(connection: Connection) -> Message:
    """The next message. Raises EOFError and OSError when the other side has gone, NotUnderstood for anything else."""
    data = connection.recv_bytes(MAX_MESSAGE_BYTES)
    try:
        message = json.loads(data.decode("ascii"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NotUnderstood("that is no JSON") from None
    if not isinstance(message, dict):
        raise NotUnderstood("that is no JSON object")
    return message


def check_protocol(message: Message) -> None:
    """Raises ProtocolMismatch, worded for the person whose program asked."""
    theirs = message.get("protocol")
    if theirs != PROTOCOL:
        raise ProtocolMismatch(
            f"the daemon speaks protocol {PROTOCOL}, and it was asked in protocol {str(theirs)[:20]}",
            hint="it is of another version: run dis-core daemon stop",
        )


def describe_error(event: str, error: DisError) -> Message:
    """An error as an event."""
    return {"event": event, "code": error.code, "message": error.message, "hint": error.hint}


def error_of(message: Message) -> DisError:
    """The error that an event describes, of the class with its code."""
    kinds = {kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DisError)}
    kind = kinds.get(str(message.get("code")), DisError)
    return kind(str(message.get("message", "")), hint=str(message.get("hint", "")))


def _refuse_constant(name: str) -> NoReturn:
    raise NotUnderstood(f"{name} is no number")
