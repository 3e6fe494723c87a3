"""One run, from an image's pixels to its new selection, mask or layer, in steps that leave Krita usable."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from typing import Any, Callable, Generator, Iterator

from . import document as pictures
from . import masks, results
from .child_process import ChildProcess, start_detached
from .masked_copy import add_masked_copy
from .outlines import prepare_outlines
from .qt import QtCore
from .shared.bitmap import bitmap_header
from .shared.events import Done, Failed, Outcome, Progress, failure_of
from .shared.file_names import text_of
from .shared.kept_model import keeping_arguments
from .shared.matte import NOTHING_LEFT
from .shared.models import Model
from .shared.pointing import Told, told_region
from .shared.program import OFFLINE, Program
from .shared.settings import Region, Settings, prepare_arguments, region_of, segment_arguments
from .shared.words import _, later

REFUSED = "Refused"
"""The code of what cannot be done with this image."""

MASKED_BEFORE = later("The layer had a mask already, which still counts")

NO_SUBJECT = "no subject was found"
"""What dis-core remarks on an empty matte."""

READ, SEGMENT = 0.05, 0.9
"""How far the progress bar is when the pixels are read and when the subject is found."""


@dataclass(frozen=True)
class Found:
    """What a run has found: the files `image` and `matte` in `folder`, of `source`, and the layer for the result.

    `size` is that of the image, (width, height).
    """

    source: pictures.Source
    target: Any
    size: tuple[int, int]
    folder: str
    image: str
    matte: str
    settings: Settings
    model: Model
    outcome: Done


class SubjectRun:
    """Does what `settings` say to an image, with an installed model.

    `on_progress` gets the progress. `on_end` gets the outcome once, unless the run is stopped. Whatever happens, the
    image is either finished or unchanged. `told` is what the user has pointed at, instead of the selection.
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
        told: Told | None = None,
    ) -> None:
        self.picture, self.settings, self.model, self.program = picture, settings, model, program
        self.told = told
        self._on_progress, self._on_end = on_progress, on_end
        self._child: ChildProcess | None = None
        self._outcome: Outcome | None = None
        self.was_limited = False
        """Whether only the area around the selection was searched."""
        self._folder = ""
        self.found: Found | None = None
        """What was found, if it is looked at before it is taken; its folder is the looker's then."""
        self._changing = self._stopped = self._stepping = False
        self._steps = self._work()
        QtCore.QTimer.singleShot(0, self._advance)

    @property
    def can_stop(self) -> bool:
        """Whether nothing has been changed yet. After that, the rest takes only a moment."""
        return not self._changing

    def stop(self) -> None:
        """Stop the child and leave the image unchanged. `on_end` is not called any more."""
        self._stopped = True
        if self._child is not None:
            self._child.stop()
        if not self._stepping:
            self._close()

    def _advance(self) -> None:
        """Take one step. Errors are reported and not raised: Krita would open a modal dialog."""
        if self._stepping:  # Krita handles events within some of its calls
            QtCore.QTimer.singleShot(0, self._advance)
            return
        if self._stopped:
            return
        self._stepping = True
        outcome, waits = self._step()
        self._stepping = False
        self._go_on(outcome, waits=waits)

    def _go_on(self, outcome: Outcome | None, *, waits: bool) -> None:
        if self._stopped:  # within the step
            self._close()
        elif outcome is not None:
            self._close()
            self._on_end(outcome)
        elif not waits:
            QtCore.QTimer.singleShot(0, self._advance)

    def _step(self) -> tuple[Outcome | None, bool]:
        """The outcome, if this step was the last one, and whether the next one waits for the child."""
        try:
            return None, next(self._steps)
        except StopIteration:
            return self._outcome or Done(), False
        except pictures.Refused as reason:
            return Failed(REFUSED, str(reason)), False
        except Exception as error:  # noqa: BLE001 - the host's action edge
            return failure_of(error), False

    def _close(self) -> None:
        self._steps.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _work(self) -> Generator[bool, None, None]:
        """The steps. Yields True when the run continues only after the child has ended."""
        picture = self.picture
        self._refuse_closed()
        size = (picture.width(), picture.height())
        source = pictures.find_source(picture, self.settings.source)
        target = self._target(picture)
        region = self._region(picture, source)
        self.was_limited = self.told is None and region.search_box is not None
        self._folder = tempfile.mkdtemp(prefix="dis-core-krita-")
        image, output = os.path.join(self._folder, "picture.bmp"), os.path.join(self._folder, "result.png")
        self._prepare()
        yield from prepare_outlines()
        self._refuse_closed()
        yield from self._export(source, image)
        arguments = segment_arguments(
            self.settings,
            model=self.model.name,
            image=text_of(image),
            output=text_of(output),
            region=region,
            more=self._options(),
        )
        self._child = ChildProcess(
            self.program, arguments, more_environment=OFFLINE, on_progress=self._hear, on_end=self._child_ended
        )
        yield True
        if isinstance(self._outcome, Failed):
            return
        if self.settings.result == "look":
            self._keep(source, target, size, image, output)
            return
        self._on_progress(Progress(SEGMENT, _("applying the result")))
        yield False
        self._refuse_closed()
        if size != (picture.width(), picture.height()):
            raise pictures.Refused(_("The size of the image has changed. Please try again"))
        yield from self._apply(source, target, image, output)

    def _keep(self, source: pictures.Source, target: Any, size: tuple[int, int], image: str, matte: str) -> None:
        """Leave the files to somebody who looks at them. Raises Refused if there is nothing to look at."""
        if not isinstance(self._outcome, Done) or NO_SUBJECT in self._outcome.remarks:
            raise pictures.Refused(_(results.NOTHING_FOUND))
        self.found = Found(source, target, size, self._folder, image, matte, self.settings, self.model, self._outcome)
        self._folder = ""

    def _prepare(self) -> None:
        """Let dis-core load the model while the pixels are read."""
        arguments = prepare_arguments(self.model.name, self._options())
        if arguments:
            start_detached(self.program, arguments, more_environment=OFFLINE)

    def _options(self) -> list[str]:
        """The installation's own options, and how long the model is to be kept in memory."""
        options = self.program.segment_options
        return keeping_arguments(options, keep_min=self.settings.keep_min, owner_pid=os.getpid())

    def _refuse_closed(self) -> None:
        """Raises Refused if the image was closed: its handle would still answer, with zeros."""
        if not pictures.is_open(self.picture):
            raise pictures.Refused(_("The image has been closed in the meantime"))

    def _target(self, picture: Any) -> Any:
        """The layer that gets the mask, or that the new layer goes above. Raises Refused."""
        if self.settings.result == "select":
            return None
        layer = pictures.active_layer(picture)
        self._refuse_locked(layer)
        return layer

    def _refuse_locked(self, layer: Any) -> None:
        """Raises Refused if a locked layer would get a mask."""
        if self.settings.result in ("mask", "layer") and layer.locked():
            raise pictures.Refused(_("The layer “{name}” is locked. Unlock it to add a mask", name=layer.name()))

    def _region(self, picture: Any, source: pictures.Source) -> Region:
        """Where to search, because of what the user has pointed at, or of the selection. Raises Refused."""
        if self.told is not None:
            region = told_region(self.told, source.box)
        else:
            selected = pictures.selected_box(picture)
            region = region_of(self.settings, selected, source.box, needs_selection=self.model.needs_selection)
        if region.refusal:
            raise pictures.Refused(region.refusal)
        return region

    def _export(self, source: pictures.Source, image: str) -> Iterator[bool]:
        """Write the pixels to a file, strip by strip. Raises Refused if all of them are transparent."""
        width, height = source.box[2:]
        visible = False
        with open(image, "wb") as file, contextlib.closing(pictures.Reader(source)) as reader:
            file.write(bitmap_header(width, height))
            for top, rows in reader.strips():
                pixels = reader.srgb(top, rows)
                visible = visible or not masks.is_empty(pixels[3::4])
                file.write(pixels)
                self._on_progress(Progress(READ * top / height, _("reading the image")))
                yield False
                self._refuse_closed()
        if not visible:
            raise pictures.Refused(_("There is nothing to search: all pixels are transparent"))

    def _hear(self, progress: Progress) -> None:
        self._on_progress(replace(progress, fraction=READ + (SEGMENT - READ) * progress.fraction))

    def _child_ended(self, outcome: Outcome, _output: bytes) -> None:
        self._outcome = outcome
        self._advance()

    def _apply(self, source: pictures.Source, target: Any, image: str, output: str) -> Iterator[bool]:
        if self.settings.result == "cut":
            box, pixels = yield from results.cut_pixels(source, image, text_of(output), self.settings.mode)
            filling = pictures.new_layer(source.document, box, pixels)
            layer = yield from _pausing(filling)
            self._refuse_closed()
            if self._may_change():
                pictures.insert_layer(source.document, target, layer)
            return
        plane = yield from results.combined_plane(source, text_of(output), self.settings.mode)
        if self.settings.result == "select":
            steps = pictures.select(source.document, plane)
        elif self.settings.result == "layer":
            self._refuse_empty(plane)
            steps = add_masked_copy(target, source.document, plane)
        else:
            self._refuse_empty(plane)
            self._remark_on_masks(target)
            steps = pictures.add_mask(target, source.document, plane)
        if self._may_change():
            for _ in steps:
                yield False

    def _may_change(self) -> bool:
        """Whether the run was not stopped; from here on it cannot be."""
        self._changing = not self._stopped
        return self._changing

    def _refuse_empty(self, plane: bytes) -> None:
        """Raises Refused if a mask would hide all of the layer."""
        if masks.is_empty(plane):
            raise pictures.Refused(_(NOTHING_LEFT))

    def _remark_on_masks(self, layer: Any) -> None:
        """Say so if the layer has a mask already: it goes on hiding what it hides."""
        if isinstance(self._outcome, Done) and pictures.has_mask(layer):
            self._outcome = replace(self._outcome, remarks=(*self._outcome.remarks, _(MASKED_BEFORE)))


def _pausing(steps: Generator[None, None, Any]) -> Generator[bool, None, Any]:
    """The same steps, none of which waits for the child."""
    try:
        while True:
            next(steps)
            yield False
    except StopIteration as end:
        return end.value
