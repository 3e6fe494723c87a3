"""The undo steps that picking on the canvas has made, to take back these and no others."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any, Callable

from krita import Krita

from .document import selected
from .qt import QtCore
from .redo import watch
from .selected_parts import State

MOST_STATES = 4
"""For how many steps the parts are kept, which are large."""


@dataclass(frozen=True)
class Step:
    """Check sums of what was selected before it and after it, the parts that were known before it if they are kept, and
    what the entry of Krita's menu says that undoes it."""

    before: int
    after: int
    state: State | None
    entry: str


class OwnSteps:
    """The steps made on one image, the last one last. What the user undoes by Krita's own menu goes from them too."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._steps: list[Step] = []
        self._begun: tuple[int, State] | None = None
        self._undo = Krita.instance().action("edit_undo")
        self._redo = Krita.instance().action("edit_redo")
        watch.tell_of_undo(self._after_undo)

    def stop(self) -> None:
        watch.forget(self._after_undo)

    def now(self) -> int:
        """A check sum of what is selected now."""
        size = (self._document.width(), self._document.height())
        return zlib.crc32(selected(self._document, (0, 0, *size)))

    def begin(self, state: State) -> None:
        """A step is about to be made."""
        self._begun = self.now(), state

    def note(self) -> None:
        """What was begun has ended, whether it has changed anything or not."""
        if self._begun is None:
            return
        (before, state), self._begun = self._begun, None
        after = self.now()
        if after != before:
            self._steps.append(Step(before, after, state, self._undo.text()))
            if len(self._steps) > MOST_STATES:
                self._steps[-1 - MOST_STATES] = replace(self._steps[-1 - MOST_STATES], state=None)

    def take_back(self, then: Callable[[Step | None], None]) -> None:
        """Undo the last step, and call `then` with it; with None if something else was done after it."""
        step = self._steps[-1] if self._steps else None
        if step is None or self.now() != step.after or self._undo.text() != step.entry:
            then(None)
            return
        self._undo.trigger()
        self._document.waitForDone()
        QtCore.QTimer.singleShot(0, lambda: self._verify(step, then))

    def _verify(self, step: Step, then: Callable[[Step | None], None]) -> None:
        """It may have been a step of the same name of somebody else."""
        if self.now() == step.before:
            then(step)
        else:
            self._redo.trigger()
            then(None)

    def _after_undo(self) -> None:
        self._document.waitForDone()
        step = self._steps[-1] if self._steps else None
        if step is not None and self.now() == step.before:
            self._steps.pop()
