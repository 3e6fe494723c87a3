"""What is drawn over a canvas while things are picked there: the box of a drag, boxes that wait, and a hint."""

from __future__ import annotations

from typing import Any, Sequence

from .canvas import to_image
from .qt import QtCore, QtGui, QtWidgets
from .shared.settings import Box

ADDS, TAKES_AWAY = (70, 140, 255, 40), (255, 90, 60, 50)
"""Red, green, blue and opacity of what a drag covers."""

HINT_MARGIN_PX, HINT_PADDING_PX = 12, 40
HINT_STYLE = "color: white; background: rgba(0, 0, 0, 170); border-radius: 6px; padding: 6px 12px"
"""To be read over any image."""


class CanvasOverlay(QtWidgets.QWidget):
    """Lies over a canvas, as large as it, and lets all events through."""

    def __init__(self, view: Any, canvas: Any) -> None:
        super().__init__(canvas)
        self.setObjectName("dis_overlay")
        self._view, self._canvas = view, canvas
        self._drag: Any | None = None
        self._takes_away = False
        self._boxes: list[Box] = []
        self._hint = QtWidgets.QLabel(self)
        self._hint.setObjectName("dis_hint")
        self._hint.setStyleSheet(HINT_STYLE)
        self._hint.setWordWrap(True)
        self._hint.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._hint.hide()
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.resize(canvas.size())
        self.show()

    def show_drag(self, rectangle: Any | None, *, takes_away: bool = False) -> None:
        """Show the box of a drag, on the canvas; None when it has ended."""
        self._drag, self._takes_away = rectangle, takes_away
        self.update()

    def show_boxes(self, boxes: Sequence[Box]) -> None:
        """Show boxes of the image that are searched, or wait for it. They stay in their place in the image."""
        self._boxes = list(boxes)
        self.update()

    def show_hint(self, text: str) -> None:
        """Show a line at the lower end of the canvas; none if it is empty."""
        self._hint.setText(text)
        self._hint.setVisible(bool(text))
        self._place_hint()

    def resizeEvent(self, _event: Any) -> None:  # noqa: N802 - Qt's name
        self._place_hint()

    def leave(self) -> None:
        """Go, and leave nothing behind."""
        self.hide()
        self.deleteLater()

    def _place_hint(self) -> None:
        most = max(self.width() - 2 * HINT_MARGIN_PX, 1)
        width = min(self._hint.fontMetrics().boundingRect(self._hint.text()).width() + HINT_PADDING_PX, most)
        height = self._hint.heightForWidth(width)
        self._hint.setGeometry((self.width() - width) // 2, self.height() - height - HINT_MARGIN_PX, width, height)

    def paintEvent(self, _event: Any) -> None:  # noqa: N802 - Qt's name
        painter = QtGui.QPainter(self)
        to_canvas = to_image(self._view, self._canvas).inverted()[0]
        for box in self._boxes:
            _outline(painter, to_canvas.map(QtGui.QPolygonF(QtCore.QRectF(*box))))
        if self._drag is not None:
            color = QtGui.QColor(*(TAKES_AWAY if self._takes_away else ADDS))
            painter.fillRect(self._drag, color)
            _outline(painter, QtGui.QPolygonF(self._drag))
        painter.end()


def _outline(painter: Any, polygon: Any) -> None:
    """White dashes on a dark line, which can be seen on light and on dark."""
    painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
    for color, style in (
        (QtGui.QColor(0, 0, 0, 200), QtCore.Qt.PenStyle.SolidLine),
        (QtGui.QColor(255, 255, 255), QtCore.Qt.PenStyle.DashLine),
    ):
        pen = QtGui.QPen(color)
        pen.setStyle(style)
        painter.setPen(pen)
        painter.drawPolygon(polygon)
