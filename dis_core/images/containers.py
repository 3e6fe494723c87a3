"""Where an image file ends by its own account: some decoders read on, to the end of a disk if they have to.

What is walked here is bounded. A file that has more after its end, or more parts than any program writes, is cut down
to what is needed or refused.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, Final

from dis_core.images.decoded import damaged
from dis_core.images.formats import MAX_STREAM_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

GIF_MAGIC: Final = (b"GIF87a", b"GIF89a")
# Decoders take these into memory as a whole. The largest lossless WebP there can be has about 800 MB.
_LARGEST_WHOLE: Final = 1_000_000_000
_MOST_BOXES: Final = 1000
_MOST_FRAMES: Final = 10_000
_MOST_JUNK_BYTES: Final = 1000
_LONGEST_RESOURCES: Final = 50_000_000
_LARGEST_ICONS: Final = 100_000_000
_TRAILER, _EXTENSION, _FRAME = b"\x3b", b"\x21", b"\x2c"
_CONTROL: Final = 0xF9
_APPLICATION: Final = 0xFF


def up_to_its_end(file: BinaryIO, head: bytes, name: str) -> BinaryIO:
    """The file without what follows after its end, at its beginning; `head` are its first bytes, 32 or more.

    Raises NoImage for files that are larger or have more parts than any program writes.
    """
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    if head.startswith(GIF_MAGIC):
        return io.BytesIO(_gif(file, name))
    if head.startswith(b"RIFF"):
        return _cut(file, min(size_bytes, 8 + int.from_bytes(head[4:8], "little")), name)
    if head[4:8] in (b"ftyp", b"jP  "):
        return _cut(file, _end_of_boxes(file, size_bytes, name), name)
    if head.startswith(b"8BPS"):
        _check_resources(file, name)
    if head.startswith(b"icns") and int.from_bytes(head[4:8], "big") > _LARGEST_ICONS:
        raise damaged(name, "it is larger than any file of icons")
    if size_bytes > MAX_STREAM_BYTES:
        raise damaged(name, "it is larger than any image that is accepted")
    file.seek(0)
    return file


def _cut(file: BinaryIO, end: int, name: str) -> BinaryIO:
    if end > _LARGEST_WHOLE:
        raise damaged(name, "it is larger than any image of its kind")
    file.seek(0)
    return io.BytesIO(file.read(end))


def _end_of_boxes(file: BinaryIO, size_bytes: int, name: str) -> int:
    """Where the last box of a HEIF, AVIF or JPEG 2000 file ends."""
    place = 0
    for _ in range(_MOST_BOXES):
        file.seek(place)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if len(header) < 8 or not header[4:8].strip(b"\0"):
            return place
        if length < 8 or place + length >= size_bytes:  # 0: up to the end of the file
            return size_bytes
        place += length
    raise damaged(name, f"it consists of more than {_MOST_BOXES} parts")


def _check_resources(file: BinaryIO, name: str) -> None:
    """Raises NoImage if a Photoshop file's list of resources, which are read one by one, is longer than they get."""
    file.seek(26)
    file.seek(int.from_bytes(file.read(4), "big"), 1)
    if int.from_bytes(file.read(4), "big") > _LONGEST_RESOURCES:
        raise damaged(name, "its list of resources is longer than any program writes")


def _gif(file: BinaryIO, name: str) -> bytes:
    """A GIF without comments, which are slow to read, and with an end."""
    kept = bytearray(file.read(13))
    if len(kept) < 13:
        raise damaged(name, "it ends before its pixels")
    kept += _palette(file, kept[10])
    frames = 0
    for kind in _gif_parts(file, name):
        part = kind + (_gif_frame(file, name) if kind == _FRAME else _gif_extension(file, name))
        frames += kind == _FRAME
        if frames > _MOST_FRAMES:
            raise damaged(name, f"it has more than {_MOST_FRAMES} frames")
        if len(kept) > _LARGEST_WHOLE:
            raise damaged(name, "it is larger than any image of its kind")
        if len(part) > 1:
            kept += part
    return bytes(kept + _TRAILER)


def _gif_parts(file: BinaryIO, name: str) -> Iterator[bytes]:
    """The first byte of each part; the caller reads the rest of it."""
    junk = 0
    while (kind := file.read(1)) not in (b"", _TRAILER):
        if kind in (_FRAME, _EXTENSION):
            yield kind
        elif (junk := junk + 1) > _MOST_JUNK_BYTES:
            raise damaged(name, "there is junk between its parts")


def _gif_frame(file: BinaryIO, name: str) -> bytes:
    header = file.read(9)
    width, height = (int.from_bytes(header[place : place + 2], "little") for place in (4, 6))
    palette = _palette(file, header[8]) if len(header) == 9 else b""
    # A code takes 12 bits at most and stands for a pixel or more; clearing the table adds a few.
    most_bytes = 2 * width * height + 100_000
    return header + palette + file.read(1) + _blocks(file, most_bytes, name, keep=True)


def _gif_extension(file: BinaryIO, name: str) -> bytes:
    """An extension that says how frames are shown; of others nothing."""
    label = file.read(1)
    is_kept = label in (bytes((_CONTROL,)), bytes((_APPLICATION,)))
    data = _blocks(file, _LARGEST_WHOLE, name, keep=is_kept)
    is_kept = is_kept and (label[0] == _CONTROL or data[1:12] in (b"NETSCAPE2.0", b"ANIMEXTS1.0"))
    return label + data if is_kept else b""


def _palette(file: BinaryIO, flags: int) -> bytes:
    return file.read(3 << (flags & 7) + 1) if flags & 0x80 else b""


def _blocks(file: BinaryIO, most_bytes: int, name: str, *, keep: bool) -> bytes:
    """Data in blocks of up to 255 bytes, as they stand, with the empty one at their end."""
    kept, length = bytearray(), 0
    while True:
        size = file.read(1)
        if size in (b"", b"\0"):
            return bytes(kept + b"\0") if size or not keep else bytes(kept)
        block = file.read(size[0])
        length += len(block)
        if length > most_bytes:
            raise damaged(name, "it has more data than its pixels need")
        if keep:
            kept += size + block
