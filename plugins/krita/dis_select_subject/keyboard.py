"""The docker without a mouse: keys that move in it and press its buttons, and names for screen readers."""

from __future__ import annotations

from typing import Any

from .canvas import find_canvas
from .qt import QtCore, QtWidgets
from .shared.words import _

_KEYS = QtCore.Qt.Key
STEPS = {_KEYS.Key_Tab: 1, _KEYS.Key_Backtab: -1}
OURS = (*STEPS, _KEYS.Key_Space, _KEYS.Key_Return, _KEYS.Key_Enter, _KEYS.Key_Escape)
"""Keys that are for the control with the focus. Krita's shortcuts would take some of them first: Tab hides dockers."""


class DockerKeys(QtCore.QObject):
    """Keeps these keys for the controls inside of a scroll area. Escape goes back to the canvas.

    Tab goes through the controls as they are seen, and not in Qt's order, which leads from a docker backward to
    pictures.
    """

    def __init__(self, area: Any) -> None:
        super().__init__(area)
        self._area = area
        QtWidgets.QApplication.instance().installEventFilter(self)

    def eventFilter(self, receiver: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        kinds = QtCore.QEvent.Type
        if event.type() not in (kinds.ShortcutOverride, kinds.KeyPress) or event.key() not in OURS:
            return False
        if not (isinstance(receiver, QtWidgets.QWidget) and self._area.isAncestorOf(receiver)):
            return False
        if event.type() == kinds.ShortcutOverride:
            event.accept()  # then it comes again as a key press, and not as a shortcut
            return True
        if event.key() in STEPS:
            self._step(receiver, STEPS[event.key()])
            return True
        canvas = find_canvas() if event.key() == _KEYS.Key_Escape else None
        if canvas is not None:
            canvas.setFocus()
        return canvas is not None

    def _step(self, receiver: Any, step: int) -> None:
        controls = controls_of(self._area)
        here = [number for number, control in enumerate(controls) if control in (receiver, receiver.parentWidget())]
        following = controls[(here[0] + step if here else 0) % len(controls)]
        following.setFocus(QtCore.Qt.FocusReason.TabFocusReason)
        self._area.ensureWidgetVisible(following)


def controls_of(area: Any) -> list[Any]:
    """What the keyboard can be given inside of a scroll area, by lines from top to bottom."""
    found = [widget for widget in area.widget().findChildren(QtWidgets.QWidget) if _takes_the_keyboard(widget)]
    corner = QtCore.QPoint(0, 0)
    places = [(widget.mapTo(area.widget(), corner), widget) for widget in found]
    return [widget for place, widget in sorted(places, key=lambda item: (item[0].y(), item[0].x()))]


def _takes_the_keyboard(widget: Any) -> bool:
    if not (widget.isVisible() and widget.isEnabled()) or widget.focusProxy() is not None:
        return False
    inside = isinstance(widget.parentWidget(), (QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox))
    return not inside and bool(widget.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus)


def prepare(content: Any) -> None:
    """Let buttons be pressed by Enter as well as by Space, and give each control a name for screen readers."""
    for button in content.findChildren(QtWidgets.QPushButton):
        button.setAutoDefault(True)
    for bar in content.findChildren(QtWidgets.QProgressBar):
        bar.setAccessibleName(_("Progress"))
    for label in content.findChildren(QtWidgets.QLabel):
        control = label.buddy()
        if control is not None and not control.accessibleName():
            control.setAccessibleName(label.text().replace("&", ""))
