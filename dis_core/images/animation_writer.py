"""Pictures as an animation: a GIF, WebP or APNG, in which each frame replaces the one before."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dis_core.images import png_chunks
from dis_core.images.color_profiles import to_srgb
from dis_core.images.formats import AnimationFormat
from dis_core.images.picture import Picture, fit_to_format
from dis_core.images.png import encode_png

if TYPE_CHECKING:
    import PIL.Image
    from numpy.typing import NDArray

    from dis_core.images.animation import Frame

_NO_SOFT_EDGES: Final = "GIF has no soft edges: what is less than half covered became transparent, the rest opaque"


class AnimationWriter:
    """Takes frames one by one, all of one size and with the same channels, and makes a file of them."""

    def __init__(self, kind: AnimationFormat, *, plays: int) -> None:
        self.remarks: list[str] = []
        self._plays = plays
        self._add, self._finish = {
            "png": (self._add_to_png, self._png),
            "gif": (self._add_to_gif, self._gif),
            "webp": (self._add_to_webp, self._webp),
        }[kind]
        self._parts: list[bytes] = []
        self._images: list[PIL.Image.Image] = []
        self._milliseconds: list[float] = []
        self._size = 0, 0
        self._png_number = 0

    def add(self, frame: Frame) -> None:
        """Take the next frame."""
        self._size = frame.picture.size
        self._milliseconds.append(frame.milliseconds)
        self._add(frame.picture, frame.milliseconds)

    def file(self) -> bytes:
        """The whole animation."""
        return self._finish()

    def _remark(self, remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)

    def _add_to_png(self, picture: Picture, milliseconds: float) -> None:
        """The chunks of a PNG, renamed after the first frame, with an fcTL before them: replace what was there."""
        whole = encode_png(picture.pixels, picture.alpha, icc_profile=picture.icc_profile, dpi=picture.dpi)
        height, width = picture.size
        delay = min(round(milliseconds), 65535)
        control = struct.pack(">IIIIIHHBB", self._next(), width, height, 0, 0, delay, 1000, 0, 0)
        is_first = not self._parts
        if is_first:
            self._parts.append(whole[:33])
        placed = False
        for kind, body in _chunks(whole):
            if kind == b"IDAT":
                if not placed:
                    self._parts.append(png_chunks.chunk(b"fcTL", control))
                placed = True
                later = b"" if is_first else struct.pack(">I", self._next())
                self._parts.append(png_chunks.chunk(b"IDAT" if is_first else b"fdAT", later + body))
            elif is_first and kind not in (b"IHDR", b"IEND"):
                self._parts.append(png_chunks.chunk(kind, body))

    def _next(self) -> int:
        self._png_number += 1
        return self._png_number - 1

    def _png(self) -> bytes:
        count = png_chunks.chunk(b"acTL", struct.pack(">II", len(self._milliseconds), self._plays))
        return b"".join((self._parts[0], count, *self._parts[1:], png_chunks.chunk(b"IEND", b"")))

    def _add_to_gif(self, picture: Picture, milliseconds: float) -> None:
        """A GIF frame with its own palette; the frame before is taken away first, so that nothing shines through."""
        picture = picture.eight_bits()
        if picture.icc_profile is not None:
            picture = replace(picture, pixels=to_srgb(picture.pixels, picture.icc_profile), icc_profile=None)
            self._remark("colors were converted to sRGB, because GIF has no color profiles")
        if picture.alpha is not None and ((picture.alpha > 0) & (picture.alpha < 1)).any():
            self._remark(_NO_SOFT_EDGES)
        numbers, palette, clear = _with_palette(picture)
        height, width = picture.size
        delay = min(round(milliseconds / 10), 65535)
        disposal = 1 if clear is None else 2
        flags = disposal << 2 | (clear is not None)
        self._parts.append(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, delay, clear or 0, 0))
        header = struct.pack("<HHHHB", 0, 0, width, height, 0x87)
        self._parts.append(b"\x2c" + header + palette.tobytes() + _packed(numbers, palette))

    def _gif(self) -> bytes:
        height, width = self._size
        loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", min(self._plays, 65535)) + b"\0"
        header = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0)
        return b"".join((header, b"" if self._plays == 1 else loop, *self._parts, b"\x3b"))

    def _add_to_webp(self, picture: Picture, _milliseconds: float) -> None:
        fitted = fit_to_format(picture, format="webp")
        for remark in fitted.remarks[len(picture.remarks) :]:
            self._remark(remark)
        self._images.append(fitted.pil())

    def _webp(self) -> bytes:
        buffer = io.BytesIO()
        first, *others = self._images
        first.save(
            buffer,
            "WEBP",
            save_all=True,
            append_images=others,
            duration=[round(time) for time in self._milliseconds],
            loop=self._plays,
            lossless=True,
            quality=50,
            method=2,
            icc_profile=first.info.get("icc_profile", b""),
        )
        return buffer.getvalue()


def _chunks(whole: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place < len(whole):
        length, kind = struct.unpack_from(">I4s", whole, place)
        yield kind, whole[place + 8 : place + 8 + length]
        place += 12 + length


def _with_palette(picture: Picture) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int | None]:
    """Numbers of colors (H, W), the colors (256, 3), and the number of the transparent one, if any.

    Up to 255 colors stay exact.
    """
    from PIL import Image

    colors = picture.pixels if picture.pixels.shape[2] == 3 else picture.pixels.repeat(3, axis=2)
    clear = None if picture.alpha is None else picture.alpha < 0.5
    flat: NDArray[Any] = colors.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    shown = np.unique(flat if clear is None else flat[~clear])
    palette = np.zeros((256, 3), np.uint8)
    if len(shown) <= 255:
        numbers = np.searchsorted(shown, flat).clip(0, 254).astype(np.uint8)
        palette[: len(shown)] = np.stack([shown >> 16, shown >> 8 & 255, shown & 255], axis=1)
    else:
        quantized = Image.fromarray(np.ascontiguousarray(colors)).quantize(255)
        numbers = np.array(quantized)
        own = np.array(quantized.getpalette() or [], np.uint8).reshape(-1, 3)[:256]
        palette[: len(own)] = own
    if clear is not None:
        numbers[clear] = 255
    return numbers, palette, None if clear is None else 255


def _packed(numbers: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """The pixels as GIF stores them: those of a file of one frame, after its headers."""
    import imagecodecs

    data = bytes(imagecodecs.gif_encode(numbers, colormap=palette))
    place = 13 + _palette_bytes(data[10])
    while data[place : place + 1] == b"\x21":  # extensions: a label, then blocks
        place += 2
        while data[place]:
            place += 1 + data[place]
        place += 1
    place += 10 + _palette_bytes(data[place + 9])
    return data[place:-1]


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
