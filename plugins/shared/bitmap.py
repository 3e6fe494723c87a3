"""An image format that is fast to write: an uncompressed bitmap with alpha, rows from top to bottom."""

from __future__ import annotations

import struct

BLUE_FIRST = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
"""Masks of red, green, blue and alpha for bytes in the order B, G, R, A, as in Krita."""

RED_FIRST = (0x000000FF, 0x0000FF00, 0x00FF0000, 0xFF000000)
"""The same for bytes in the order R, G, B, A, as in GIMP."""

_FILE_HEADER_BYTES, _INFO_BYTES = 14, 108
HEADER_BYTES = _FILE_HEADER_BYTES + _INFO_BYTES
"""The size of everything before the pixels."""
_BITFIELDS = 3
_SRGB = 0x73524742
_MOST_BYTES = 2**32 - 1


def bitmap_header(width: int, height: int, masks: tuple[int, int, int, int] = BLUE_FIRST) -> bytes:
    """The header of a .bmp file, before `width * height * 4` bytes of sRGB pixels with straight alpha."""
    pixels_bytes = width * height * 4
    # The two size fields have only 32 bits; readers do not need them.
    file_header = struct.pack("<2sIHHI", b"BM", min(HEADER_BYTES + pixels_bytes, _MOST_BYTES), 0, 0, HEADER_BYTES)
    info = struct.pack(
        "<IiiHHIIiiII", _INFO_BYTES, width, -height, 1, 32, _BITFIELDS, min(pixels_bytes, _MOST_BYTES), 2835, 2835, 0, 0
    )
    colors = struct.pack("<4II", *masks, _SRGB)
    return file_header + info + colors + bytes(_INFO_BYTES - len(info) - len(colors))
