"""The only code that touches the user's image: it reads the source and applies the result as one undo step."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any, Callable, Generator, Iterator, Sequence, Tuple

import planes
from gi.repository import Babl, Gegl, Gimp
from shared.bitmap import RED_FIRST, bitmap_header
from shared.matte import NOTHING_LEFT, box_of
from shared.settings import Box, Region, Settings, overlap, region_of
from shared.words import _, later, plural

STRIP_PIXELS = 2_000_000
SEEN, GRAY = "R'G'B'A u8", "Y u8"
"""The format of pixels for dis-core, and of selections and masks, whose grays are linear."""

Strips = Generator[Tuple[int, int, bytes], None, None]
"""The first row, the number of rows and the pixels of each strip."""

NOTHING_FOUND = later("No subject was found. Nothing was changed")

OPERATIONS = {
    "replace": Gimp.ChannelOps.REPLACE,
    "add": Gimp.ChannelOps.ADD,
    "subtract": Gimp.ChannelOps.SUBTRACT,
    "intersect": Gimp.ChannelOps.INTERSECT,
}


class Refused(Exception):
    """Something that cannot be done with this image, with the reason for the user."""


@dataclass(frozen=True)
class Source:
    """Where to search: a layer, or all that is visible if `layer` is None. `box` lies within the image."""

    image: Any
    layer: Any | None
    box: Box
    size: tuple[int, int]
    """The size of the whole image."""


def find_source(image: Any, drawables: Sequence[Any], kind: str) -> Source:
    """The source of a kind, "layer" or "picture". Raises Refused if it is empty."""
    size = (image.get_width(), image.get_height())
    canvas = (0, 0, *size)
    if kind == "picture":
        if not image.get_layers():
            raise Refused(_("The image has no layers"))
        return Source(image, None, canvas, size)
    layer = _only_layer(drawables)
    box = overlap(canvas, _box_of(layer))
    if box is None:
        raise Refused(_("The layer “{name}” is outside the image", name=layer.get_name()))
    return Source(image, layer, box, size)


def find_target(image: Any, drawables: Sequence[Any], result: str) -> Any:
    """The layer that gets the mask, or that the new layer goes above. Raises Refused."""
    if image.get_floating_sel() is not None:
        raise Refused(_("There is a floating selection. Anchor it or turn it into a layer first"))
    layer = _only_layer(drawables)
    if result == "mask" and layer.get_mask() is not None:
        raise Refused(_("The layer “{name}” already has a mask. Apply or delete it first", name=layer.get_name()))
    return layer


def find_region(source: Source, settings: Settings, *, needs_selection: bool, takes_points: bool = False) -> Region:
    """Where to search, because of the selection and the sample points, as far as the model can. Raises Refused."""
    bounds = Gimp.Selection.bounds(source.image)
    selected = (bounds.x1, bounds.y1, bounds.x2 - bounds.x1, bounds.y2 - bounds.y1) if bounds.non_empty else None
    points = _sample_points(source) if takes_points else ()
    if points and selected is None:
        return Region(points=points)
    region = region_of(settings, selected, source.box, needs_selection=needs_selection)
    if region.refusal:
        raise Refused(region.refusal)
    return replace(region, points=points)


def _sample_points(source: Source) -> tuple[tuple[int, int], ...]:
    """The image's sample points in the source, from its corner."""
    image, (left, top, width, height) = source.image, source.box
    points, number = [], image.find_next_sample_point(0)
    while number:
        x, y = image.get_sample_point_position(number)
        if 0 <= x - left < width and 0 <= y - top < height:
            points.append((x - left, y - top))
        number = image.find_next_sample_point(number)
    return tuple(points)


def export(source: Source, path: str, on_progress: Callable[[float], None]) -> None:
    """Write the pixels to a file, strip by strip. Raises Refused if all of them are transparent."""
    for first, rows, _pixels in exported_strips(source, path):
        on_progress((first + rows) / source.box[3])


