"""What the tests do with the plug-in's docker, menus and installation inside of Krita."""

import os
import time

from dis_select_subject import finder
from dis_select_subject.qt import QtWidgets
from inside_krita import APP
from inside_runs import messages, remedies, report


def click(button):
    """Click a button of the docker, by its object's name."""
    del messages[:], remedies[:]
    APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, button).click()


def help_shown():
    """What the docker's help says and offers, if it shows."""
    qwindow = APP.activeWindow().qwindow()
    frame = qwindow.findChild(QtWidgets.QFrame, "dis_help")
    if not frame.isVisible():
        return None
    buttons = [button.text() for button in frame.findChildren(QtWidgets.QPushButton) if button.isVisible()]
    return [frame.findChild(QtWidgets.QLabel).text(), buttons]


def show_docker_alone():
    """As `show_docker`, where no model can be listed yet."""
    list(show_docker())
    yield lambda: bool(remedies)


def wait_for_install(part):
    """Until that part of an installation is done; what the docker says meanwhile."""
    row = APP.activeWindow().qwindow().findChild(QtWidgets.QWidget, "dis_installing")
    bar = row.findChild(QtWidgets.QProgressBar)
    yield lambda: row.isVisible() and bar.value() >= part * bar.maximum()
    return row.findChild(QtWidgets.QLabel).text()


def wait_for_program():
    """Until dis-core is neither being installed nor removed; then what is said, and what the docker's row says."""

    def has_ended():
        return not finder.installer.is_busy and (messages or remedies)

    patience = float(os.environ.get("DIS_TEST_PATIENCE", "1"))
    for _ in range(10):  # it may take longer than one condition may
        waited = time.monotonic() + 20.0 * patience
        yield lambda waited=waited: has_ended() or time.monotonic() > waited
    yield has_ended
    yield lambda: finder._listing is None
    row = APP.activeWindow().qwindow().findChild(QtWidgets.QWidget, "dis_program")
    return {**report(), "row": row.findChild(QtWidgets.QLabel).text() if row.isVisible() else ""}


def manage(entry):
    """Choose from the menu of the docker's row about dis-core."""
    del messages[:], remedies[:]
    button = APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_manage")
    next(action for action in button.menu().actions() if action.text() == entry).trigger()


def clipboard():
    return QtWidgets.QApplication.clipboard().text()


def menus_with(action):
    """The names of the menus in which an action is."""
    qwindow = APP.activeWindow().qwindow()
    return [menu.objectName() for menu in qwindow.findChildren(QtWidgets.QMenu) if APP.action(action) in menu.actions()]


def shortcut(action):
    return APP.action(action).shortcut().toString()


def show_docker():
    qwindow = APP.activeWindow().qwindow()
    qwindow.resize(1590, 980)
    qwindow.move(0, 0)
    for docker in APP.dockers():
        if docker.objectName() == "PresetDocker":
            docker.hide()
        if docker.objectName() == "dis_select_subject":
            if not finder.models:
                docker.hide()  # it lists the models when it is shown
            docker.show()
            docker.raise_()
    yield lambda: bool(finder.models)


def the_docker():
    return next(docker for docker in APP.dockers() if docker.objectName() == "dis_select_subject")


def hide_docker():
    the_docker().hide()
    yield lambda: not the_docker().isVisible()


def docker_is_open():
    return not the_docker().isHidden()


def docker_shows():
    """What the docker's choices stand at."""
    docker = the_docker()
    boxes = [box.currentText() for box in docker.findChildren(QtWidgets.QComboBox)]
    return {"boxes": boxes, "numbers": [box.value() for box in docker.findChildren(QtWidgets.QSpinBox)]}


def shown_progress():
    """What visible labels of the plug-in say about the run."""
    labels = APP.activeWindow().qwindow().findChildren(QtWidgets.QLabel)
    return sorted(label.text() for label in labels if label.isVisible() and "orking endlessly" in label.text())


def docker_fits():
    """The widgets of the docker that show, by name, and whether the docker has to be scrolled to see all of them."""
    bar = the_docker().findChild(QtWidgets.QScrollArea).verticalScrollBar()
    return bar.maximum() == 0
