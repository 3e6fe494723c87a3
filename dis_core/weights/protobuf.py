"""The wire format of protocol buffers, as far as files of weights use it: fields one after the other, nothing kept.

Source: the encoding that protobuf.dev describes. Groups, which nothing has used for years, are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5

LONGEST_VARINT = 10
"""Bytes of the longest number: 64 bits, seven in each."""


class DamagedMessage(Exception):
    """The bytes are not what they should be; the message fits behind "FILE is damaged: "."""


@dataclass(frozen=True)
class Field:
    """One field of a message: its number, how it is written, and what it holds.

    `value` is a varint or the bits of a fixed number, and 0 for bytes, which lie in the file from `start` to `end`.
    """

    number: int
    wire_type: int
    value: int
    start: int
    end: int


class MessageFile:
    """A file that holds a message, which is read where somebody asks for it.

    At most `most_fields` of all messages in it are stepped over, so that no file can keep us busy for hours.
    """

    def __init__(self, file: BinaryIO, *, most_fields: int) -> None:
        self._file = file
        self._most_fields = most_fields
        self._fields_read = 0

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of the message that lies from `start` to `end`; their contents are stepped over, not read.

        Raises DamagedMessage where the bytes are no message, or where a field would end behind it.
        """
        position = start
        while position < end:
            self._fields_read += 1
            if self._fields_read > self._most_fields:
                raise DamagedMessage(f"it has more than {self._most_fields} fields")
            found = self._field(position, end)
            position = found.end
            yield found

    def bytes(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`. Raises DamagedMessage if the file is shorter."""
        self._file.seek(start)
        found = self._file.read(end - start)
        if len(found) != end - start:
            raise DamagedMessage(
                f"it ends at byte {start + len(found)}, and {end - start - len(found)} more should follow"
            )
        return found

    def _field(self, position: int, end: int) -> Field:
        key, first = self._varint(position, end)
        number, wire_type, value = key >> 3, key & 7, 0
        if number == 0:
            raise DamagedMessage(f"a field without a number at byte {position}")
        if wire_type == VARINT:
            value, last = self._varint(first, end)
        elif wire_type in (FIXED_32, FIXED_64):
            last = first + (4 if wire_type == FIXED_32 else 8)
        elif wire_type == BYTES:
            length, first = self._varint(first, end)
            last = first + length
        else:
            raise DamagedMessage(f"an unknown kind of field ({wire_type}) at byte {position}")
        if last > end:
            raise DamagedMessage(f"it ends in the middle of a field that needs {last - end} bytes more")
        if wire_type in (FIXED_32, FIXED_64):
            value = int.from_bytes(self.bytes(first, last), "little")
        return Field(number, wire_type, value, first, last)

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """The number that begins at a position, without a sign, and where it ends."""
        self._file.seek(position)
        value = 0
        for place, byte in enumerate(self._file.read(min(LONGEST_VARINT, end - position))):
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value & (1 << 64) - 1, position + place + 1
        raise DamagedMessage(f"a number that does not end at byte {position}")


def signed(value: int) -> int:
    """A varint as the signed number that it stands for in fields of type int32 and int64."""
    return value - (1 << 64) if value >> 63 else value


def packed_varints(packed: bytes) -> NDArray[np.int64]:
    """All the signed numbers of a packed field. Raises DamagedMessage if the last one is cut off."""
    raw: NDArray[np.uint8] = np.frombuffer(packed, np.uint8)
    if not raw.size:
        return np.empty(0, np.int64)
    last = np.flatnonzero(raw < 0x80)
    if not last.size or last[-1] != raw.size - 1:
        raise DamagedMessage("a list of numbers is cut off")
    first: NDArray[Any] = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if lengths.max() > LONGEST_VARINT:
        raise DamagedMessage("a list of numbers holds one of more than 64 bits")
    shifts = (7 * (np.arange(raw.size) - np.repeat(first, lengths))).astype(np.uint64)
    parts = (raw & 0x7F).astype(np.uint64) << shifts
    return np.bitwise_or.reduceat(parts, first).view(np.int64)
