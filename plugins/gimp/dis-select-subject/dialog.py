"""The dialogs of an interactive run: GIMP's own plus a list of models, and a question before downloads."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Callable, Sequence, Tuple

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from child_process import run_child  # noqa: E402 - the versions come first
from gi.repository import GimpUi, GLib, GObject, Gtk, Pango  # noqa: E402
from install_dialog import program_row  # noqa: E402
from preview import Preview  # noqa: E402
from procedures import CUT  # noqa: E402
from shared.kept_model import FREE_ARGUMENTS, STATUS_ARGUMENTS, is_kept, parse_status  # noqa: E402
from shared.models import Model, better_than, choose, megabytes, those_here_first  # noqa: E402 - the versions come first
from shared.program import OFFLINE, Program  # noqa: E402
from shared.remedies import Remedy  # noqa: E402
from shared.settings import AUTOMATIC  # noqa: E402
from shared.words import _, later  # noqa: E402 - the versions come first
from subject_run import Shown  # noqa: E402

TITLES = {
    "plug-in-dis-select-subject": later("Select Subject"),
    "plug-in-dis-mask-subject": later("Mask Subject"),
    "plug-in-dis-cut-subject": later("Cut Subject to New Layer"),
}

CORRECT = {
    "plug-in-dis-select-subject": later("To correct the selection with a brush: Select > Toggle Quick Mask (Shift+Q)."),
    "plug-in-dis-mask-subject": later("To correct the mask, paint on it: white shows the layer, black hides it."),
    "plug-in-dis-cut-subject": later("To correct it with a brush, make a mask instead: Layer > Mask > Mask Subject."),
}

Call = Tuple[Any, Any, Any, Sequence[Any]]
"""The procedure, its config, the image and the drawables."""


@dataclass(frozen=True)
class Answer:
    """Whether the painter confirmed the dialog, and what its preview showed then, if anything."""

    confirmed: bool
    shown: Shown | None = None


def ask(call: Call, models: list[Model], program: Program, folder: str) -> Answer:
    """Show the dialog, with a preview whose files go into a folder.

    The choices are then in the call's config, and GIMP remembers them.
    """
    procedure, config = call[:2]
    GimpUi.init(procedure.get_name())
    window = GimpUi.ProcedureDialog.new(procedure, config, _(TITLES[procedure.get_name()]))
    names = ["source", "mode", "region", "quality", "grow", "feather", "threshold", "keep"]
    settings = window.fill_box("settings", [*names, *(["clean", "size"] if procedure.get_name() == CUT else [])])
    own = program_row(program)
    for part in (_model_row(window, config, models), _better_line(models), _kept_row(program), own):
        settings.pack_start(part, False, False, 0)  # noqa: FBT003 - GTK's own
    settings.pack_end(_wrapped(_(CORRECT[procedure.get_name()])), False, False, 0)  # noqa: FBT003
    preview = Preview(call, program, models, folder, consent)
    preview.on_work = lambda working: window.set_response_sensitive(Gtk.ResponseType.OK, not working)
    columns = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=12, border_width=12)
    columns.pack_start(settings, False, False, 0)  # noqa: FBT003
    columns.pack_start(preview.widget, True, True, 0)  # noqa: FBT003
    window.get_content_area().pack_start(columns, True, True, 0)  # noqa: FBT003
    columns.show_all()
    try:
        confirmed: bool = window.run()
        preview.stop()
        window.destroy()
        if not confirmed:
            return Answer(confirmed=False)
        if procedure.get_name() == CUT and config.get_property("clean"):
            return Answer(confirmed=True, shown=preview.shown_in_clean_colors())
        return Answer(confirmed=True, shown=preview.shown)
    finally:
        preview.close()


def _model_row(window: Any, config: Any, models: Sequence[Model]) -> Any:
    row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=6)
    combo = _model_combo(config, models)
    label = Gtk.Label.new_with_mnemonic(_("Mo_del"))
    label.set_mnemonic_widget(combo)
    label.set_xalign(0.0)
    labels = Gtk.SizeGroup.new(Gtk.SizeGroupMode.HORIZONTAL)
    labels.add_widget(label)
    beside = window.get_widget("source", GObject.TYPE_NONE).get_label()
    if isinstance(beside, Gtk.Widget):  # since GIMP 3.2 few choices are in a frame, whose label is text above them
        labels.add_widget(beside)
    row.pack_start(label, False, False, 0)  # noqa: FBT003
    row.pack_start(combo, True, True, 0)  # noqa: FBT003
    return row


def consent(remedy: Remedy) -> bool:
    """Ask whether a model may be downloaded."""
    question = Gtk.MessageDialog(message_type=Gtk.MessageType.QUESTION, text=_("Download the model?"))
    question.set_title(_("Download Model"))
    question.format_secondary_text(remedy.text)
    question.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
    question.add_button(remedy.button, Gtk.ResponseType.OK)
    question.set_default_response(Gtk.ResponseType.OK)
    answer = question.run()
    question.destroy()
    return bool(answer == Gtk.ResponseType.OK)


def _better_line(models: Sequence[Model]) -> Any:
    """What would make better edges than the best model that is here; empty if there is nothing."""
    best = choose(AUTOMATIC, models)
    better = None if best is None else better_than(best, models)
    line = _wrapped("")
    if better is not None:
        size = megabytes(better.missing_bytes)
        line.set_text(_("Better edges: choose {model}. It is downloaded once, {size}.", model=better.name, size=size))
    return line


def _wrapped(words: str) -> Any:
    return Gtk.Label(label=words, xalign=0.0, wrap=True, max_width_chars=40)


def _kept_row(program: Program) -> Any:
    """What dis-core keeps in memory, with a button that frees it; it is asked while the dialog shows already."""
    row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=6)
    if not is_kept(program.segment_options):
        return row
    line, free = Gtk.Label(xalign=0.0), Gtk.Button.new_with_mnemonic(_("Fr_ee Memory"))
    free.set_tooltip_text(_("Give the memory back now. The next run takes longer to start"))
    free.set_no_show_all(True)
    row.pack_start(line, True, True, 0)  # noqa: FBT003
    row.pack_start(free, False, False, 0)  # noqa: FBT003

    def show(printed: bytes) -> None:
        kept = parse_status(printed)
        line.set_text("" if kept is None else kept.words())
        free.set_visible(kept is not None)

    def give_back(_button: Any) -> None:
        line.set_text(_("Giving the memory back..."))
        free.hide()
        ask_later(program, FREE_ARGUMENTS, lambda _printed: show(b""))

    free.connect("clicked", give_back)
    ask_later(program, STATUS_ARGUMENTS, show)
    return row


def ask_later(program: Program, arguments: Sequence[str], then: Callable[[bytes], None]) -> None:
    """Run dis-core, and call `then` with what it printed when it has ended; the dialog goes on meanwhile."""

    def work() -> None:
        _, printed = run_child(program, arguments, more_environment=OFFLINE, on_progress=lambda _progress: None)
        GLib.idle_add(then, printed)

    threading.Thread(target=work, daemon=True).start()


def _model_combo(config: Any, models: Sequence[Model]) -> Any:
    combo = Gtk.ComboBoxText()
    for cell in combo.get_cells():  # the longest name shall not make the dialog wide
        cell.set_property("ellipsize", Pango.EllipsizeMode.END)
        cell.set_property("max-width-chars", 28)
    best = choose(AUTOMATIC, models)
    combo.append("automatic", _("Best available") if best is None else _("Best available: {model}", model=best.label()))
    for model in those_here_first(models):
        combo.append(f"model {model.name}", model.label())
    chosen = config.get_property("model")
    if chosen and chosen not in [model.name for model in models]:
        combo.append(f"model {chosen}", _("{model} (unknown)", model=chosen))

    def reset(*_arguments: Any) -> None:
        name = config.get_property("model")
        combo.set_active_id(f"model {name}" if name else "automatic")

    def take(_combo: Any) -> None:
        name = (combo.get_active_id() or "").partition("model ")[2]
        if name != config.get_property("model"):
            config.set_property("model", name)

    reset()
    combo.connect("changed", take)
    config.connect("notify::model", reset)  # the dialog's reset button
    return combo
