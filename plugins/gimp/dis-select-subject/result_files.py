"""Reads what dis-core has written for a source, which is as large as the source's box."""

from __future__ import annotations

from gi.repository import Gegl
from gimp_image import NOTHING_FOUND, SEEN, Refused, Source
from shared.matte import has_subject, without_dust
from shared.words import _


def _read_png(path: str, width: int, height: int, pixel_format: str) -> bytes:
    """The pixels of a result. Raises Refused if it cannot be read."""
    Gegl.init(None)  # GIMP initializes buffers for plug-ins, but not operations
    graph = Gegl.Node.new()  # kept, because it owns the child node
    loading = graph.create_child("gegl:png-load")
    loading.set_property("path", path)
    box = loading.get_bounding_box()
    if (box.width, box.height) != (width, height):
        raise Refused(_("The result from dis-core could not be read. Please try again"))
    buffer = Gegl.Buffer.new(pixel_format, 0, 0, width, height)
    loading.blit_buffer(buffer, Gegl.Rectangle.new(0, 0, width, height), 0, Gegl.AbyssPolicy.NONE)
    return bytes(buffer.get(Gegl.Rectangle.new(0, 0, width, height), 1.0, pixel_format, Gegl.AbyssPolicy.NONE))


def read_gray(source: Source, path: str) -> bytes:
    """A gray file of the source's size, a byte for each pixel. Raises Refused if it cannot be read."""
    # Without conversion: the file's numbers are coverage, not light.
    return _read_png(path, source.box[2], source.box[3], "Y' u8")


def read_matte(source: Source, path: str) -> bytes:
    """The gray result, a byte for each pixel of the source's box. Raises Refused if no subject is in it."""
    return subject_in(without_dust(read_gray(source, path)))


def read_colors(source: Source, path: str) -> bytes:
    """The result in colors, R, G, B, A for each pixel of the source's box. Raises Refused if no subject is in it."""
    colors = _read_png(path, source.box[2], source.box[3], SEEN)
    subject_in(colors[3::4])
    return colors


def subject_in(matte: bytes) -> bytes:
    """The same matte. Raises Refused if no subject is in it."""
    if not has_subject(matte):
        raise Refused(_(NOTHING_FOUND))
    return matte
