"""The canvas of a view as a Qt widget, and which pixels of the image lie below a place on it."""

from __future__ import annotations

from typing import Any

from krita import Krita

from .qt import QtCore, QtGui, QtWidgets

CANVASES = ("KisQPainterCanvas", "KisOpenGLCanvas2")
POINTS_PER_INCH = 72.0


def find_canvas() -> Any | None:
    """The canvas of the active view; None if there is none."""
    area = find_area()
    shown = None if area is None else area.activeSubWindow()
    if shown is None:
        return None
    return next((widget for widget in shown.findChildren(QtWidgets.QWidget) if _is_canvas(widget)), None)


def find_area() -> Any | None:
    """What holds the views of the active window; None if there is no window."""
    window = Krita.instance().activeWindow()
    return None if window is None else window.qwindow().findChild(QtWidgets.QMdiArea)


def to_image(view: Any, canvas: Any) -> Any:
    """The transform from places on a canvas to pixels of its image."""
    if hasattr(view, "flakeToCanvasTransform"):  # since Krita 5.3
        return view.flakeToCanvasTransform().inverted()[0] * view.flakeToImageTransform()
    return _image_to_canvas(view, canvas).inverted()[0]


def pixel_at(view: Any, canvas: Any, place: Any) -> tuple[int, int]:
    """The pixel of the image below a place on its canvas; it may lie outside of the image."""
    point = to_image(view, canvas).map(place)
    return int(point.x() // 1), int(point.y() // 1)


def image_box(view: Any, canvas: Any, rectangle: Any) -> tuple[int, int, int, int]:
    """x, y, width and height of the pixels around a rectangle on the canvas; they may lie outside of the image."""
    box = to_image(view, canvas).mapRect(rectangle)
    left, top, right, bottom = map(round, (box.left(), box.top(), box.right(), box.bottom()))
    return left, top, max(right - left, 1), max(bottom - top, 1)


def _is_canvas(widget: Any) -> bool:
    return widget.isVisible() and widget.metaObject().className() in CANVASES


def image_to_canvas(view: Any, canvas: Any) -> Any:
    """The transform from pixels of the image to places on its canvas."""
    if hasattr(view, "flakeToCanvasTransform"):  # since Krita 5.3
        return view.flakeToImageTransform().inverted()[0] * view.flakeToCanvasTransform()
    return _image_to_canvas(view, canvas)


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
