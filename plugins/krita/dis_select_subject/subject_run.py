"""One run, from the pixels of a picture to its new selection, mask or layer, in steps between which Krita goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import Any, Callable, Generator, Iterator

from . import document as pictures
from . import masks, results
from .child_process import ChildProcess
from .outlines import prepare_outlines
from .qt import QtCore
from .shared.answers import Done, Failed, Outcome, Progress
from .shared.bitmap import bitmap_header
from .shared.models import Model
from .shared.names import text_of
from .shared.program import OFFLINE, Program
from .shared.settings import Region, Settings, region_of, segment_arguments

READ, SEGMENT = 0.05, 0.9
"""Up to where the bar is when the pixels are read, and when the subject is found."""


class SubjectRun:
    """Does what `settings` say to a picture with a model that is here.

    `on_progress` hears how far it is, `on_end` what came of it, once, if nobody stops it. Whatever happens, the picture
    is either done or as it was.
    """

    def __init__(
        self,
        picture: Any,
        settings: Settings,
        model: Model,
        program: Program,
        *,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        self.picture, self.settings, self.model, self.program = picture, settings, model, program
        self._on_progress, self._on_end = on_progress, on_end
        self._child: ChildProcess | None = None
        self._outcome: Outcome | None = None
        self._folder = tempfile.mkdtemp(prefix="dis-core-krita-")
        self._changing = False
        self._steps = self._work()
        QtCore.QTimer.singleShot(0, self._advance)

    @property
    def can_stop(self) -> bool:
        """Whether nothing was changed so far; what is left then is done in a moment."""
        return not self._changing

    def stop(self) -> None:
        """End the child and leave the picture as it is; `on_end` is not called any more."""
        self._steps.close()
        if self._child is not None:
            self._child.stop()
        self._clean_up()

    def _advance(self) -> None:
        """Take one step. What goes wrong in it is told and not raised: Krita would open a modal dialog."""
        try:
            waits = next(self._steps)
        except StopIteration:
            self._finish(self._outcome or Done())
        except pictures.Refused as reason:
            self._finish(Failed("Refused", str(reason)))
        except Exception as error:  # noqa: BLE001 - the host's action edge
            self._finish(Failed("Bug", f"{type(error).__name__}: {error}", "this is a bug of the plug-in"))
        else:
            if not waits:
                QtCore.QTimer.singleShot(0, self._advance)

    def _finish(self, outcome: Outcome) -> None:
        self._clean_up()
        self._on_end(outcome)

    def _clean_up(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _work(self) -> Generator[bool, None, None]:
        """The steps; yields True where something else, the child, says when to go on."""
        picture = self.picture
        self._refuse_closed()
        size = (picture.width(), picture.height())
        source = pictures.find_source(picture, self.settings.source)
        target = self._target(picture)
        region = self._region(picture, source)
        image, output = os.path.join(self._folder, "picture.bmp"), os.path.join(self._folder, "result.png")
        yield from self._export(source, image)
        arguments = segment_arguments(
            self.settings,
            model=self.model.name,
            image=text_of(image),
            output=text_of(output),
            region=region,
            more=self.program.segment_options,
        )
        self._child = ChildProcess(
            self.program, arguments, more_environment=OFFLINE, on_progress=self._hear, on_end=self._child_ended
        )
        prepare_outlines()
        yield True
        if isinstance(self._outcome, Failed):
            return
        self._on_progress(Progress(SEGMENT, "setting the result"))
        yield False
        self._refuse_closed()
        if size != (picture.width(), picture.height()):
            raise pictures.Refused("The picture has another size now; please start again")
        yield from self._apply(source, target, image, output)

    def _refuse_closed(self) -> None:
        """Raises Refused if the picture is open no more; its handle would go on to answer, with zeros."""
        if not pictures.is_open(self.picture):
            raise pictures.Refused("The picture was closed in the meantime")

    def _target(self, picture: Any) -> Any:
        """The layer that gets the mask, or that the new layer goes above. Raises Refused."""
        if self.settings.result == "select":
            return None
        layer = pictures.active_layer(picture)
        if self.settings.result == "mask" and layer.locked():
            raise pictures.Refused(f"The layer “{layer.name()}” is locked; unlock it to give it a mask")
        return layer

    def _region(self, picture: Any, source: pictures.Source) -> Region:
        """Where the subject is because of the selection. Raises Refused."""
        region = region_of(self.settings, pictures.selected_box(picture), source.box, is_told=self.model.is_told)
        if region.refusal:
            raise pictures.Refused(region.refusal)
        return region

    def _export(self, source: pictures.Source, image: str) -> Iterator[bool]:
        """Write the pixels to a file, strip by strip. Raises Refused if all of them are transparent."""
        _, _, width, height = source.box
        visible = False
        with open(image, "wb") as file, contextlib.closing(pictures.Reader(source)) as reader:
            file.write(bitmap_header(width, height))
            for top, rows in reader.strips():
                pixels = reader.srgb(top, rows)
                visible = visible or not masks.is_empty(pixels[3::4])
                file.write(pixels)
                self._on_progress(Progress(READ * top / height, "reading the picture"))
                yield False
                self._refuse_closed()
        if not visible:
            raise pictures.Refused("There is nothing to be seen in what is looked at: all of it is transparent")

    def _hear(self, progress: Progress) -> None:
        self._on_progress(Progress(READ + (SEGMENT - READ) * progress.fraction, progress.doing))

    def _child_ended(self, outcome: Outcome, _output: bytes) -> None:
        self._outcome = outcome
        self._advance()

    def _apply(self, source: pictures.Source, target: Any, image: str, output: str) -> Iterator[bool]:
        if self.settings.result == "cut":
            pixels = yield from results.cut_pixels(source, image, text_of(output), self.settings.mode)
            self._changing = True
            pictures.add_layer(source, target, pixels)
            return
        plane = yield from results.combined_plane(source, text_of(output), self.settings.mode)
        if self.settings.result == "select":
            steps = pictures.select(source.document, plane)
        else:
            steps = pictures.add_mask(target, source.document, plane)
        self._changing = True
        for _ in steps:
            yield False