def exported_strips(source: Source, path: str, most_pixels: int = STRIP_PIXELS) -> Strips:
    """Write the pixels to a file; each strip, as soon as it is written.

    Raises Refused at the end if all of them are transparent.
    """
    width, height = source.box[2:]
    visible = False
    with open(path, "wb") as file, _buffer_of(source) as (buffer, left, top):
        file.write(bitmap_header(width, height, RED_FIRST))
        for first, rows in _strips(width, height, most_pixels):
            pixels = _get(buffer, (left, top + first, width, rows), SEEN)
            visible = visible or not planes.is_empty(pixels[3::4])
            file.write(pixels)
            yield first, rows, pixels
    if not visible:
        raise Refused(_("There is nothing to search: all pixels are transparent"))


def select(source: Source, matte: bytes, mode: str) -> None:
    """Combine the picture's selection with a matte of the source. Raises Refused."""
    _refuse_changed(source)
    with _channel(source.image, matte, source.box) as channel, _one_step(source.image):
        _combine(source.image.get_selection(), channel, mode)


def add_mask(source: Source, layer: Any, matte: bytes, mode: str) -> None:
    """Add a mask with a matte of the source to a layer. Raises Refused."""
    _refuse_changed(source, layer)  # before the image is asked for anything
    plane = _combined(source, matte, mode)
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    _fill_mask(mask, layer, plane, source.box)
    with _one_step(source.image):
        if not layer.add_mask(mask):
            raise Refused(_("GIMP could not add a mask to the layer: {error}", error=Gimp.get_pdb().get_last_error()))


def add_cut_layer(source: Source, above: Any, matte: bytes, colors: bytes | None, settings: Settings) -> None:
    """Put a new layer above another one, with the subject alone.

    It is a copy of the source at its own bit depth. Where the subject covers only part of a pixel, the colors are those
    of `colors`, R, G, B, A, from which the background is removed; if it is None, they stay. Raises Refused.
    """
    left_in_image, top_in_image, width, height = source.box
    _refuse_changed(source, above)
    with _buffer_of(source) as (buffer, left, top):
        seen_alpha = _get(buffer, (left, top, width, height), SEEN)[3::4]
    alpha = planes.smaller(_combined(source, matte, settings.mode), seen_alpha)
    with _one_step(source.image), _copy_above(source, above) as layer:
        mask = layer.create_mask(Gimp.AddMaskType.BLACK)
        _fill_mask(mask, layer, planes.quotient(alpha, seen_alpha), source.box)
        if not (layer.add_mask(mask) and layer.remove_mask(Gimp.MaskApplyMode.APPLY)):
            raise Refused(_("GIMP could not cut the layer: {error}", error=Gimp.get_pdb().get_last_error()))
        if colors is not None:
            _take_colors(layer, source, colors, alpha, planes.cleaned(matte, seen_alpha))
        if settings.size == "subject" and not planes.is_empty(alpha):
            x, y, wide, high = box_of(alpha, width)
            _crop(layer, (left_in_image + x, top_in_image + y, wide, high))


def _only_layer(drawables: Sequence[Any]) -> Any:
    """The selected layer, or the layer of the selected mask. Raises Refused."""
    if not drawables:
        raise Refused(_("No layer is selected. Select one in the Layers dialog"))
    if len(drawables) > 1:
        raise Refused(
            plural(
                "{count} layer is selected. Select one, or search in the whole image",
                "{count} layers are selected. Select one, or search in the whole image",
                len(drawables),
            )
        )
    chosen = drawables[0]
    layer = Gimp.Layer.from_mask(chosen) if isinstance(chosen, Gimp.LayerMask) else chosen
    if not isinstance(layer, Gimp.Layer):
        raise Refused(_("“{name}” is a channel. Select a layer", name=chosen.get_name()))
    if layer.is_floating_sel():
        raise Refused(_("There is a floating selection. Anchor it or turn it into a layer first"))
    return layer


