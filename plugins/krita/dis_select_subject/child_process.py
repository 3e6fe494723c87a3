"""Runs dis-core as a child process of Krita, in a clean environment. It can be stopped at any time."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from .qt import QtCore
from .shared.events import CRASHED, EventReader, Failed, Outcome, Progress
from .shared.program import Program, child_environment
from .shared.words import _

ENDS_WITHIN_MS = 3000


def start_detached(program: Program, arguments: Sequence[str], *, more_environment: Mapping[str, str]) -> None:
    """Start dis-core and do not wait for it or hear of it. If it cannot be started, the run itself will say so."""
    process = QtCore.QProcess()
    process.setProcessEnvironment(environment_for(program, more_environment))
    process.setWorkingDirectory(QtCore.QDir.tempPath())
    nowhere = QtCore.QProcess.nullDevice()
    process.setStandardInputFile(nowhere)
    process.setStandardOutputFile(nowhere)
    process.setStandardErrorFile(nowhere)
    process.setProgram(program.command[0])
    process.setArguments([*program.command[1:], *arguments])
    process.startDetached()


class ChildProcess:
    """One run of dis-core. `on_progress` and `on_end` are called from Krita's event loop, `on_end` once."""

    can_stop = True

    def __init__(
        self,
        program: Program,
        arguments: Sequence[str],
        *,
        more_environment: Mapping[str, str],
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome, bytes], None],
    ) -> None:
        self._answers = EventReader()
        self._output = b""
        self._on_progress, self._on_end = on_progress, on_end
        self._ended = self._stopped = False
        self._process = QtCore.QProcess()
        self._process.setProcessEnvironment(environment_for(program, more_environment))
        # Not the folder where Krita was started: a Python file there could shadow one of ours.
        self._process.setWorkingDirectory(QtCore.QDir.tempPath())
        self._process.readyReadStandardOutput.connect(self._hear)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        self._process.start(program.command[0], [*program.command[1:], *arguments])

    def stop(self) -> None:
        """Kill the process and wait until it is gone. `on_end` is not called any more."""
        self._ended = self._stopped = True
        self._process.kill()
        self._process.waitForFinished(ENDS_WITHIN_MS)

    def ask_to_stop(self) -> None:
        """End the process's standard input, at which some of our programs clean up and end. `on_end` is called then."""
        self._process.closeWriteChannel()

    def wait(self) -> None:
        """Wait for the end for a while."""
        self._process.waitForFinished(ENDS_WITHIN_MS)

    def _hear(self) -> None:
        data = bytes(self._process.readAllStandardOutput())
        self._output += data
        for progress in self._answers.feed(data):
            if not self._ended:
                self._on_progress(progress)

    def _finished(self, exit_status: int, how: Any) -> None:
        self._hear()
        errors = bytes(self._process.readAllStandardError())
        if how != QtCore.QProcess.ExitStatus.NormalExit:
            killed = _("another program or the system stopped it, perhaps because memory ran out")
            self._tell(Failed(CRASHED, _("dis-core was stopped while it was working"), killed))
            return
        self._tell(self._answers.finish(exit_status, errors))

    def _failed(self, error: Any) -> None:
        if error == QtCore.QProcess.ProcessError.FailedToStart:
            self._tell(Failed(CRASHED, _("dis-core could not be started: {error}", error=self._process.errorString())))

    def _tell(self, outcome: Outcome) -> None:
        if not self._ended:
            self._ended = True
            # Later, because a failed start may be reported before the caller has the child.
            QtCore.QTimer.singleShot(0, lambda: None if self._stopped else self._on_end(outcome, self._output))


def environment_for(program: Program, more: Mapping[str, str]) -> Any:
    """The child's environment. Read through Qt, because Python may not decode it as UTF-8 here."""
    inherited = QtCore.QProcessEnvironment.systemEnvironment()
    names = {name: inherited.value(name) for name in inherited.keys()}  # noqa: SIM118 - not a dict
    environment = QtCore.QProcessEnvironment()
    for name, value in {**child_environment(names, program), **more}.items():
        environment.insert(name, value)
    return environment
