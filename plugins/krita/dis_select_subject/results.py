"""Turns the output of dis-core into a plane for a selection or mask, or into the pixels of a new layer.

These are generators, because large images take a while: they yield between strips and return the result.
"""

from __future__ import annotations

import contextlib
from typing import Any, Generator

from . import document as pictures
from . import masks
from .colors import SRGB, Scratch, image_rows, space_of
from .qt import QtGui
from .shared.bitmap import HEADER_BYTES
from .shared.matte import NOTHING_LEFT, around, box_of, has_subject, without_dust
from .shared.settings import Box
from .shared.words import _, later
from .threads import in_a_thread

NOTHING_FOUND = later("No subject was found. Nothing was changed")


def combined_plane(source: pictures.Source, output: str, mode: str) -> Generator[bool, None, bytes]:
    """The matte combined with the selection, one byte for each pixel of the image. Raises Refused."""
    matte = yield from in_a_thread(lambda: _read(source, output, QtGui.QImage.Format.Format_Grayscale8))
    found = False
    x, y, width, height = source.box
    total, total_rows = source.document.width(), source.document.height()
    parts = []
    for top, rows in pictures.strips(total, total_rows):
        first = min(max(top, y), y + height)
        last = min(max(top + rows, y), y + height)
        seen = without_dust(image_rows(matte, first - y, last - first, pixel_bytes=1))
        found = found or has_subject(seen)
        inside = masks.placed(seen, width, left=x, total=total)
        above = bytes(max(min(y, top + rows) - top, 0) * total)
        new = above + inside + bytes(rows * total - len(above) - len(inside))
        parts.append(masks.COMBINE[mode](pictures.selected(source.document, (0, top, total, rows)), new))
        yield False
    if not found:
        raise pictures.Refused(_(NOTHING_FOUND))
    return b"".join(parts)


def cut_pixels(source: pictures.Source, image: str, output: str, mode: str) -> Generator[bool, None, tuple[Box, bytes]]:
    """The box around the subject, and its pixels there in the color space of new layers. Raises Refused.

    `image` is the file of the source, `output` the same in clean colors with the subject's alpha.
    """
    x, y, width, height = source.box
    cut = yield from in_a_thread(lambda: _read(source, output, QtGui.QImage.Format.Format_ARGB32))
    found = False
    strips: list[tuple[int, bytes]] = []  # the first row and the pixels of those with something of the subject
    boxes: list[Box] = []
    size = 0  # the bytes of a pixel
    with open(image, "rb") as file, contextlib.closing(_Converter(source)) as converter:
        file.seek(HEADER_BYTES)
        for top, rows in pictures.strips(width, height):
            seen = file.read(width * rows * 4)
            clean = image_rows(cut, top, rows, pixel_bytes=4)
            found = found or has_subject(clean[3::4])
            selected = pictures.selected(source.document, (x, y + top, width, rows))
            alpha = masks.intersect(masks.COMBINE[mode](selected, clean[3::4]), seen[3::4])
            if not masks.is_empty(alpha):
                left, first, *extent = box_of(alpha, width)
                boxes.append((left, top + first, extent[0], extent[1]))
                strips.append((top, converter.layer_strip(top, rows, seen, clean, alpha)))
                size = len(strips[-1][1]) // len(alpha)
            yield False
    if not found:
        raise pictures.Refused(_(NOTHING_FOUND))
    if not boxes:
        raise pictures.Refused(_(NOTHING_LEFT))
    box = around(boxes)
    pixels = yield from _cropped(strips, box, width * size, size)
    return (x + box[0], y + box[1], box[2], box[3]), pixels


def _cropped(
    strips: list[tuple[int, bytes]], box: Box, row_bytes: int, pixel_bytes: int
) -> Generator[bool, None, bytes]:
    """The pixels in a box; `strips` are its first row and the bytes of whole rows, with gaps where nothing is."""
    left, top, width, height = box
    start, end = left * pixel_bytes, (left + width) * pixel_bytes
    parts, done = [], top
    for first, pixels in strips:
        parts.append(bytes((first - done) * (end - start)) if first > done else b"")
        for row in range(max(done, first), min(first + len(pixels) // row_bytes, top + height)):
            begins = (row - first) * row_bytes
            parts.append(pixels[begins + start : begins + end])
            done = row + 1
        yield False
    return b"".join(parts)


class _Converter:
    """Makes strips of a new layer in the image's own color space. It has to be closed."""

    def __init__(self, source: pictures.Source) -> None:
        self._source = source
        self._target = space_of(source.document)
        self._clean = Scratch(SRGB)
        self._native = Scratch(source.space)

    def layer_strip(self, top: int, rows: int, seen: bytes, clean: bytes, alpha: bytes) -> bytes:
        """Rows with this alpha: `clean` colors where the subject covers part of a pixel, else the source's colors.

        Unchanged pixels are copied from the source at their own bit depth.
        """
        width = self._source.box[2]
        seen_alpha, clean_alpha = seen[3::4], clean[3::4]
        cleaned = masks.both(masks.differing(clean_alpha, seen_alpha), clean_alpha)
        pixels = bytearray(seen)
        for start, end in masks.runs(cleaned):
            pixels[4 * start : 4 * end] = clean[4 * start : 4 * end]
        pixels[3::4] = alpha
        if self._target.is_srgb_bytes and self._source.space.is_srgb_bytes:
            return bytes(pixels)
        native = self._native.converted(self._source.native(top, rows), width, rows, self._target)
        converted = bytearray(self._clean.converted(bytes(pixels), width, rows, self._target))
        size = len(native) // len(alpha)
        for start, end in masks.runs(masks.neither(cleaned, masks.differing(alpha, seen_alpha))):
            converted[size * start : size * end] = native[size * start : size * end]
        return bytes(converted)

    def close(self) -> None:
        self._clean.close()
        self._native.close()


def _read(source: pictures.Source, output: str, pixel_format: Any) -> Any:
    """The image in a file, with pixels of that format. Raises Refused."""
    result = QtGui.QImage(output)
    if (result.width(), result.height()) != source.box[2:]:
        raise pictures.Refused(_("The result from dis-core could not be read. Please try again"))
    return result.convertToFormat(pixel_format)


def gray_bytes(image: Any) -> bytes:
    """The pixels of a gray QImage, without the padding between rows."""
    return image_rows(image, 0, image.height(), pixel_bytes=1)
