"""Kinds whose receiver is faulty, to see that faults are found."""

from __future__ import annotations

import os
import time
from typing import Final

from dis_core.errors import DisError
from tests.fuzz.kind import Kind


def _answer(_data: bytes) -> None:
    raise DisError("the input is damaged", hint="try another one")


def _raise(data: bytes) -> None:
    if b"x" not in data:
        raise ValueError("no x")


def _hang(data: bytes) -> None:
    if b"x" not in data:
        time.sleep(1000)


def _die(data: bytes) -> None:
    if b"x" not in data:
        os.abort()


def _swell(data: bytes) -> None:
    if b"x" not in data:
        bytearray(3_000_000_000)


def _seeds() -> list[bytes]:
    return [b"x", b"xx", b"yyyy"]


SOUND: Final = Kind("sound", _seeds, _answer)
RAISING: Final = Kind("raising", _seeds, _raise)
HANGING: Final = Kind("hanging", _seeds, _hang, most_seconds=2)
DYING: Final = Kind("dying", _seeds, _die)
SWELLING: Final = Kind("swelling", _seeds, _swell, most_memory_mb=2000)
