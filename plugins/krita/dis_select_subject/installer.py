"""Installs, repairs and removes the plug-in's own dis-core, updates the plug-in, and notices different versions."""

from __future__ import annotations

import os
from typing import Callable

from .child_process import ChildProcess
from .qt import QtCore
from .shared.events import Done, Failed, Outcome, Progress
from .shared.file_names import text_of
from .shared.install_offer import (
    NO_PYTHON,
    STOPPED,
    after_installation,
    maker,
    offer_installation,
    other_version,
    removal,
    repair,
    version_said,
)
from .shared.own_environment import Environment, find_environment, plan
from .shared.program import OFFLINE, find_program
from .shared.remedies import INSTALL, LOOK_AGAIN, REMOVE, UPDATE_PLUGIN, Remedy, explanation
from .shared.words import _, later

FOLDER = os.path.dirname(__file__)
PROFILE = os.path.dirname(os.path.dirname(FOLDER))
INSTALLED = later("dis-core is installed. Open an image, then press Find Subject")


class Installer(QtCore.QObject):
    """One for all windows. `changed`: there is another dis-core now, or none."""

    progressed = QtCore.pyqtSignal(float, str)
    ended = QtCore.pyqtSignal()
    changed = QtCore.pyqtSignal()
    message = QtCore.pyqtSignal(str)
    offered = QtCore.pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._child: ChildProcess | None = None
        self._asking: ChildProcess | None = None
        self._has_asked = False

    @property
    def is_busy(self) -> bool:
        return self._child is not None

    @property
    def environment(self) -> Environment | None:
        """The plug-in's own dis-core, if it has been installed."""
        return find_environment()

    def apply(self, remedy: Remedy) -> None:
        """Do what the button of an offer says."""
        if remedy.action == INSTALL:
            self._install(remedy.value)
        elif remedy.action == REMOVE:
            self._remove()
        elif remedy.action == UPDATE_PLUGIN:
            self._update_plugin()
        elif remedy.action == LOOK_AGAIN:
            self._look_again()

    def decline(self, remedy: Remedy) -> None:
        """Do what the second button says."""
        if remedy.action == INSTALL and remedy.text == _(STOPPED):
            self._remove()

    def offer_repair(self) -> None:
        environment = find_environment()
        if environment is not None:
            self.offered.emit(repair(FOLDER, environment))

    def offer_removal(self) -> None:
        environment = find_environment()
        if environment is not None:
            self.offered.emit(removal(environment))

    def stop(self) -> None:
        """Let the installation clean up and end; what is downloaded is kept, and the offer to go on comes."""
        if self._child is not None:
            self._child.ask_to_stop()

    def close(self) -> None:
        """Krita is closing: nothing half may be left."""
        child, self._child = self._child, None
        if child is not None:
            child.ask_to_stop()
            child.wait()
            child.stop()
        if self._asking is not None:
            self._asking.stop()
            self._asking = None

    def compare_versions(self) -> None:
        """Say so once if the plug-in and dis-core are of different versions."""
        program = find_program(FOLDER)
        if program is None or self._has_asked:
            return
        self._has_asked = True

        def ended(outcome: Outcome, output: bytes) -> None:
            self._asking = None
            remedy = other_version("krita", FOLDER, program, version_said(output))
            if isinstance(outcome, Done) and remedy is not None:
                self.offered.emit(remedy)

        self._asking = ChildProcess(
            program, ("--version",), more_environment=OFFLINE, on_progress=lambda _progress: None, on_end=ended
        )

    def _install(self, build: str) -> None:
        def ended(failed: Failed | None) -> None:
            if failed is None:
                self._has_asked = False
                self.changed.emit()
                self.message.emit(_(INSTALLED))
            else:
                self.offered.emit(after_installation(failed, FOLDER, build))

        self._start("make", build, ended)

    def _remove(self) -> None:
        def ended(failed: Failed | None) -> None:
            self.changed.emit()
            self.message.emit(_("dis-core was removed") if failed is None else _("dis-core was not removed"))
            if failed is not None:
                self.offered.emit(explanation(failed))
            elif find_program(FOLDER) is None:
                self.offered.emit(offer_installation("krita", FOLDER))

        self._start("remove", "", ended)

    def _start(self, what: str, build: str, then: Callable[[Failed | None], None]) -> None:
        making = None if self.is_busy else maker(what, plan(FOLDER, build))
        if making is None:
            self.message.emit(_("dis-core is being installed already") if self.is_busy else _(NO_PYTHON))
            return

        def ended(outcome: Outcome, _output: bytes) -> None:
            self._child = None
            self.ended.emit()
            then(outcome if isinstance(outcome, Failed) else None)

        self.progressed.emit(0.0, _("starting"))
        self._child = ChildProcess(
            making.program, making.arguments, more_environment={}, on_progress=self._progress, on_end=ended
        )

    def _update_plugin(self) -> None:
        """Let dis-core write its own plug-in over this one, which goes on until Krita is restarted."""
        program = find_program(FOLDER)
        if program is None or self.is_busy:
            return

        def ended(outcome: Outcome, _output: bytes) -> None:
            self._child = None
            self.ended.emit()
            if isinstance(outcome, Failed):
                self.offered.emit(explanation(outcome))
            else:
                self.message.emit(_("The plug-in was updated. Restart Krita to use it"))

        arguments = ("plugin", "install", "krita", "--path", text_of(PROFILE))
        self._child = ChildProcess(
            program, arguments, more_environment=OFFLINE, on_progress=self._progress, on_end=ended
        )

    def _look_again(self) -> None:
        if find_program(FOLDER) is None:
            self.offered.emit(offer_installation("krita", FOLDER))
        else:
            self.changed.emit()

    def _progress(self, progress: Progress) -> None:
        self.progressed.emit(progress.fraction, progress.words())
