"""One run, from an image's pixels to its new selection, mask or layer."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Callable, Sequence

import gimp_image as pictures
from child_process import run_child, start_detached
from gi.repository import Gimp
from private_folder import private_folder
from result_files import read_colors, read_matte, subject_in
from shared.events import Failed, Progress
from shared.file_names import text_of
from shared.kept_model import keeping_arguments
from shared.models import Model, choose, parse_models
from shared.program import OFFLINE, Program, command_line, find_program
from shared.remedies import DOWNLOAD, Remedy, broken_program, remedy_for, without_model, without_program
from shared.settings import LIST_ARGUMENTS, Settings, fetch_arguments, prepare_arguments, segment_arguments
from shared.words import _

READ, SEGMENT = 0.05, 0.9
"""How far the progress bar is when the pixels are read and when the subject is found."""

Consent = Callable[[Remedy], bool]
"""Asks the user whether a model may be downloaded."""


@dataclass(frozen=True)
class Shown:
    """What the painter has seen in the dialog and wants: a matte of a source, and the file with the subject in clean
    colors, if these are wanted."""

    source: pictures.Source
    matte: bytes
    colors: str | None = None


class Failure(Exception):
    """dis-core is missing or has failed, with a message for the user."""


class Broken(Failure):
    """dis-core lists no models; `failed` is why, if it said so."""

    def __init__(self, failed: Failed | None, folder: str) -> None:
        super().__init__(broken_program(failed, "gimp", folder).without_button())
        self.failed = failed


class Declined(Exception):
    """The user declined."""


def program_beside(folder: str) -> Program:
    """The dis-core for the plug-in in a folder. Raises Failure if there is none."""
    program = find_program(folder)
    if program is None:
        raise Failure(without_program("gimp", folder).without_button())
    return program


def known_models(program: Program, folder: str) -> list[Model]:
    """The models that dis-core lists, for the plug-in in a folder. Raises Broken if there are none."""
    outcome, printed = run_child(program, LIST_ARGUMENTS, more_environment=OFFLINE, on_progress=_ignore)
    failed = outcome if isinstance(outcome, Failed) else None
    models = [] if failed is not None else parse_models(printed)
    if not models:
        raise Broken(failed, folder)
    return models


def find_subject(
    image: object,
    drawables: Sequence[object],
    settings: Settings,
    program: Program,
    models: Sequence[Model],
    consent: Consent | None = None,
) -> None:
    """Do what the settings say. The image is changed only at the end, in one step.

    Without `consent` the user cannot be asked, and a missing model is a failure. Raises Refused, Failure, Declined.
    """
    source = pictures.find_source(image, drawables, settings.source)
    target = None if settings.result == "select" else pictures.find_target(image, drawables, settings.result)
    model = choose(settings.model, models)
    if model is None:
        raise Failure(_("Unknown model “{model}”. Choose another one under “Model”", model=settings.model))
    region = pictures.find_region(
        source, settings, needs_selection=model.needs_selection, takes_points=model.takes_points
    )
    _download_if_missing(model, models, program, consent)
    Gimp.progress_init(_("Subject: reading the image"))
    # GIMP itself started this process, which ends with the run.
    options = keeping_arguments(program.segment_options, keep_min=settings.keep_min, owner_pid=os.getppid())
    prepare = prepare_arguments(model.name, options)
    if prepare:  # it loads the model while the pixels are read
        start_detached(program, prepare, more_environment=OFFLINE)
    with private_folder() as folder:
        seen, result = os.path.join(folder, "picture.bmp"), os.path.join(folder, "result.png")
        pictures.export(source, seen, lambda fraction: Gimp.progress_update(READ * fraction))
        alone = settings.result == "cut" and settings.colors == "clean"
        arguments = segment_arguments(
            settings if alone else replace(settings, result="select"),
            model=model.name,
            image=text_of(seen),
            output=text_of(result),
            region=region,
            more=options,
        )
        outcome, _printed = run_child(program, arguments, more_environment=OFFLINE, on_progress=_show)
        if isinstance(outcome, Failed):
            raise Failure(_message(outcome, model, program))
        if alone:
            colors = read_colors(source, result)
            _apply(source, target, settings, colors[3::4], colors)
        else:
            _apply(source, target, settings, read_matte(source, result), None)


def take_shown(shown: Shown, drawables: Sequence[object], settings: Settings) -> None:
    """Make of a matte what the settings say, in one step. Raises Refused."""
    target = None
    if settings.result != "select":
        target = pictures.find_target(shown.source.image, drawables, settings.result)
    Gimp.progress_init(_("Subject: applying the result"))
    if shown.colors is None:
        _apply(shown.source, target, settings, subject_in(shown.matte), None)
    else:
        colors = read_colors(shown.source, shown.colors)
        _apply(shown.source, target, settings, colors[3::4], colors)


def _apply(source: pictures.Source, target: object, settings: Settings, matte: bytes, colors: bytes | None) -> None:
    _show(Progress(1.0, _("applying the result")))
    if settings.result == "select":
        pictures.select(source, matte, settings.mode)
    elif settings.result == "mask":
        pictures.add_mask(source, target, matte, settings.mode)
    else:
        pictures.add_cut_layer(source, target, matte, colors, settings)
    Gimp.progress_end()
    Gimp.displays_flush()


def _download_if_missing(model: Model, models: Sequence[Model], program: Program, consent: Consent | None) -> None:
    """Download a missing model, if the user agrees. Raises Failure, Declined."""
    if model.is_ready:
        return
    remedy = without_model(model, models, program)
    if remedy.action != DOWNLOAD:
        raise Failure(remedy.without_button())
    if consent is None:
        raise Failure(f"{remedy.text} {_fetch_message(model, program)}")
    if not consent(remedy):
        raise Declined
    Gimp.progress_init(_("Subject: downloading {model}", model=model.name))
    outcome, _printed = run_child(program, fetch_arguments(model.name), more_environment={}, on_progress=_show)
    if isinstance(outcome, Failed):
        raise Failure(outcome.sentence())


def _message(failed: Failed, model: Model, program: Program) -> str:
    remedy = remedy_for(failed, model, (), program)
    if remedy is None or remedy.action != DOWNLOAD:
        return failed.sentence()
    return f"{remedy.text} {_fetch_message(model, program)}"


def _fetch_message(model: Model, program: Program) -> str:
    return _("To download it, run in a terminal: {command}", command=command_line(program, "fetch", model.name))


def _show(progress: Progress) -> None:
    Gimp.progress_set_text(_("Subject: {doing}", doing=progress.words()))
    Gimp.progress_update(READ + (SEGMENT - READ) * progress.fraction)


def _ignore(_progress: Progress) -> None:
    pass
