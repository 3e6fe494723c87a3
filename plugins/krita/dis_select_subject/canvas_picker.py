"""Picking on the canvas: a box adds or takes away the subject in it, a click drops a part or brings it back."""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import dataclass, replace
from typing import Any, Callable, Iterator

from krita import Krita

from . import document as pictures
from .canvas import find_area, find_canvas
from .canvas_gestures import CanvasGestures
from .own_steps import OwnSteps, Step
from .qt import QtCore, QtWidgets
from .selected_parts import SelectedParts
from .shared.pointing import Point, Told
from .shared.program import Program
from .shared.settings import overlap
from .shared.words import _, later

HINT = later(
    "Drag a box around a thing to add it, with Ctrl to take it away. Click a selected thing to drop it. "
    "Backspace: one step back. Enter: done"
)
DRAG_A_BOX = later("Nothing is selected here. Drag a box around it")
NOT_SELECTED = later("Nothing is selected here that could be taken away")
OUTSIDE = later("That is outside the image")
NOTHING_TO_TAKE_BACK = later("There is nothing to take back. “Undo” in the menu takes back other steps")
CHANGED = later("The image is not the same any more")
_KEYS = QtCore.Qt.Key


@dataclass(frozen=True)
class Gesture:
    """A box or a point that waits for its turn; `told` is None for one step back."""

    told: Told | None
    takes_away: bool = False


