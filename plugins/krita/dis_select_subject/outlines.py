"""Marching ants around selections that a plug-in makes.

`Selection.setPixelData` leaves the outline that Krita computed for the selection before, which is none, and no ants
march; so it is in 5.1.5 and in 6.0.4. Combining with a selection of which Krita knows that its outline is stale makes
it compute a new one. Such a selection remains when a document is cropped; one is made for this once, out of sight.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from krita import Krita, Selection

from .qt import QtCore

SIDE_PX = 64


def forget_outline(selection: Any) -> None:
    """Let Krita compute the outline of a selection anew; the selection itself stays as it is."""
    selection.add(_stale())


def prepare_outlines() -> None:
    """Make what `forget_outline` needs, which takes a moment, while there is something else to wait for."""
    _stale()


@lru_cache(maxsize=1)
def _stale() -> Any:
    """An empty selection with an outline that is known to be stale."""
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
