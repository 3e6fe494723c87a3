"""What the actions, the docker and the status bar share: the settings, the models, and the current run."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Callable, Sequence

from krita import Krita

from .canvas_picker import CanvasPicker
from .child_process import ChildProcess
from .installer import Installer
from .looks import LOOK, Looks, made_in_words
from .qt import QtCore
from .results import NOTHING_FOUND
from .shared.events import Done, Failed, Outcome, Progress
from .shared.install_offer import odd_program, offer_installation
from .shared.kept_model import FREE_ARGUMENTS, STATUS_ARGUMENTS, KeptModel, is_kept, parse_status
from .shared.models import Model, better_than, choose, parse_models
from .shared.pointing import Told
from .shared.program import OFFLINE, Program, find_program
from .shared.remedies import (
    after_download,
    after_pause,
    explanation,
    offer_better,
    offer_everywhere,
    remedy_for,
    without_model,
)
from .shared.settings import AUTOMATIC, LIST_ARGUMENTS, Settings, fetch_arguments, from_strings
from .shared.words import _, later
from .subject_run import REFUSED, SubjectRun

GROUP = "dis_select_subject"
LONGEST_WAIT_S = 24 * 3600.0
NOTHING_THERE = later("Nothing was found there. Try a larger box, or another model")
BUSY = later("The last run is not finished. Stop it first, or wait")


class SubjectFinder(QtCore.QObject):
    """Finds subjects, downloads models and keeps the settings. All windows of Krita share one, through its signals."""

    progressed = QtCore.pyqtSignal(float, str)
    ended = QtCore.pyqtSignal()
    stopped = QtCore.pyqtSignal()
    download_progressed = QtCore.pyqtSignal(float, str)
    download_ended = QtCore.pyqtSignal()
    message = QtCore.pyqtSignal(str)
    remedy_offered = QtCore.pyqtSignal(object)
    settings_changed = QtCore.pyqtSignal()
    models_changed = QtCore.pyqtSignal()
    kept_changed = QtCore.pyqtSignal()
    picking_changed = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.settings = from_strings({name: _read(name) for name in Settings().to_strings()})
        self.models: list[Model] = []
        self._work: SubjectRun | None = None
        self._download: ChildProcess | None = None
        self._downloaded = ""
        self._listing: ChildProcess | None = None
        self._after_listing: list[Callable[[], None]] = []
        self._picker: CanvasPicker | None = None
        self.looks = Looks(self)
        self.installer = Installer()
        self.installer.offered.connect(self.remedy_offered.emit)
        self.installer.message.connect(self.message.emit)
        self.installer.changed.connect(self._program_changed)
        self.kept: KeptModel | None = None
        self._asking: ChildProcess | None = None
        self._ask_again = QtCore.QTimer()
        self._ask_again.setSingleShot(True)
        self._ask_again.timeout.connect(self.ask_what_is_kept)

    @property
    def is_busy(self) -> bool:
        return self._work is not None

    def change(self, **values: Any) -> None:
        """Change settings, and remember them for the next start of Krita."""
        self.settings = replace(self.settings, **values)
        for name, value in self.settings.to_strings().items():
            Krita.instance().writeSetting(GROUP, name, value)
        self.settings_changed.emit()

    def find(self) -> None:
        """Find the subject of the active image, and make what the settings say, or let the user look at it first."""
        self.run(LOOK if self.settings.preview == "on" else self.settings.result)

    def find_again(self, picture: Any, settings: Settings) -> None:
        """Find the subject of an image again, with other settings."""
        self._start_when_listed(picture, settings)

    def run(self, result: str) -> None:
        """Find the subject of the active image, then "select", "mask" or "cut" it, or "look" at it first."""
        if self._refuse_when_busy():
            return
        # The image that is active now: listing the models may take a moment.
        picture = Krita.instance().activeDocument()
        if picture is None:
            self.message.emit(_("No image is open"))
            return
        self.stop_picking()
        self.looks.cancel()
        self._start_when_listed(picture, replace(self.settings, result=result))

    def search_everywhere(self, result: str) -> None:
        """Search again, and not only around the selection."""
        self.change(region="everywhere")
        self.run(result)

    def download(self, name: str) -> None:
        """Download a model, while the user goes on. What was there of it already is kept and gone on with."""
        program = self._find_program()
        if program is None:
            return
        if self._download is not None:
            self.message.emit(_("The download of {model} is not finished", model=self._downloaded))
            return

        def ended(outcome: Outcome, _output: bytes) -> None:
            self._end_download()
            if isinstance(outcome, Failed):
                self.message.emit(_("{model} was not downloaded", model=name))
                self.remedy_offered.emit(after_download(outcome, name))
            else:
                self.list_models(then=lambda: self.message.emit(_("The model {model} is ready to use", model=name)))

        def progressed(progress: Progress) -> None:
            self.download_progressed.emit(progress.fraction, _("downloading {model}", model=name))

        self._downloaded = name
        self.download_progressed.emit(0.0, _("downloading {model}", model=name))
        self._download = ChildProcess(
            program, fetch_arguments(name), more_environment={}, on_progress=progressed, on_end=ended
        )

    def pause_download(self) -> None:
        """Stop the download. What is there of it already is kept."""
        download = self._download
        if download is not None:
            self._end_download()
            download.stop()
            self.remedy_offered.emit(after_pause(self._downloaded))

    def _end_download(self) -> None:
        self._download = None
        self.download_ended.emit()

    def list_models(self, then: Callable[[], None] = lambda: None) -> None:
        """List dis-core's models, and call `then` if that worked."""
        program = self._find_program()
        if program is None:
            return
        self._after_listing.append(then)
        if self._listing is not None:  # the docker has asked for it already
            return

        def ended(outcome: Outcome, output: bytes) -> None:
            self._listing = None
            waiting, self._after_listing = self._after_listing, []
            self.models = [] if isinstance(outcome, Failed) else parse_models(output)
            self.models_changed.emit()
            if not self.models:
                failed = outcome if isinstance(outcome, Failed) else None
                self.message.emit(_("dis-core does not work"))
                self.remedy_offered.emit(odd_program(failed, "krita", os.path.dirname(__file__), program))
                return
            self.installer.compare_versions()
            for go_on in waiting:
                go_on()

        self._listing = ChildProcess(
            program, LIST_ARGUMENTS, more_environment=OFFLINE, on_progress=self.show_progress, on_end=ended
        )

    @property
    def is_working(self) -> bool:
        """Whether a run is on, or may be when the models have been listed."""
        return self._work is not None or self._listing is not None

    @property
    def takes_points(self) -> bool:
        """Whether the model can be told of a point on the subject."""
        model = choose(self.settings.model, self.models)
        return model is not None and model.takes_points

    @property
    def is_picking(self) -> bool:
        """Whether boxes and clicks on the canvas add things to the selection and take them away."""
        return self._picker is not None

    def find_told(self, picture: Any, told: Told, mode: str) -> None:
        """Find the subject that the user has pointed at, and "add" it to the selection or "subtract" it."""
        self._start_when_listed(picture, replace(self.settings, result="select", mode=mode), told)

    def pick_on_canvas(self) -> None:
        """Let boxes and clicks on the canvas change the selection, until `stop_picking`."""
        picture, program = Krita.instance().activeDocument(), self._find_program()
        if program is None or self._refuse_when_busy():
            return
        if picture is None:
            self.message.emit(_("No image is open"))
            return
        self.stop_picking()
        self.looks.cancel()
        self._picker = CanvasPicker(picture, program, self, on_end=self._picking_ended)
        self.picking_changed.emit()

    def stop_picking(self) -> None:
        """Leave clicks on the canvas to Krita's tools again."""
        if self._picker is not None:
            self._picker.stop()
            self._picking_ended()

    def _picking_ended(self) -> None:
        self._picker = None
        self.picking_changed.emit()

    def ask_what_is_kept(self) -> None:
        """Ask dis-core which model it keeps in memory, and again when that should have gone."""
        self._ask_daemon(STATUS_ARGUMENTS, self._take_kept)

    def free_memory(self) -> None:
        """Let dis-core give back the memory of the model that it keeps, as soon as it is not working with it."""
        self._ask_daemon(FREE_ARGUMENTS, lambda _output: self._take_kept(b""))

    def _take_kept(self, output: bytes) -> None:
        self.kept = parse_status(output)
        leaves_in_s = None if self.kept is None else self.kept.leaves_in_s
        if leaves_in_s is not None:
            self._ask_again.start(round(1000 * (min(leaves_in_s, LONGEST_WAIT_S) + 2)))
        self.kept_changed.emit()

    def _ask_daemon(self, arguments: Sequence[str], then: Callable[[bytes], None]) -> None:
        program = find_program(os.path.dirname(__file__))
        if program is None or not is_kept(program.segment_options):
            return
        if self._asking is not None:
            self._asking.stop()

        def ended(_outcome: Outcome, output: bytes) -> None:
            self._asking = None
            then(output)

        self._asking = ChildProcess(
            program, arguments, more_environment=OFFLINE, on_progress=lambda _progress: None, on_end=ended
        )

    def adopt(self, work: SubjectRun) -> None:
        """Take a run that somebody else has started for the current one."""
        self._work = work

    def reset(self) -> None:
        """Forget all settings, except which offer was declined."""
        self.change(**vars(replace(Settings(), declined=self.settings.declined)))

    def stop(self) -> None:
        """Stop the current run. The image stays as it is."""
        work = self._work
        if work is not None and work.can_stop:
            self.end_work()
            work.stop()
            self.stopped.emit()
            self.message.emit(_("Stopped. Nothing was changed"))

    def close(self) -> None:
        """Stop child processes: Krita is closing. Its windows and widgets may be gone already."""
        self._ask_again.stop()
        self.looks.drop()
        for work in (self._work, self._listing, self._download, self._asking, self._picker):
            if work is not None:
                work.stop()
        self.installer.close()
        self._work = self._listing = self._download = self._asking = self._picker = None

    def _start_when_listed(self, picture: Any, settings: Settings, told: Told | None = None) -> None:
        model = choose(settings.model, self.models)
        if model is None or not model.is_ready:
            self.list_models(then=lambda: self._start(picture, settings, told))
        else:
            self._start(picture, settings, told)

    def _start(self, picture: Any, settings: Settings, told: Told | None) -> None:
        program = self._find_program()
        if program is None or self._refuse_when_busy():
            return
        model = choose(settings.model, self.models)
        if model is None:
            self.message.emit(_("Unknown model “{model}”. Choose another one under “Model”", model=settings.model))
            return
        if not model.is_ready:
            self.remedy_offered.emit(without_model(model, self.models, program))
            return

        def ended(outcome: Outcome) -> None:
            self.end_work()
            self.ask_what_is_kept()
            if isinstance(outcome, Done) and run.found is not None:
                self.looks.begin(run.found, program)
                self._offer_better(settings, model)
            elif isinstance(outcome, Done):
                self._tell(outcome, settings, model, was_limited=run.was_limited, made=_made(settings, told))
            elif outcome.code == REFUSED:
                nothing_there = told is not None and outcome.message == _(NOTHING_FOUND)
                self.message.emit(_(NOTHING_THERE) if nothing_there else outcome.message)
                if run.was_limited and outcome.message == _(NOTHING_FOUND):
                    self.remedy_offered.emit(offer_everywhere(_("No subject was found."), settings.result))
            else:
                self._tell_failure(outcome, model, program)

        self.progressed.emit(0.0, _("reading the image"))
        self._work = run = SubjectRun(
            picture, settings, model, program, on_progress=self.show_progress, on_end=ended, told=told
        )

    def _tell(self, outcome: Done, settings: Settings, model: Model, *, was_limited: bool, made: str) -> None:
        self.message.emit(_(". ").join([_("{made} by {model}", made=made, model=outcome.model), *outcome.remarks]))
        if was_limited:
            self.remedy_offered.emit(offer_everywhere(_("{made}.", made=made), settings.result))
        else:
            self._offer_better(settings, model)

    def _offer_better(self, settings: Settings, model: Model) -> None:
        better = better_than(model, self.models)
        if settings.model == AUTOMATIC and better is not None and self._may_offer(better):
            self.remedy_offered.emit(offer_better(better))

    def _may_offer(self, model: Model) -> bool:
        return self.settings.declined != model.name and self._download is None

    def _tell_failure(self, failed: Failed, model: Model, program: Program) -> None:
        remedy = remedy_for(failed, model, self.models, program)
        if remedy is None:
            self.message.emit(failed.short())  # it goes after some seconds; the docker keeps all of it
            remedy = explanation(failed)
        self.remedy_offered.emit(remedy)

    def show_progress(self, progress: Progress) -> None:
        """Show how far a run is."""
        self.progressed.emit(progress.fraction, progress.words())

    def end_work(self) -> None:
        """The run is over."""
        self._work = None
        self.ended.emit()

    def _program_changed(self) -> None:
        self.models = []
        self.models_changed.emit()
        if find_program(os.path.dirname(__file__)) is not None:
            self.list_models()

    def _find_program(self) -> Program | None:
        folder = os.path.dirname(__file__)
        program = find_program(folder)
        if program is None:
            self.remedy_offered.emit(offer_installation("krita", folder))
        return program

    def _refuse_when_busy(self) -> bool:
        if self.is_busy:
            self.message.emit(_(BUSY))
        return self.is_busy


def _made(settings: Settings, told: Told | None) -> str:
    """What a run has made, in words."""
    if told is not None:
        return _("Added to the selection") if settings.mode == "add" else _("Taken away from the selection")
    return made_in_words(settings.result)


def _read(name: str) -> str:
    kept: str = Krita.instance().readSetting(GROUP, name, "")
    return kept
