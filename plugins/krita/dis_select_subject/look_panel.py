"""The part of the docker that is there while a result is looked at: how it is shown, and what to make of it."""

from __future__ import annotations

from typing import Any

from .fields import Fields, make_form
from .qt import QtWidgets
from .shared.settings import SHOWN
from .shared.words import _, later
from .subject_finder import SubjectFinder

TAKE = {
    "select": (later("Select"), later("Select the subject")),
    "mask": (later("Mask"), later("Give the layer a transparency mask")),
    "cut": (later("Cut"), later("Cut the subject to a new layer")),
    "layer": (later("Masked Copy"), later("A new layer: a copy of the layer with a transparency mask")),
}
"""What can be made: the button and its tooltip. The new layer with a mask has a short name, or it would be cut off."""

BY_HAND = later(
    "To correct it by hand: Select, then Select > Show Global Selection Mask, and paint on that with any brush"
)


class LookPanel(QtWidgets.QFrame):
    """Hidden until there is something to look at."""

    def __init__(self, finder: SubjectFinder, fields: Fields, edges: Any) -> None:
        super().__init__()
        self.setObjectName("dis_look")
        self._finder = finder
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._make_shown(fields))
        column.addLayout(edges)
        column.addLayout(self._make_buttons())
        by_hand = QtWidgets.QLabel(_(BY_HAND))
        by_hand.setWordWrap(True)
        column.addWidget(by_hand)
        finder.looks.changed.connect(self.follow)
        finder.progressed.connect(self._show_busy)
        finder.ended.connect(self.follow)
        self.hide()

    def follow(self) -> None:
        """Show what can be done now."""
        looks = self._finder.looks
        self.setVisible(looks.look is not None)
        self._finer.setEnabled(bool(looks.finer))
        for button in self._takes:
            button.setEnabled(True)

    def _show_busy(self, _fraction: float, _doing: str) -> None:
        for button in (*self._takes, self._finer):
            button.setEnabled(False)

    def _make_shown(self, fields: Fields) -> Any:
        widget, form = make_form()
        form.addRow(_("Show"), fields.choice("shown", SHOWN, _("What lies over the image until you take the result")))
        return widget

    def _make_buttons(self) -> Any:
        looks = self._finder.looks
        grid = QtWidgets.QGridLayout()
        self._takes = []
        for place, (result, (text, tooltip)) in enumerate(TAKE.items()):
            button = self._button(f"dis_take_{result}", _(text), _(tooltip))
            button.clicked.connect(lambda _checked=False, result=result: looks.take(result))
            grid.addWidget(button, *divmod(place, 2))
            self._takes.append(button)
        self._finer = self._button(
            "dis_finer", _("Try Again, Finer"), _("Find the subject again, at the next better quality")
        )
        self._finer.clicked.connect(looks.try_finer)
        cancel = self._button("dis_cancel", _("Cancel"), _("Change nothing"))
        cancel.clicked.connect(looks.cancel)
        grid.addWidget(self._finer, 2, 0)
        grid.addWidget(cancel, 2, 1)
        return grid

    def _button(self, name: str, text: str, tooltip: str) -> Any:
        button = QtWidgets.QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tooltip)
        # Buttons of a docker may get narrow; Krita's own do.
        button.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
        return button
