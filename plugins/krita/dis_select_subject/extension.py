"""The actions in Krita's menus."""

from __future__ import annotations

from typing import Any

from krita import Extension, Krita

from .qt import QtCore, QtWidgets
from .status_bar import StatusBarProgress, show_message
from .subject_finder import SubjectFinder

ACTIONS = {
    "dis_select_subject": ("Select Subject", "select"),
    "dis_mask_subject": ("Mask Subject", "mask"),
    "dis_cut_subject": ("Cut Subject to New Layer", "cut"),
}
"""By identifier: the label and what to make of the subject. Labels and shortcuts are in the .action file too."""


class SubjectExtension(Extension):
    """Adds the actions to each window, and stops child processes when Krita closes."""

    def __init__(self, parent: Any, finder: SubjectFinder) -> None:
        super().__init__(parent)
        self._finder = finder
        self._strips: list[StatusBarProgress] = []

    def setup(self) -> None:
        self._notifier = Krita.instance().notifier()  # kept, or it is garbage-collected along with its signals
        self._notifier.setActive(True)
        self._notifier.applicationClosing.connect(self._finder.close)
        self._finder.message.connect(show_message)

    def createActions(self, window: Any) -> None:  # noqa: N802 - Krita's name
        # The window object is gone when this returns; Qt's window stays.
        qwindow = window.qwindow()
        actions = []
        for identifier, (text, result) in ACTIONS.items():
            action = window.createAction(identifier, text, "tools/scripts")
            action.triggered.connect(lambda _checked=False, result=result: self._finder.run(result))
            actions.append(action)
        self._strips.append(StatusBarProgress(self._finder, qwindow.statusBar()))
        # Krita builds its menus after this.
        QtCore.QTimer.singleShot(0, lambda: add_to_select_menu(qwindow, actions))


def add_to_select_menu(qwindow: Any, actions: list[Any]) -> None:
    """Add the actions to the end of the Select menu too."""
    menu = qwindow.findChild(QtWidgets.QMenu, "Select")
    if menu is not None:
        menu.addSeparator()
        menu.addActions(actions)
