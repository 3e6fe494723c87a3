"""What the tests do on Krita's canvas: views, clicks, boxes and pens."""

import time

from dis_select_subject import finder
from dis_select_subject.qt import QtCore, QtGui, QtWidgets
from inside_krita import APP
from inside_runs import children, messages


def ants():
    """How many pixels of the canvas change within a moment in which nothing else does: marching ants."""
    canvas = the_canvas()
    before = canvas.grab().toImage()
    started = time.monotonic()
    most = 0
    while time.monotonic() - started < 3.0 and not most:
        yield lambda: True
        after = canvas.grab().toImage()
        most = 0 if after == before else 1
    return most


def is_canvas(widget):
    return widget.metaObject().className() in ("KisQPainterCanvas", "KisOpenGLCanvas2") and widget.isVisible()


def pick_on_canvas():
    """Press the docker's button, and wait until nothing more is prepared."""
    del messages[:], children[:]
    APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_pick").click()
    yield from wait_until_picked()


def wait_until_picked():
    """Until all that was asked for on the canvas is done; the last message."""
    waited = time.monotonic() + 0.1  # for events on their way
    yield lambda: time.monotonic() > waited
    yield lambda: finder._picker is None or picker_rests(finder._picker)
    yield lambda: True
    return messages[-1] if messages else ""


def picker_rests(picker):
    busy = picker._waiting or picker._changing is not None or picker._is_undoing or picker._parts.is_numbering
    return not busy and not finder.is_working


def is_picking():
    return [finder.is_picking, APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_pick").isChecked()]


def box_with_pen(start, end, holding=""):
    """Move a pen over the canvas, pressed, from a place on the screen to another one."""
    canvas, buttons = the_canvas(), QtCore.Qt.MouseButton
    modifiers = QtCore.Qt.KeyboardModifier.ControlModifier if holding else QtCore.Qt.KeyboardModifier.NoModifier
    kinds = QtCore.QEvent.Type
    middle = [(start[0] + end[0]) // 2, (start[1] + end[1]) // 2]
    for kind, place, button, held in (
        (kinds.TabletPress, start, buttons.LeftButton, buttons.LeftButton),
        (kinds.TabletMove, middle, buttons.NoButton, buttons.LeftButton),
        (kinds.TabletMove, end, buttons.NoButton, buttons.LeftButton),
        (kinds.TabletRelease, end, buttons.LeftButton, buttons.NoButton),
    ):
        shown = QtCore.QPointF(*place)
        local = QtCore.QPointF(canvas.mapFromGlobal(QtCore.QPoint(*place)))
        event = tablet_event(kind, local, shown, modifiers, button, held)
        QtWidgets.QApplication.sendEvent(canvas, event)
        yield lambda: True


def tablet_event(kind, local, shown, modifiers, button, held):
    if hasattr(QtGui.QTabletEvent, "posF"):
        device, tip = QtGui.QTabletEvent.TabletDevice.Stylus, QtGui.QTabletEvent.PointerType.Pen
        return QtGui.QTabletEvent(kind, local, shown, device, tip, 0.8, 0, 0, 0.0, 0.0, 0, modifiers, 1, button, held)
    device = QtGui.QPointingDevice.primaryPointingDevice()
    return QtGui.QTabletEvent(kind, device, local, shown, 0.8, 0, 0, 0.0, 0.0, 0.0, modifiers, button, held)


def wait_for_words(words):
    yield lambda: any(message.startswith(words) for message in messages)
    return True


def stop_picking():
    APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_pick").click()


def view_as(zoom, dpi, scroll, rotation, mirror):
    document, canvas = APP.activeDocument(), APP.activeWindow().activeView().canvas()
    document.setResolution(dpi)
    canvas.setMirror(mirror)
    canvas.setRotation(rotation)
    canvas.setZoomLevel(zoom)
    yield lambda: True
    area = the_canvas().parentWidget().parentWidget()
    for bar, value in zip((area.horizontalScrollBar(), area.verticalScrollBar()), scroll):
        bar.setValue((bar.minimum() + bar.maximum()) // 2 + value)  # from the middle, where all of the image shows
    waited = time.monotonic() + 1.0  # Krita draws later
    yield lambda: time.monotonic() > waited


def the_canvas():
    return [widget for widget in APP.activeWindow().qwindow().findChildren(QtWidgets.QWidget) if is_canvas(widget)][-1]


def looks_bright(shown, x, y):
    return shown.pixelColor(x, y).red() > 235 and 180 < shown.pixelColor(x, y).blue() < 220


def bright_extent(split):
    """left, top, right, bottom on the screen of what shows bright on the canvas left of a share of it, and right."""
    canvas = the_canvas()
    shown = canvas.grab().toImage()
    columns, rows = range(shown.width()), range(shown.height())
    found = [(x, y) for x in columns for y in rows if looks_bright(shown, x, y)]
    middle = min(found)[0] + split * (max(found)[0] - min(found)[0])
    corner = canvas.mapToGlobal(QtCore.QPoint(0, 0))
    extents = []
    for part in ([place for place in found if place[0] < middle], [place for place in found if place[0] >= middle]):
        xs, ys = zip(*part)
        left, top = corner.x() + min(xs), corner.y() + min(ys)
        extents.append([left, top, corner.x() + max(xs) + 1, corner.y() + max(ys) + 1])
    return extents


def bright_places():
    """Places on the screen 6 pixels inside of what shows bright on the canvas, at its left and at its right end."""
    canvas = the_canvas()
    shown = canvas.grab().toImage()
    found = [
        (x, y) for x in range(0, shown.width(), 2) for y in range(0, shown.height(), 2) if looks_bright(shown, x, y)
    ]
    places = []
    for x, inward in ((min(found)[0], 6), (max(found)[0], -6)):
        rows = [y for column, y in found if column == x]
        place = canvas.mapToGlobal(QtCore.QPoint(x + inward, rows[len(rows) // 2]))
        places.append([place.x(), place.y()])
    return places


def save_canvas(path):
    """What is on the canvas, overlay and all, as a PNG file, as soon as it has been drawn."""
    waited = time.monotonic() + 0.5
    yield lambda: time.monotonic() > waited
    the_canvas().grab().save(path)
