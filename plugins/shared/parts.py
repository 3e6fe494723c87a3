"""The separate things in a matte, as `dis-core parts` numbers them, and keeping or dropping one of them."""

from __future__ import annotations

MOST_PARTS = 255


def parts_arguments(matte: str, numbers: str) -> list[str]:
    """The arguments of dis-core that write the number of each pixel's part to a gray PNG."""
    return ["parts", matte, "-o", numbers, "--json"]


def gray_file(plane: bytes, width: int) -> bytes:
    """A plane of bytes as a file that dis-core reads."""
    return b"P5 %d %d 255\n" % (width, len(plane) // width) + plane


def dropped(current: bytes, numbers: bytes, number: int) -> bytes:
    """What is selected when a part is dropped. `current` is what is selected now."""
    return (_number(current) & ~_part(numbers, number)).to_bytes(len(current), "little")


def brought_back(current: bytes, whole: bytes, numbers: bytes, number: int) -> bytes:
    """What is selected when a part is brought back. `whole` is what was selected when its parts were numbered."""
    return (_number(current) | _number(whole) & _part(numbers, number)).to_bytes(len(current), "little")


def toggled(current: bytes, whole: bytes, numbers: bytes, number: int) -> bytes:
    """What is selected when a part is dropped, or brought back if nothing of it is selected."""
    without = dropped(current, numbers, number)
    return without if without != current else brought_back(current, whole, numbers, number)


def _part(numbers: bytes, number: int) -> int:
    return _number(numbers.translate(bytes(255 if value == number else 0 for value in range(256))))


def _number(plane: bytes) -> int:
    return int.from_bytes(plane, "little")
