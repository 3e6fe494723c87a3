"""Keeping and dropping the separate things in a selection by clicks on the canvas."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, Callable, Iterator

from krita import Krita

from . import document as pictures
from . import masks
from .canvas import Clicks, find_canvas
from .child_process import ChildProcess
from .qt import QtCore, QtGui
from .results import gray_bytes
from .shared.events import Failed, Outcome, Progress, failure_of
from .shared.file_names import text_of
from .shared.parts import gray_file, parts_arguments, toggled
from .shared.program import OFFLINE, Program
from .shared.words import _, later

NOTHING_SELECTED = later("Nothing is selected. Select the subject first")
READY = later("Click a part of the selection to drop it, and again to bring it back")
NOT_A_PART = later("There is no part of the selection")
CHANGED = later("The image is not the same any more")


class PartPicker:
    """One session of picking. `on_message` gets words for the user, `on_end` is called once, unless it is stopped."""

    def __init__(
        self, picture: Any, program: Program, *, on_message: Callable[[str], None], on_end: Callable[[], None]
    ) -> None:
        self._picture, self._program = picture, program
        self._on_message, self._on_end = on_message, on_end
        self._size = (picture.width(), picture.height())
        self._whole = self._numbers = b""
        self._clicks: Clicks | None = None
        self._child: ChildProcess | None = None
        self._folder = ""
        self._steps: Iterator[None] | None = None
        self._waiting: list[tuple[int, int]] = []
        QtCore.QTimer.singleShot(0, self._begin)

    def stop(self) -> None:
        """Leave clicks to Krita again. What is selected stays so."""
        if self._child is not None:
            self._child.stop()
        self._close()

    def _begin(self) -> None:
        self._whole = pictures.selected(self._picture, (0, 0, *self._size))
        if masks.is_empty(self._whole):
            self._end(_(NOTHING_SELECTED))
            return
        try:
            self._folder = tempfile.mkdtemp(prefix="dis-core-krita-")
            with open(os.path.join(self._folder, "matte.pgm"), "wb") as file:
                file.write(gray_file(self._whole, self._size[0]))
        except OSError as error:
            self._end(failure_of(error).sentence())
            return
        names = [text_of(os.path.join(self._folder, name)) for name in ("matte.pgm", "parts.png")]
        self._child = ChildProcess(
            self._program,
            parts_arguments(*names),
            more_environment=OFFLINE,
            on_progress=_ignore,
            on_end=self._take_parts,
        )

    def _take_parts(self, outcome: Outcome, _output: bytes) -> None:
        self._child = None
        numbers = QtGui.QImage(text_of(os.path.join(self._folder, "parts.png")))
        self._remove_folder()
        view, canvas = Krita.instance().activeWindow().activeView(), find_canvas()
        if isinstance(outcome, Failed):
            self._end(outcome.sentence())
        elif (numbers.width(), numbers.height()) != self._size or canvas is None or not self._is_same():
            self._end(_(CHANGED))
        else:
            self._numbers = gray_bytes(numbers.convertToFormat(QtGui.QImage.Format.Format_Grayscale8))
            self._clicks = Clicks(view, canvas, self._click)
            self._on_message(_(READY))

    def _click(self, x: int, y: int) -> None:
        if self._clicks is None:
            return  # it has been stopped
        if self._steps is not None:
            self._waiting.append((x, y))  # it is still at the last one
        elif not self._is_same():
            self._end(_(CHANGED))
        else:
            self._toggle(x, y)

    def _toggle(self, x: int, y: int) -> None:
        width, height = self._size
        number = self._numbers[y * width + x] if 0 <= x < width and 0 <= y < height else 0
        if not number:
            self._on_message(_(NOT_A_PART))
            return
        current = pictures.selected(self._picture, (0, 0, width, height))
        self._steps = pictures.select(self._picture, toggled(current, self._whole, self._numbers, number))
        self._advance()

    def _advance(self) -> None:
        if self._steps is None:
            return
        try:
            next(self._steps)
        except StopIteration:
            self._steps = None
            if self._waiting:
                self._click(*self._waiting.pop(0))
            return
        QtCore.QTimer.singleShot(0, self._advance)

    def _is_same(self) -> bool:
        """Whether the image is open, active and as large as before."""
        return (
            pictures.is_open(self._picture)
            and bool(Krita.instance().activeDocument() == self._picture)
            and (self._picture.width(), self._picture.height()) == self._size
        )

    def _end(self, words: str) -> None:
        self._close()
        self._on_message(words)
        self._on_end()

    def _close(self) -> None:
        if self._clicks is not None:
            self._clicks.stop()
            self._clicks = None
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""


def _ignore(_progress: Progress) -> None:
    pass
