"""The actions in Krita's menus."""

from __future__ import annotations

from typing import Any

from krita import Extension, Krita

from .desk import Desk
from .notices import StatusStrip, say
from .qt import QtCore, QtWidgets

ACTIONS = {
    "dis_select_subject": ("Select Subject", "select"),
    "dis_mask_subject": ("Mask Subject", "mask"),
    "dis_cut_subject": ("Cut Subject to New Layer", "cut"),
}
"""By identifier: the text and what becomes of the subject. Texts and shortcuts are in the .action file too."""


class SubjectExtension(Extension):
    """Adds the actions to each window and lets everything end with Krita."""

    def __init__(self, parent: Any, desk: Desk) -> None:
        super().__init__(parent)
        self._desk = desk
        self._strips: list[StatusStrip] = []

    def setup(self) -> None:
        self._notifier = Krita.instance().notifier()  # kept, or it is collected with its signals
        self._notifier.setActive(True)
        self._notifier.applicationClosing.connect(self._desk.close)
        self._desk.told.connect(say)

    def createActions(self, window: Any) -> None:  # noqa: N802 - Krita's name
        # The window object is gone when this returns, Qt's window stays.
        qwindow = window.qwindow()
        actions = []
        for identifier, (text, result) in ACTIONS.items():
            action = window.createAction(identifier, text, "tools/scripts")
            action.triggered.connect(lambda _checked=False, result=result: self._desk.run(result))
            actions.append(action)
        self._strips.append(StatusStrip(self._desk, qwindow.statusBar()))
        # Krita builds its menus after this.
        QtCore.QTimer.singleShot(0, lambda: add_to_select_menu(qwindow, actions))


def add_to_select_menu(qwindow: Any, actions: list[Any]) -> None:
    """Put the actions at the end of the Select menu too."""
    menu = qwindow.findChild(QtWidgets.QMenu, "Select")
    if menu is not None:
        menu.addSeparator()
        menu.addActions(actions)
