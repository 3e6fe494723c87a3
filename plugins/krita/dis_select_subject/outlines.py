"""Marching ants around selections that a plug-in makes.

`Selection.setPixelData` keeps the outline of the selection before, which is empty, so that no marching ants appear
(seen in 5.1.5 and 6.0.4). Combining it with a selection whose outline Krita knows to be stale makes Krita compute a new
one. Cropping a document leaves such a stale selection, so one is made this way once, in a hidden document.
"""

from __future__ import annotations

from typing import Any, Iterator

from krita import Krita, Selection

from .qt import QtCore

SIDE_PX = 64


_stale: list[Any] = []
"""An empty selection whose outline Krita knows to be stale, once it is made."""


def forget_outline(selection: Any) -> None:
    """Make Krita compute the outline of a selection again. The selection itself stays the same."""
    for _ in prepare_outlines():
        pass
    selection.add(_stale[0])


def prepare_outlines() -> Iterator[bool]:
    """Prepare what `forget_outline` needs. It takes a moment, in which Krita hears nothing, and so goes in steps."""
    if _stale:
        return
    document = Krita.instance().createDocument(SIDE_PX, SIDE_PX, "dis-core", "RGBA", "U8", "", 72.0)
    try:
        yield False
        corner = Selection()
        corner.select(0, 0, SIDE_PX // 8, SIDE_PX // 8, 255)
        document.setSelection(corner)
        yield False
        document.crop(0, 0, SIDE_PX // 2, SIDE_PX // 2)
        document.waitForDone()
        yield False
        stale = document.selection().duplicate()
        stale.setPixelData(QtCore.QByteArray(bytes(SIDE_PX * SIDE_PX)), 0, 0, SIDE_PX, SIDE_PX)
        _stale.append(stale)
        yield False
    finally:
        document.close()
