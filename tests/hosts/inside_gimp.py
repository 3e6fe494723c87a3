"""Runs inside of GIMP's batch interpreter: does what the tests ask, one request after the other.

A request is a file of JSON, {"function": ..., "arguments": {...}}, in the folder that DIS_TEST_MAIL names; so is the
answer. The pixels of pictures travel in files.
"""

import json
import os
import time
import traceback

from gi.repository import Babl, Gegl, Gimp, Gio

TYPES = {
    ("rgb", False): Gimp.ImageType.RGB_IMAGE,
    ("rgb", True): Gimp.ImageType.RGBA_IMAGE,
    ("gray", False): Gimp.ImageType.GRAY_IMAGE,
    ("gray", True): Gimp.ImageType.GRAYA_IMAGE,
}
BASES = {"rgb": Gimp.ImageBaseType.RGB, "gray": Gimp.ImageBaseType.GRAY}
IMAGES = {}
RGBA = "R'G'B'A u8"


def create(name, width, height, pixels=None, box=None, base="rgb", precision="u8-non-linear", alpha=True):
    """A picture with a layer Photo, and in `box` of it the R, G, B, A bytes of a file."""
    value = getattr(Gimp.Precision, precision.upper().replace("-", "_"))
    kind = "rgb" if base == "indexed" else base
    image = IMAGES[name] = Gimp.Image.new_with_precision(width, height, BASES[kind], value)
    if pixels is not None:
        add_layer(name, "Photo", pixels, box or [0, 0, width, height], alpha=alpha)
    if base == "indexed":
        image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 255, False, False, "")


def add_layer(name, layer, pixels, box, alpha=True, group=None):
    image = IMAGES[name]
    base = "gray" if image.get_base_type() == Gimp.ImageBaseType.GRAY else "rgb"
    x, y, width, height = box
    new = Gimp.Layer.new(image, layer, width, height, TYPES[base, alpha], 100.0, Gimp.LayerMode.NORMAL)
    with open(pixels, "rb") as file:
        buffer = new.get_buffer()
        buffer.set(Gegl.Rectangle.new(0, 0, width, height), RGBA, file.read())
        buffer.flush()
    image.insert_layer(new, find(name, group) if group else None, 0)
    new.set_offsets(x, y)


def add_group(name, group):
    new = Gimp.GroupLayer.new(IMAGES[name], group)
    IMAGES[name].insert_layer(new, None, 0)


def add_text(name, text, size):
    image = IMAGES[name]
    layer = Gimp.TextLayer.new(image, text, Gimp.context_get_font(), size, Gimp.Unit.pixel())
    image.insert_layer(layer, None, 0)
    layer.set_color(Gegl.Color.new("white"))
    layer.set_name("Text")


def add_mask(name, layer):
    target = find(name, layer)
    target.add_mask(target.create_mask(Gimp.AddMaskType.WHITE))


def float_selection(name, layer):
    image = IMAGES[name]
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 5, 5, 20, 20)
    Gimp.Selection.float(image, [find(name, layer)], 0, 0)


def use_adobe_rgb(name):
    """Convert the picture to another profile than sRGB."""
    intent = Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC
    assert IMAGES[name].convert_color_profile(Gimp.ColorProfile.new_rgb_adobe(), intent, True)


def find(name, layer):
    image = IMAGES[name]
    found = image.get_layer_by_name(layer)
    assert found is not None, layer
    return found


def select_plane(name, path):
    """Make the bytes of a file the selection."""
    image = IMAGES[name]
    width, height = image.get_width(), image.get_height()
    channel = Gimp.Channel.new(image, "test", width, height, 100.0, Gegl.Color.new("red"))
    own = "Y' u8" if Babl.get_name(channel.get_format()).startswith("Y'") else "Y u8"
    with open(path, "rb") as file:
        channel.get_buffer().set(Gegl.Rectangle.new(0, 0, width, height), own, file.read())
    channel.get_buffer().flush()
    channel.update(0, 0, width, height)
    image.get_selection().combine_masks(channel, Gimp.ChannelOps.REPLACE, 0, 0)
    channel.delete()


