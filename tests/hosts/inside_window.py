"""What the tests do and measure in Krita's window, besides what `inside_krita.py` does; both are the driver's."""

import time

from dis_select_subject import finder
from dis_select_subject.qt import QtCore, QtWidgets
from krita import Krita

APP = Krita.instance()


class Presses(QtCore.QObject):
    """Notes how late Krita hears each press of the mouse while the plug-in works.

    In milliseconds: since the screen sent it, and how long Krita's main thread has computed since the press before. A
    long step of ours makes both long; a busy machine only the first, and few clicks only the second.
    """

    def __init__(self):
        super().__init__()
        self.heard, self.doing, self.before = [], "", time.thread_time()
        finder.progressed.connect(self.note_progress)
        QtWidgets.QApplication.instance().installEventFilter(self)

    def note_progress(self, _fraction, doing):
        self.doing = doing

    def eventFilter(self, receiver, event):  # noqa: N802 - Qt's name
        # Qt gives it to the window first, then to one widget after the other.
        if event.type() == QtCore.QEvent.Type.MouseButtonPress and receiver.isWindowType():
            now = time.thread_time()
            late_ms = time.monotonic() * 1000 % 2**32 - event.timestamp()
            self.heard.append([round(late_ms), round((now - self.before) * 1000), self.doing if finder.is_busy else ""])
            self.before = now
        return False


presses = []


def note_presses():
    del presses[:]
    presses.append(Presses())
    bar = APP.activeWindow().qwindow().statusBar()
    place = bar.mapToGlobal(QtCore.QPoint(bar.width() * 2 // 5, bar.height() // 2))
    return [place.x(), place.y()]


def heard_presses():
    QtWidgets.QApplication.instance().removeEventFilter(presses[0])
    finder.progressed.disconnect(presses[0].note_progress)
    return presses.pop().heard
