"""The actions in Krita's menus."""

from __future__ import annotations

from typing import Any

from krita import Extension, Krita

from .qt import QtCore, QtWidgets
from .shared.words import _, later
from .status_bar import StatusBarProgress, show_message
from .subject_finder import SubjectFinder

ACTIONS = {
    "dis_select_subject": ("select", later("Select Subject"), later("Find the subject and select it")),
    "dis_mask_subject": (
        "mask",
        later("Mask Subject"),
        later("Find the subject and add a transparency mask of it to the layer"),
    ),
    "dis_cut_subject": (
        "cut",
        later("Cut Subject to New Layer"),
        later("Find the subject and copy it to a new layer, with the background's colors removed from its edges"),
    ),
}
"""By identifier: what to make of the subject, the label and the tooltip. The .action file has the shortcuts, and the
same words for Krita's list of shortcuts before a window is open; Krita's own catalogs do not know them."""


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
        for identifier, (result, label, tooltip) in ACTIONS.items():
            action = window.createAction(identifier, _(label), "tools/scripts")
            # Krita takes these from the .action file instead.
            action.setText(_(label))
            action.setToolTip(_(tooltip))
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
