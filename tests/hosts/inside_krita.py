"""What the tests do inside of Krita; the driver plug-in calls these functions by name.

A function may be a generator: what it yields is a condition, and it goes on when that holds. Arguments and results are
what JSON can hold; pixels go through files.
"""

import gc
import glob
import os
import tempfile
import time

from dis_select_subject import finder, subject_run
from dis_select_subject.qt import QtCore, QtGui, QtWidgets
from krita import Krita, Selection

APP = Krita.instance()
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
messages, remedies, documents, children, clicks = [], [], {}, [], []
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


def wait_for_window():
    yield lambda: APP.activeWindow() is not None and APP.activeWindow().qwindow().isVisible()
    # Krita's window goes with the last picture that is closed.
    yield from create("background", 8, 8)
    return APP.version()


def quit_krita():
    for document in APP.documents():
        document.setModified(False)
    APP.action("file_quit").trigger()


PROFILES = {"U8": "sRGB-elle-V2-srgbtrc.icc", "U16": "sRGB-elle-V2-srgbtrc.icc"}


def create(name, width, height, model="RGBA", depth="U8", pixels=None, box=None):
    """A picture with one layer called Photo, active in a view; with a file of sRGB pixels converted to its colors."""
    document = APP.createDocument(width, height, name, "RGBA", "U8", PROFILES["U8"], 72.0)
    # Not the layer that is there: all around its pixels it is white.
    layer = document.createNode("Photo", "paintlayer")
    if pixels is not None:
        set_pixels(layer, pixels, box or (0, 0, width, height))
    document.rootNode().addChildNode(layer, None)
    for other in document.topLevelNodes():
        if other.name() != "Photo":
            other.remove()
    if (model, depth) != ("RGBA", "U8"):
        profile = PROFILES.get(depth, "sRGB-elle-V2-g10.icc") if model == "RGBA" else APP.profiles(model, depth)[0]
        document.setColorSpace(model, depth, profile)
    document.waitForDone()
    yield from show(document, name)


def show(document, name):
    APP.activeWindow().addView(document)
    yield lambda: APP.activeDocument() == document
    documents[name] = document
    yield from activate(name, document.topLevelNodes()[0].name())


def is_active(name):
    return APP.activeDocument() == documents[name]


def bring_to_front(name):
    area = APP.activeWindow().qwindow().findChild(QtWidgets.QMdiArea)
    for window in area.subWindowList():
        if not is_active(name):
            area.setActiveSubWindow(window)
            yield lambda: True


def activate(name, layer):
    document = documents[name]
    document.setActiveNode(find(name, layer))
    document.refreshProjection()
    document.waitForDone()
    yield lambda: document.activeNode().name() == layer


def find(name, layer):
    """The layer of that name, anywhere in the picture."""
    waiting = list(documents[name].topLevelNodes())
    while waiting:
        node = waiting.pop()
        if node.name() == layer:
            return node
        waiting += node.childNodes()
    raise LookupError(layer)


def set_pixels(layer, path, box):
    with open(path, "rb") as file:
        layer.setPixelData(QtCore.QByteArray(file.read()), *box)


def add_layer(name, layer, kind, pixels=None, box=None, svg=None, path=None, inside=None, of=None):
    """Put a layer of any kind on top, or inside of a group, and make it the active one."""
    document = documents[name]
    if kind == "clone":
        node = document.createCloneLayer(layer, find(name, of))
    elif kind == "file":
        node = document.createFileLayer(layer, path, "None")
    elif kind == "group":
        node = document.createGroupLayer(layer)
    elif kind == "vector":
        node = document.createVectorLayer(layer)
    else:
        node = document.createNode(layer, kind)
    if pixels is not None:
        set_pixels(node, pixels, box)
    parent = document.rootNode() if inside is None else find(name, inside)
    parent.addChildNode(node, None)
    if svg is not None:
        node.addShapesFromSvg(svg)
    document.waitForDone()
    yield lambda: kind in ("group", "clone", "paintlayer") or node.bounds().width() > 0
    yield from activate(name, layer)