def _box_of(layer: Any) -> Box:
    _, x, y = layer.get_offsets()
    return x, y, layer.get_width(), layer.get_height()


def _refuse_changed(source: Source, layer: Any = None) -> None:
    """Raises Refused if the source is gone or has been moved."""
    if not source.image.is_valid():
        raise Refused(_("The image has been closed in the meantime"))
    if (source.image.get_width(), source.image.get_height()) != source.size:
        raise Refused(_("The size of the image has changed. Please try again"))
    for item in (source.layer, layer):
        if item is not None and not item.is_valid():
            raise Refused(_("The layer has been removed in the meantime"))
    if source.layer is not None and overlap((0, 0, *source.size), _box_of(source.layer)) != source.box:
        raise Refused(_("The layer has been moved in the meantime. Please try again"))


@contextlib.contextmanager
def _buffer_of(source: Source) -> Iterator[tuple[Any, int, int]]:
    """The source's pixels, and where in that buffer its box begins."""
    if source.layer is not None:
        x, y = source.layer.get_offsets()[1:]
        yield source.layer.get_buffer(), source.box[0] - x, source.box[1] - y
        return
    visible = Gimp.Layer.new_from_visible(source.image, source.image, _("Subject"))
    try:
        yield visible.get_buffer(), 0, 0
    finally:
        visible.delete()