def add_sample_point(name, x, y):
    IMAGES[name].add_sample_point(x, y)


def run(name, procedure, layers=("Photo",), on_mask=False, run_mode="noninteractive", **arguments):
    """Call one of the plug-in's procedures; its status and message come back."""
    called = Gimp.get_pdb().lookup_procedure(procedure)
    assert called is not None, f"GIMP knows no {procedure}"
    chosen = [find(name, layer) for layer in layers]
    if on_mask:
        chosen = [layer.get_mask() for layer in chosen]
    config = called.create_config()
    config.set_property("run-mode", getattr(Gimp.RunMode, run_mode.upper()))
    config.set_property("image", IMAGES[name])
    config.set_core_object_array("drawables", chosen)
    for key, value in arguments.items():
        config.set_property(key, value)
    started = time.monotonic()
    result = called.run(config)
    return {
        "status": result.index(0).value_nick,
        "message": result.index(1) if result.length() > 1 else "",
        "seconds": time.monotonic() - started,
    }


def layers(name):
    return [layer.get_name() for layer in IMAGES[name].get_layers()]


def selection_is_empty(name):
    return bool(Gimp.Selection.is_empty(IMAGES[name]))


def save_selection(name, path):
    save(IMAGES[name].get_selection(), path, "Y u8")


def save_mask(name, layer, path):
    """The bytes of a layer's mask; whether there is one."""
    mask = find(name, layer).get_mask()
    if mask is not None:
        save(mask, path, "Y u8")
    return mask is not None


def save_pixels(name, layer, path, format=RGBA):
    """A layer's own pixels; its box comes back."""
    item = find(name, layer)
    save(item, path, format)
    _, x, y = item.get_offsets()
    return [x, y, item.get_width(), item.get_height()]


def box_of_layer(name, layer):
    item = find(name, layer)
    _, x, y = item.get_offsets()
    return [x, y, item.get_width(), item.get_height()]


def save_own_pixels(name, layer, path):
    """A layer's bytes as they are, without any conversion."""
    save(find(name, layer), path, find(name, layer).get_format())


def save(drawable, path, format):
    buffer = drawable.get_buffer()
    format = format if isinstance(format, str) else Babl.get_name(format)
    with open(path, "wb") as file:
        file.write(bytes(buffer.get(buffer.get_extent(), 1.0, format, Gegl.AbyssPolicy.NONE)))


def open_photo(name, path):
    """A photograph in a window."""
    image = IMAGES[name] = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    Gimp.Display.new(image)
    Gimp.displays_flush()


def open_window(name):
    Gimp.Display.new(IMAGES[name])
    Gimp.displays_flush()


def clean(name):
    """As if all had been saved: closing the picture asks nothing."""
    IMAGES[name].clean_all()


def delete(name):
    IMAGES.pop(name).delete()


def version():
    return Gimp.version()


def serve():
    mail = os.environ["DIS_TEST_MAIL"]
    while not os.path.exists(os.path.join(mail, "quit")):
        requests = sorted(entry for entry in os.listdir(mail) if entry.endswith(".request"))
        for request in requests:
            path = os.path.join(mail, request)
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            os.unlink(path)
            try:
                answer = {"value": FUNCTIONS[content["function"]](**content["arguments"])}
            except Exception:  # noqa: BLE001 - told to the test
                answer = {"error": traceback.format_exc()}
            part = path.replace(".request", ".part")
            with open(part, "w", encoding="utf-8") as file:
                json.dump(answer, file)
            os.rename(part, path.replace(".request", ".answer"))
        time.sleep(0.01)
    for image in IMAGES.values():
        image.delete()


FUNCTIONS = {name: value for name, value in globals().items() if callable(value)}
serve()
