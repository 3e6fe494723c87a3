#!/usr/bin/env python3
"""Select Subject for GIMP: finds the subject of an image with dis-core, which runs as a separate process.

GIMP starts this file for each run. It must be executable and have the same name as its folder.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib  # noqa: E402 - the version comes first
from gimp_image import Refused  # noqa: E402
from private_folder import private_folder  # noqa: E402
from procedures import AGAIN, PROCEDURES, SELECT, create_again, create_procedure, settings_of  # noqa: E402
from shared.events import failure_of  # noqa: E402
from shared.models import Model  # noqa: E402
from shared.own_environment import find_environment  # noqa: E402
from shared.program import Program, find_program  # noqa: E402
from shared.words import speak  # noqa: E402
from subject_run import Broken, Declined, Failure, find_subject, known_models, program_beside, take_shown  # noqa: E402

FOLDER = os.path.dirname(os.path.abspath(__file__))


class SubjectPlugIn(Gimp.PlugIn):  # type: ignore[misc]  # GIMP has no types
    """Three procedures, which differ in what they make of the subject, and one that repeats the first."""

    def do_set_i18n(self, _name):  # type: ignore[no-untyped-def]  # GIMP calls it by its name and number of arguments
        return False

    def do_query_procedures(self):  # type: ignore[no-untyped-def]
        # Without this, the dialog's Help looks for our procedures in GIMP's own manual.
        self.set_help_domain("dis-select-subject", Gio.File.new_for_path(os.path.join(FOLDER, "help")))
        return [*PROCEDURES, AGAIN]

    def do_create_procedure(self, name):  # type: ignore[no-untyped-def]
        return create_again(self, run_again) if name == AGAIN else create_procedure(self, name, run)


def run(procedure, run_mode, image, drawables, config, _data):  # type: ignore[no-untyped-def]
    """Handle one call. GIMP shows all errors."""
    status = Gimp.PDBStatusType
    try:
        program, models = program_and_models(run_mode)
        if run_mode == Gimp.RunMode.INTERACTIVE:
            run_asking((procedure, config, image, drawables), program, models)
        else:
            find_subject(image, drawables, settings_of(procedure, config), program, models)
    except Declined:
        return procedure.new_return_values(status.CANCEL, GLib.Error())
    except (Refused, Failure) as reason:
        return procedure.new_return_values(status.EXECUTION_ERROR, GLib.Error(str(reason)))
    except Exception as error:  # noqa: BLE001 - the host's action edge
        return procedure.new_return_values(status.EXECUTION_ERROR, GLib.Error(failure_of(error).sentence()))
    return procedure.new_return_values(status.SUCCESS, GLib.Error())


def program_and_models(run_mode: object) -> tuple[Program, list[Model]]:
    """The dis-core that is here, and its models. With a dialog, a missing one is installed and a broken one mended."""
    if run_mode != Gimp.RunMode.INTERACTIVE:
        program = program_beside(FOLDER)
        return program, known_models(program, FOLDER)
    if find_program(FOLDER) is None:
        from install_dialog import ask_to_install

        if not ask_to_install():
            raise Declined
    program = program_beside(FOLDER)
    try:
        return program, known_models(program, FOLDER)
    except Broken as broken:
        own = find_environment()
        if own is None or own.program != program:
            raise
        from install_dialog import ask_to_repair

        if not ask_to_repair(broken.failed, program):
            raise Declined from broken
        program = program_beside(FOLDER)
        return program, known_models(program, FOLDER)


def run_asking(call: Any, program: Program, models: list[Model]) -> None:
    """Show the dialog, and do what it is left with. Raises Declined, and what `find_subject` raises."""
    from dialog import ask, consent  # GTK loads slowly, and is not available without a screen

    procedure, config, image, drawables = call
    with private_folder() as folder:
        answer = ask(call, models, program, folder)
        if not answer.confirmed:
            raise Declined
        settings = settings_of(procedure, config)
        if answer.shown is not None:
            take_shown(answer.shown, drawables, settings)
            return
    find_subject(image, drawables, settings, program, models, consent)


def run_again(procedure, _run_mode, image, drawables, _config, _data):  # type: ignore[no-untyped-def]
    """Select the subject as the last time, without a dialog: GIMP knows the settings, and gives them to the other."""
    select = Gimp.get_pdb().lookup_procedure(SELECT)
    config = select.create_config()
    config.set_property("run-mode", Gimp.RunMode.WITH_LAST_VALS)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    answer = select.run(config)
    words = answer.index(1) if answer.length() > 1 else ""
    return procedure.new_return_values(answer.index(0), GLib.Error(words) if words else GLib.Error())


speak(GLib.get_language_names())
Gimp.main(SubjectPlugIn.__gtype__, sys.argv)
