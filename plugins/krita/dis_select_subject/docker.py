"""The docker: what is looked at, what is made of it, and a place for progress and help."""

from __future__ import annotations

import contextlib
from typing import Any

from krita import DockWidget, Krita

from .desk import Desk
from .qt import QtCore, QtWidgets
from .shared.models import Model, choose
from .shared.remedies import COPY, Remedy
from .shared.settings import AUTOMATIC, MODES, MOST_PX, QUALITIES, REGIONS, RESULTS, SOURCES

TITLE = "Select Subject"
BAR_STEPS = 1000
TOOLTIPS = {
    "source": "What the subject is looked for in",
    "result": "What becomes of the subject",
    "mode": "How the subject is combined with what is selected already",
    "region": "Look only around what is selected, or everywhere",
    "quality": "Fast sees less; best looks several times and takes as many times longer",
}


class SubjectDocker(DockWidget):
    """Each window of Krita has one; all show the desk's settings."""

    desk: Desk

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        self._choices: dict[str, Any] = {}
        content = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(content)
        # The button first: dockers are often squeezed until only their beginning shows.
        for part in (self._make_start(), self._make_progress(), self._make_help(), self._make_form()):
            column.addWidget(part)
        column.addStretch(1)
        area = QtWidgets.QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        area.setWidget(content)
        self.setWidget(area)
        self._connect()

    def canvasChanged(self, canvas: Any) -> None:  # noqa: N802 - Krita's name, and it must be there
        self._start.setEnabled(canvas is not None and canvas.view() is not None)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        if not self.desk.models:
            self.desk.list_models()

    def _make_help(self) -> Any:
        """A sentence about what is missing, and the button that mends it."""
        self._help = QtWidgets.QFrame()
        self._help.setObjectName("dis_help")
        self._help.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self._words = QtWidgets.QLabel()
        self._words.setWordWrap(True)
        self._mend = QtWidgets.QPushButton()
        self._mend.setObjectName("dis_mend")
        column = QtWidgets.QVBoxLayout(self._help)
        column.addWidget(self._words)
        column.addWidget(self._mend)
        self._help.hide()
        return self._help

    def _make_form(self) -> Any:
        widget = QtWidgets.QWidget()
        form = QtWidgets.QFormLayout(widget)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name, label, table in (
            ("source", "Look at", SOURCES),
            ("region", "Where", REGIONS),
            ("result", "Make", RESULTS),
            ("mode", "Combine", MODES),
        ):
            form.addRow(label, self._make_choice(name, table))
        self._models = _make_box()
        form.addRow("Model", self._models)
        form.addRow("Quality", self._make_choice("quality", QUALITIES))
        self._numbers = {
            "grow_px": self._make_number(-MOST_PX, "Move the edge outwards, or inwards if below 0"),
            "feather_px": self._make_number(0, "Soften the edge over so many pixels to both sides"),
        }
        form.addRow("Grow", self._numbers["grow_px"])
        form.addRow("Feather", self._numbers["feather_px"])
        return widget

    def _make_choice(self, name: str, table: dict[str, str]) -> Any:
        box = _make_box()
        box.setToolTip(TOOLTIPS[name])
        for value, text in table.items():
            box.addItem(text, value)
        box.activated.connect(lambda _index: self.desk.change(**{name: box.currentData()}))
        self._choices[name] = box
        return box

    def _make_number(self, least: int, tooltip: str) -> Any:
        number = QtWidgets.QSpinBox()
        number.setRange(least, MOST_PX)
        number.setSuffix(" px")
        number.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        number.setToolTip(tooltip)
        return number

    def _make_start(self) -> Any:
        self._start = QtWidgets.QPushButton("Find Subject")
        self._start.setObjectName("dis_start")
        self._start.setEnabled(Krita.instance().activeDocument() is not None)
        return self._start

    def _make_progress(self) -> Any:
        self._running = QtWidgets.QWidget()
        self._doing = QtWidgets.QLabel()
        self._bar = QtWidgets.QProgressBar()
        self._bar.setMaximum(BAR_STEPS)
        stop = QtWidgets.QPushButton("Stop")
        stop.setObjectName("dis_stop")
        stop.clicked.connect(self.desk.stop)
        grid = QtWidgets.QGridLayout(self._running)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self._doing, 0, 0, 1, 2)
        grid.addWidget(self._bar, 1, 0)
        grid.addWidget(stop, 1, 1)
        self._running.hide()
        return self._running

    def _connect(self) -> None:
        desk = self.desk
        self._start.clicked.connect(lambda: desk.run(desk.settings.result))
        self._models.activated.connect(lambda _index: desk.change(model=self._models.currentData()))
        for name, number in self._numbers.items():
            number.valueChanged.connect(lambda value, name=name: desk.change(**{name: value}))
        desk.progressed.connect(self._show_progress)
        desk.ended.connect(self._show_end)
        desk.mendable.connect(self._show_help)
        desk.settings_changed.connect(self._show_settings)
        desk.models_changed.connect(self._show_models)
        self._show_models()

    def _show_models(self) -> None:
        """The list to choose from; what was chosen stays in it, also if dis-core does not know it any more."""
        desk = self.desk
        best = choose(AUTOMATIC, desk.models)
        self._models.clear()
        self._models.addItem("The best" if best is None else f"The best: {best.label()}", AUTOMATIC)
        for model in desk.models:
            self._add_model(model)
        if self._models.findData(desk.settings.model) < 0:
            self._models.addItem(desk.settings.model, desk.settings.model)
        self._show_settings()

    def _add_model(self, model: Model) -> None:
        self._models.addItem(model.label(), model.name)
        self._models.setItemData(self._models.count() - 1, model.terms(), QtCore.Qt.ItemDataRole.ToolTipRole)

    def _show_settings(self) -> None:
        settings = self.desk.settings
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

    def _show_end(self) -> None:
        self._running.hide()
        self._start.show()

    def _show_help(self, remedy: Remedy) -> None:
        self._words.setText(remedy.words)
        self._mend.setText(remedy.button)
        _let_go(self._mend.clicked)
        self._mend.clicked.connect(lambda: self._apply(remedy))
        self._help.show()
        self.setVisible(True)
        self.raise_()

    def _apply(self, remedy: Remedy) -> None:
        if remedy.kind == COPY:
            QtWidgets.QApplication.clipboard().setText(remedy.what)
            self.desk.told.emit("The commands are on the clipboard; paste them into a terminal")
        else:
            self.desk.download(remedy.what)


def _make_box() -> Any:
    """A list to choose from that is as wide as there is room, and not as wide as its longest line."""
    box = QtWidgets.QComboBox()
    box.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
    return box


def _let_go(signal: Any) -> None:
    """Disconnect whatever is connected."""
    with contextlib.suppress(TypeError):  # nothing was
        signal.disconnect()


def docker_class(desk: Desk) -> Any:
    """The docker for one desk: Krita makes the dockers itself and gives them nothing."""
    return type("SubjectDocker", (SubjectDocker,), {"desk": desk})
