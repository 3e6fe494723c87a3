"""What the tests do and measure in Krita's window, and with a pen."""

import time

from dis_select_subject import finder, subject_run
from dis_select_subject.qt import QtCore, QtGui, QtWidgets
from inside_canvas import the_canvas
from inside_krita import APP


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
    bar = APP.activeWindow().qwindow().menuBar()
    place = bar.mapToGlobal(QtCore.QPoint(bar.width() - 20, bar.height() // 2))  # no menu is there
    return [place.x(), place.y()]


def heard_presses():
    QtWidgets.QApplication.instance().removeEventFilter(presses[0])
    finder.progressed.disconnect(presses[0].note_progress)
    return presses.pop().heard


real_step = subject_run.SubjectRun._step
steps = []


def timed_step(run):
    """Of each step of a run: how long Krita's main thread computed, and where it was."""
    where = []
    part = run._steps
    while part is not None and getattr(part, "gi_frame", None) is not None:
        where.append(f"{part.gi_code.co_name}:{part.gi_frame.f_lineno}")
        part = part.gi_yieldfrom
    wall, cpu = time.monotonic(), time.thread_time()
    answer = real_step(run)
    steps.append([round((time.thread_time() - cpu) * 1000), round((time.monotonic() - wall) * 1000), " ".join(where)])
    return answer


subject_run.SubjectRun._step = timed_step


def long_steps():
    found = sorted(steps, key=lambda step: -step[0])[:15]
    del steps[:]
    return found


def window_facts():
    """What the canvas is, how many pixels of the screen one of Qt's is, and how bright the window's background is."""
    qwindow = APP.activeWindow().qwindow()
    background = qwindow.palette().color(qwindow.backgroundRole())
    return [the_canvas().metaObject().className(), qwindow.devicePixelRatioF(), background.lightness()]


def image_place(x, y):
    """The place on the screen, in its own pixels, of a pixel of the image, which lies in the middle of the canvas."""
    canvas, document = the_canvas(), APP.activeDocument()
    APP.activeWindow().activeView().canvas().setZoomLevel(1.0)
    waited = time.monotonic() + 1.0  # Krita draws later
    yield lambda: time.monotonic() > waited
    scale = APP.activeWindow().activeView().canvas().zoomLevel() * 72 / document.resolution()
    ratio = canvas.devicePixelRatioF()
    # Krita counts the screen's pixels.
    left = (canvas.width() * ratio - document.width() * scale) / 2
    top = (canvas.height() * ratio - document.height() * scale) / 2
    corner = canvas.mapToGlobal(QtCore.QPoint(0, 0))
    return [round(corner.x() * ratio + left + x * scale), round(corner.y() * ratio + top + y * scale)]


def pen(kind, x, y):
    """An event of a tablet's pen at a place of the canvas, which has no pen here."""
    canvas = the_canvas()
    place = QtCore.QPointF(x, y)
    on_screen = QtCore.QPointF(canvas.mapToGlobal(place.toPoint()))
    left, none = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.MouseButton.NoButton
    event_type = getattr(QtCore.QEvent.Type, kind)
    held = none if kind == "TabletRelease" else left
    keys = QtCore.Qt.KeyboardModifier.NoModifier
    if hasattr(QtGui.QTabletEvent, "PointerType"):
        device, tip = QtGui.QTabletEvent.TabletDevice.Stylus, QtGui.QTabletEvent.PointerType.Pen
        event = QtGui.QTabletEvent(
            event_type, place, on_screen, device, tip, 0.8, 0, 0, 0.0, 0.0, 0, keys, 1, left, held
        )
    else:
        device = QtGui.QPointingDevice.primaryPointingDevice()
        event = QtGui.QTabletEvent(event_type, device, place, on_screen, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0, keys, left, held)
    QtWidgets.QApplication.sendEvent(canvas, event)


def draw_with_pen(x, y):
    """A dab at a place on the screen; a hand trembles by a pixel."""
    place = the_canvas().mapFromGlobal(QtCore.QPoint(x, y))
    for kind, step in (("TabletPress", 0), ("TabletMove", 1), ("TabletRelease", 1)):
        pen(kind, place.x() + step, place.y())
        yield lambda: True
    APP.activeDocument().waitForDone()


photos, runs = {}, []


def open_photo(name, path):
    """A photograph in a view of its own, in a window that fills the screen."""
    APP.activeWindow().qwindow().setGeometry(0, 0, 1600, 1000)
    document = photos[name] = APP.openDocument(path)
    APP.activeWindow().addView(document)
    yield lambda: APP.activeDocument() == document
    waited = time.monotonic() + 3.0  # Krita draws later
    yield lambda: time.monotonic() > waited


def place_of(button):
    """The middle of a button on the screen. Fails if one would have to look for it."""
    widget = APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, button)
    assert not widget.visibleRegion().isEmpty(), button
    place = widget.mapToGlobal(widget.rect().center())
    return [place.x(), place.y()]


def note_runs():
    finder.progressed.connect(lambda _fraction, doing: runs.append(doing))
    finder.message.connect(lambda words: runs.append(["ended", words]))


def wait_for_progress():
    yield lambda: any("refining" in words or "looking" in words or words[0] == "ended" for words in runs)


def wait_for_result():
    yield lambda: any(words[0] == "ended" for words in runs)
    return [words[1] for words in runs if words[0] == "ended"]


def save_selected(name, path):
    """What is selected of a photograph, a byte for each pixel."""
    document = photos[name]
    with open(path, "wb") as file:
        file.write(bytes(document.selection().pixelData(0, 0, document.width(), document.height())))
