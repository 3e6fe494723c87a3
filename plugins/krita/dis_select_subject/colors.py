"""Krita's color spaces, and converting pixels between them by Krita itself, in a hidden document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from krita import Krita

from .qt import QtCore

SRGB_PROFILES = ("sRGB-elle-V2-srgbtrc.icc", "sRGB-elle-V4-srgbtrc.icc", "sRGB built-in", "sRGB IEC61966-2.1")
"""Profiles whose bytes need no conversion: same primaries, same tone curve."""

SCRATCH_PIXELS = 500_000
"""The most pixels to convert at once: floating point takes a tenth of a microsecond for each."""


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
    """A hidden document in which Krita converts pixels of one color space, up to `rows` rows of `width` pixels.

    Creating and closing one takes a sixth of a second, so one is used for many strips. It is created when first needed.
    """

    def __init__(self, space: ColorSpace, width: int) -> None:
        self.space, self.width = space, width
        self.rows = max(SCRATCH_PIXELS // width, 1)
        self._document: Any = None

    def shown(self, pixels: bytes, rows: int) -> bytes:
        """sRGB bytes B, G, R, A with straight alpha, as Krita would show these pixels."""
        if self.space.is_srgb_bytes:
            return pixels
        self._filled(pixels, rows)
        self._document.refreshProjection()
        self._document.waitForDone()
        return image_bytes(self._document.projection(0, 0, self.width, rows))

    def converted(self, pixels: bytes, rows: int, target: ColorSpace) -> bytes:
        """The same colors in another space."""
        if self.space == target or (self.space.is_srgb_bytes and target.is_srgb_bytes):
            return pixels
        node = self._filled(pixels, rows)
        node.setColorSpace(target.model, target.depth, target.profile)
        self._document.waitForDone()
        return bytes(node.pixelData(0, 0, self.width, rows))

    def close(self) -> None:
        if self._document is not None:
            self._document.close()

    def _filled(self, pixels: bytes, rows: int) -> Any:
        """The document's only layer with these pixels in it."""
        space = self.space
        if self._document is None:
            self._document = Krita.instance().createDocument(
                self.width, self.rows, "dis-core", space.model, space.depth, space.profile, 72.0
            )
        node = self._document.topLevelNodes()[0]
        if space_of(node) != space:  # it was converted before
            node.setColorSpace(space.model, space.depth, space.profile)
        node.setPixelData(QtCore.QByteArray(pixels), 0, 0, self.width, rows)
        return node


def image_bytes(image: Any) -> bytes:
    """The pixels of a QImage of four bytes each, without the padding between rows."""
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return bytes(bits)
