"""The separate things in a matte, as `dis-core parts` numbers them, and keeping or dropping one of them."""

from __future__ import annotations

MOST_PARTS = 255


def parts_arguments(matte: str, numbers: str) -> list[str]:
    """The arguments of dis-core that write the number of each pixel's part to a gray PNG."""
    return ["parts", matte, "-o", numbers, "--json"]


def gray_file(plane: bytes, width: int) -> bytes:
    """A plane of bytes as a file that dis-core reads."""
    return b"P5 %d %d 255\n" % (width, len(plane) // width) + plane


def toggled(current: bytes, whole: bytes, numbers: bytes, number: int) -> bytes:
    """What is selected when a part is dropped, or brought back if nothing of it is selected.

    `current` is what is selected now, `whole` what was when its parts were numbered.
    """
    only = numbers.translate(bytes(255 if value == number else 0 for value in range(256)))
    part, selected = int.from_bytes(only, "little"), int.from_bytes(current, "little")
    without, back = selected & ~part, int.from_bytes(whole, "little") & part
    return (without if without != selected else selected | back).to_bytes(len(current), "little")
