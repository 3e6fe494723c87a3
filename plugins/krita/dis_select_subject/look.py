"""Looking at a matte before it is taken: it is kept, shown over the canvas, and gets other edges at once."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import replace
from typing import Callable, Generator

from krita import Krita

from . import document as pictures
from .adjuster import Adjuster
from .canvas import find_canvas
from .overlay import Overlay
from .qt import QtCore
from .shared.adjusting import edges_of, look_request, result_request
from .shared.events import Failed, Outcome, Progress, failure_of
from .shared.file_names import text_of
from .shared.program import Program
from .shared.settings import Box, Settings
from .shared.words import _
from .subject_run import Found, SubjectRun


class Look:
    """One look, until `stop`.

    `on_end` is called if it cannot go on, with the reason, and `on_closed` if its view has been closed.
    """

    def __init__(
        self,
        found: Found,
        program: Program,
        settings: Settings,
        *,
        on_end: Callable[[Failed], None],
        on_closed: Callable[[], None],
    ) -> None:
        self.found, self.program = found, program
        self._settings, self._on_end = settings, on_end
        self.overlay: Overlay | None = None
        self.answered = 0
        """How many looks have been shown."""
        self._adjuster = Adjuster(program, text_of(found.matte), text_of(found.image), on_end=on_end)
        canvas = find_canvas()
        if canvas is not None and pictures.is_open(found.source.document):
            view = Krita.instance().activeWindow().activeView()
            if view.document() == found.source.document:
                self.overlay = Overlay(view, canvas, found.source.box, settings.shown, on_moved=self._ask)
                canvas.destroyed.connect(lambda *_gone: QtCore.QTimer.singleShot(0, on_closed))
        self._ask()

    def change(self, settings: Settings) -> None:
        """Show it with other settings."""
        before, self._settings = self._settings, settings
        if self.overlay is not None:
            self.overlay.show_as(settings.shown)
        if edges_of(before) != edges_of(settings):
            self._ask()

    def make(self, settings: Settings, output: str, then: Callable[[Failed | None], None]) -> None:
        """Write the result that the settings ask for, exactly, at full size."""
        self._adjuster.make(result_request(settings, text_of(output)), then)

    def stop(self) -> None:
        """Forget it all. The image stays as it is."""
        self._adjuster.stop()
        if self.overlay is not None:
            with contextlib.suppress(RuntimeError):  # it went with its view
                self.overlay.remove()
            self.overlay = None
        shutil.rmtree(self.found.folder, ignore_errors=True)

    def _ask(self) -> None:
        if self.overlay is None:
            return
        part, size = self.overlay.seen()
        path = os.path.join(self.found.folder, "look.pgm")
        request = look_request(self._settings, text_of(path), part, size)
        self._adjuster.look(request, lambda failed: self._show(failed, path, size, part))

    def _show(self, failed: Failed | None, path: str, size: tuple[int, int], part: Box) -> None:
        try:
            with open(path, "rb") as file:
                plane = file.read()[-size[0] * size[1] :]
        except OSError as error:
            failed = failed or failure_of(error)
        if failed is not None:
            self._on_end(failed)
        elif self.overlay is not None:
            try:
                self.overlay.put(plane, size, part)
            except RuntimeError:
                self.overlay = None  # it went with its view
            self.answered += 1


class TakeRun(SubjectRun):
    """Makes the result of a look, as `settings` say, without another pass of the network."""

    def __init__(
        self,
        look: Look,
        settings: Settings,
        *,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        self._seen = look
        found = look.found
        super().__init__(
            found.source.document, settings, found.model, look.program, on_progress=on_progress, on_end=on_end
        )

    def _work(self) -> Generator[bool, None, None]:
        found = self._seen.found
        self._refuse_closed()
        if found.size != (self.picture.width(), self.picture.height()):
            raise pictures.Refused(_("The size of the image has changed. Please try again"))
        self._refuse_locked(found.target)
        ending = "png" if self.settings.result == "cut" else "pgm"
        output = os.path.join(found.folder, f"taken.{ending}")
        self._on_progress(Progress(0.1, _("applying the result")))
        self._seen.make(self.settings, output, self._made)
        yield True
        if isinstance(self._outcome, Failed):
            return
        self._refuse_closed()
        yield from self._apply(found.source, found.target, found.image, output)

    def _made(self, failed: Failed | None) -> None:
        outcome = self._seen.found.outcome
        self._child_ended(replace(outcome) if failed is None else failed, b"")
