"""A PNG file taken apart: what its decoder needs, what stands beside the pixels, and what had to be left out.

Decoders refuse a file for a wrong checksum in a chunk that they do not need, or for a long text; viewers do not. The
walk ends at IEND, so it does not matter what follows, and whatever is unpacked here is bounded.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from dis_core.images.decoded import check_size, damaged
from dis_core.images.formats import MAX_PROFILE_BYTES, MAX_STREAM_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = b"IHDR"
_PIXELS, _LATER_PIXELS = b"IDAT", b"fdAT"
_FOR_DECODERS: Final = (_HEADER, b"PLTE", b"tRNS", b"pHYs", b"acTL", b"fcTL", _PIXELS, _LATER_PIXELS)
_CANNOT_BE_LEFT_OUT: Final = (_HEADER, b"PLTE", b"acTL", b"fcTL")
_TEXTS: Final = (b"tEXt", b"zTXt", b"iTXt")
XMP, EXIF_AS_TEXT = "XML:com.adobe.xmp", "Raw profile type exif"
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # per pixel, by the header's type of colors

# Encoders write pixels in chunks of 8 kB and more, so this is enough for 8 GB.
_MOST_CHUNKS: Final = 1_000_000
_LONGEST_KEPT: Final = MAX_PROFILE_BYTES + 1_000_000
_LONGEST_TEXT: Final = 16_000_000
_ROOM: Final = 1_000_000


@dataclass(frozen=True)
class PngParts:
    """`file` is a PNG with nothing but the pixels and what belongs to them.

    `chunks` are the others by name, of several the first; `texts` those that can say which way is up, by keyword, as
    Pillow calls them. `remarks` are for the user.
    """

    file: bytes
    chunks: dict[bytes, bytes]
    texts: dict[str, str]
    remarks: tuple[str, ...]


def take_apart(file: BinaryIO, name: str) -> PngParts:
    """Read a PNG up to its end. Raises NoImage for a header that makes no sense and for more data than pixels need."""
    walk = _Walk(name)
    file.seek(len(PNG_MAGIC))
    for kind, length in _headers(file, name):
        if not walk.wants(kind, length):
            file.seek(length + 4, 1)
        elif not walk.take(kind, length, file.read(length + 4)):
            break
    else:
        walk.ends_early = True
    return walk.parts()


def icc_profile(chunks: dict[bytes, bytes]) -> bytes | None:
    """The color profile in an iCCP chunk; empty, which fits no colors, if it is damaged or too large; None without."""
    if b"iCCP" not in chunks:
        return None
    _, _, packed = chunks[b"iCCP"].partition(b"\0")
    return _unpacked(packed[1:], MAX_PROFILE_BYTES) or b""


def _headers(file: BinaryIO, name: str) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk before IEND; the caller reads or skips data and checksum."""
    for _ in range(_MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return
        length, kind = struct.unpack(">I4s", header)
        yield kind, length
    raise damaged(name, f"it consists of more than {_MOST_CHUNKS} parts")


@dataclass
class _Walk:
    """What was found so far."""

    name: str
    kept: list[bytes] = field(default_factory=lambda: [PNG_MAGIC])
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    pixel_bytes: int = 0
    later_bytes: int = 0
    most_bytes: int = 0
    ends_early: bool = False

    def wants(self, kind: bytes, length: int) -> bool:
        """Whether this chunk is to be read. Raises NoImage at the first that cannot be in an honest file."""
        if (kind == _HEADER) != (len(self.kept) == 1):
            raise damaged(self.name, "its header is not where it should be")
        if kind == _HEADER and length != 13:
            raise damaged(self.name, "its header has the wrong length")
        if kind == _PIXELS:
            self.pixel_bytes += length
            if self.pixel_bytes > self.most_bytes:
                raise damaged(self.name, "it has more data than its pixels need")
        if kind == _LATER_PIXELS:
            self.later_bytes += length
            if self.later_bytes > MAX_STREAM_BYTES // 4:
                raise damaged(self.name, "its animation has more data than any that is accepted")
        return kind in (_PIXELS, _LATER_PIXELS) or length <= _LONGEST_KEPT

    def take(self, kind: bytes, length: int, data: bytes) -> bool:
        """Keep a chunk, given with its checksum; False if it was the last one."""
        if len(data) < length + 4:
            self.ends_early = True
            if kind == _PIXELS and len(data) > 0:
                self.kept.append(chunk(kind, data[:length]))
            return False
        if kind == b"IEND":
            return False
        body = data[:-4]
        if kind not in (_PIXELS, _LATER_PIXELS) and zlib.crc32(kind + body).to_bytes(4, "big") != data[-4:]:
            self._leave_out(kind)
            return True
        if kind == _HEADER:
            width, height, bits = struct.unpack_from(">IIB", body)
            check_size(width, height, self.name, bits=bits)
            self.most_bytes = _most_bytes(body)
        if kind == b"pHYs" and length != 9:
            self._leave_out(kind)
        elif kind in _FOR_DECODERS:
            self.kept.append(struct.pack(">I4s", length, kind) + data)
        elif kind in _TEXTS:
            self._take_text(kind, body)
        else:
            self.chunks.setdefault(kind, body)
        return True

    def parts(self) -> PngParts:
        remarks = []
        if self.left_out:
            names = ", ".join(dict.fromkeys(self.left_out))
            remarks.append(f"damaged data beside its pixels was left out ({names})")
        if self.ends_early:
            remarks.append("the end of the file is missing; its pixels are complete")
        file = b"".join((*self.kept, chunk(b"IEND", b"")))
        return PngParts(file, self.chunks, self.texts, tuple(remarks))

    def _leave_out(self, kind: bytes) -> None:
        if kind in _CANNOT_BE_LEFT_OUT:
            raise damaged(self.name, f"the checksum of its {kind.decode('ascii')} is wrong")
        self.left_out.append(kind.decode("ascii", "replace") if kind.isalpha() else "unknown")

    def _take_text(self, kind: bytes, body: bytes) -> None:
        keyword, _, rest = body.partition(b"\0")
        if keyword.decode("latin-1") not in (XMP, EXIF_AS_TEXT):
            return
        is_packed = kind == b"zTXt"
        if kind == b"zTXt":
            rest = rest[1:]
        elif kind == b"iTXt":
            is_packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
        text = _unpacked(rest, _LONGEST_TEXT) if is_packed else rest
        if text is not None:
            self.texts.setdefault(keyword.decode("latin-1"), text.decode("utf-8", "replace"))


def chunk(name: bytes, data: bytes | memoryview) -> bytes:
    """A chunk as it stands in a file."""
    checksum = zlib.crc32(data, zlib.crc32(name))
    return b"".join((struct.pack(">I", len(data)), name, data, struct.pack(">I", checksum)))


def _most_bytes(header: bytes) -> int:
    """How long the packed pixels of an honest file can be: they do not shrink, and interlacing splits each row."""
    width, height, bits, colors = struct.unpack_from(">IIBB", header)
    return int(height * (8 + width * bits * _SAMPLES.get(colors, 4) // 8) * 1.01) + _ROOM


def _unpacked(packed: bytes, most_bytes: int) -> bytes | None:
    """Data from a zlib stream; None if it is damaged or longer than `most_bytes`."""
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, most_bytes)
    except zlib.error:
        return None
    return data if stream.eof else None