def _strips(width: int, height: int, most_pixels: int = STRIP_PIXELS) -> Iterator[tuple[int, int]]:
    """(top, rows) of strips from top to bottom."""
    most = max(most_pixels // width, 1)
    return ((top, min(most, height - top)) for top in range(0, height, most))


def _get(buffer: Any, box: Box, pixel_format: str) -> bytes:
    return bytes(buffer.get(Gegl.Rectangle.new(*box), 1.0, pixel_format, Gegl.AbyssPolicy.NONE))


@contextlib.contextmanager
def _channel(image: Any, plane: bytes, box: Box) -> Iterator[Any]:
    """A channel of the image's size that belongs to no image, with a plane in a box and 0 around it."""
    width, height = image.get_width(), image.get_height()
    channel = Gimp.Channel.new(image, _("Subject"), width, height, 100.0, Gegl.Color.new("red"))
    try:
        buffer, own = channel.get_buffer(), _coverage_format(channel)
        if box != (0, 0, width, height):  # a new channel is full
            buffer.set(Gegl.Rectangle.new(0, 0, width, height), own, bytes(width * height))
        buffer.set(Gegl.Rectangle.new(*box), own, plane)
        buffer.flush()
        channel.update(0, 0, width, height)
        yield channel
    finally:
        channel.delete()


def _coverage_format(channel: Any) -> str:
    """The format in which bytes become a channel's coverage unchanged.

    In 8 bit pictures that are not linear, and in these only, channels are kept with the curve of sRGB; selections and
    layer masks never are. The other format would move grays by up to 73 of 255.
    """
    return "Y' u8" if Babl.get_name(channel.get_format()).startswith("Y'") else GRAY


def _combine(channel: Any, other: Any, mode: str) -> None:
    if not channel.combine_masks(other, OPERATIONS[mode], 0, 0):
        raise Refused(_("GIMP could not combine the selections: {error}", error=Gimp.get_pdb().get_last_error()))


def _combined(source: Source, plane: bytes, mode: str) -> bytes:
    """The combined selection in the source's box; the image's stays unchanged. Raises Refused if nothing is left."""
    if mode != "replace":
        image = source.image
        selected = _get(image.get_selection().get_buffer(), source.box, GRAY)
        with _channel(image, selected, source.box) as channel, _channel(image, plane, source.box) as other:
            _combine(channel, other, mode)
            plane = _get(channel.get_buffer(), source.box, _coverage_format(channel))
    if planes.is_empty(plane):
        raise Refused(_(NOTHING_LEFT))
    return plane


def _fill_mask(mask: Any, layer: Any, plane: bytes, box: Box) -> None:
    """Set a plane into a layer's mask, which is 0 elsewhere; `box` is in pixels of the picture."""
    _, x, y = layer.get_offsets()
    buffer = mask.get_buffer()
    buffer.set(Gegl.Rectangle.new(box[0] - x, box[1] - y, box[2], box[3]), GRAY, plane)
    buffer.flush()
    mask.update(box[0] - x, box[1] - y, box[2], box[3])


@contextlib.contextmanager
def _copy_above(source: Source, above: Any) -> Iterator[Any]:
    """The source's pixels as a plain layer of the image, which is removed again if the block fails."""
    image = source.image
    if source.layer is None:
        layer = Gimp.Layer.new_from_visible(image, image, _("Subject"))
    else:
        layer = Gimp.Layer.copy(source.layer)
    image.insert_layer(layer, above.get_parent(), image.get_item_position(above))
    try:
        if layer.is_group():
            layer = layer.merge() or layer
        _make_plain(layer)
        yield layer
    except BaseException:
        image.remove_layer(layer)
        raise


def _make_plain(layer: Any) -> None:
    """Reduce a layer to unlocked, visible pixels with alpha in normal mode. Raises Refused."""
    if layer.is_group():
        raise Refused(_("GIMP could not merge the group: {error}", error=Gimp.get_pdb().get_last_error()))
    if hasattr(layer, "rasterize") and not layer.is_rasterized():
        layer.rasterize()
    for unlock in (layer.set_lock_content, layer.set_lock_alpha, layer.set_lock_position, layer.set_lock_visibility):
        unlock(False)  # noqa: FBT003 - GIMP's own
    layer.set_name(_("Subject"))
    layer.set_visible(True)
    layer.set_mode(Gimp.LayerMode.NORMAL)
    layer.set_opacity(100.0)
    if layer.get_mask() is not None:
        layer.remove_mask(Gimp.MaskApplyMode.APPLY)
    if not layer.has_alpha():
        layer.add_alpha()


def _crop(layer: Any, box: Box) -> None:
    """Make a layer no larger than a box of the image."""
    x, y = layer.get_offsets()[1:]
    if not layer.resize(box[2], box[3], x - box[0], y - box[1]):
        raise Refused(_("GIMP could not crop the layer: {error}", error=Gimp.get_pdb().get_last_error()))


def _take_colors(layer: Any, source: Source, clean: bytes, alpha: bytes, cleaned: bytes) -> None:
    """Give partly covered pixels the clean colors, in the layer's own format. All others stay the same."""
    if layer.is_indexed():
        return  # only the colors of its palette can be used
    _, x, y = layer.get_offsets()
    left, top, width, height = source.box
    own = Babl.get_name(layer.get_format())
    buffer = layer.get_buffer()
    for first, rows in _strips(width, height):
        part = slice(first * width, (first + rows) * width)
        runs = list(planes.runs(cleaned[part]))
        if not runs:
            continue
        pixels = bytearray(clean[4 * part.start : 4 * part.stop])
        pixels[3::4] = alpha[part]
        converted = _converted(bytes(pixels), width, rows, own)
        place = (left - x, top - y + first, width, rows)
        strip = bytearray(_get(buffer, place, own))
        size = len(strip) // (width * rows)
        for start, end in runs:
            strip[size * start : size * end] = converted[size * start : size * end]
        buffer.set(Gegl.Rectangle.new(*place), own, bytes(strip))
    buffer.flush()
    layer.update(0, 0, layer.get_width(), layer.get_height())


def _converted(pixels: bytes, width: int, rows: int, pixel_format: str) -> bytes:
    """Pixels that dis-core made, in another format."""
    buffer = Gegl.Buffer.new(SEEN, 0, 0, width, rows)
    buffer.set(Gegl.Rectangle.new(0, 0, width, rows), SEEN, pixels)
    return _get(buffer, (0, 0, width, rows), pixel_format)


@contextlib.contextmanager
def _one_step(image: Any) -> Iterator[None]:
    """All changes inside the block are one undo step."""
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()
