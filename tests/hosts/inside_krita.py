"""What the tests do with pictures inside of Krita; the driver plug-in calls these functions by name.

A function may be a generator: what it yields is a condition, and it goes on when that holds. Arguments and results are
what JSON can hold; pixels go through files.
"""

import time

from dis_select_subject.qt import QtCore, QtWidgets
from krita import Krita, Selection

APP = Krita.instance()
documents = {}


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
