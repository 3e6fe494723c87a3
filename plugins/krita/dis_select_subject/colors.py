"""Krita's color spaces, and converting pixels between them by Krita itself, in a hidden document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from krita import Krita

from .qt import QtCore

SRGB_PROFILES = ("sRGB-elle-V2-srgbtrc.icc", "sRGB-elle-V4-srgbtrc.icc", "sRGB built-in", "sRGB IEC61966-2.1")
"""Profiles whose bytes need no conversion: same primaries, same tone curve."""

SIDE_PX = 64
"""The side of the hidden document, which may be smaller than its layers."""


@dataclass(frozen=True)
class ColorSpace:
    """A color model ("RGBA"), a depth ("U16") and the name of a profile."""

    model: str
    depth: str
    profile: str

    @property
    def is_srgb_bytes(self) -> bool:
        """Whether pixels are already sRGB bytes in the order B, G, R, A."""
        return (self.model, self.depth) == ("RGBA", "U8") and self.profile in SRGB_PROFILES


SRGB = ColorSpace("RGBA", "U8", SRGB_PROFILES[0])


def space_of(thing: Any) -> ColorSpace:
    """The color space of a document or a layer."""
    return ColorSpace(thing.colorModel(), thing.colorDepth(), thing.colorProfile())


class Scratch:
    """A hidden document in which Krita converts pixels of one color space. It is created when first needed.

    Every strip gets a layer of its own, which is never put into the document: converting a layer takes as long as all
    pixels take that it ever had.
    """

    def __init__(self, space: ColorSpace) -> None:
        self.space = space
        self._document: Any = None

    def converted(self, pixels: bytes, width: int, rows: int, target: ColorSpace) -> bytes:
        """The same colors in another space; for `SRGB`, bytes B, G, R, A with straight alpha, as Krita shows them."""
        space = self.space
        if space == target or (space.is_srgb_bytes and target.is_srgb_bytes):
            return pixels
        if self._document is None:
            self._document = Krita.instance().createDocument(
                SIDE_PX, SIDE_PX, "dis-core", space.model, space.depth, space.profile, 72.0
            )
        layer = self._document.createNode("strip", "paintlayer")
        layer.setPixelData(QtCore.QByteArray(pixels), 0, 0, width, rows)
        layer.setColorSpace(target.model, target.depth, target.profile)
        self._document.waitForDone()
        return bytes(layer.pixelData(0, 0, width, rows))

    def close(self) -> None:
        if self._document is not None:
            self._document.close()


def image_bytes(image: Any) -> bytes:
    """The pixels of a QImage of four bytes each, without the padding between rows."""
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return bytes(bits)


def image_rows(image: Any, top: int, rows: int, *, pixel_bytes: int) -> bytes:
    """The pixels of some rows of a QImage, without the padding between rows."""
    used, stride = image.width() * pixel_bytes, image.bytesPerLine()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    part = memoryview(bits)[top * stride : (top + rows) * stride]
    if used == stride:
        return part.tobytes()
    return b"".join(part[start : start + used] for start in range(0, len(part), stride))
