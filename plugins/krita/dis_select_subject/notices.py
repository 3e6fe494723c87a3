"""What a window shows besides the docker: the progress in its status bar, and messages over the canvas."""

from __future__ import annotations

from typing import Any

from krita import Krita

from .desk import Desk
from .qt import QtGui, QtWidgets

MESSAGE_MS = 5000
BAR_STEPS = 1000


class StatusStrip(QtWidgets.QWidget):
    """In the status bar while something runs: what is being done, how far it is, and a button that stops it."""

    def __init__(self, desk: Desk, status_bar: Any) -> None:
        super().__init__(status_bar)
        self.setObjectName("dis_status_strip")
        self._doing = QtWidgets.QLabel()
        self._bar = QtWidgets.QProgressBar()
        self._bar.setMaximum(BAR_STEPS)
        self._bar.setMaximumWidth(160)
        self._bar.setTextVisible(False)
        stop = QtWidgets.QToolButton()
        stop.setText("Stop")
        stop.setToolTip("Stop finding the subject; nothing is changed")
        stop.clicked.connect(desk.stop)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        for widget in (self._doing, self._bar, stop):
            layout.addWidget(widget)
        status_bar.addPermanentWidget(self)
        self.hide()
        desk.progressed.connect(self.show_progress)
        desk.ended.connect(self.hide)

    def show_progress(self, fraction: float, doing: str) -> None:
        self._doing.setText(f"Subject: {doing}")
        self._bar.setValue(round(fraction * BAR_STEPS))
        self.show()


def say(text: str) -> None:
    """Show a sentence over the canvas for a while, or in the status bar where there is no canvas."""
    window = Krita.instance().activeWindow()
    if window is None:
        return
    view = window.activeView()
    if view is not None and view.document() is not None:
        view.showFloatingMessage(text, QtGui.QIcon(), MESSAGE_MS, 1)
    window.qwindow().statusBar().showMessage(text, MESSAGE_MS)
