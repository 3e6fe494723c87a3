"""What the tests of words and of the keyboard do inside of Krita."""

from dis_select_subject.keyboard import controls_of
from dis_select_subject.qt import QtWidgets
from inside_docker import the_docker
from inside_krita import APP


def action_words(action):
    """What an action is called in menus, and its tooltip without the shortcut that Krita adds."""
    tooltip = APP.action(action).toolTip()
    return [APP.action(action).text().replace("&", ""), tooltip.split(" (")[0]]


def docker_words():
    """The title of the docker, and what its visible controls and labels say."""
    docker = the_docker()
    widgets = [widget for widget in docker.widget().findChildren(QtWidgets.QWidget) if widget.isVisible()]
    words = [widget.text() for widget in widgets if isinstance(widget, (QtWidgets.QLabel, QtWidgets.QPushButton))]
    boxes = [widget for widget in widgets if isinstance(widget, QtWidgets.QComboBox)]
    lists = [box.itemText(number) for box in boxes for number in range(box.count())]
    return {"title": docker.windowTitle(), "words": words, "lists": lists}


def control_name(widget):
    """What a screen reader says of a control."""
    return widget.accessibleName() or (widget.text() if isinstance(widget, QtWidgets.QAbstractButton) else "")


def unnamed_controls():
    """Controls and progress bars, also hidden ones, without a name for screen readers."""
    docker = the_docker()
    kinds = (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QAbstractSpinBox, QtWidgets.QProgressBar)
    kinds += (QtWidgets.QAbstractSlider,)
    widgets = [widget for kind in kinds for widget in docker.widget().findChildren(kind)]
    # A scroll bar belongs to its area, and the two buttons of the help get their label with what it offers.
    widgets = [widget for widget in widgets if not isinstance(widget, QtWidgets.QScrollBar)]
    return [
        f"{type(widget).__name__} {widget.objectName()}"
        for widget in widgets
        if not control_name(widget) and widget.objectName() not in ("dis_fix", "dis_decline")
    ]


def cut_off_words():
    """Labels, buttons and lists in the docker that need more width than they have."""
    docker = the_docker()
    cut = []
    for widget in docker.widget().findChildren(QtWidgets.QWidget):
        if not widget.isVisible():
            continue
        if isinstance(widget, QtWidgets.QAbstractButton) or (
            isinstance(widget, QtWidgets.QLabel) and not widget.wordWrap()
        ):
            if widget.minimumSizeHint().width() > widget.width():
                cut.append(widget.text())
        elif isinstance(widget, QtWidgets.QComboBox) and widget.count() < 8:
            room = widget.width() - widget.style().pixelMetric(QtWidgets.QStyle.PixelMetric.PM_ScrollBarExtent)
            longest = max(widget.fontMetrics().boundingRect(widget.itemText(n)).width() for n in range(widget.count()))
            if longest > room:
                cut.append(widget.accessibleName())
    scrolled = docker.widget().horizontalScrollBar().maximum() if hasattr(docker.widget(), "horizontalScrollBar") else 0
    return {"cut": cut, "scrolled": scrolled, "width": docker.width()}


def focused():
    """The name of the control that has the keyboard."""
    widget = QtWidgets.QApplication.focusWidget()
    return (
        None
        if widget is None
        else [control_name(widget), widget.metaObject().className() in ("KisQPainterCanvas", "KisOpenGLCanvas2")]
    )


def control_names():
    """The names of what the keyboard can be given in the docker, from top to bottom."""
    return [control_name(widget) for widget in controls_of(the_docker().widget())]


def go_to_docker():
    APP.activeWindow().qwindow().activateWindow()
    APP.action("dis_go_to_docker").trigger()
    yield lambda: QtWidgets.QApplication.focusWidget() is not None


def is_docker_shown():
    return the_docker().isVisible()


def show_all_of_docker():
    """Show also what is seldom needed."""
    more = the_docker().findChild(QtWidgets.QToolButton, "dis_more")
    more.setChecked(True)
    yield lambda: more.isVisible()
