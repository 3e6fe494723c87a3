"""What the user does on a canvas while things are picked there, before Krita's own tools see it."""

from __future__ import annotations

import time
from typing import Any, Callable

from .canvas import image_box, pixel_at, to_image
from .canvas_overlay import CanvasOverlay
from .qt import QtCore, QtWidgets
from .shared.pointing import Told

_TYPES, _BUTTONS, _KEYS = QtCore.QEvent.Type, QtCore.Qt.MouseButton, QtCore.Qt.Key
_MODIFIERS = QtCore.Qt.KeyboardModifier
PEN = (_TYPES.TabletPress, _TYPES.TabletMove, _TYPES.TabletRelease)
PRESSES = (_TYPES.MouseButtonPress, _TYPES.MouseButtonDblClick, _TYPES.TabletPress)
"""A second click that comes soon is a double click for Qt, and one more click here."""

MOVES = (_TYPES.MouseMove, _TYPES.TabletMove)
RELEASES = (_TYPES.MouseButtonRelease, _TYPES.TabletRelease)
STROKES = (_TYPES.ShortcutOverride, _TYPES.KeyPress, _TYPES.KeyRelease)
TAKEN_KEYS = (_KEYS.Key_Backspace, _KEYS.Key_Return, _KEYS.Key_Enter, _KEYS.Key_Escape)
SAMPLING_KEYS = (_KEYS.Key_Control, _KEYS.Key_Alt)
"""With these, Krita would sample colors, and show one beside the cursor. Shortcuts with them work all the same."""

AFTER_PEN_S = 0.2
"""Some systems send what a pen has done once more, as a mouse."""


