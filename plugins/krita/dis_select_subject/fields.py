"""The widgets that a setting is chosen with: lists and numbers that show what is set, and set what is chosen."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from .qt import QtWidgets
from .shared.settings import MOST_PX
from .shared.words import _, later
from .subject_finder import SubjectFinder

BAR_STEPS = 1000
"""How finely a progress bar moves."""


class Fields:
    """The fields of one docker."""

    def __init__(self, finder: SubjectFinder) -> None:
        self._finder = finder
        self._choices: dict[str, Any] = {}
        self._numbers: dict[str, Any] = {}
        self._switches: dict[str, tuple[Any, str, str]] = {}

    def choice(self, name: str, table: Mapping[str, str], tooltip: str) -> Any:
        """A list of the values in a table."""
        box = make_box()
        box.setToolTip(tooltip)
        for value, text in table.items():
            box.addItem(_(text), value)
        box.activated.connect(lambda _index: self._finder.change(**{name: box.currentData()}))
        self._choices[name] = box
        return box

    def number(self, name: str, least: int, tooltip: str, *, most: int = MOST_PX, suffix: str = later(" px")) -> Any:
        """A whole number with a unit."""
        number = QtWidgets.QSpinBox()
        number.setRange(least, most)
        number.setSuffix(_(suffix))
        number.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        number.setToolTip(tooltip)
        number.valueChanged.connect(lambda value: self._finder.change(**{name: value}))
        self._numbers[name] = number
        return number

    def switch(self, name: str, text: str, values: tuple[str, str], tooltip: str) -> Any:
        """A check box; `values` are the setting's when it is off and on."""
        box = QtWidgets.QCheckBox(text)
        box.setObjectName(f"dis_{name}")
        box.setToolTip(tooltip)
        box.clicked.connect(lambda checked: self._finder.change(**{name: values[bool(checked)]}))
        self._switches[name] = (box, *values)
        return box

    def show_settings(self) -> None:
        """Show what is set."""
        settings = self._finder.settings
        for name, box in self._choices.items():
            box.setCurrentIndex(box.findData(getattr(settings, name)))
        for name, number in self._numbers.items():
            number.blockSignals(True)  # noqa: FBT003 - Qt's own
            number.setValue(getattr(settings, name))
            number.blockSignals(False)  # noqa: FBT003
        for name, (box, _off, on) in self._switches.items():
            box.setChecked(getattr(settings, name) == on)


def make_box() -> Any:
    """A drop-down list that fills the available width and may be narrower than its longest line."""
    box = QtWidgets.QComboBox()
    box.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
    return box


def make_form() -> tuple[Any, Any]:
    """A widget with rows of labels and fields, and its layout."""
    widget = QtWidgets.QWidget()
    form = QtWidgets.QFormLayout(widget)
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    return widget, form


def make_bar(name: str, label: str, stop: Callable[[], None]) -> tuple[Any, Any, Any]:
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
