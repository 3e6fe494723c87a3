"""Marching ants around selections that a plug-in makes.

`Selection.setPixelData` keeps the outline of the selection before, which is empty, so that no marching ants appear
(seen in 5.1.5 and 6.0.4). Combining it with a selection whose outline Krita knows to be stale makes Krita compute a new
one. Cropping a document leaves such a stale selection, so one is made this way once, in a hidden document.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from krita import Krita, Selection

from .qt import QtCore

SIDE_PX = 64


def forget_outline(selection: Any) -> None:
    """Make Krita compute the outline of a selection again. The selection itself stays the same."""
    selection.add(_stale())


def prepare_outlines() -> None:
    """Prepare what `forget_outline` needs. It takes a moment, so do it while waiting for something else."""
    _stale()


@lru_cache(maxsize=1)
def _stale() -> Any:
    """An empty selection whose outline Krita knows to be stale."""
    document = Krita.instance().createDocument(SIDE_PX, SIDE_PX, "dis-core", "RGBA", "U8", "", 72.0)
    corner = Selection()
    corner.select(0, 0, SIDE_PX // 8, SIDE_PX // 8, 255)
    document.setSelection(corner)
    document.crop(0, 0, SIDE_PX // 2, SIDE_PX // 2)
    document.waitForDone()
    stale = document.selection().duplicate()
    stale.setPixelData(QtCore.QByteArray(bytes(SIDE_PX * SIDE_PX)), 0, 0, SIDE_PX, SIDE_PX)
    document.close()
    return stale