class CanvasGestures(QtCore.QObject):
    """Takes clicks and drags with the left and the right button, and some keys, from a canvas, until `stop`.

    `on_told` gets a box or a point, and whether it is to be taken away: with the right button, Ctrl, or Alt as with
    Krita's own selection tools. `on_key` gets one of TAKEN_KEYS. While Space is held, the mouse is Krita's, to pan.
    """

    def __init__(
        self,
        view: Any,
        canvas: Any,
        *,
        on_told: Callable[[Told, bool], None],
        on_key: Callable[[Any], None],
    ) -> None:
        super().__init__()
        self._view, self._canvas, self._on_told, self._on_key = view, canvas, on_told, on_key
        self.overlay = CanvasOverlay(view, canvas)
        self._button: Any | None = None
        """The button that is down and whose press Krita has not seen."""
        self._pressed = self._corner = QtCore.QPointF()
        """Where it went down, on the canvas and in the image, which may be moved meanwhile."""
        self._takes_away = self._drags = self._is_given_up = self._space = False
        self._pen_at = 0.0
        self._cursor = canvas.cursor()
        canvas.setCursor(QtCore.Qt.CursorShape.CrossCursor)
        canvas.setFocus()
        # Not on the canvas: Krita puts its own filter there again and again, which is asked first then.
        QtWidgets.QApplication.instance().installEventFilter(self)

    def stop(self) -> None:
        """Leave everything to Krita again."""
        QtWidgets.QApplication.instance().removeEventFilter(self)
        self.overlay.leave()
        self._canvas.setCursor(self._cursor)

    def forget(self) -> None:
        """Leave everything to Krita, whose canvas is gone already."""
        QtWidgets.QApplication.instance().removeEventFilter(self)

    def eventFilter(self, receiver: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        kind = event.type()
        if kind in STROKES:
            return self._key(receiver, event)
        if receiver is not self._canvas:
            return False
        if kind in PRESSES:
            taken = self._press(event)
        elif kind in MOVES:
            taken = self._move(event)
        elif kind in RELEASES:
            taken = self._release(event)
        else:
            return self._other(kind)
        if taken:
            event.accept()  # or a pen's event would come again as the mouse's
        return taken

    def _key(self, receiver: Any, event: Any) -> bool:
        if event.key() == _KEYS.Key_Space and not event.isAutoRepeat():
            self._space = event.type() != _TYPES.KeyRelease
        if receiver is not self._canvas:
            return False
        if event.key() in SAMPLING_KEYS:
            # Releases are Krita's: the key may have gone down before this began.
            return event.type() != _TYPES.KeyRelease and not self._space
        if event.key() not in TAKEN_KEYS:
            return False
        if event.modifiers() not in (_MODIFIERS.NoModifier, _MODIFIERS.KeypadModifier):
            return False
        event.accept()  # or the shortcut of Krita would still be triggered
        if event.type() == _TYPES.KeyPress:
            self._act_on(event.key())
        return True

    def _act_on(self, key: Any) -> None:
        if key == _KEYS.Key_Escape and self._button is not None:
            self._is_given_up = True  # until the button comes up, which is not Krita's either
            self.overlay.show_drag(None)
        else:
            QtCore.QTimer.singleShot(0, lambda: self._on_key(key))

    def _press(self, event: Any) -> bool:
        if event.type() in PEN:
            self._pen_at = time.monotonic()
        elif time.monotonic() - self._pen_at < AFTER_PEN_S:
            return True
        if event.button() not in (_BUTTONS.LeftButton, _BUTTONS.RightButton) or self._space:
            return False
        if self._button is None:
            self._canvas.setFocus()
            self._button = event.button()
            self._pressed = _place(event)
            self._corner = to_image(self._view, self._canvas).map(self._pressed)
            takes_away = event.modifiers() & (_MODIFIERS.ControlModifier | _MODIFIERS.AltModifier)
            self._takes_away = bool(takes_away) or self._button == _BUTTONS.RightButton
            self._drags = self._is_given_up = False
        return True

    def _move(self, event: Any) -> bool:
        if self._button is None:
            # Not Krita's: its outline of the brush would follow the cursor.
            return event.buttons() == _BUTTONS.NoButton and not self._space
        moved = _place(event) - self._pressed
        least = QtWidgets.QApplication.startDragDistance()
        self._drags = self._drags or abs(moved.x()) + abs(moved.y()) >= least
        if self._drags and not self._is_given_up:
            self.overlay.show_drag(self._rectangle(event), takes_away=self._takes_away)
        return True

    def _release(self, event: Any) -> bool:
        if event.type() in PEN:
            self._pen_at = time.monotonic()
        if self._button is None or event.button() != self._button:
            return False
        self._button = None
        self.overlay.show_drag(None)
        if self._is_given_up:
            return True
        if self._drags:
            told = Told(box=image_box(self._view, self._canvas, self._rectangle(event)))
        else:
            told = Told(point=pixel_at(self._view, self._canvas, self._pressed))
        takes_away = self._takes_away
        # Later, when Krita is done with the event.
        QtCore.QTimer.singleShot(0, lambda: self._on_told(told, takes_away))
        return True

    def _rectangle(self, event: Any) -> Any:
        """From where the button went down in the image to where the cursor is, on the canvas."""
        corner = to_image(self._view, self._canvas).inverted()[0].map(self._corner)
        return QtCore.QRectF(corner, _place(event)).normalized()

    def _other(self, kind: Any) -> bool:
        if kind == _TYPES.Resize:
            self.overlay.resize(self._canvas.size())
        elif kind == _TYPES.FocusOut:
            self._space = False
        elif kind == _TYPES.CursorChange and self._canvas.cursor().shape() != QtCore.Qt.CursorShape.CrossCursor:
            self._cursor = self._canvas.cursor()
            self._canvas.setCursor(QtCore.Qt.CursorShape.CrossCursor)
        return bool(kind == _TYPES.ContextMenu)


def _place(event: Any) -> Any:
    """Where the mouse or the pen is on the canvas."""
    if hasattr(event, "position"):  # Qt 6
        return event.position()
    return event.posF() if hasattr(event, "posF") else event.localPos()
