"""The look at a result that all windows share: it begins after a run, and is taken, made finer or canceled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .look import Look, TakeRun
from .qt import QtCore
from .shared.events import Done, Failed, Outcome
from .shared.program import Program
from .shared.settings import QUALITIES
from .shared.words import _
from .subject_run import REFUSED, Found

if TYPE_CHECKING:
    from .subject_finder import SubjectFinder

LOOK = "look"
"""The result of a run that is looked at before it is taken."""


class Looks(QtCore.QObject):
    """At most one look at a time."""

    changed = QtCore.pyqtSignal()

    def __init__(self, finder: SubjectFinder) -> None:
        super().__init__()
        self._finder = finder
        self.look: Look | None = None
        finder.settings_changed.connect(self._change)

    @property
    def finer(self) -> str:
        """The next better quality; empty if there is none."""
        if self.look is None:
            return ""
        qualities = list(QUALITIES)
        place = qualities.index(self.look.found.settings.quality)
        return (*qualities, "")[place + 1]

    def begin(self, found: Found, program: Program) -> None:
        """Look at what a run has found."""
        self.drop()

        def closed() -> None:
            if self.look is look:
                self.cancel()

        self.look = look = Look(found, program, self._finder.settings, on_end=self._fail, on_closed=closed)
        self.changed.emit()

    def take(self, result: str) -> None:
        """Make the result: "select", "mask", "cut", or "layer" for a copy of the layer with a mask."""
        look, finder = self.look, self._finder
        if look is None or finder.is_busy:
            return
        settings = replace(finder.settings, result=result)

        def ended(outcome: Outcome) -> None:
            finder.end_work()
            if isinstance(outcome, Done):
                self.cancel()
                finder.message.emit(_(". ").join([made_in_words(result), *outcome.remarks]))
            else:
                finder.message.emit(outcome.message if outcome.code == REFUSED else outcome.sentence())

        finder.adopt(TakeRun(look, settings, on_progress=finder.show_progress, on_end=ended))

    def try_finer(self) -> None:
        """Find the subject again, at the next better quality. The look goes on until then."""
        if self.look is not None and self.finer and not self._finder.is_busy:
            found = self.look.found
            self._finder.find_again(found.source.document, replace(found.settings, quality=self.finer))

    def cancel(self) -> None:
        """End the look. The image stays as it is."""
        if self.look is not None:
            self.drop()
            self.changed.emit()

    def drop(self) -> None:
        """End the look and tell nobody: Krita may be closing."""
        if self.look is not None:
            self.look.stop()
            self.look = None

    def _fail(self, failed: Failed) -> None:
        self.cancel()
        self._finder.message.emit(failed.sentence())

    def _change(self) -> None:
        if self.look is not None:
            self.look.change(self._finder.settings)


def made_in_words(result: str) -> str:
    """What was made."""
    return {
        "select": _("Subject selected"),
        "mask": _("Subject masked"),
        "cut": _("Subject cut to a new layer"),
        "layer": _("New layer with the subject’s mask"),
    }[result]
