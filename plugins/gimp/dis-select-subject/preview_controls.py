"""What is around the preview's picture: buttons, the ways to look at it, zoom, progress, and a line of words."""

from __future__ import annotations

from typing import Any, Callable

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk, Pango  # noqa: E402 - the versions come first
from preview_canvas import ZOOM_STEP, Canvas  # noqa: E402
from procedures import HELP, VIEWS  # noqa: E402
from shared.events import Progress  # noqa: E402
from shared.words import _, later  # noqa: E402

FIND, STOP = later("Find Sub_ject"), later("Sto_p")


class Controls:
    """The canvas with all of these, `widget`."""

    def __init__(
        self,
        canvas: Canvas,
        config: Any,
        find_or_stop: Callable[[], None],
        undo: Callable[[], None],
        try_finer: Callable[[], None],
    ) -> None:
        self._canvas = canvas
        self._find = _button(_(FIND), _("Show what will be taken, or look again everywhere"), find_or_stop)
        self._undo = _button(_("_Undo"), _("Take the last click or box back (Backspace)"), undo)
        self._finer = _button(_("Try Again, Fi_ner"), _("Find the same again at the next better quality"), try_finer)
        self._bar = Gtk.ProgressBar(show_text=True, valign=Gtk.Align.CENTER, ellipsize=Pango.EllipsizeMode.END)
        self._bar.get_accessible().set_name(_("Progress"))
        self._words = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=60, selectable=True)
        self._words.set_can_focus(False)
        self._line = Gtk.Stack()
        self._line.add_named(self._words, "words")
        self._line.add_named(self._bar, "progress")
        self._percent = Gtk.Label(width_chars=6)
        canvas.on_zoom = lambda: self._percent.set_text(f"{canvas.percent} %")
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        parts = (
            (self._actions(), False),
            (canvas.widget, True),
            (self._line, False),
            (_view_row(canvas, config), False),
        )
        for part, grows in parts:
            self.widget.pack_start(part, grows, grows, 0)

    def set_working(self, *, may_stop: bool) -> None:
        """Nothing can be done now but to stop."""
        self._find.set_label(_(STOP if may_stop else FIND))
        for button, enabled in ((self._find, may_stop), (self._undo, False), (self._finer, False)):
            button.set_sensitive(enabled)

    def set_idle(self, *, may_find: bool, may_undo: bool, may_refine: bool) -> None:
        """Enable what can be done now."""
        self._find.set_label(_(FIND))
        for button, enabled in ((self._find, may_find), (self._undo, may_undo), (self._finer, may_refine)):
            button.set_sensitive(enabled)

    def tell(self, words: str) -> None:
        """Say something below the picture."""
        self._words.set_text(words)
        self._line.set_visible_child(self._words)

    def show_progress(self, progress: Progress) -> None:
        """Show how much is done."""
        words = progress.words()
        self._bar.set_text(words[:1].upper() + words[1:])
        self._bar.set_fraction(min(max(progress.fraction, 0.0), 1.0))
        self._line.set_visible_child(self._bar)

    def _actions(self) -> Any:
        row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=6)
        for button in (self._find, self._undo, self._finer):
            row.pack_start(button, False, False, 0)  # noqa: FBT003
        for part in reversed(self._zoom_parts()):
            row.pack_end(part, False, False, 0)  # noqa: FBT003
        return row

    def _zoom_parts(self) -> list[Any]:
        canvas = self._canvas
        return [
            _icon("zoom-out", _("Zoom out (-, or Ctrl and the mouse wheel)"), lambda: canvas.zoom_by(1 / ZOOM_STEP)),
            self._percent,
            _icon("zoom-in", _("Zoom in (+, or Ctrl and the mouse wheel)"), lambda: canvas.zoom_by(ZOOM_STEP)),
            _icon("zoom-fit-best", _("Show all of the picture (0)"), canvas.fit),
            _icon("zoom-original", _("Show each pixel in its own size"), lambda: canvas.zoom_to(1.0)),
        ]


def _view_row(canvas: Canvas, config: Any) -> Any:
    """The ways to look at what was found, of which the config keeps the one that was chosen last."""
    combo = Gtk.ComboBoxText()
    for name, label in VIEWS.items():
        combo.append(name, _(label))

    def show(*_arguments: Any) -> None:
        chosen = config.get_property("view")
        canvas.view = chosen if chosen in VIEWS else next(iter(VIEWS))
        combo.set_active_id(canvas.view)
        canvas.redraw()

    def take(_combo: Any) -> None:
        if combo.get_active_id() != config.get_property("view"):
            config.set_property("view", combo.get_active_id())

    show()
    combo.connect("changed", take)
    config.connect("notify::view", show)
    label = Gtk.Label.new_with_mnemonic(_("_View"))
    label.set_mnemonic_widget(combo)
    combo.set_tooltip_text(_(HELP["view"]))
    row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=6)
    for part in (label, combo):
        row.pack_start(part, False, False, 0)  # noqa: FBT003 - GTK's own
    return row


def _button(label: str, tooltip: str, action: Callable[[], None]) -> Any:
    button = Gtk.Button.new_with_mnemonic(label)
    button.set_tooltip_text(tooltip)
    button.connect("clicked", lambda _button: action())
    return button


def _icon(name: str, tooltip: str, action: Callable[[], None]) -> Any:
    button = Gtk.Button.new_from_icon_name(name, Gtk.IconSize.BUTTON)
    button.set_tooltip_text(tooltip)
    button.get_accessible().set_name(tooltip)
    button.connect("clicked", lambda _button: action())
    return button
