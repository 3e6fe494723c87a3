"""What the tests do inside of Krita with the look at a result before it is taken."""

import time

from dis_select_subject import finder
from dis_select_subject.qt import QtWidgets
from inside_canvas import the_canvas
from inside_krita import APP
from inside_runs import USUAL, Gaps, children, messages, remedies, report


def start_look(**settings):
    del messages[:], remedies[:], children[:]
    finder.change(**{**USUAL, "preview": "on", **settings})
    APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_start").click()


def look(**settings):
    """Press the docker's button with *Preview* on, and wait until something is shown or said; what is said then."""
    start_look(**settings)
    yield lambda: messages or (finder.looks.look is not None and finder.looks.look.answered)
    return list(messages)


def look_otherwise(**settings):
    """Change settings as the docker's fields do, and wait for the new look; how long that took, in seconds."""
    held = finder.looks.look
    before, started = held.answered, time.monotonic()
    finder.change(**settings)
    yield lambda: held.answered > before
    return time.monotonic() - started


def look_and_wait(button):
    """Press a button of the look's panel, and wait for the end of what it does."""
    del messages[:]
    APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, button).click()
    yield lambda: not finder.is_busy
    yield lambda: True
    return report()


def wait_for_another_look():
    held = finder.looks.look
    yield lambda: finder.looks.look is not held and finder.looks.look.answered


def look_state():
    """Whether there is a look, how many overlays lie on the canvas, and the quality that it was found with."""
    overlays = the_canvas().findChildren(QtWidgets.QWidget, "dis_overlay")
    held = finder.looks.look
    shown = [widget for widget in overlays if widget.isVisible()]
    return [held is not None, len(shown), None if held is None else held.found.settings.quality]


def longest_handling():
    """Measure from here on how long handlers take: the longest gap between the turns of a timer."""
    global handling
    handling = Gaps()
    handling.always = True


def stop_measuring():
    handling.timer.stop()
    return handling.longest_s


def set_now(**settings):
    finder.change(**settings)


def wait_for_no_look():
    yield lambda: finder.looks.look is None
    return True


def answered_count():
    return 0 if finder.looks.look is None else finder.looks.look.answered


def cost_of_drawing():
    """How many seconds of this thread it takes to show a new look, and to draw it for another view."""
    overlay = finder.looks.look.overlay
    size = overlay._gray.width(), overlay._gray.height()
    plane = bytes(size[0] * size[1])
    started = time.thread_time()
    overlay.put(plane, size, overlay._part)
    return time.thread_time() - started
