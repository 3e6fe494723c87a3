"""What the tests do with runs of the plug-in inside of Krita, and with its settings and models."""

import gc
import glob
import os
import tempfile
import time

from dis_select_subject import finder, subject_run
from dis_select_subject.qt import QtCore, QtWidgets
from inside_krita import APP, documents

USUAL = {
    "source": "layer",
    "result": "select",
    "mode": "replace",
    "region": "everywhere",
    "model": "bright",
    "quality": "normal",
    "declined": "",
    "grow_px": 0,
    "feather_px": 0,
    "threshold_percent": 0,
    "colors": "clean",
    "preview": "off",
    "shown": "edge",
    "keep_min": 10,
}
messages, remedies, children, clicks = [], [], [], []
finder.message.connect(messages.append)
finder.remedy_offered.connect(remedies.append)


class TimedChild(subject_run.ChildProcess):
    """A child that notes when it was started and when it ended."""

    def __init__(self, program, arguments, *, on_end, **rest):
        self.arguments, self.started, self.ended = list(arguments), time.monotonic(), None
        children.append(self)

        def note(outcome, output):
            self.ended = time.monotonic()
            on_end(outcome, output)

        super().__init__(program, arguments, on_end=note, **rest)


subject_run.ChildProcess = TimedChild
real_new_layer = subject_run.pictures.new_layer
new_layers = []


def noted_new_layer(document, box, pixels):
    """Krita says how large a layer's visible pixels are, but not what it has to keep."""
    new_layers.append([list(box), len(pixels)])
    return real_new_layer(document, box, pixels)


subject_run.pictures.new_layer = noted_new_layer


class Gaps:
    """The longest time for which Krita's event loop did not turn, measured with a timer of 5 ms."""

    def __init__(self):
        self.longest_s, self.last, self.always = 0.0, time.monotonic(), False
        self.timer = QtCore.QTimer()
        self.timer.timeout.connect(self.turn)
        self.timer.start(5)

    def turn(self):
        now = time.monotonic()
        if finder.is_busy or self.always:
            self.longest_s = max(self.longest_s, now - self.last)
        self.last = now


def start(action, **settings):
    """Trigger an action and return at once. Garbage is collected before, as it is at some time in a painter's Krita."""
    gc.collect()
    del messages[:], remedies[:], children[:]
    finder.change(**{**USUAL, **settings})
    APP.action(action).trigger()


def run(action, name=None, **settings):
    """Trigger an action, wait for its end, and return the messages and how long Krita stood still."""
    gaps = Gaps()
    started = time.monotonic()
    start(action, **settings)
    yield from wait_for_message()
    yield lambda: not finder.is_busy
    if name is not None:
        documents[name].waitForDone()
    spent = time.monotonic() - started
    gaps.timer.stop()
    return {**report(), "gap_s": gaps.longest_s, "s": spent}


def report():
    return {
        "messages": list(messages),
        "remedies": [[remedy.text, remedy.button, remedy.value] for remedy in remedies if remedy.button],
        "explained": [remedy.text for remedy in remedies if not remedy.button],
        "child_s": [child.ended - child.started for child in children if child.ended],
        "arguments": [child.arguments for child in children],
        "busy": finder.is_busy,
        "folders": glob.glob(os.path.join(tempfile.gettempdir(), "dis-core-krita-*")),
        "modal": QtWidgets.QApplication.activeModalWidget() is not None,
    }


def wait_until_it_reads():
    """Until a run knows its layer, whose pixels it reads then."""
    yield lambda: finder.is_busy and finder._work._folder


def wait_until_working():
    """Until the child has said that it works; its process identifier."""
    said = []
    finder.progressed.connect(lambda _fraction, doing: said.append(doing))
    yield lambda: any(words.startswith("working endlessly") for words in said)
    return child_pid()


def child_pid():
    return finder._work._child._process.processId()


def trigger(action):
    """Trigger an action as it is, while another one runs."""
    del messages[:], remedies[:]
    APP.action(action).trigger()
    return report()


def wait_for_message():
    try:
        yield lambda: messages or remedies
    except TimeoutError as error:
        raise TimeoutError(f"no message came: {what_is_on()}") from error
    return report()


def what_is_on():
    """What the plug-in waits for, for a test that waited in vain."""
    work = finder._work
    frame = None if work is None else work._steps.gi_frame
    return {
        **report(),
        "step": frame and frame.f_lineno,
        "outcome": work and repr(work._outcome),
        "child": [repr(child._process.state()) for child in children],
        "listing": finder._listing and repr(finder._listing._process.state()),
        "models": len(finder.models),
        "active": APP.activeDocument() and APP.activeDocument().name(),
    }


def stop_within_a_call(action, during, **settings):
    """Start, and stop from within Krita's call `during`, as a click does that Krita handles before the call returns."""
    owner, call = {
        "reading": (subject_run.pictures.Reader, "srgb"),
        "closing the scratch document": (subject_run.pictures.Scratch, "close"),
    }[during]
    real = getattr(owner, call)

    def stopped(*arguments):
        answer = real(*arguments)
        if len(children) >= (during != "reading"):
            setattr(owner, call, real)
            finder.stop()
        return answer

    setattr(owner, call, stopped)
    try:
        start(action, **settings)
        yield lambda: messages
        waited = time.monotonic() + 1.0  # for what might still come
        yield lambda: time.monotonic() > waited
    finally:
        setattr(owner, call, real)
    return report()


def wait_for_the_result_to_be_applied():
    """Until only Krita still works; where on the screen the docker's Stop button is, whose clicks are noted then."""
    said = []
    finder.progressed.connect(lambda _fraction, doing: said.append(doing))
    button = APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_stop")
    del clicks[:]
    button.pressed.connect(lambda: clicks.append(time.time()))
    yield lambda: "applying the result" in said
    place = button.mapToGlobal(button.rect().center())
    return [place.x(), place.y()]


def last_new_layer():
    return new_layers[-1]


def clicked_at():
    return list(clicks)


def stop():
    del messages[:]
    finder.stop()
    return report()


def wait_for_download(part):
    """Until that part of a download is here."""
    shown = []
    finder.download_progressed.connect(lambda fraction, _doing: shown.append(fraction))
    yield lambda: any(fraction >= part for fraction in shown)


def wait_for_kept():
    """What the docker says is kept in memory, as soon as it says so."""
    row = APP.activeWindow().qwindow().findChild(QtWidgets.QWidget, "dis_kept")
    yield lambda: row.isVisible()
    return row.findChild(QtWidgets.QLabel).text()


def free_kept():
    row = APP.activeWindow().qwindow().findChild(QtWidgets.QWidget, "dis_kept")
    row.findChild(QtWidgets.QPushButton, "dis_free").click()
    yield lambda: not row.isVisible()


def list_models():
    finder.list_models()
    yield lambda: finder.models and finder._listing is None


def forget_models():
    finder.models = []


def set_settings(**settings):
    del messages[:], remedies[:]
    finder.change(**{**USUAL, **settings})


def default_settings():
    return vars(type(finder.settings)())


def kept_settings():
    return {name: APP.readSetting("dis_select_subject", name, "") for name in finder.settings.to_strings()}
