"""The preview in the dialog: finds the subject before it is taken, and lets the painter correct it by clicks."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Callable, Sequence

import gimp_image as pictures
from asked import Asked, Found, region_in_box
from gi.repository import Gegl, Gimp, GLib
from preview_adjust import Adjuster, adjust_arguments, read_pgm
from preview_canvas import SEEN, Canvas
from preview_controls import Controls
from preview_run import Children
from procedures import CUT, settings_of
from result_files import read_gray
from shared.events import Failed, Outcome, Progress
from shared.file_names import text_of
from shared.kept_model import keeping_arguments
from shared.matte import has_subject, without_dust
from shared.models import Model, choose
from shared.parts import parts_arguments
from shared.program import Program
from shared.remedies import DOWNLOAD, Remedy, without_model
from shared.settings import Box, Settings, fetch_arguments, segment_arguments
from shared.words import _, later
from subject_run import Failure, Shown

READ_PIXELS = 400_000
"""How many pixels are read at once, so that the dialog does not wait for the rest."""
FINER = {"draft": "normal", "normal": "best"}
EDGES = {"grow": 1, "feather": 1, "threshold": 0.01}
"""The settings for edges, and their units."""
SEARCHED_WITH = ("model", "quality", "region")
"""The settings that the network depends on: what was found is of no use for other values."""

START = later("Find Subject shows what will be taken; a box that you draw finds what is in it")
CLICK = later("Click on a part to drop it or bring it back. Draw a box to find what is in it")
ONE_PART = later("Draw a box around another subject to find that one")
NOTHING = later("No subject was found here. Draw a box around it")


class Preview:
    """The preview of one call; `widget` is to be put into the dialog. `on_work` is told whether work is being done."""

    def __init__(
        self,
        call: tuple[Any, Any, Any, Sequence[Any]],
        program: Program,
        models: list[Model],
        folder: str,
        consent: Callable[[Remedy], bool],
    ) -> None:
        self._procedure, self._config, self._image, self._drawables = call
        self._program, self._models, self._folder, self._consent = program, models, folder, consent
        self.on_work: Callable[[bool], None] = lambda _working: None
        self._children = Children(program, self._tell_progress)
        self._canvas = Canvas(self._click, self._draw_box)
        self._canvas.on_undo, self._canvas.on_number = self.undo, self._press_number
        self._controls = Controls(self._canvas, self._config, self._find_or_stop, self.undo, self._try_finer)
        self.widget = self._controls.widget
        self._source: pictures.Source | None = None
        self._strips: pictures.Strips | None = None
        self._history = [Asked()]
        self._found: dict[Box | None, Found] = {}
        self._searched = self._search_settings()
        self._matte: bytes | None = None
        self._adjuster: Adjuster | None = None
        self._adjusted_path = ""
        self._files = 0
        self._listening = self._config.connect("notify", self._notice)
        GLib.idle_add(self._begin_reading)

    @property
    def shown(self) -> Shown | None:
        """What the preview shows; None if it shows only the picture."""
        if self._source is None or self._matte is None:
            return None
        return Shown(self._source, self._matte)

    def shown_in_clean_colors(self) -> Shown | None:
        """The same with the background's colors removed, which takes its time. Raises Failure."""
        shown, asked = self.shown, self._history[-1]
        if shown is None:
            return None
        Gimp.progress_init(_("Subject: removing the background's colors"))
        request = {**self._request(self._found[asked.box], asked, "colors.png"), "colors": "clean"}
        answer = self._adjuster_of(self._found[asked.box]).ask_and_wait(request)
        if isinstance(answer, Failed):
            raise Failure(answer.sentence())
        return replace(shown, colors=answer)

    def stop(self) -> None:
        """End what is being done. What is shown stays known."""
        if self._listening:
            self._config.disconnect(self._listening)
        self._listening = 0
        self._children.stop()
        self._end_reading()

    def close(self) -> None:
        """End all of it."""
        self.stop()
        self._stop_adjusting()

    def undo(self) -> None:
        """Take the last click or the last box back."""
        if len(self._history) > 1 and not self._children.is_working:
            self._history.pop()
            self._show()

    # Reading the picture

    def _begin_reading(self) -> None:
        self._children.stop()
        self._end_reading()
        self._forget()
        self._source = None
        self._canvas.show_picture(None, (1, 1))
        settings = self._settings()
        try:
            source = pictures.find_source(self._image, self._drawables, settings.source)
        except pictures.Refused as reason:
            self._tell(str(reason))
            return
        self._strips = pictures.exported_strips(source, self._picture_path(), READ_PIXELS)
        buffer = Gegl.Buffer.new(SEEN, 0, 0, source.box[2], source.box[3])
        GLib.idle_add(self._read_strip, self._strips, source, buffer)
        self._set_working()

    def _read_strip(self, strips: pictures.Strips, source: pictures.Source, buffer: Any) -> bool:
        if strips is not self._strips:
            return False
        width, height = source.box[2:]
        try:
            first, rows, pixels = next(strips)
        except StopIteration:
            self._strips = None
            self._source = source
            self._canvas.show_picture(buffer, (width, height))
            self._show()
            return False
        except pictures.Refused as reason:
            self._strips = None
            self._tell(str(reason))
            return False
        buffer.set(Gegl.Rectangle.new(0, first, width, rows), SEEN, pixels)
        self._tell_progress(Progress((first + rows) / height, _("reading the image")))
        return True

    def _end_reading(self) -> None:
        if self._strips is not None:
            self._strips.close()
        self._strips = None

    # Finding the subject

    def _find_or_stop(self) -> None:
        if self._children.is_working:
            self._children.stop()
            self._show()
            return
        if self._source is None:
            return
        if self._history[-1].box in self._found:
            self._history.append(Asked())
            self._found.pop(None, None)
        self._find()

    def _try_finer(self) -> None:
        quality = self._config.get_property("quality")
        if quality in FINER and not self._children.is_working:
            self._searched = (*self._searched[:1], FINER[quality], *self._searched[2:])
            self._config.set_property("quality", FINER[quality])
            self._find(again=True)

    def _draw_box(self, box: Box) -> None:
        if self._source is not None and not self._children.is_working:
            self._history.append(Asked(box))
            self._find()

    def _find(self, *, again: bool = False) -> None:
        """Look for what was asked for last, unless it is known already; what is known stays until there is a better."""
        source, settings, asked = self._source, self._settings(), self._history[-1]
        if source is None or (asked.box in self._found and not again):
            self._show()
            return
        try:
            model = self._model(settings)
            if model is None or not self._is_here(model):
                return
            region = region_in_box(asked.box) or pictures.find_region(
                source, settings, needs_selection=model.needs_selection, takes_points=model.takes_points
            )
        except pictures.Refused as reason:
            self._give_up(str(reason))
            return
        self._canvas.show_box(region.subject_box or region.search_box)
        self._files += 1
        output = os.path.join(self._folder, f"matte-{self._files}.png")
        options = keeping_arguments(self._program.segment_options, keep_min=settings.keep_min, owner_pid=os.getppid())
        plain = replace(settings, result="select", grow_px=0, feather_px=0, threshold_percent=0)
        picture, result = text_of(self._picture_path()), text_of(output)
        arguments = segment_arguments(
            plain, model=model.name, image=picture, output=result, region=region, more=[*options, "--bits", "16"]
        )
        self._children.start(
            arguments,
            lambda outcome, matte: self._take_matte(outcome, matte, output),
            read=lambda: without_dust(read_gray(source, output)),
        )
        self._tell_progress(Progress(0.0, _("starting")))
        self._set_working()

    def _take_matte(self, outcome: Outcome, matte: bytes | None, path: str) -> None:
        source = self._source
        if isinstance(outcome, Failed) or matte is None or source is None:
            self._give_up(outcome.sentence() if isinstance(outcome, Failed) else "")
            return
        asked = self._history[-1]
        self._found[asked.box] = Found(matte, source.box[2], path)
        self._show()
        if not has_subject(matte):
            return
        numbers = os.path.join(self._folder, f"parts-{self._files}.png")
        self._children.start(
            parts_arguments(text_of(path), text_of(numbers)),
            self._take_parts,
            read=lambda: read_gray(source, numbers),
        )
        self._tell_progress(Progress(1.0, _("numbering the parts")))
        self._set_working()
        self.on_work(self._adjuster is not None and self._adjuster.is_busy)  # the matte can be taken already

    def _take_parts(self, outcome: Outcome, numbers: bytes | None) -> None:
        asked = self._history[-1]
        if isinstance(outcome, Failed) or numbers is None:
            self._show()
            self._tell(outcome.sentence() if isinstance(outcome, Failed) else "")
            return
        found = self._found[asked.box] = replace(self._found[asked.box], numbers=numbers)
        self._adjuster_of(found)  # so that it is ready when it is needed
        self._show()

    def _give_up(self, why: str) -> None:
        """Show again what was shown before a search that came to nothing."""
        if len(self._history) > 1 and self._history[-1].box not in self._found:
            self._history.pop()
        self._show()
        self._tell(why)

    def _is_here(self, model: Model) -> bool:
        """Whether a model can run now; if it only has to be downloaded, that begins if the painter agrees."""
        if model.is_ready:
            return True
        remedy = without_model(model, self._models, self._program)
        if remedy.action != DOWNLOAD:
            self._give_up(remedy.without_button())
        elif self._consent(remedy):
            self._children.start(
                fetch_arguments(model.name), lambda outcome, _nothing: self._go_on(outcome, model), environment={}
            )
            self._tell_progress(Progress(0.0, _("downloading {model}", model=model.name)))
            self._set_working()
        else:
            self._give_up("")
        return False

    def _go_on(self, outcome: Outcome, model: Model) -> None:
        if isinstance(outcome, Failed):
            self._give_up(outcome.sentence())
            return
        self._models[self._models.index(model)] = replace(model, missing_bytes=0)
        self._find()

    def _model(self, settings: Settings) -> Model | None:
        model = choose(settings.model, self._models)
        if model is None:
            self._give_up(_("Unknown model “{model}”. Choose another one under “Model”", model=settings.model))
        return model

    # Showing

    def _click(self, x: int, y: int) -> None:
        asked = self._history[-1]
        found = self._found.get(asked.box)
        if found is not None and not self._children.is_working and found.part_at((x, y)):
            self._history.append(asked.clicked((x, y)))
            self._show()

    def _press_number(self, number: int) -> None:
        """The keyboard's way to click on a part: the largest is 1."""
        found = self._found.get(self._history[-1].box)
        place = None if found is None else found.place_of(number)
        if place is not None:
            self._click(*place)

    def _show(self) -> None:
        """Show what was asked for last, if it is known."""
        asked = self._history[-1]
        found = self._found.get(asked.box)
        self._canvas.show_box(asked.box)
        self._set_idle()
        if found is None or not has_subject(found.matte):
            self._show_matte(None)
            self._tell(_(START if found is None else NOTHING))
        elif set(self._request(found, asked, "")) & set(EDGES):
            self.on_work(True)  # noqa: FBT003 - a state
            request = self._request(found, asked, "adjusted.pgm")
            self._adjuster_of(found).ask(request, self._take_adjusted)
        else:
            self._show_matte(found.without(asked.clicks))
            self._tell(_(CLICK if found.place_of(2) else ONE_PART))

    def _request(self, found: Found, asked: Asked, name: str) -> dict[str, object]:
        """What to ask for, for the edges that are set and the parts that are left."""
        request: dict[str, object] = {"output": text_of(os.path.join(self._folder, name))}
        for setting, unit in EDGES.items():
            if self._config.get_property(setting):
                request[setting] = self._config.get_property(setting) * unit
        without = sorted(found.dropped(asked.clicks))
        return {**request, "without": without} if without else request

    def _adjuster_of(self, found: Found) -> Adjuster:
        """The one that holds a matte, and no other any more."""
        if self._adjuster is None or self._adjusted_path != found.path:
            self._stop_adjusting()
            picture = text_of(self._picture_path()) if self._procedure.get_name() == CUT else None
            self._adjuster = Adjuster(self._program, adjust_arguments(text_of(found.path), picture))
            self._adjusted_path = found.path
        return self._adjuster

    def _stop_adjusting(self) -> None:
        if self._adjuster is not None:
            self._adjuster.close()
        self._adjuster = None

    def _take_adjusted(self, answer: Any) -> None:
        if isinstance(answer, Failed):
            self._stop_adjusting()
            self._show_matte(None)
            self._tell(answer.sentence())
            return
        self._show_matte(without_dust(read_pgm(answer)))
        self._tell(_(CLICK))

    def _show_matte(self, matte: bytes | None) -> None:
        self._matte = matte
        self._canvas.show_matte(matte)

    def _notice(self, _config: Any, changed: Any) -> None:
        if changed.name == "source":
            GLib.idle_add(self._begin_reading)
        elif changed.name in EDGES and self._matte is not None:
            if self._children.is_working:
                self.on_work(True)  # noqa: FBT003 - what is shown now has not the edges that are wanted
            else:
                self._show()
        elif changed.name in SEARCHED_WITH and self._search_settings() != self._searched:
            self._children.stop()
            self._forget()
            self._show()

    def _forget(self) -> None:
        self._history = [Asked()]
        self._found = {}
        self._matte = None
        self._stop_adjusting()
        self._searched = self._search_settings()

    def _search_settings(self) -> tuple[Any, ...]:
        return tuple(self._config.get_property(name) for name in SEARCHED_WITH)

    def _settings(self) -> Settings:
        return settings_of(self._procedure, self._config)

    def _picture_path(self) -> str:
        return os.path.join(self._folder, f"{self._config.get_property('source')}.bmp")

    def _set_working(self) -> None:
        self._controls.set_working(may_stop=self._source is not None)
        self.on_work(True)  # noqa: FBT003 - a state

    def _set_idle(self) -> None:
        finer = self._matte is not None and self._config.get_property("quality") in FINER
        ready = self._source is not None
        self._controls.set_idle(may_find=ready, may_undo=len(self._history) > 1, may_refine=finer)
        self.on_work(False)  # noqa: FBT003

    def _tell(self, words: str) -> None:
        if not self._children.is_working:
            self._set_idle()
            self._controls.tell(words)

    def _tell_progress(self, progress: Progress) -> None:
        self._controls.show_progress(progress)
