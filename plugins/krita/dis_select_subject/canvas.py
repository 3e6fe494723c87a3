"""The canvas of a view as a Qt widget: clicks on it, and which pixel of the image they mean."""

from __future__ import annotations

from typing import Any, Callable

from krita import Krita

from .qt import QtCore, QtGui, QtWidgets

CANVASES = ("KisQPainterCanvas", "KisOpenGLCanvas2")
POINTS_PER_INCH = 72.0
_TYPES = QtCore.QEvent.Type
PRESSES = (_TYPES.MouseButtonPress, _TYPES.MouseButtonDblClick, _TYPES.TabletPress)
"""A second click that comes soon is a double click for Qt, and one more click here."""

SWALLOWED = (*PRESSES, _TYPES.MouseButtonRelease, _TYPES.TabletRelease)


class Clicks(QtCore.QObject):
    """Takes the left clicks on a canvas before Krita's tools see them, and tells the pixel x, y, until `stop`."""

    def __init__(self, view: Any, canvas: Any, on_click: Callable[[int, int], None]) -> None:
        super().__init__()
        self._view, self._canvas, self._on_click = view, canvas, on_click
        # Not on the canvas: Krita puts its own filter there again and again, which is asked first then.
        QtWidgets.QApplication.instance().installEventFilter(self)

    def eventFilter(self, receiver: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        if event.type() not in SWALLOWED or receiver != self._canvas:
            return False
        if event.button() != QtCore.Qt.MouseButton.LeftButton:
            return False
        if event.type() in PRESSES:
            place = event.position() if hasattr(event, "position") else _place(event)
            # Later, when Krita is done with the event; it is gone by then.
            x, y = place.x(), place.y()
            QtCore.QTimer.singleShot(0, lambda: self._on_click(*image_point(self._view, self._canvas, x, y)))
        event.accept()  # or a tablet's event would come again as the mouse's
        return True

    def stop(self) -> None:
        """Leave the clicks to Krita again."""
        QtWidgets.QApplication.instance().removeEventFilter(self)


def find_canvas() -> Any | None:
    """The canvas of the active view; None if there is none."""
    window = Krita.instance().activeWindow()
    if window is None:
        return None
    shown = [widget for widget in window.qwindow().findChildren(QtWidgets.QWidget) if widget.isVisible()]
    return next((widget for widget in reversed(shown) if widget.metaObject().className() in CANVASES), None)


def image_point(view: Any, canvas: Any, x: float, y: float) -> tuple[int, int]:
    """The pixel of the image below a place on its canvas; it may lie outside of the image."""
    if hasattr(view, "flakeToCanvasTransform"):  # since Krita 5.3
        to_image = view.flakeToCanvasTransform().inverted()[0] * view.flakeToImageTransform()
    else:
        to_image = _image_to_canvas(view, canvas).inverted()[0]
    point = to_image.map(QtCore.QPointF(x, y))
    return int(point.x() // 1), int(point.y() // 1)


def _image_to_canvas(view: Any, canvas: Any) -> Any:
    """What Krita does to the image to show it: zoom, mirror, rotate; the scroll bars say where its corner is then."""
    shown, document = view.canvas(), view.document()
    # Krita counts 100 % as an image of 72 pixels per inch at its own size.
    scale = shown.zoomLevel() * POINTS_PER_INCH / document.resolution()
    turned = QtGui.QTransform().rotate(shown.rotation()).scale(-scale if shown.mirror() else scale, scale)
    box = turned.mapRect(QtCore.QRectF(0.0, 0.0, document.width(), document.height()))
    area = canvas.parentWidget()
    while not isinstance(area, QtWidgets.QAbstractScrollArea):
        area = area.parentWidget()
    left, top = area.horizontalScrollBar().value(), area.verticalScrollBar().value()
    return turned * QtGui.QTransform.fromTranslate(-left - box.left(), -top - box.top())


def _place(event: Any) -> Any:
    return event.posF() if hasattr(event, "posF") else event.localPos()
