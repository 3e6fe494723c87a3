"""Redo of a selection, for versions of Krita in which a plug-in's selections are not in the undo history.

There, an action of Krita makes the undo step (see `document.select`), and Krita would repeat only the action: where
something was selected before, that is *Deselect*. So redo is watched, and after it the selection is set again.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Callable

from krita import Krita

from .qt import QtCore


@dataclass
class Step:
    """The last selection that was set over another one, which had the check sum `before`.

    `nothing` is what Krita's menu says while there is nothing to redo; the entry is enabled even then.
    """

    document: Any
    selection: Any
    before: int
    nothing: str
    is_undone: bool = False


class RedoWatch:
    """Watches the undo and redo of each window for the last such step, and tells others of undo."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._watched: list[tuple[Any, Any]] = []
        self._listeners: list[Callable[[], None]] = []

    def tell_of_undo(self, listener: Callable[[], None]) -> None:
        """Call this after each undo, until `forget`.

        Listeners do not connect to Krita's action themselves: while it tells of an undo, one of them may end, and Krita
        5.1 crashed where that disconnected it.
        """
        self._connect()
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Call this no more."""
        self._listeners.remove(listener)

    def keep(self, document: Any, selection: Any, before: bytes) -> None:
        """Let redo bring back this selection, which has been set over the plane `before`, until the next one is."""
        redo = self._connect()
        self._step = Step(document, selection, zlib.crc32(before), redo.text())

    def _connect(self) -> Any:
        """Listen to the actions of the window, once; the one that repeats comes back."""
        undo, redo = Krita.instance().action("edit_undo"), Krita.instance().action("edit_redo")
        if (undo, redo) not in self._watched:
            self._watched.append((undo, redo))
            undo.triggered.connect(lambda *_: self._after_undo())
            redo.triggered.connect(lambda *_: self._after_redo())
            # Later, because redoing the last step also leaves nothing to redo.
            redo.changed.connect(lambda: QtCore.QTimer.singleShot(0, lambda: self._after_change(redo)))
        return redo

    def _after_undo(self) -> None:
        step = self._step
        if step is not None and self._is_shown(step):
            step.document.waitForDone()
            step.is_undone = step.is_undone or check_sum(step.document) == step.before
        for listener in list(self._listeners):
            listener()

    def _after_redo(self) -> None:
        step = self._step
        if step is not None and step.is_undone and self._is_shown(step):
            step.is_undone = False  # before Krita handles events, among them that nothing is left to redo
            step.document.waitForDone()
            if step.document.selection() is None:
                # The same object and no copy: the steps after this one change its pixels when they are repeated.
                step.document.setSelection(step.selection)
            else:
                step.is_undone = True

    def _after_change(self, redo: Any) -> None:
        if self._step is not None and self._step.is_undone and redo.text() == self._step.nothing:
            self._step = None  # it cannot be repeated any more: something else was done instead

    def _is_shown(self, step: Step) -> bool:
        return bool(Krita.instance().activeDocument() == step.document)


def check_sum(document: Any) -> int | None:
    """A check sum of what is selected; None if nothing is."""
    selection = document.selection()
    if selection is None:
        return None
    return zlib.crc32(bytes(selection.pixelData(0, 0, document.width(), document.height())))


watch = RedoWatch()
"""One for all images."""