class CanvasPicker:
    """One session of picking. `on_end` is called once, unless it is stopped.

    One thing is done at a time, and what comes meanwhile waits. `finder` is the SubjectFinder, whose run finds what is
    in a box.
    """

    def __init__(self, picture: Any, program: Program, finder: Any, *, on_end: Callable[[], None]) -> None:
        self._picture, self._finder, self._on_end = picture, finder, on_end
        self._size = (picture.width(), picture.height())
        self._canvas: Any = find_canvas()
        self._area: Any = find_area()
        self._parts = SelectedParts(self._size, program, self._numbered)
        self._steps = OwnSteps(picture)
        self._changing: Iterator[None] | None = None
        self._waiting: list[Gesture] = []
        self._searched: Told | None = None
        self._is_leaving = self._is_over = self._is_undoing = False
        view = Krita.instance().activeWindow().activeView()
        self._gestures: CanvasGestures | None = CanvasGestures(view, self._canvas, on_told=self._take, on_key=self._key)
        self._gestures.overlay.show_hint(_(HINT))
        self._connections = self._connect()
        QtCore.QTimer.singleShot(0, self._go_on)

    def stop(self) -> None:
        """Leave the canvas to Krita again. What is selected stays so; a run that is on goes on."""
        self._is_over = True
        self._waiting.clear()
        self._parts.stop()
        self._steps.stop()
        self._leave_canvas()
        for sender, signal, slot in self._connections:
            with contextlib.suppress(TypeError, RuntimeError):  # the sender is gone
                getattr(sender, signal).disconnect(slot)

    def _connect(self) -> list[tuple[Any, str, Callable[..., None]]]:
        """Senders, signals by name, and slots. PyQt's signals do not keep their senders, and crash without them."""
        finder = self._finder
        connections: list[tuple[Any, str, Callable[..., None]]] = [
            (finder, "ended", self._go_on_later),
            (finder, "models_changed", self._go_on_later),
            (finder, "stopped", self._forget_waiting),
            (self._area, "subWindowActivated", self._view_changed),
            (self._canvas, "destroyed", self._canvas_gone),
            *((button, "toggled", self._tool_chosen) for button in _tool_buttons()),
        ]
        for sender, signal, slot in connections:
            getattr(sender, signal).connect(slot)
        return connections

    def _take(self, told: Told, takes_away: bool) -> None:  # noqa: FBT001 - what the gesture says
        if self._is_over:
            return
        if self._gestures is not None:
            self._gestures.overlay.show_hint("")
        self._waiting.append(Gesture(told, takes_away))
        self._go_on()

    def _key(self, key: Any) -> None:
        if self._is_over:
            return
        if key == _KEYS.Key_Backspace:
            self._step_back()
        elif key != _KEYS.Key_Escape:  # what was asked for is still done
            self._is_leaving = True
            self._leave_canvas()
            self._go_on()
        elif self._waiting or self._finder.is_busy:
            self._waiting.clear()
            self._finder.stop()
            self._show_boxes()
        else:
            self._end("")

    def _step_back(self) -> None:
        """Give up what waits, else what is being searched, else undo what was done last."""
        if self._waiting:
            self._waiting.pop()
            self._show_boxes()
            return
        was_busy = self._finder.is_busy
        self._finder.stop()
        if not was_busy or self._finder.is_busy:
            self._waiting.append(Gesture(None))
            self._go_on()

    def _go_on(self) -> None:
        """Do what comes next, unless something is still being done."""
        if self._is_over or self._changing is not None or self._is_undoing or self._finder.is_working:
            self._show_boxes()
            return
        self._searched = None
        if not self._is_same():
            self._end(_(CHANGED))
            return
        self._steps.note()
        if self._waiting:
            self._do(self._waiting[0])
        elif self._is_leaving:
            self._end("")
        else:
            self._has_numbers()  # before somebody clicks
        self._show_boxes()

    def _forget_waiting(self) -> None:
        self._waiting.clear()

    def _go_on_later(self) -> None:
        QtCore.QTimer.singleShot(0, self._go_on)

    def _do(self, gesture: Gesture) -> None:
        told = gesture.told
        if told is not None and told.point is not None and not self._has_numbers():
            return  # it is gone on with afterwards
        self._waiting.pop(0)
        if told is None:
            self._is_undoing = True
            self._steps.take_back(self._taken_back)
        elif told.point is not None:
            self._click(told.point, takes_away=gesture.takes_away)
        else:
            self._search(told, takes_away=gesture.takes_away)

    def _click(self, point: Point, *, takes_away: bool) -> None:
        current = pictures.selected(self._picture, (0, 0, *self._size))
        change = self._parts.changed(current, point, takes_away=takes_away)
        if change is not None and change != current:
            self._steps.begin(self._parts.state)
            self._changing = pictures.select(self._picture, change)
            self._parts.state = replace(self._parts.state, fits=zlib.crc32(change))
            self._advance()
        elif not takes_away and self._finder.takes_points and self._is_inside(point):
            self._search(Told(point=point), takes_away=False)
        else:
            self._refuse(_(NOT_SELECTED if takes_away else DRAG_A_BOX if self._is_inside(point) else OUTSIDE))

    def _search(self, told: Told, *, takes_away: bool) -> None:
        box = None if told.box is None else overlap(told.box, (0, 0, *self._size))
        if told.box is not None and box is None:
            self._refuse(_(OUTSIDE))
            return
        self._steps.begin(self._parts.state)
        self._searched = replace(told, box=box)
        self._finder.find_told(self._picture, self._searched, "subtract" if takes_away else "add")
        self._go_on_later()  # if it could not be started

    def _refuse(self, words: str) -> None:
        self._finder.message.emit(words)
        self._go_on_later()

    def _is_inside(self, point: Point) -> bool:
        return 0 <= point[0] < self._size[0] and 0 <= point[1] < self._size[1]

    def _advance(self) -> None:
        """Let Krita work between the steps of a change. A change that has begun is always finished."""
        if self._changing is None:
            return
        try:
            next(self._changing)
        except StopIteration:
            self._changing = None
            self._go_on_later()
            return
        QtCore.QTimer.singleShot(0, self._advance)

    def _taken_back(self, step: Step | None) -> None:
        self._is_undoing = False
        if step is None:
            self._finder.message.emit(_(NOTHING_TO_TAKE_BACK))
        elif step.state is not None:
            self._parts.state = step.state
        self._go_on_later()

    def _has_numbers(self) -> bool:
        """Whether the parts of what is selected now are known; if not, they will be."""
        if self._parts.is_numbering:
            return False
        if self._parts.state.fits == self._steps.now():
            return True
        self._parts.number(pictures.selected(self._picture, (0, 0, *self._size)))
        return False

    def _numbered(self, failure: str) -> None:
        if failure:
            self._end(failure)
        else:
            self._go_on_later()

    def _show_boxes(self) -> None:
        if self._gestures is not None:
            asked = [self._searched, *(gesture.told for gesture in self._waiting)]
            self._gestures.overlay.show_boxes([told.box for told in asked if told is not None and told.box is not None])

    def _is_same(self) -> bool:
        """Whether the image is open, active and as large as before."""
        return (
            pictures.is_open(self._picture)
            and bool(Krita.instance().activeDocument() == self._picture)
            and (self._picture.width(), self._picture.height()) == self._size
        )

    def _view_changed(self, _window: Any) -> None:
        """Later: Krita tells of no window at all when another program comes to the front."""
        QtCore.QTimer.singleShot(0, self._check_view)

    def _check_view(self) -> None:
        if not self._is_over and find_canvas() is not self._canvas:
            self._end("")

    def _tool_chosen(self, _is_chosen: bool) -> None:  # noqa: FBT001 - Qt's signal
        """The user wants to go on with one of Krita's tools."""
        QtCore.QTimer.singleShot(0, lambda: self._end(""))

    def _canvas_gone(self, *_: Any) -> None:
        if self._gestures is not None:
            self._gestures.forget()
            self._gestures = None
        self._end("")

    def _leave_canvas(self) -> None:
        if self._gestures is not None:
            self._gestures.stop()
            self._gestures = None

    def _end(self, words: str) -> None:
        if self._is_over:
            return
        self.stop()
        if words:
            self._finder.message.emit(words)
        self._on_end()


def _tool_buttons() -> list[Any]:
    """The buttons of Krita's toolbox."""
    docker = Krita.instance().activeWindow().qwindow().findChild(QtWidgets.QDockWidget, "ToolBox")
    buttons = [] if docker is None else docker.findChildren(QtWidgets.QToolButton)
    return [button for button in buttons if button.isCheckable()]