def import_frames(name, paths, step):
    """Put a layer on top whose frames are image files, one every so many frames, and make it the active one."""
    document = documents[name]
    assert document.importAnimation(paths, 0, step)
    document.waitForDone()
    layer = document.topLevelNodes()[-1]
    assert layer.hasKeyframeAtTime(step)
    yield from activate(name, layer.name())


def show_frame(name, frame):
    documents[name].setCurrentTime(frame)
    documents[name].waitForDone()
    waited = time.monotonic() + 0.5  # Krita changes the frame later
    yield lambda: time.monotonic() > waited and documents[name].currentTime() == frame
    documents[name].refreshProjection()
    documents[name].waitForDone()


def add_mask_of_all(name, layer):
    """Give a layer a transparency mask that hides nothing, and make the mask the active node."""
    yield from activate(name, layer)
    before = len(find(name, layer).childNodes())
    APP.action("add_new_transparency_mask").trigger()
    yield lambda: len(find(name, layer).childNodes()) > before
    yield lambda: documents[name].activeNode().type() == "transparencymask"


def set_property(name, layer, **properties):
    for key, value in properties.items():
        getattr(find(name, layer), "set" + key)(value)
    documents[name].refreshProjection()
    documents[name].waitForDone()


def close(name):
    """Close a picture. Not soon after it got a selection: Krita 5.1 may crash while it traces the outline."""
    document = documents.pop(name)
    document.waitForDone()
    document.setModified(False)
    document.close()
    yield lambda: document not in APP.documents()


def crop(name, box):
    documents[name].crop(*box)
    documents[name].waitForDone()


def remove_layer(name, layer):
    find(name, layer).remove()
    documents[name].waitForDone()


def layers(name):
    """(name, type) of all layers from bottom to top, masks behind their layer."""
    found = []
    for node in documents[name].topLevelNodes():
        if node.type() != "selectionmask":
            found.append((node.name(), node.type()))
            found += [(child.name(), child.type()) for child in node.childNodes()]
    return found


def save_pixels(name, layer, path, box=None):
    """A layer's own pixels, or a mask's, into a file; its color model and depth come back."""
    document = documents[name]
    node = find(name, layer)
    with open(path, "wb") as file:
        file.write(bytes(node.pixelData(*(box or (0, 0, document.width(), document.height())))))
    return [node.colorModel(), node.colorDepth()]


def save_shown(name, path):
    """The picture as Krita shows it, as a PNG file."""
    document = documents[name]
    document.refreshProjection()
    document.waitForDone()
    document.projection(0, 0, document.width(), document.height()).save(path)


def select_plane(name, path):
    document = documents[name]
    selection = Selection()
    with open(path, "rb") as file:
        plane = QtCore.QByteArray(file.read())
    selection.setPixelData(plane, 0, 0, document.width(), document.height())
    document.setSelection(selection)


def save_selection(name, path):
    """The selection of the whole picture into a file, a byte per pixel; its box comes back, or None."""
    document = documents[name]
    selection = document.selection()
    if selection is None:
        return None
    with open(path, "wb") as file:
        file.write(bytes(selection.pixelData(0, 0, document.width(), document.height())))
    return [selection.x(), selection.y(), selection.width(), selection.height()]


def undo(name):
    documents[name].waitForDone()
    APP.action("edit_undo").trigger()
    documents[name].waitForDone()
    yield lambda: True


def redo(name):
    documents[name].waitForDone()
    APP.action("edit_redo").trigger()
    documents[name].waitForDone()
    yield lambda: True


def deselect(name):
    """As the painter does it."""
    documents[name].waitForDone()
    APP.action("deselect").trigger()
    documents[name].waitForDone()
    yield lambda: documents[name].selection() is None


