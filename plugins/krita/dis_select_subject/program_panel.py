"""Two rows of the docker about dis-core itself: the progress of its installation, and what is installed."""

from __future__ import annotations

from typing import Any

from .fields import BAR_STEPS
from .installer import Installer
from .qt import QtWidgets
from .shared.own_environment import gigabytes
from .shared.words import _


def make_install_progress(installer: Installer) -> Any:
    """A row that shows only during an installation: what is being done, a bar, and a button that stops it."""
    row, doing, bar = QtWidgets.QWidget(), QtWidgets.QLabel(), QtWidgets.QProgressBar()
    row.setObjectName("dis_installing")
    doing.setWordWrap(True)
    bar.setMaximum(BAR_STEPS)
    stop = QtWidgets.QPushButton(_("Stop"))
    stop.setObjectName("dis_stop_install")
    stop.setToolTip(_("Stop installing dis-core. What is downloaded is kept, so that it can go on"))
    grid = QtWidgets.QGridLayout(row)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.addWidget(doing, 0, 0, 1, 2)
    grid.addWidget(bar, 1, 0)
    grid.addWidget(stop, 1, 1)

    def show(fraction: float, words: str) -> None:
        doing.setText(_("dis-core: {doing}", doing=words))
        bar.setValue(round(fraction * BAR_STEPS))
        stop.setEnabled(True)
        row.show()

    def ask_to_stop() -> None:
        doing.setText(_("Stopping..."))
        stop.setEnabled(False)
        installer.stop()

    stop.clicked.connect(ask_to_stop)
    installer.progressed.connect(show)
    installer.ended.connect(row.hide)
    row.hide()
    return row


def make_program_row(installer: Installer) -> Any:
    """A row about the dis-core that this plug-in has installed, with what can be done about it."""
    row, text = QtWidgets.QWidget(), QtWidgets.QLabel()
    row.setObjectName("dis_program")
    button = QtWidgets.QPushButton(_("Manage"))
    button.setObjectName("dis_manage")
    menu = QtWidgets.QMenu(button)
    for label, offer in ((_("Repair..."), installer.offer_repair), (_("Remove..."), installer.offer_removal)):
        menu.addAction(label).triggered.connect(lambda _checked=False, offer=offer: offer())
    button.setMenu(menu)
    line = QtWidgets.QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    line.addWidget(text, 1)
    line.addWidget(button)

    def show() -> None:
        environment = installer.environment
        row.setVisible(environment is not None)
        if environment is not None:
            text.setText(f"dis-core {environment.version}, {gigabytes(environment.size_bytes)}")
            row.setToolTip(_("Installed by this plug-in, in {folder}", folder=environment.folder))

    installer.changed.connect(show)
    show()
    return row
