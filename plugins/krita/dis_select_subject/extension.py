"""The actions in Krita's menus."""

from __future__ import annotations

from typing import Any

from krita import Extension, Krita

from .qt import QtCore, QtWidgets
from .shared.words import _, later
from .status_bar import StatusBarProgress, show_message
from .subject_finder import GROUP, SubjectFinder

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
"""By identifier: what to make of the subject, the label and the tooltip. The .action file has them in English, which
Krita cannot translate, and the shortcuts."""

DOCKER, GO_TO_DOCKER = "dis_select_subject", "dis_go_to_docker"
INTRODUCED = "introduced"
"""The setting that says whether the docker has been shown once; whoever closes it then wants it closed."""
GO_TO_DOCKER_WORDS = (
    later("Select Subject Settings"),
    later("Show the docker Select Subject, and use it with the keyboard"),
)


class SubjectExtension(Extension):
    """Adds the actions to each window, and stops child processes when Krita closes."""

    def __init__(self, parent: Any, finder: SubjectFinder) -> None:
        super().__init__(parent)
        self._finder = finder
        self._strips: list[StatusBarProgress] = []
        # Kept: Python's garbage collection would take an action's connections along with its wrapper.
        self._actions: list[Any] = []

    def setup(self) -> None:
        self._notifier = Krita.instance().notifier()  # kept, or it is garbage-collected along with its signals
        self._notifier.setActive(True)
        self._notifier.applicationClosing.connect(self._finder.close)
        self._finder.message.connect(show_message)

    def createActions(self, window: Any) -> None:  # noqa: N802 - Krita's name
        # The window object is gone when this returns; Qt's window stays.
        qwindow = window.qwindow()
        actions = []
        for identifier, (result, *words) in ACTIONS.items():
            action = window.createAction(identifier, _(words[0]), "tools/scripts")
            action.triggered.connect(lambda _checked=False, result=result: self._finder.run(result))
            actions.append((action, words))
        action = window.createAction(GO_TO_DOCKER, _(GO_TO_DOCKER_WORDS[0]), "tools/scripts")
        action.triggered.connect(lambda _checked=False: go_to_docker(qwindow))
        actions.append((action, list(GO_TO_DOCKER_WORDS)))
        self._actions += [action for action, _words in actions]
        self._strips.append(StatusBarProgress(self._finder, qwindow.statusBar()))
        # Krita builds its menus after this, and takes the actions' words from the .action file.
        QtCore.QTimer.singleShot(0, lambda: add_to_select_menu(qwindow, actions))
        QtCore.QTimer.singleShot(0, lambda: introduce_docker(qwindow))


def add_to_select_menu(qwindow: Any, actions: list[tuple[Any, list[str]]]) -> None:
    """Add the actions to the end of the Select menu too, all with their words in Krita's language."""
    for action, (label, tooltip) in actions:
        action.setText(_(label))
        keep_tooltip(action, tooltip)
    menu = qwindow.findChild(QtWidgets.QMenu, "Select")
    if menu is not None:
        menu.addSeparator()
        menu.addActions([action for action, _words in actions])


def keep_tooltip(action: Any, english: str) -> None:
    """Translate an action's tooltip, now and whenever Krita has set it again from the .action file."""

    def translate() -> None:
        shown = action.toolTip()
        if english in shown and english != _(english):
            action.setToolTip(shown.replace(english, _(english)))

    translate()
    action.changed.connect(translate)


def introduce_docker(qwindow: Any) -> None:
    """Show the docker once, the first time that there is one: Krita 6 leaves the dockers of new plug-ins hidden."""
    krita, docker = Krita.instance(), qwindow.findChild(QtWidgets.QDockWidget, DOCKER)
    if docker is not None and not krita.readSetting(GROUP, INTRODUCED, ""):
        krita.writeSetting(GROUP, INTRODUCED, "yes")
        docker.show()
        docker.raise_()


def go_to_docker(qwindow: Any) -> None:
    """Show the docker of a window, and give it the keyboard."""
    docker = qwindow.findChild(QtWidgets.QDockWidget, DOCKER)
    if docker is not None:
        docker.go_to()
