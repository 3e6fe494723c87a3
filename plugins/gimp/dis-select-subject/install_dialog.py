"""Installs dis-core from a dialog of GIMP, repairs it and removes it, and says what is installed."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Any, Callable

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from child_process import run_child  # noqa: E402 - the versions come first
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402
from shared.events import Failed, Outcome, Progress  # noqa: E402
from shared.install_offer import (  # noqa: E402
    after_installation,
    maker,
    odd_program,
    offer_installation,
    other_version,
    removal,
    repair,
    version_said,
)
from shared.own_environment import find_environment, gigabytes, plan  # noqa: E402
from shared.program import OFFLINE, Program, find_program  # noqa: E402
from shared.remedies import COPY, INSTALL, LOOK_AGAIN, REMOVE, UPDATE_PLUGIN, Remedy, explanation  # noqa: E402
from shared.words import _  # noqa: E402

FOLDER = os.path.dirname(os.path.abspath(__file__))
WIDTH_PX, MORE = 460, 1


def ask_to_install() -> bool:
    """Offer to install dis-core; True if there is one at the end."""
    GimpUi.init("dis-select-subject")
    return InstallDialog(offer_installation("gimp", FOLDER)).run() is not None


def ask_to_repair(failed: Failed | None, program: Program) -> bool:
    """Offer to install the plug-in's own dis-core anew; True if there is one at the end."""
    GimpUi.init("dis-select-subject")
    return InstallDialog(odd_program(failed, "gimp", FOLDER, program)).run() is not None