def ants():
    """How many pixels of the canvas change within a moment in which nothing else does: marching ants."""
    canvas = [widget for widget in APP.activeWindow().qwindow().findChildren(QtWidgets.QWidget) if is_canvas(widget)][
        -1
    ]
    before = canvas.grab().toImage()
    started = time.monotonic()
    most = 0
    while time.monotonic() - started < 3.0 and not most:
        yield lambda: True
        after = canvas.grab().toImage()
        most = 0 if after == before else 1
    return most


def is_canvas(widget):
    return widget.metaObject().className() in ("KisQPainterCanvas", "KisOpenGLCanvas2") and widget.isVisible()


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


def pick_on_canvas():
    """Press the docker's button, and wait until nothing more is prepared."""
    del messages[:], children[:]
    APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_pick").click()
    yield from wait_until_picked()


def wait_until_picked():
    """Until all that was asked for on the canvas is done; the last message."""
    waited = time.monotonic() + 0.1  # for events on their way
    yield lambda: time.monotonic() > waited
    yield lambda: finder._picker is None or picker_rests(finder._picker)
    yield lambda: True
    return messages[-1] if messages else ""


def picker_rests(picker):
    busy = picker._waiting or picker._changing is not None or picker._is_undoing or picker._parts.is_numbering
    return not busy and not finder.is_working


