"""Holds a matte in a process of dis-core that answers at once with other edges, without a network."""

from __future__ import annotations

from typing import Any, Callable

from .child_process import ENDS_WITHIN_MS, environment_for
from .qt import QtCore
from .shared.adjusting import AnswerReader, adjust_arguments, request_line
from .shared.events import CRASHED, Failed
from .shared.program import OFFLINE, Program
from .shared.words import _

Then = Callable[["Failed | None"], None]


class Adjuster:
    """One request is answered after the other. Of looks that wait, only the newest is asked for.

    `on_end` is called when the process ends by itself, with the reason.
    """

    def __init__(self, program: Program, matte: str, image: str, *, on_end: Callable[[Failed], None]) -> None:
        self._answers = AnswerReader()
        self._on_end = on_end
        self._number = 0
        self._asked: Then | None = None
        self._look: tuple[dict[str, Any], Then] | None = None
        self._results: list[tuple[dict[str, Any], Then]] = []
        self._stopped = False
        self._process = QtCore.QProcess()
        self._process.setProcessEnvironment(environment_for(program, OFFLINE))
        self._process.setWorkingDirectory(QtCore.QDir.tempPath())
        self._process.readyReadStandardOutput.connect(self._hear)
        self._process.finished.connect(lambda *_how: self._ended())
        self._process.errorOccurred.connect(self._failed)
        self._process.start(program.command[0], [*program.command[1:], *adjust_arguments(matte, image)])

    def look(self, request: dict[str, Any], then: Then) -> None:
        """Ask for something to look at, instead of a look that still waits."""
        self._look = request, then
        self._ask_next()

    def make(self, request: dict[str, Any], then: Then) -> None:
        """Ask for a result."""
        self._results.append((request, then))
        self._ask_next()

    def stop(self) -> None:
        """End the process. Nothing is called any more."""
        self._stopped = True
        self._process.kill()
        self._process.waitForFinished(ENDS_WITHIN_MS)

    def _ask_next(self) -> None:
        if self._asked is not None or self._stopped:
            return
        if self._results:
            request, self._asked = self._results.pop(0)
        elif self._look is not None:
            (request, self._asked), self._look = self._look, None
        else:
            return
        self._number += 1
        self._process.write(request_line(request, self._number))

    def _hear(self) -> None:
        for answer in self._answers.feed(bytes(self._process.readAllStandardOutput())):
            then = self._asked
            if self._stopped or then is None or answer.number != self._number:
                continue
            self._asked = None
            then(answer.failed)
            self._ask_next()

    def _failed(self, error: Any) -> None:
        if error == QtCore.QProcess.ProcessError.FailedToStart:
            self._ended()

    def _ended(self) -> None:
        if self._stopped:
            return
        self._hear()
        self._stopped = True
        failed = self._answers.failed or Failed(CRASHED, _("dis-core was stopped while it was working"))
        QtCore.QTimer.singleShot(0, lambda: self._on_end(failed))
