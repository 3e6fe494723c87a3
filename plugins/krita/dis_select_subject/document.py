"""The only code that touches the user's image: it reads the source and applies the result as one undo step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Generator, Iterator

from krita import Krita, Selection

from . import masks
from .colors import SRGB, ColorSpace, Scratch, image_bytes, space_of
from .outlines import forget_outline
from .qt import QtCore, QtWidgets
from .redo import watch
from .shared.settings import Box, overlap
from .shared.words import _

STRIP_S = 0.03
"""How long one strip of pixels may take; Krita hears nothing meanwhile."""
FIRST_STRIP_PIXELS, MOST_STRIP_PIXELS = 100_000, 4_000_000


class Refused(Exception):
    """Something that cannot be done with this image, with the reason for the user."""


@dataclass(frozen=True)
class Source:
    """Where to search: a layer, or all that is visible if `node` is None. `box` lies within the image."""

    document: Any
    node: Any | None
    box: Box

    @property
    def space(self) -> ColorSpace:
        return space_of(self.document if self.node is None else self.node)

    def native(self, top: int, rows: int) -> bytes:
        """Rows of the box in their own color space."""
        x, y, width, _ = self.box
        if self.node is None:
            return bytes(self.document.pixelData(x, y + top, width, rows))
        # Not pixelData, which is empty for groups, vectors, clones and files.
        return bytes(self.node.projectionPixelData(x, y + top, width, rows))


class Reader:
    """Reads a source as Krita shows it, strip by strip. To be closed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scratch = Scratch(source.space)

    def strips(self) -> Iterator[tuple[int, int]]:
        """(top, rows) from top to bottom."""
        return strips(self._source.box[2], self._source.box[3])

    def srgb(self, top: int, rows: int) -> bytes:
        """B, G, R, A of rows of the source's box."""
        x, y, width, _ = self._source.box
        if self._source.node is None:
            return image_bytes(self._source.document.projection(x, y + top, width, rows))
        return self._scratch.converted(self._source.native(top, rows), width, rows, SRGB)

    def close(self) -> None:
        self._scratch.close()


def find_source(document: Any, kind: str) -> Source:
    """The source of a kind, "layer" or "picture". Raises Refused if it is empty."""
    canvas = (0, 0, document.width(), document.height())
    if kind == "picture":
        return Source(document, None, canvas)
    node = active_layer(document)
    bounds = node.bounds()
    box = overlap(canvas, (bounds.x(), bounds.y(), bounds.width(), bounds.height()))
    if bounds.width() <= 0 or bounds.height() <= 0:
        raise Refused(_("The layer “{name}” is empty", name=node.name()))
    if box is None:
        raise Refused(_("The layer “{name}” is outside the image", name=node.name()))
    return Source(document, node, box)


def active_layer(document: Any) -> Any:
    """The active layer, or the layer of the active mask. Raises Refused if there is none."""
    node = document.activeNode()
    while node is not None and node.type().endswith("mask"):
        node = node.parentNode()
    if node is None or node.parentNode() is None:
        raise Refused(_("No layer is selected. Select one in the Layers docker"))
    return node