def is_picking():
    return [finder.is_picking, APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_pick").isChecked()]


def box_with_pen(start, end, holding=""):
    """Move a pen over the canvas, pressed, from a place on the screen to another one."""
    canvas, buttons = the_canvas(), QtCore.Qt.MouseButton
    modifiers = QtCore.Qt.KeyboardModifier.ControlModifier if holding else QtCore.Qt.KeyboardModifier.NoModifier
    kinds = QtCore.QEvent.Type
    middle = [(start[0] + end[0]) // 2, (start[1] + end[1]) // 2]
    for kind, place, button, held in (
        (kinds.TabletPress, start, buttons.LeftButton, buttons.LeftButton),
        (kinds.TabletMove, middle, buttons.NoButton, buttons.LeftButton),
        (kinds.TabletMove, end, buttons.NoButton, buttons.LeftButton),
        (kinds.TabletRelease, end, buttons.LeftButton, buttons.NoButton),
    ):
        shown = QtCore.QPointF(*place)
        local = QtCore.QPointF(canvas.mapFromGlobal(QtCore.QPoint(*place)))
        event = tablet_event(kind, local, shown, modifiers, button, held)
        QtWidgets.QApplication.sendEvent(canvas, event)
        yield lambda: True


def tablet_event(kind, local, shown, modifiers, button, held):
    if hasattr(QtGui.QTabletEvent, "posF"):
        device, tip = QtGui.QTabletEvent.TabletDevice.Stylus, QtGui.QTabletEvent.PointerType.Pen
        return QtGui.QTabletEvent(kind, local, shown, device, tip, 0.8, 0, 0, 0.0, 0.0, 0, modifiers, 1, button, held)
    device = QtGui.QPointingDevice.primaryPointingDevice()
    return QtGui.QTabletEvent(kind, device, local, shown, 0.8, 0, 0, 0.0, 0.0, 0.0, modifiers, button, held)


def wait_for_words(words):
    yield lambda: any(message.startswith(words) for message in messages)
    return True


def stop_picking():
    APP.activeWindow().qwindow().findChild(QtWidgets.QPushButton, "dis_pick").click()


def view_as(zoom, dpi, scroll, rotation, mirror):
    document, canvas = APP.activeDocument(), APP.activeWindow().activeView().canvas()
    document.setResolution(dpi)
    canvas.setMirror(mirror)
    canvas.setRotation(rotation)
    canvas.setZoomLevel(zoom)
    yield lambda: True
    area = the_canvas().parentWidget().parentWidget()
    for bar, value in zip((area.horizontalScrollBar(), area.verticalScrollBar()), scroll):
        bar.setValue((bar.minimum() + bar.maximum()) // 2 + value)  # from the middle, where all of the image shows
    waited = time.monotonic() + 1.0  # Krita draws later
    yield lambda: time.monotonic() > waited


def the_canvas():
    return [widget for widget in APP.activeWindow().qwindow().findChildren(QtWidgets.QWidget) if is_canvas(widget)][-1]


def looks_bright(shown, x, y):
    return shown.pixelColor(x, y).red() > 235 and 180 < shown.pixelColor(x, y).blue() < 220


def bright_extent(split):
    """left, top, right, bottom on the screen of what shows bright on the canvas left of a share of it, and right."""
    canvas = the_canvas()
    shown = canvas.grab().toImage()
    columns, rows = range(shown.width()), range(shown.height())
    found = [(x, y) for x in columns for y in rows if looks_bright(shown, x, y)]
    middle = min(found)[0] + split * (max(found)[0] - min(found)[0])
    corner = canvas.mapToGlobal(QtCore.QPoint(0, 0))
    extents = []
    for part in ([place for place in found if place[0] < middle], [place for place in found if place[0] >= middle]):
        xs, ys = zip(*part)
        left, top = corner.x() + min(xs), corner.y() + min(ys)
        extents.append([left, top, corner.x() + max(xs) + 1, corner.y() + max(ys) + 1])
    return extents


def bright_places():
    """Places on the screen 6 pixels inside of what shows bright on the canvas, at its left and at its right end."""
    canvas = the_canvas()
    shown = canvas.grab().toImage()
    found = [
        (x, y) for x in range(0, shown.width(), 2) for y in range(0, shown.height(), 2) if looks_bright(shown, x, y)
    ]
    places = []
    for x, inward in ((min(found)[0], 6), (max(found)[0], -6)):
        rows = [y for column, y in found if column == x]
        place = canvas.mapToGlobal(QtCore.QPoint(x + inward, rows[len(rows) // 2]))
        places.append([place.x(), place.y()])
    return places


def clipboard():
    return QtWidgets.QApplication.clipboard().text()


def list_models():
    finder.list_models()
    yield lambda: finder.models and finder._listing is None


def forget_models():
    finder.models = []


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
            docker.setVisible(True)
            docker.raise_()
    yield lambda: bool(finder.models)


def hide_docker():
    docker = next(docker for docker in APP.dockers() if docker.objectName() == "dis_select_subject")
    docker.hide()
    yield lambda: not docker.isVisible()


def docker_shows():
    """What the docker's choices stand at."""
    docker = next(docker for docker in APP.dockers() if docker.objectName() == "dis_select_subject")
    boxes = [box.currentText() for box in docker.findChildren(QtWidgets.QComboBox)]
    return {"boxes": boxes, "numbers": [box.value() for box in docker.findChildren(QtWidgets.QSpinBox)]}


def set_settings(**settings):
    del messages[:], remedies[:]
    finder.change(**{**USUAL, **settings})


def shown_progress():
    """What visible labels of the plug-in say about the run."""
    labels = APP.activeWindow().qwindow().findChildren(QtWidgets.QLabel)
    return sorted(label.text() for label in labels if label.isVisible() and "orking endlessly" in label.text())


def default_settings():
    return vars(type(finder.settings)())


def kept_settings():
    return {name: APP.readSetting("dis_select_subject", name, "") for name in finder.settings.to_strings()}


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


def save_canvas(path):
    """What is on the canvas, overlay and all, as a PNG file, as soon as it has been drawn."""
    waited = time.monotonic() + 0.5
    yield lambda: time.monotonic() > waited
    the_canvas().grab().save(path)


def docker_fits():
    """The widgets of the docker that show, by name, and whether the docker has to be scrolled to see all of them."""
    docker = next(docker for docker in APP.dockers() if docker.objectName() == "dis_select_subject")
    bar = docker.findChild(QtWidgets.QScrollArea).verticalScrollBar()
    return bar.maximum() == 0


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