class InstallDialog:
    """A text, a progress bar and two buttons. What they offer changes with how it goes."""

    def __init__(self, remedy: Remedy, other: Remedy | None = None) -> None:
        self._remedy, self._other = remedy, other
        self._is_running = False
        self._process: subprocess.Popen[bytes] | None = None
        self._window = Gtk.Dialog(title=_("Select Subject: dis-core"))
        self._window.set_default_size(WIDTH_PX, -1)
        self._close = self._window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self._more = self._window.add_button(_("Remo_ve..."), MORE)
        self._go = self._window.add_button("", Gtk.ResponseType.OK)
        self._text = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=60, selectable=False)
        self._bar = Gtk.ProgressBar(show_text=True)
        self._bar.set_no_show_all(True)
        area = self._window.get_content_area()
        area.set_property("margin", 12)
        area.set_spacing(12)
        for part in (self._text, self._bar):
            area.pack_start(part, False, False, 0)  # noqa: FBT003 - GTK's own
        self._window.set_default_response(Gtk.ResponseType.OK)
        self._window.show_all()
        self._offer(remedy)

    def run(self) -> Program | None:
        """Show it until the user leaves or all is done; the dis-core that is there then."""
        while True:
            answer = self._window.run()
            if self._is_running:  # Cancel while something goes on
                self._ask_to_stop()
            elif answer == MORE and self._other is not None:
                remedy, self._other = self._other, None
                self._offer(remedy)
            elif answer != Gtk.ResponseType.OK or self._remedy.action == "done":
                break
            else:
                self._do(self._remedy)
        self._window.destroy()
        return find_program(FOLDER)

    def _offer(self, remedy: Remedy) -> None:
        self._remedy = remedy
        self._text.set_text(remedy.without_button() if remedy.action == COPY else remedy.text)
        self._go.set_label(remedy.button if remedy.action != COPY else _("_Copy the command"))
        self._go.set_visible(bool(remedy.button))
        if remedy.button:
            # A button that was hidden meanwhile has lost the keyboard.
            self._window.set_default_response(Gtk.ResponseType.OK)
            self._go.grab_focus()
        self._more.set_visible(self._other is not None)
        self._close.set_sensitive(True)
        self._bar.hide()

    def _do(self, remedy: Remedy) -> None:
        if remedy.action == INSTALL:
            self._start("make", remedy.value)
        elif remedy.action == REMOVE:
            self._start("remove", "")
        elif remedy.action == UPDATE_PLUGIN:
            self._update_plugin()
        elif remedy.action == COPY:
            Gtk.Clipboard.get_default(self._window.get_display()).set_text(remedy.value, -1)
        elif remedy.action == LOOK_AGAIN and find_program(FOLDER) is None:
            self._offer(offer_installation("gimp", FOLDER))
        else:
            self._window.response(Gtk.ResponseType.CANCEL)

    def _start(self, what: str, build: str) -> None:
        making = maker(what, plan(FOLDER, build))
        if making is None:
            self._offer(offer_installation("gimp", FOLDER))
            return

        def ended(outcome: Outcome) -> None:
            if not isinstance(outcome, Failed):
                self._leave(_("dis-core is installed.") if what == "make" else _("dis-core was removed."))
            elif what == "make":
                self._offer(after_installation(outcome, FOLDER, build))
            else:
                self._offer(explanation(outcome))

        self._run(making.program, making.arguments, ended)

    def _update_plugin(self) -> None:
        program = find_program(FOLDER)
        profile = os.path.dirname(os.path.dirname(FOLDER))
        if program is None:
            return

        def ended(outcome: Outcome) -> None:
            if isinstance(outcome, Failed):
                self._offer(explanation(outcome))
            else:
                self._leave(_("The plug-in was updated. Restart GIMP to use it."))

        self._run(program, ("plugin", "install", "gimp", "--path", profile), ended)

    def _run(self, program: Program, arguments: Any, then: Callable[[Outcome], None]) -> None:
        """Run a program; the dialog goes on meanwhile, and its Cancel stops it."""
        self._go.hide()
        self._more.hide()
        self._bar.set_fraction(0.0)
        self._bar.set_text(_("Starting"))
        self._bar.show()
        self._is_running = True

        def show(progress: Progress) -> None:
            self._bar.set_fraction(min(progress.fraction, 1.0))
            self._bar.set_text(progress.words()[:1].upper() + progress.words()[1:])

        def end(outcome: Outcome) -> None:
            self._is_running, self._process = False, None
            then(outcome)

        def work() -> None:
            outcome, _printed = run_child(
                program,
                arguments,
                more_environment={},
                on_progress=lambda progress: GLib.idle_add(show, progress),
                on_start=self._started,
            )
            GLib.idle_add(end, outcome)

        threading.Thread(target=work, daemon=True).start()

    def _started(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def _ask_to_stop(self) -> None:
        """End the standard input of the process, at which it cleans up and ends."""
        if self._process is not None and self._process.stdin is not None:
            self._close.set_sensitive(False)
            self._text.set_text(_("Stopping..."))
            self._process.stdin.close()

    def _leave(self, words: str) -> None:
        """All is done: with dis-core there, the next dialog follows at once; else a last sentence stays."""
        self._offer(Remedy(words, _("_Close"), "done", ""))
        self._close.hide()
        if find_program(FOLDER) is not None:
            self._window.response(Gtk.ResponseType.OK)


def program_row(program: Program) -> Any:
    """What the plug-in has installed, with a button to repair and remove it; or which version does not fit."""
    row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=6)
    own = find_environment()
    if own is not None and own.program == program:
        line = Gtk.Label(label=f"dis-core {own.version}, {gigabytes(own.size_bytes)}", xalign=0.0)
        line.set_tooltip_text(_("Installed by this plug-in, in {folder}", folder=own.folder))
        row.pack_start(line, True, True, 0)  # noqa: FBT003
        manage = _button(row, _("Fi_x or Remove dis-core..."), program, repair(FOLDER, own), removal(own))
        row.pack_start(manage, False, False, 0)  # noqa: FBT003

    def compare() -> None:
        outcome, printed = run_child(
            program, ("--version",), more_environment=OFFLINE, on_progress=lambda _progress: None
        )
        if not isinstance(outcome, Failed):
            GLib.idle_add(show, printed)

    def show(printed: bytes) -> None:
        remedy = other_version("gimp", FOLDER, program, version_said(printed))
        if remedy is not None:
            row.pack_start(_button(row, _("Other Version..."), program, remedy), False, False, 0)  # noqa: FBT003
            row.show_all()

    threading.Thread(target=compare, daemon=True).start()
    return row


def _button(row: Any, label: str, program: Program, remedy: Remedy, other: Remedy | None = None) -> Any:
    button = Gtk.Button.new_with_mnemonic(label)

    def clicked(_button: Any) -> None:
        InstallDialog(remedy, other).run()
        if find_program(FOLDER) != program:
            row.get_toplevel().response(Gtk.ResponseType.CANCEL)  # what the dialog was made for has gone

    button.connect("clicked", clicked)
    return button
