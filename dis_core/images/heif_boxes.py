"""What AVIF and HEIC files say of their colors in numbers ("nclx"): Pillow decodes their pixels and drops it.

The boxes are those of ISO/IEC 14496-12 and 23008-12. Every walk ends with the bytes of its box, and nothing is raised:
a damaged file is the decoder's to refuse.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

_MOST_BOXES: Final = 64
_LONGEST_META: Final = 16_000_000


def nclx_of(file: BinaryIO) -> tuple[int, int] | None:
    """(color primaries, transfer characteristics) of the image that the file shows, or None if it does not say.

    The file is left at its beginning.
    """
    meta = _read_meta(file)
    file.seek(0)
    boxes = _children(meta[4:])  # after version and flags
    properties = _children(boxes.get(b"iprp", [b""])[0])
    stated = list(_walk(properties.get(b"ipco", [b""])[0]))
    chosen = _numbers_of_primary(boxes, properties)
    for number, (kind, data) in enumerate(stated, start=1):
        if kind == b"colr" and data[:4] == b"nclx" and len(data) >= 10 and (chosen is None or number in chosen):
            primaries, transfer = struct.unpack(">2H", data[4:8])
            return primaries, transfer
    return None


def _numbers_of_primary(boxes: dict[bytes, list[bytes]], properties: dict[bytes, list[bytes]]) -> set[int] | None:
    """The properties of the main image, by their place in the list; None if it is not said which these are."""
    main = boxes.get(b"pitm", [b""])[0]
    if len(main) < 6:
        return None
    item = int.from_bytes(main[4:8] if main[0] else main[4:6], "big")
    numbers: set[int] = set()
    for table in properties.get(b"ipma", []):
        numbers.update(_numbers_of(item, table))
    return numbers or None


def _numbers_of(item: int, table: bytes) -> Iterator[int]:
    """The properties that a table gives to an item."""
    if len(table) < 8:
        return
    long_names, long_numbers = bool(table[0]), bool(table[3] & 1)
    place, name_bytes, number_bytes = 8, 4 if long_names else 2, 2 if long_numbers else 1
    for _ in range(int.from_bytes(table[4:8], "big")):
        if place + name_bytes >= len(table):
            return
        name, count = int.from_bytes(table[place : place + name_bytes], "big"), table[place + name_bytes]
        place += name_bytes + 1
        end = place + count * number_bytes
        if name == item:
            for start in range(place, end, number_bytes):
                number = int.from_bytes(table[start : start + number_bytes], "big")
                yield number & (0x7FFF if long_numbers else 0x7F)  # the highest bit says "essential"
        place = end


def _read_meta(file: BinaryIO) -> bytes:
    """The box that describes the file's images; empty if there is none near the beginning."""
    file.seek(0)
    for _ in range(_MOST_BOXES):
        header = file.read(8)
        if len(header) < 8:
            break
        size, kind = struct.unpack(">I4s", header)
        read = 8
        if size == 1:
            size, read = int.from_bytes(file.read(8), "big"), 16
        if kind == b"meta":
            return file.read(min(max(size - read, 0), _LONGEST_META) if size else _LONGEST_META)
        if size < read or size >= 2**62:
            break
        file.seek(size - read, 1)
    return b""


def _children(data: bytes) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for kind, content in _walk(data):
        found.setdefault(kind, []).append(content)
    return found


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the boxes in a box."""
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        start = 8
        if size == 1 and place + 16 <= len(data):
            size, start = struct.unpack_from(">Q", data, place + 8)[0], 16
        end = len(data) if size == 0 else place + size
        if end < place + start:
            return
        yield kind, data[place + start : end]
        place = end
