"""JPEG XL files: the pixels with imagecodecs, which says nothing else, and so the header is read here.

The header's fields are those of ISO/IEC 18181-1, chapter "image header": bits, the lowest first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from dis_core.errors import NoImage
from dis_core.images import stated_colors
from dis_core.images.decoded import Decoded, check_size, damaged, decoding, unshowable

if TYPE_CHECKING:
    from dis_core.images.pixels import Pixels
    from dis_core.images.stated_colors import Stated

CONTAINER_MAGIC: Final = b"\0\0\0\x0cJXL \r\n\x87\n"
CODESTREAM_MAGIC: Final = b"\xff\x0a"

_RATIOS: Final = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_LONGEST_HEADER: Final = 65536
_MOST_BOXES: Final = 64
_MOST_CHANNELS: Final = 32
_ALPHA, _SPOT, _BLACK, _FILTER = 0, 2, 4, 5
_GRAY, _XYB = 1, 2
_CUSTOM = 2
_WHITES: Final = {1: (0.3127, 0.3290), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}


@dataclass(frozen=True)
class Header:
    """What a JPEG XL file says before its pixels; `stated` are the colors, None if only its ICC profile says them."""

    width: int
    height: int
    bits: int = 8
    is_float: bool = False
    is_animated: bool = False
    has_black: bool = False
    is_multiplied: bool = False
    is_hdr: bool = False
    is_in_own_colors: bool = False
    stated: Stated | None = field(default_factory=stated_colors.Stated)


def is_jpegxl(head: bytes) -> bool:
    """Whether a file that begins so is a JPEG XL image."""
    return head.startswith((CONTAINER_MAGIC, CODESTREAM_MAGIC))


def decode(file: BinaryIO, name: str) -> Decoded:
    """All pixels of the first frame, upright. Raises NoImage if the file is damaged, or holds what cannot be shown."""
    import imagecodecs

    header = read_header(file, name)
    check_size(header.width, header.height, name, bits=header.bits)
    if header.is_float or header.is_hdr or header.bits > 16:
        raise unshowable(name, "HDR" if header.is_hdr else "floating-point" if header.is_float else "32-bit")
    if header.has_black:
        raise NoImage(f"{name} is a JPEG XL image in CMYK", hint="export it as RGB")
    with decoding(name):
        array = imagecodecs.jpegxl_decode(file.read(), index=0)
    if array.dtype not in (np.uint8, np.uint16) or array.ndim not in (2, 3):
        raise damaged(name, f"it holds {array.dtype}")
    decoded = Decoded(_over_whole_range(array, header.bits), remarks=_remarks(header))
    stated = header.stated
    if stated is None and not header.is_in_own_colors:
        stated = replace(stated_colors.Stated(), gamma=1.0)  # libjxl turns them into linear light
    return decoded if stated is None else stated_colors.with_stated_colors(decoded, stated)


def read_header(file: BinaryIO, name: str) -> Header:
    """The header of a JPEG XL file, which is left at its beginning. Raises NoImage if it is damaged."""
    data = _codestream(file)
    file.seek(0)
    if not data.startswith(CODESTREAM_MAGIC):
        raise damaged(name, "it holds no JPEG XL image")
    try:
        return _header(_Bits(data[2:]))
    except EOFError as error:
        raise damaged(name, "its header is cut off") from error


def _over_whole_range(array: Pixels, bits: int) -> Pixels:
    """Pixels of 1 to 7 and 9 to 15 bits, stretched to 8 and 16."""
    top, full = 2**bits - 1, int(np.iinfo(array.dtype).max)
    if top >= full:
        return array
    levels: Pixels = np.rint(np.arange(top + 1) * (full / top)).astype(array.dtype)
    stretched: Pixels = levels[np.minimum(array, top)]
    return stretched


def _remarks(header: Header) -> tuple[str, ...]:
    remarks = []
    if header.is_animated:
        remarks.append("animated: only the first frame is used")
    if header.is_multiplied:
        remarks.append("its colors are multiplied by its alpha, and were taken as they are")
    if header.stated is None and header.is_in_own_colors:
        remarks.append("color profiles of JPEG XL cannot be read, and its colors were taken for sRGB")
    return tuple(remarks)


def _codestream(file: BinaryIO) -> bytes:
    """The beginning of the image itself, which may lie in a box of a container."""
    file.seek(0)
    if file.read(len(CONTAINER_MAGIC)) != CONTAINER_MAGIC:
        file.seek(0)
        return file.read(_LONGEST_HEADER)
    for _ in range(_MOST_BOXES):
        box = file.read(8)
        size, kind, read = int.from_bytes(box[:4], "big"), box[4:], 8
        if size == 1:
            size, read = int.from_bytes(file.read(8), "big"), 16
        if kind in (b"jxlc", b"jxlp"):
            return file.read(_LONGEST_HEADER)[4 if kind == b"jxlp" else 0 :]
        if not read <= size < 2**62:
            break
        file.seek(size - read, 1)
    return b""


class _Bits:
    """Reads numbers from bits, the lowest first. Raises EOFError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def number(self, bits: int) -> int:
        first, end = self._place // 8, -(-(self._place + bits) // 8)
        if end > len(self._data):
            raise EOFError
        value = int.from_bytes(self._data[first:end], "little") >> (self._place % 8)
        self._place += bits
        return value & ((1 << bits) - 1)

    def flag(self) -> bool:
        return bool(self.number(1))

    def one_of(self, *choices: tuple[int, int]) -> int:
        """One of four numbers, each as (least value, bits that are added to it)."""
        least, bits = choices[self.number(2)]
        return least + self.number(bits)

    def code(self) -> int:
        return self.one_of((0, 0), (1, 0), (2, 4), (18, 6))

    def place(self) -> tuple[float, float]:
        """x and y of a color; signs are in the lowest bit."""
        folded = [self.one_of((0, 19), (524288, 19), (1048576, 20), (2097152, 21)) for _ in range(2)]
        x, y = ((-(number + 1) // 2 if number & 1 else number // 2) / 1_000_000 for number in folded)
        return x, y


def _header(bits: _Bits) -> Header:
    width, height = _size(bits)
    plain = Header(width, height)
    if bits.flag():
        return plain
    is_animated = bits.flag() and _extra_fields(bits)
    depth, is_float = _depth(bits)
    bits.flag()  # whether 16 bits are enough inside of the decoder
    count = min(bits.one_of((0, 0), (1, 0), (2, 4), (1, 12)), _MOST_CHANNELS)
    kinds = [_extra_channel(bits) for _ in range(count)]
    is_in_own_colors = not bits.flag()
    stated, is_hdr = _colors(bits)
    return replace(
        plain,
        bits=depth,
        is_float=is_float,
        is_animated=is_animated,
        has_black=any(kind == _BLACK for kind, _ in kinds),
        is_multiplied=any(multiplied for _, multiplied in kinds),
        is_hdr=is_hdr,
        is_in_own_colors=is_in_own_colors,
        stated=stated,
    )


def _size(bits: _Bits) -> tuple[int, int]:
    """(width, height)"""
    in_eights = bits.flag()

    def side() -> int:
        return 8 * (1 + bits.number(5)) if in_eights else bits.one_of((1, 9), (1, 13), (1, 18), (1, 30))

    height, ratio = side(), bits.number(3)
    if ratio == 0:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _extra_fields(bits: _Bits) -> bool:
    """Step over orientation, size on a screen and preview. Returns whether it is an animation."""
    bits.number(3)
    if bits.flag():
        _size(bits)
    if bits.flag():
        in_eights = bits.flag()
        sides = ((16, 0), (32, 0), (1, 5), (33, 9)) if in_eights else ((1, 6), (65, 8), (321, 10), (1345, 12))
        bits.one_of(*sides)
        if bits.number(3) == 0:
            bits.one_of(*sides)
    if not bits.flag():
        return False
    bits.one_of((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.one_of((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.one_of((0, 0), (0, 3), (0, 16), (0, 32))
    bits.flag()
    return True


def _depth(bits: _Bits) -> tuple[int, bool]:
    """Bits of a sample, and whether it is a float."""
    if bits.flag():
        depth = bits.one_of((32, 0), (16, 0), (24, 0), (1, 6))
        bits.number(4)
        return depth, True
    return bits.one_of((8, 0), (10, 0), (12, 0), (1, 6)), False


def _extra_channel(bits: _Bits) -> tuple[int, bool]:
    """Its kind, and whether the colors are multiplied by it."""
    if bits.flag():
        return _ALPHA, False
    kind = bits.code()
    _depth(bits)
    bits.one_of((0, 0), (3, 0), (4, 0), (1, 3))
    name_bytes = bits.one_of((0, 0), (0, 4), (16, 5), (48, 10))
    bits.number(8 * name_bytes)
    is_multiplied = kind == _ALPHA and bits.flag()
    if kind == _SPOT:
        bits.number(64)
    if kind == _FILTER:
        bits.one_of((1, 0), (0, 2), (3, 4), (19, 8))
    return kind, is_multiplied


def _colors(bits: _Bits) -> tuple[Stated | None, bool]:
    """The colors, None if an ICC profile has them, and whether their curve is one of HDR."""
    if bits.flag():
        return stated_colors.Stated(), False
    has_profile, space = bits.flag(), bits.code()
    if has_profile or space == _XYB:
        return None, False
    code = bits.code()
    white: tuple[float, ...] = bits.place() if code == _CUSTOM else _WHITES.get(code, _WHITES[1])
    primaries: Any = stated_colors.of_codes(1, 13).chromaticities[2:]
    if space != _GRAY:
        code = bits.code()
        if code == _CUSTOM:
            primaries = [number for _ in range(3) for number in bits.place()]
        else:
            primaries = stated_colors.of_codes(12 if code == 11 else code, 13).chromaticities[2:]
    gamma = bits.number(24) / 10_000_000 if bits.flag() else None
    places = (*white, *primaries)
    if gamma is not None:
        return stated_colors.of_gamma(gamma, places), False
    transfer = bits.code()
    return replace(stated_colors.of_codes(1, transfer), chromaticities=places), stated_colors.is_hdr_transfer(transfer)
