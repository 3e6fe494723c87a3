"""The docker: where to search, what to make of the subject, progress and help."""

from __future__ import annotations

import contextlib
from typing import Any, Callable

from krita import DockWidget, Krita

from .qt import QtCore, QtWidgets
from .shared.models import Model, choose, those_here_first
from .shared.remedies import COPY, DOWNLOAD, SEARCH_EVERYWHERE, Remedy
from .shared.settings import AUTOMATIC, MODES, MOST_KEEP_MIN, MOST_PX, QUALITIES, REGIONS, RESULTS, SOURCES
from .shared.words import _, later
from .subject_finder import SubjectFinder

TITLE = later("Select Subject")
BAR_STEPS = 1000
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
        self._choices: dict[str, Any] = {}
        content = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(content)
        # The button comes first: dockers are often made so small that only their top shows.
        for part in (
            self._make_start(),
            self._make_pick(),
            self._make_progress(),
            self._make_download(),
            self._make_help(),
            self._make_form(),
            self._make_kept(),
        ):
            column.addWidget(part)
        column.addStretch(1)
        area = QtWidgets.QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        area.setWidget(content)
        self.setWidget(area)
        self._connect()

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
        widget = QtWidgets.QWidget()
        form = QtWidgets.QFormLayout(widget)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name, label, table in (
            ("source", _("Search in"), SOURCES),
            ("region", _("Where"), REGIONS),
            ("result", _("Make"), RESULTS),
            ("mode", _("Combine"), MODES),
        ):
            form.addRow(label, self._make_choice(name, table))
        self._models = _make_box()
        form.addRow(_("Model"), self._models)
        form.addRow(_("Quality"), self._make_choice("quality", QUALITIES))
        self._numbers = {
            "grow_px": self._make_number(-MOST_PX, _("Move the edge outward. Negative values move it inward")),
            "feather_px": self._make_number(0, _("Soften the edge over this many pixels on both sides")),
        }
        form.addRow(_("Grow"), self._numbers["grow_px"])
        form.addRow(_("Feather"), self._numbers["feather_px"])
        keep = self._make_number(
            0, _("How long the model stays in memory after a run, so that the next one starts at once")
        )
        keep.setMaximum(MOST_KEEP_MIN)
        keep.setSuffix(_(" min"))
        self._numbers["keep_min"] = keep
        form.addRow(_("Keep ready"), keep)
        return widget

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

    def _make_choice(self, name: str, table: dict[str, str]) -> Any:
        box = _make_box()
        box.setToolTip(_(TOOLTIPS[name]))
        for value, text in table.items():
            box.addItem(_(text), value)
        box.activated.connect(lambda _index: self.finder.change(**{name: box.currentData()}))
        self._choices[name] = box
        return box

    def _make_number(self, least: int, tooltip: str) -> Any:
        number = QtWidgets.QSpinBox()
        number.setRange(least, MOST_PX)
        number.setSuffix(_(" px"))
        number.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        number.setToolTip(tooltip)
        return number

    def _make_start(self) -> Any:
        self._start = QtWidgets.QPushButton(_("Find Subject"))
        self._start.setObjectName("dis_start")
        self._start.setEnabled(Krita.instance().activeDocument() is not None)
        return self._start

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
        self._running, self._doing, self._bar = _make_bar("dis_stop", _("Stop"), self.finder.stop)
        return self._running

    def _make_download(self) -> Any:
        self._downloading, self._downloads, self._downloaded = _make_bar(
            "dis_pause", _("Pause"), self.finder.pause_download
        )
        return self._downloading

    def _connect(self) -> None:
        finder = self.finder
        self._start.clicked.connect(lambda: finder.run(finder.settings.result))
        self._models.activated.connect(lambda _index: finder.change(model=self._models.currentData()))
        for name, number in self._numbers.items():
            number.valueChanged.connect(lambda value, name=name: finder.change(**{name: value}))
        finder.progressed.connect(self._show_progress)
        finder.ended.connect(self._show_end)
        finder.download_progressed.connect(self._show_download)
        finder.download_ended.connect(self._downloading.hide)
        finder.remedy_offered.connect(self._show_help)
        finder.settings_changed.connect(self._show_settings)
        finder.models_changed.connect(self._show_models)
        finder.kept_changed.connect(self._show_kept)
        self._pick.clicked.connect(lambda checked: finder.pick_on_canvas() if checked else finder.stop_picking())
        finder.picking_changed.connect(lambda: self._pick.setChecked(finder.is_picking))
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
        settings = self.finder.settings
        for name, box in self._choices.items():
            box.setCurrentIndex(box.findData(getattr(settings, name)))
        self._models.setCurrentIndex(self._models.findData(settings.model))
        for name, number in self._numbers.items():
            number.blockSignals(True)  # noqa: FBT003 - Qt's own
            number.setValue(getattr(settings, name))
            number.blockSignals(False)  # noqa: FBT003

    def _show_progress(self, fraction: float, doing: str) -> None:
        self._help.hide()
        self._start.hide()
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
        self._start.show()

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

    def _decline_offer(self, remedy: Remedy) -> None:
        self._help.hide()
        self.finder.change(declined=remedy.value)


def _make_bar(name: str, label: str, stop: Callable[[], None]) -> tuple[Any, Any, Any]:
    """A hidden row with a text, a progress bar and a button that stops; also the text and the bar."""
    row, doing, bar = QtWidgets.QWidget(), QtWidgets.QLabel(), QtWidgets.QProgressBar()
    bar.setMaximum(BAR_STEPS)
    button = QtWidgets.QPushButton(label)
    button.setObjectName(name)
    button.clicked.connect(stop)
    grid = QtWidgets.QGridLayout(row)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.addWidget(doing, 0, 0, 1, 2)
    grid.addWidget(bar, 1, 0)
    grid.addWidget(button, 1, 1)
    row.hide()
    return row, doing, bar


def _make_box() -> Any:
    """A drop-down list that fills the available width and may be narrower than its longest line."""
    box = QtWidgets.QComboBox()
    box.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
    return box


def _disconnect(signal: Any) -> None:
    """Disconnect everything from a signal."""
    with contextlib.suppress(TypeError):  # nothing was connected
        signal.disconnect()


def docker_class(finder: SubjectFinder) -> Any:
    """The docker's class for one finder. Krita creates the dockers itself and passes no arguments."""
    return type("SubjectDocker", (SubjectDocker,), {"finder": finder})
