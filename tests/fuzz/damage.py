"""Damage done to bytes by chance: what disks, networks and bad people do to files."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from typing import Final

_TELLING: Final = (0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65500, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def damaged(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, damaged one to eight times."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        if data:
            chance.choice(_WAYS)(chance, data, seeds)
    return bytes(data)


def _place(chance: random.Random, data: bytearray) -> int:
    """Anywhere, but every other time near the beginning, where headers are."""
    return chance.randrange(min(len(data), chance.choice((64, 300, len(data), len(data)))))


def _change_bytes(chance: random.Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    for _ in range(chance.choice((1, 1, 4, 20))):
        data[_place(chance, data)] = chance.randrange(256)


def _flip_a_bit(chance: random.Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    data[_place(chance, data)] ^= 1 << chance.randrange(8)


def _write_a_number(chance: random.Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    kind = chance.choice((">H", "<H", ">I", "<I", ">Q", "<Q"))
    size = struct.calcsize(kind)
    place = _place(chance, data)
    number = (chance.choice(_TELLING) + chance.choice((-1, 0, 0, 0, 1))) % 2 ** (8 * size)
    data[place : place + size] = struct.pack(kind, number)


def _cut_off(chance: random.Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    del data[max(_place(chance, data), len(data) - chance.choice((1, 2, 20, 500, len(data)))) :]


def _remove(chance: random.Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    place = _place(chance, data)
    del data[place : place + chance.choice((1, 2, 4, 30, 200))]


def _repeat(chance: random.Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    place = _place(chance, data)
    part = data[place : place + chance.choice((1, 4, 30, 300))]
    data[place:place] = part * chance.choice((1, 2, 50))


def _insert_from_another(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = bytearray(chance.choice(seeds))
    start = _place(chance, other)
    place = _place(chance, data)
    data[place : place + chance.choice((0, 50, len(data)))] = other[
        start : start + chance.choice((20, 200, len(other)))
    ]


def _fill(chance: random.Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    place = _place(chance, data)
    length = chance.choice((4, 50, 1000))
    data[place : place + length] = bytes((chance.choice((0, 255, 32)),)) * length


_Way = Callable[[random.Random, bytearray, Sequence[bytes]], None]
_WAYS: Final[tuple[_Way, ...]] = (
    _change_bytes,
    _flip_a_bit,
    _write_a_number,
    _write_a_number,
    _cut_off,
    _remove,
    _repeat,
    _insert_from_another,
    _fill,
)