def strips(width: int, height: int) -> Iterator[tuple[int, int]]:
    """(top, rows) of strips from top to bottom, each so high that it takes about STRIP_S."""
    most_rows = max(MOST_STRIP_PIXELS // width, 1)
    rows, top = max(FIRST_STRIP_PIXELS // width, 1), 0
    while top < height:
        rows = min(rows, most_rows, height - top)
        started = time.monotonic()
        yield top, rows
        top += rows
        faster = STRIP_S / max(time.monotonic() - started, 1e-3)
        rows = max(int(rows * min(faster, 4.0)), 1)


def selected_box(document: Any) -> Box | None:
    """The box around what is selected in the picture, or None."""
    selection = document.selection()
    if selection is None:
        return None
    box = (selection.x(), selection.y(), selection.width(), selection.height())
    return overlap((0, 0, document.width(), document.height()), box)


def selected(document: Any, box: Box) -> bytes:
    """How much of each pixel of a box is selected."""
    selection = document.selection()
    return bytes(box[2] * box[3]) if selection is None else bytes(selection.pixelData(*box))


def is_open(document: Any) -> bool:
    return any(document == other for other in Krita.instance().documents())


def select(document: Any, plane: bytes) -> Iterator[None]:
    """Select a plane of bytes, one for each pixel of the image. Yields when Krita has to continue first."""
    before = document.selection()
    is_empty = masks.is_empty(plane)
    if is_empty and before is None:
        return
    old = b"" if before is None else (yield from _all_selected(document))
    if old == plane:
        return
    selection = None if is_empty else (yield from _selection(document, plane))
    yield
    if undoes_selections():
        _set(document, selection)
        return
    # In these versions setSelection is not in the undo history, but actions are. So an action makes the undo step, and
    # what it selected is then replaced.
    yield from act("select_all" if before is None else "deselect", document)
    made = document.selection()
    if before is None and made is not None:
        # In the action's own selection, which undo takes away and redo brings back.
        yield from _fill(made, plane, document)
        selection = made
    _set(document, selection)
    if before is not None and selection is not None:
        watch.keep(document, selection, old)


def _set(document: Any, selection: Any | None) -> None:
    if selection is not None:
        forget_outline(selection)
    document.setSelection(selection)


def has_mask(layer: Any) -> bool:
    return any(child.type() == "transparencymask" for child in layer.childNodes())


def add_mask(layer: Any, document: Any, plane: bytes) -> Iterator[None]:
    """Add a transparency mask to a layer. Yields when Krita has to continue first. Raises Refused."""
    selection = (yield from _selection(document, plane)) if hasattr(document, "createTransparencyMask") else None
    if layer.parentNode() is None:
        raise Refused(_("The layer has been removed in the meantime"))
    if selection is not None:
        mask = document.createTransparencyMask(_("Subject"))
        mask.setSelection(selection)
        layer.addChildNode(mask, None)
        return
    # Krita 5.1 creates these masks only by an action, which uses up the selection. The mask's pixels are set later.
    before = document.selection()
    kept = None if before is None else before.duplicate()
    others = {node.uniqueId() for node in layer.childNodes()}
    document.setActiveNode(layer)
    yield from act("add_new_transparency_mask", document)
    for node in layer.childNodes():
        if node.uniqueId() not in others:
            node.setName(_("Subject"))
            yield from _fill(node, plane, document)
    if kept is not None:
        forget_outline(kept)
        document.setSelection(kept)
    document.refreshProjection()


def act(action: str, document: Any) -> Iterator[None]:
    """Trigger one of Krita's actions on an image. Actions go to the active image, so this one is active meanwhile."""
    krita = Krita.instance()
    area = krita.activeWindow().qwindow().findChild(QtWidgets.QMdiArea)
    before = area.activeSubWindow()
    for other in area.subWindowList():
        if krita.activeDocument() == document:
            break
        area.setActiveSubWindow(other)
    document.waitForDone()
    yield
    if krita.activeDocument() == document:  # unless no view shows it, and it has no undo history to use
        krita.action(action).trigger()
        document.waitForDone()
    yield
    if area.activeSubWindow() != before:
        area.setActiveSubWindow(before)


def new_layer(document: Any, box: Box, pixels: bytes) -> Generator[None, None, Any]:
    """A layer that is not in the image yet, with pixels in a box in the image's color space."""
    x, y, width, height = box
    row_bytes = len(pixels) // height
    layer = document.createNode(_("Subject"), "paintlayer")
    for top, rows in strips(width, height):
        part = QtCore.QByteArray(pixels[top * row_bytes : (top + rows) * row_bytes])
        layer.setPixelData(part, x, y + top, width, rows)
        yield
    return layer


def insert_layer(document: Any, above: Any, layer: Any) -> None:
    """Put a new layer above another one. Raises Refused."""
    if above.parentNode() is None:
        raise Refused(_("The layer has been removed in the meantime"))
    above.parentNode().addChildNode(layer, above)
    document.setActiveNode(layer)


def undoes_selections() -> bool:
    """Whether this version of Krita can undo selections that a plug-in sets."""
    version = Krita.instance().version().split("-")[0].split(".")
    return (int(version[0]), int(version[1])) >= (5, 3)


def _all_selected(document: Any) -> Generator[None, None, bytes]:
    """`selected` of the whole image."""
    parts = []
    for top, rows in strips(document.width(), document.height()):
        parts.append(selected(document, (0, top, document.width(), rows)))
        yield
    return b"".join(parts)


def _selection(document: Any, plane: bytes) -> Generator[None, None, Any]:
    """A new selection of a plane of the image."""
    selection = Selection()
    yield from _fill(selection, plane, document)
    return selection


def _fill(target: Any, plane: bytes, document: Any) -> Iterator[None]:
    """Set the pixels of a selection or a mask to a plane of the image, strip by strip."""
    width = document.width()
    for top, rows in strips(width, document.height()):
        part = QtCore.QByteArray(plane[top * width : (top + rows) * width])
        target.setPixelData(part, 0, top, width, rows)
        yield
