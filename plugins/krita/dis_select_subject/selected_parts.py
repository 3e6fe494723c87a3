"""The separate things in a selection, numbered by dis-core in the background, and dropping or bringing one back."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from typing import Callable

from . import masks
from .child_process import ChildProcess
from .qt import QtGui
from .results import gray_bytes
from .shared.events import Failed, Outcome, Progress, failure_of
from .shared.file_names import text_of
from .shared.parts import brought_back, dropped, gray_file, parts_arguments
from .shared.pointing import Point
from .shared.program import OFFLINE, Program
from .shared.words import _

MOST_NUMBERED = 3
"""Of how many selections the parts are kept, so that what was dropped can be brought back: two bytes per pixel each."""


@dataclass(frozen=True)
class Numbered:
    """What was selected, and the number of the part that each pixel belongs to, 0 for none."""

    whole: bytes
    numbers: bytes


@dataclass(frozen=True)
class State:
    """The newest first, and the check sum of a selection with exactly the parts of the newest that are not dropped."""

    known: tuple[Numbered, ...] = ()
    fits: int = -1


class SelectedParts:
    """Numbers the parts of what is selected. `on_ready` is called once after each `number`, with "" or what failed."""

    def __init__(self, size: tuple[int, int], program: Program, on_ready: Callable[[str], None]) -> None:
        self._size, self._program, self._on_ready = size, program, on_ready
        self.state = State()
        self._child: ChildProcess | None = None
        self._folder = ""
        self._plane = b""

    @property
    def is_numbering(self) -> bool:
        return self._child is not None

    def number(self, plane: bytes) -> None:
        """Start to number the parts of a plane, which is selected now."""
        self._plane = plane
        if masks.is_empty(plane):
            self._keep(plane)
            return
        try:
            self._folder = tempfile.mkdtemp(prefix="dis-core-krita-")
            with open(os.path.join(self._folder, "matte.pgm"), "wb") as file:
                file.write(gray_file(plane, self._size[0]))
        except OSError as error:
            self._remove_folder()
            self._on_ready(failure_of(error).sentence())
            return
        self._child = ChildProcess(
            self._program,
            parts_arguments(*(text_of(os.path.join(self._folder, name)) for name in ("matte.pgm", "parts.png"))),
            more_environment=OFFLINE,
            on_progress=_ignore,
            on_end=self._take,
        )

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None
        self._remove_folder()

    def changed(self, current: bytes, place: Point, *, takes_away: bool) -> bytes | None:
        """What is selected after a click on a part; None if there is no part to drop or to bring back.

        `current` is what is selected now. `state` has to fit it.
        """
        x, y = place
        width, height = self._size
        if not (0 <= x < width and 0 <= y < height):
            return None
        offset = y * width + x
        newest, *older = self.state.known
        if newest.numbers[offset]:
            without = dropped(current, newest.numbers, newest.numbers[offset])
            return _brought_back(current, newest, offset) if without == current and not takes_away else without
        before = next((known for known in older if known.numbers[offset]), None)
        return None if before is None or takes_away else _brought_back(current, before, offset)

    def _take(self, outcome: Outcome, _output: bytes) -> None:
        self._child = None
        numbers = QtGui.QImage(text_of(os.path.join(self._folder, "parts.png")))
        self._remove_folder()
        if isinstance(outcome, Failed):
            self._on_ready(outcome.sentence())
        elif (numbers.width(), numbers.height()) != self._size:
            self._on_ready(_("The parts of the selection could not be read. Please try again"))
        else:
            self._keep(gray_bytes(numbers.convertToFormat(QtGui.QImage.Format.Format_Grayscale8)))

    def _keep(self, numbers: bytes) -> None:
        known = (Numbered(self._plane, numbers), *self.state.known)[:MOST_NUMBERED]
        self.state = State(known, zlib.crc32(self._plane))
        self._on_ready("")

    def _remove_folder(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""


def _brought_back(current: bytes, known: Numbered, offset: int) -> bytes:
    return brought_back(current, known.whole, known.numbers, known.numbers[offset])


def _ignore(_progress: Progress) -> None:
    pass
