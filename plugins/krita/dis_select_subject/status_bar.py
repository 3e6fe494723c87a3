"""What a window shows outside the docker: progress in the status bar, and messages over the canvas."""

from __future__ import annotations

from typing import Any

from krita import Krita

from .qt import QtGui, QtWidgets
from .shared.words import _
from .subject_finder import SubjectFinder

MESSAGE_MS = 5000
BAR_STEPS = 1000


class StatusBarProgress(QtWidgets.QWidget):
    """Shown during a run: what is being done, a progress bar, and a button that stops it."""

    def __init__(self, finder: SubjectFinder, status_bar: Any) -> None:
        super().__init__(status_bar)
        self.setObjectName("dis_status_strip")
        self._doing = QtWidgets.QLabel()
        self._bar = QtWidgets.QProgressBar()
        self._bar.setMaximum(BAR_STEPS)
        self._bar.setMaximumWidth(20 * self.fontMetrics().averageCharWidth())
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(_("Progress"))
        stop = QtWidgets.QToolButton()
        stop.setText(_("Stop"))
        stop.setToolTip(_("Stop finding the subject. Nothing is changed"))
        stop.clicked.connect(finder.stop)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._doing, self._bar, stop):
            layout.addWidget(widget)
        status_bar.addPermanentWidget(self)
        self.hide()
        finder.progressed.connect(self.show_progress)
        finder.ended.connect(self.hide)

    def show_progress(self, fraction: float, doing: str) -> None:
        self._doing.setText(_("Subject: {doing}", doing=doing))
        self._bar.setValue(round(fraction * BAR_STEPS))
        self.show()


def show_message(text: str) -> None:
    """Show a message in the status bar for a while, and over the canvas if there is one."""
    window = Krita.instance().activeWindow()
    if window is None:
        return
    view = window.activeView()
    if view is not None and view.document() is not None:
        view.showFloatingMessage(text, QtGui.QIcon(), MESSAGE_MS, 1)
    window.qwindow().statusBar().showMessage(text, MESSAGE_MS)
