"""The docker: where to search, what to make of the subject, progress and help."""

from __future__ import annotations

import contextlib
from typing import Any, Sequence

from krita import DockWidget, Krita

from .fields import BAR_STEPS, Fields, make_bar, make_box, make_form
from .keyboard import DockerKeys, prepare
from .look_panel import LookPanel
from .program_panel import make_install_progress, make_program_row
from .qt import QtCore, QtWidgets
from .shared.models import Model, choose, those_here_first
from .shared.remedies import COPY, DOWNLOAD, SEARCH_EVERYWHERE, Remedy
from .shared.settings import AUTOMATIC, MODES, MOST_KEEP_MIN, MOST_PX, QUALITIES, REGIONS, RESULTS, SOURCES
from .shared.words import _, later
from .subject_finder import SubjectFinder

TITLE = later("Select Subject")
MOST_OF_WINDOW = 0.45
"""The part of the window's height that the docker may need to show all it has."""
TOOLTIPS = {
    "source": later("Where to find the subject: in the active layer, or in all that is visible"),
    "result": later("What to make of the subject"),
    "mode": later("How to combine the subject with the current selection"),
    "region": later("Search everywhere, or only around the current selection"),
    "quality": later("Fast sees fewer details. Best looks several times, and takes several times as long"),
}


