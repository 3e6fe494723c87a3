"""The matte over the canvas: a transparent widget that shows what is the subject, wherever the view goes."""

from __future__ import annotations

import math
from typing import Any, Callable

from . import masks
from .canvas import image_to_canvas
from .qt import QtCore, QtGui, QtWidgets
from .results import gray_bytes
from .shared.settings import Box, overlap

RED, BLACK, WHITE = (255, 40, 40), (0, 0, 0), (255, 255, 255)
LIGHT, DARK = (204, 204, 204), (153, 153, 153)
OPACITY = {"red": 0.55}
CHECK_PX, DASH_PX = 16, 8
MOST_PIXELS = 1_500_000
"""Up to so many, all of the matte is looked at, so that nothing is missing while the view moves."""

_HARD = bytes(255 if value >= 128 else 0 for value in range(256))


class Overlay(QtWidgets.QWidget):
    """Lies on a canvas. `box` is where the matte lies in the image; `on_moved` is called when more of it is seen."""

    def __init__(self, view: Any, canvas: Any, box: Box, shown: str, *, on_moved: Callable[[], None]) -> None:
        super().__init__(canvas)
        self.setObjectName("dis_overlay")
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_NoSystemBackground)
        self._view, self._canvas, self._box, self._shown = view, canvas, box, shown
        self._on_moved = on_moved
        self._transform = image_to_canvas(view, canvas)
        self._gray: Any = None
        self._part: Box = (0, 0, 0, 0)
        self._drawn: Any = None
        self.setGeometry(canvas.rect())
        canvas.installEventFilter(self)
        self.show()

    def eventFilter(self, _receiver: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        if event.type() in (QtCore.QEvent.Type.Paint, QtCore.QEvent.Type.Resize):
            QtCore.QTimer.singleShot(0, self._follow)  # whatever moves the view paints the canvas
        return False

    def seen(self) -> tuple[Box, tuple[int, int]]:
        """The part of the matte that is seen, x, y, width and height in its pixels, and how large it is shown."""
        scale = min(self._scale(), 1.0)
        part = (0, 0, self._box[2], self._box[3])
        if part[2] * part[3] * scale * scale > MOST_PIXELS:
            part = self._visible() or part
        return part, (max(round(part[2] * scale), 1), max(round(part[3] * scale), 1))

    def put(self, plane: bytes, size: tuple[int, int], part: Box) -> None:
        """Show a part of the matte, bytes in so many columns and rows."""
        self._gray = QtGui.QImage(plane, size[0], size[1], size[0], QtGui.QImage.Format.Format_Grayscale8).copy()
        self._part = part
        self._draw()

    def show_as(self, shown: str) -> None:
        """Show it in another way, one of `settings.SHOWN`."""
        if shown != self._shown:
            self._shown = shown
            self._draw()

    def remove(self) -> None:
        """Take it off the canvas."""
        self._canvas.removeEventFilter(self)
        self.hide()
        self.deleteLater()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802 - Qt's name
        if self._drawn is None:
            return
        painter = QtGui.QPainter(self)
        painter.setOpacity(OPACITY.get(self._shown, 1.0))
        painter.drawImage(0, 0, self._drawn)
        painter.end()

    def _follow(self) -> None:
        try:
            transform, area = image_to_canvas(self._view, self._canvas), self._canvas.rect()
        except RuntimeError:
            return  # the view has been closed
        if transform == self._transform and area == self.geometry():
            return
        self._transform = transform
        self.setGeometry(area)
        self._draw()
        part, size = self.seen()
        known = None if self._gray is None else overlap(part, self._part)
        if known != part or size[0] * self._part[2] > 1.02 * self._gray.width() * part[2]:
            self._on_moved()

    def _scale(self) -> float:
        """How many pixels of the screen a pixel of the image has along each side."""
        return float(math.sqrt(abs(self._transform.determinant())) * self.devicePixelRatioF())

    def _visible(self) -> Box | None:
        """What is seen and a tenth more on each side, in pixels of the matte."""
        seen = self._transform.inverted()[0].mapRect(QtCore.QRectF(self.rect()))
        more = max(seen.width(), seen.height()) / 10
        left, top = math.floor(seen.left() - more), math.floor(seen.top() - more)
        width, height = math.ceil(seen.width() + 2 * more), math.ceil(seen.height() + 2 * more)
        x, y = self._box[:2]
        return overlap((left - x, top - y, width, height), (0, 0, self._box[2], self._box[3]))

    def _draw(self) -> None:
        """Draw for this view, so that painting is only copying."""
        if self._gray is None:
            return
        gray = self._on_screen()
        if self._shown == "edge":
            width, height = gray.width(), gray.height()
            plane = masks.outline(gray_bytes(gray).translate(_HARD), width)
            cover = QtGui.QImage(plane, width, height, width, QtGui.QImage.Format.Format_Grayscale8)
        else:
            gray.invertPixels()
            cover = gray
        drawn = QtGui.QImage(gray.size(), QtGui.QImage.Format.Format_RGB32)
        painter = QtGui.QPainter(drawn)
        painter.fillRect(drawn.rect(), _brush(self._shown))
        painter.end()
        drawn.setAlphaChannel(cover)
        drawn = drawn.convertToFormat(QtGui.QImage.Format.Format_ARGB32_Premultiplied)
        drawn.setDevicePixelRatio(self.devicePixelRatioF())
        self._drawn = drawn
        self.update()

    def _on_screen(self) -> Any:
        """The matte in pixels of the screen, gray. Outside of the image there is nothing to cover, and no edge."""
        ratio = self.devicePixelRatioF()
        screen = QtGui.QImage(
            max(math.ceil(self.width() * ratio), 1),
            max(math.ceil(self.height() * ratio), 1),
            QtGui.QImage.Format.Format_RGB32,
        )
        screen.fill(QtGui.QColor(*(BLACK if self._shown == "edge" else WHITE)))
        document = self._view.document()
        painter = QtGui.QPainter(screen)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(self._transform * QtGui.QTransform.fromScale(ratio, ratio))
        painter.fillRect(QtCore.QRectF(0, 0, document.width(), document.height()), QtGui.QColor(*BLACK))
        x, y, width, height = self._part
        painter.drawImage(QtCore.QRectF(x + self._box[0], y + self._box[1], width, height), self._gray)
        painter.end()
        return screen.convertToFormat(QtGui.QImage.Format.Format_Grayscale8)


def _brush(shown: str) -> Any:
    """What covers what is not the subject, or what the line around the subject is drawn with."""
    plain = {"red": RED, "black": BLACK, "white": WHITE}
    if shown in plain:
        return QtGui.QBrush(QtGui.QColor(*plain[shown]))
    colors, side = ((LIGHT, DARK), CHECK_PX) if shown == "checkers" else ((WHITE, BLACK), DASH_PX)
    tile = QtGui.QImage(side, side, QtGui.QImage.Format.Format_RGB32)
    tile.fill(QtGui.QColor(*colors[0]))
    painter = QtGui.QPainter(tile)
    half = side // 2
    for left, top in ((0, 0), (half, half)):
        painter.fillRect(left, top, half, half, QtGui.QColor(*colors[1]))
    painter.end()
    return QtGui.QBrush(tile)