class SubjectDocker(DockWidget):
    """Each window of Krita has one. All show the same settings."""

    finder: SubjectFinder

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(_(TITLE))
        self._fields = Fields(self.finder)
        self._edges = self._make_edges()
        self._edges_there = QtWidgets.QVBoxLayout()
        content = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(content)
        # The button comes first: dockers are often made so small that only their top shows.
        for part in (
            self._make_start(),
            self._make_pick(),
            self._make_progress(),
            self._make_download(),
            make_install_progress(self.finder.installer),
            self._make_help(),
            LookPanel(self.finder, self._fields, self._edges_there),
            self._make_form(),
            self._make_more(),
            self._make_seldom(),
            self._make_kept(),
            make_program_row(self.finder.installer),
        ):
            column.addWidget(part)
        column.addStretch(1)
        area = QtWidgets.QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        area.setWidget(content)
        self._area, self._content = area, content
        content.installEventFilter(self)
        self.setWidget(area)
        self._keys = DockerKeys(area)
        self._connect()
        self._show_look()
        prepare(content)

    def canvasChanged(self, canvas: Any) -> None:  # noqa: N802 - Krita's name, and it must be there
        for button in (self._start, self._pick):
            button.setEnabled(canvas is not None and canvas.view() is not None)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        if not self.finder.models:
            self.finder.list_models()
        self.finder.ask_what_is_kept()

    def hideEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        super().hideEvent(event)
        self.finder.stop_picking()  # or clicks would be taken without a button that ends it

    def eventFilter(self, _receiver: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QtCore.QEvent.Type.LayoutRequest:
            QtCore.QTimer.singleShot(0, self._take_room)
        return False

    def _take_room(self) -> None:
        """Ask for the height that shows everything, or Krita would give most of it to the layers; but not for all."""
        most = round(self.window().height() * MOST_OF_WINDOW)
        self._area.setMinimumHeight(min(self._content.sizeHint().height(), most))

    def go_to(self) -> None:
        """Show the docker and give the keyboard to its button, or to the one that stops the run."""
        self.setVisible(True)
        self.raise_()
        button = self._running.findChild(QtWidgets.QPushButton) if self._running.isVisible() else self._start
        button.setFocus(QtCore.Qt.FocusReason.ShortcutFocusReason)

    def _make_help(self) -> Any:
        """A text about what is missing, and the button that fixes it."""
        self._help = QtWidgets.QFrame()
        self._help.setObjectName("dis_help")
        self._help.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self._help_text = QtWidgets.QLabel()
        self._help_text.setWordWrap(True)
        self._fix = QtWidgets.QPushButton()
        self._fix.setObjectName("dis_fix")
        self._decline = QtWidgets.QPushButton()
        self._decline.setObjectName("dis_decline")
        column = QtWidgets.QVBoxLayout(self._help)
        column.addWidget(self._help_text)
        column.addWidget(self._fix)
        column.addWidget(self._decline)  # below: side by side they would be wider than a docker
        self._help.hide()
        return self._help

    def _make_form(self) -> Any:
        """What is chosen every day."""
        widget, form = make_form()
        self._add_choices(form, (("result", _("Make"), RESULTS),))
        self._models = make_box()
        form.addRow(_("Model"), self._models)
        self._add_choices(form, (("quality", _("Quality"), QUALITIES),))
        self._form = widget
        return widget

    def _add_choices(self, form: Any, rows: Sequence[tuple[str, str, dict[str, str]]]) -> None:
        for name, label, table in rows:
            form.addRow(label, self._fields.choice(name, table, _(TOOLTIPS[name])))

    def _make_edges(self) -> Any:
        """How the edge is changed: while a result is looked at, at once."""
        widget, form = make_form()
        fields = self._fields
        form.addRow(
            _("Grow"), fields.number("grow_px", -MOST_PX, _("Move the edge outward. Negative values move it inward"))
        )
        form.addRow(
            _("Feather"), fields.number("feather_px", 0, _("Soften the edge over this many pixels on both sides"))
        )
        threshold = fields.number(
            "threshold_percent",
            0,
            _("Make the edge hard: what is at least so much subject belongs to it. Soft: as the model sees it"),
            suffix=" %",
        )
        threshold.setSpecialValueText(_("Soft"))
        form.addRow(_("Threshold"), threshold)
        form.addRow(
            "",
            fields.switch(
                "colors",
                _("Clean colors"),
                ("original", "clean"),
                _("Take the background’s color out of the edge of a cut layer"),
            ),
        )
        return widget

    def _make_more(self) -> Any:
        """A switch that shows what is seldom needed."""
        self._more = QtWidgets.QToolButton()
        self._more.setObjectName("dis_more")
        self._more.setText(_("More"))
        self._more.setToolTip(_("Show what is seldom needed"))
        self._more.setCheckable(True)
        self._more.setAutoRaise(True)
        self._more.setArrowType(QtCore.Qt.ArrowType.RightArrow)
        self._more.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.toggled.connect(self._show_more)
        return self._more

    def _make_seldom(self) -> Any:
        self._seldom = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(self._seldom)
        column.setContentsMargins(0, 0, 0, 0)
        widget, form = make_form()
        self._add_choices(
            form,
            (
                ("source", _("Search in"), SOURCES),
                ("region", _("Where"), REGIONS),
                ("mode", _("Combine"), MODES),
            ),
        )
        keep = self._fields.number(
            "keep_min",
            0,
            _("How long the model stays in memory after a run, so that the next one starts at once"),
            most=MOST_KEEP_MIN,
            suffix=_(" min"),
        )
        form.addRow(_("Keep ready"), keep)
        column.addWidget(widget)
        self._edges_here = QtWidgets.QVBoxLayout()
        column.addLayout(self._edges_here)
        reset = QtWidgets.QPushButton(_("Reset"))
        reset.setObjectName("dis_reset")
        reset.setToolTip(_("Set everything back to how it was at first"))
        reset.clicked.connect(self.finder.reset)
        column.addWidget(reset)
        self._seldom.hide()
        return self._seldom

    def _show_more(self, shown: bool) -> None:  # noqa: FBT001 - Qt's signal
        arrow = QtCore.Qt.ArrowType.DownArrow if shown else QtCore.Qt.ArrowType.RightArrow
        self._more.setArrowType(arrow)
        self._seldom.setVisible(shown)

    def _show_look(self) -> None:
        """While a result is looked at, only what concerns that."""
        looks = self.finder.looks.look is not None
        (self._edges_there if looks else self._edges_here).addWidget(self._edges)
        self._edges.show()
        for widget in (self._beginning, self._form, self._more, self._pick):
            widget.setVisible(not looks)
        self._seldom.setVisible(not looks and self._more.isChecked())

    def _make_kept(self) -> Any:
        """What dis-core keeps in memory, and the button that frees it."""
        self._kept = QtWidgets.QWidget()
        self._kept.setObjectName("dis_kept")
        self._kept_text = QtWidgets.QLabel()
        self._kept_text.setWordWrap(True)
        free = QtWidgets.QPushButton(_("Free Memory"))
        free.setObjectName("dis_free")
        free.setToolTip(_("Give the memory back now. The next run takes longer to start"))
        free.clicked.connect(self.finder.free_memory)
        row = QtWidgets.QHBoxLayout(self._kept)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._kept_text, 1)
        row.addWidget(free)
        self._kept.hide()
        return self._kept

    def _show_kept(self) -> None:
        kept = self.finder.kept
        self._kept_text.setText("" if kept is None else kept.words())
        self._kept.setVisible(kept is not None)

    def _make_start(self) -> Any:
        self._start = QtWidgets.QPushButton(_("Find Subject"))
        self._start.setObjectName("dis_start")
        self._start.setEnabled(Krita.instance().activeDocument() is not None)
        preview = self._fields.switch(
            "preview", _("Preview"), ("off", "on"), _("Look at the result on the canvas before you take it")
        )
        self._beginning = QtWidgets.QWidget()
        row = QtWidgets.QHBoxLayout(self._beginning)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._start, 1)
        row.addWidget(preview)
        return self._beginning

    def _make_pick(self) -> Any:
        self._pick = QtWidgets.QPushButton(_("Pick on Canvas"))
        self._pick.setObjectName("dis_pick")
        self._pick.setCheckable(True)
        self._pick.setToolTip(
            _(
                "Drag a box around a thing on the canvas to add it to the selection, with Ctrl to take it away. "
                "A click drops a selected thing or brings it back"
            )
        )
        self._pick.setEnabled(Krita.instance().activeDocument() is not None)
        return self._pick

    def _make_progress(self) -> Any:
        self._running, self._doing, self._bar = make_bar("dis_stop", _("Stop"), self.finder.stop)
        return self._running

    def _make_download(self) -> Any:
        self._downloading, self._downloads, self._downloaded = make_bar(
            "dis_pause", _("Pause"), self.finder.pause_download
        )
        return self._downloading

    def _connect(self) -> None:
        finder = self.finder
        self._start.clicked.connect(finder.find)
        self._models.activated.connect(lambda _index: finder.change(model=self._models.currentData()))
        finder.progressed.connect(self._show_progress)
        finder.ended.connect(self._show_end)
        finder.download_progressed.connect(self._show_download)
        finder.download_ended.connect(self._downloading.hide)
        finder.remedy_offered.connect(self._show_help)
        finder.installer.progressed.connect(lambda _fraction, _doing: self._help.hide())
        finder.installer.changed.connect(self._help.hide)
        finder.settings_changed.connect(self._show_settings)
        finder.models_changed.connect(self._show_models)
        finder.kept_changed.connect(self._show_kept)
        self._pick.clicked.connect(lambda checked: finder.pick_on_canvas() if checked else finder.stop_picking())
        finder.picking_changed.connect(lambda: self._pick.setChecked(finder.is_picking))
        finder.looks.changed.connect(self._show_look)
        self._show_models()

    def _show_models(self) -> None:
        """Fill the list of models. The chosen one stays in it, even if dis-core no longer has it."""
        finder = self.finder
        best = choose(AUTOMATIC, finder.models)
        self._models.clear()
        self._models.addItem(
            _("Best available") if best is None else _("Best available: {model}", model=best.label()), AUTOMATIC
        )
        for model in those_here_first(finder.models):
            self._add_model(model)
        if self._models.findData(finder.settings.model) < 0:
            self._models.addItem(finder.settings.model, finder.settings.model)
        self._show_settings()

    def _add_model(self, model: Model) -> None:
        self._models.addItem(model.label(), model.name)
        self._models.setItemData(self._models.count() - 1, model.terms(), QtCore.Qt.ItemDataRole.ToolTipRole)

    def _show_settings(self) -> None:
        self._fields.show_settings()
        self._models.setCurrentIndex(self._models.findData(self.finder.settings.model))

    def _show_progress(self, fraction: float, doing: str) -> None:
        self._help.hide()
        self._beginning.hide()
        self._doing.setText(doing[:1].upper() + doing[1:])
        self._bar.setValue(round(fraction * BAR_STEPS))
        self._running.show()

    def _show_download(self, fraction: float, doing: str) -> None:
        if not self._downloading.isVisible():
            self._help.hide()
        self._downloads.setText(doing[:1].upper() + doing[1:])
        self._downloaded.setValue(round(fraction * BAR_STEPS))
        self._downloading.show()

    def _show_end(self) -> None:
        self._running.hide()
        self._beginning.setVisible(self.finder.looks.look is None)

    def _show_help(self, remedy: Remedy) -> None:
        self._help_text.setText(remedy.text)
        for button, label, action in (
            (self._fix, remedy.button, lambda: self._apply(remedy)),
            (self._decline, remedy.decline, lambda: self._decline_offer(remedy)),
        ):
            button.setText(label)
            button.setVisible(bool(label))
            _disconnect(button.clicked)
            button.clicked.connect(action)
        self._help.show()
        self.setVisible(True)
        self.raise_()

    def _apply(self, remedy: Remedy) -> None:
        if remedy.action == COPY:
            QtWidgets.QApplication.clipboard().setText(remedy.value)
            self.finder.message.emit(_("Copied. Paste it into a terminal"))
        elif remedy.action == DOWNLOAD:
            self.finder.download(remedy.value)
        elif remedy.action == SEARCH_EVERYWHERE:
            self.finder.search_everywhere(remedy.value)
        else:
            self.finder.installer.apply(remedy)

    def _decline_offer(self, remedy: Remedy) -> None:
        self._help.hide()
        self.finder.installer.decline(remedy)
        if remedy.action == DOWNLOAD:
            self.finder.change(declined=remedy.value)


def _disconnect(signal: Any) -> None:
    """Disconnect everything from a signal."""
    with contextlib.suppress(TypeError):  # nothing was connected
        signal.disconnect()


def docker_class(finder: SubjectFinder) -> Any:
    """The docker's class for one finder. Krita creates the dockers itself and passes no arguments."""
    return type("SubjectDocker", (SubjectDocker,), {"finder": finder})
