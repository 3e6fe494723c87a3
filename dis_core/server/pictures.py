"""What the codec processes do: read what was sent, and make files of a matte."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dis_core.daemon.protocol import Message
from dis_core.images.compositing import bounds_of, over_color, over_picture
from dis_core.images.decoded import TooManyPixels, most_pixels
from dis_core.images.framing import Placing
from dis_core.images.picture import Picture, encode, gray_picture
from dis_core.images.placing import placed_picture
from dis_core.images.reading import read_picture
from dis_core.images.tiff import encode_tiff
from dis_core.jobs.json_values import from_json_value
from dis_core.server.answers import Refused
from dis_core.server.results import MEDIA_TYPES, ResultStyle, parse_background, placing_of

if TYPE_CHECKING:
    from dis_core.images.formats import OutputFormat

WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Reading:
    """A file that was sent, where to put its pixels, and how many it may have.

    An image with more than `reduce_to` pixels is made smaller.
    """

    source: Path
    destination: Path
    most_pixels: int
    reduce_to: int | None = None


@dataclass(frozen=True)
class Making:
    """The pixels that were read, the matte as a gray 16-bit image, and what to make of them in a folder."""

    image: Path
    matte: Path
    folder: Path
    style: ResultStyle
    depth: Path | None = None


def read(asked: Message) -> Message:
    """Decode an image and put its pixels where the network and `make` read them at once; its sizes.

    Raises Refused for too many pixels, NoImage.
    """
    reading = from_json_value(Reading, asked)
    try:
        with most_pixels(reading.most_pixels):
            picture = read_picture(reading.source.read_bytes())
    except TooManyPixels as error:
        raise Refused(413, "resolution_too_high", error.message, error.hint) from None
    size = picture.size
    if reading.reduce_to is not None:
        picture = reduced(picture, reading.reduce_to)
    data = encode_tiff(picture.channels(), icc_profile=picture.icc_profile, dpi=picture.dpi, compression="none")
    reading.destination.write_bytes(data)
    return {"original_size": list(size), "size": list(picture.size), "remarks": list(picture.remarks)}


def reduced(picture: Picture, pixels: int) -> Picture:
    """The picture with about that many pixels at most, in its own proportions."""
    height, width = picture.size
    if height * width <= pixels:
        return picture
    share = (pixels / (height * width)) ** 0.5
    size = max(int(height * share), 1), max(int(width * share), 1)
    # By the larger of both scales, so that it reaches over all four edges.
    small = placed_picture(picture, Placing(size, max(size[0] / height, size[1] / width), 0.0, 0.0))
    return replace(small, alpha=None) if picture.alpha is None else small


def make(asked: Message) -> Message:
    """Make the files of a result; their names and what is in them. Raises Refused if there is no subject."""
    making = from_json_value(Making, asked)
    cutout = cut_out(making)
    assert cutout.alpha is not None  # noqa: S101  for the types
    subject = bounds_of(cutout.alpha >= np.float32(0.5))
    soft = bounds_of(cutout.alpha >= np.float32(SOFT_EDGE))
    if subject is None or soft is None:
        if making.style.if_empty == "refuse":
            raise Refused(
                422, "unknown_foreground", "could not identify a foreground in this image", "try another image or a roi"
            )
    else:
        placing = placing_of(making.style, soft if making.style.crop else subject, cutout.size)
        cutout = cutout if placing is None else placed_picture(cutout, placing)
    if making.style.kind == "all":
        return _all_parts(making, cutout)
    file, media_type = _write(making, cutout)
    return {"file": file, "media_type": media_type, **facts_of(cutout)}


SOFT_EDGE = 0.02


def facts_of(cutout: Picture) -> dict[str, Any]:
    """The size, and the box around the subject as (top, left, height, width); None if there is none."""
    assert cutout.alpha is not None  # noqa: S101  for the types
    box = bounds_of(cutout.alpha >= np.float32(SOFT_EDGE))
    found = None if box is None else [box.top, box.left, box.bottom - box.top, box.right - box.left]
    return {"height": cutout.size[0], "width": cutout.size[1], "foreground": found}


def cut_out(making: Making) -> Picture:
    """The subject on a transparent background, in the image's own size."""
    from dis_core.matte.matte import Matte

    picture = read_picture(making.image)
    visible = read_picture(making.matte).pixels[..., 0].astype(np.float32) / np.float32(65535)
    alpha = visible
    if picture.alpha is not None:  # which the matte has in it already
        alpha = np.divide(visible, picture.alpha, out=np.zeros_like(visible), where=picture.alpha > 0)
        np.minimum(alpha, np.float32(1), out=alpha)
    return Matte(alpha, model="", picture=picture).cutout()


def _write(making: Making, cutout: Picture) -> tuple[str, str]:
    style = making.style
    assert cutout.alpha is not None  # noqa: S101  for the types
    if style.kind == "zip":
        with zipfile.ZipFile(making.folder / "result.zip", "w", zipfile.ZIP_STORED) as pack:
            pack.writestr("color.jpg", encode(replace(cutout, alpha=None), format="jpeg"))
            pack.writestr("alpha.png", encode(gray_picture(cutout.alpha, bits=8, name="the alpha"), format="png"))
        return "result.zip", "application/zip"
    if style.kind == "alpha":
        result = gray_picture(cutout.alpha, bits=8, name="the alpha")
    else:
        result = on_background(cutout, style)
    form: OutputFormat = _format(style, result)
    if form == "jpeg" and result.alpha is not None:
        result = over_color(result, WHITE)
    (making.folder / "result").write_bytes(encode(result, format=form))
    return "result", MEDIA_TYPES[form]


def _format(style: ResultStyle, result: Picture) -> OutputFormat:
    if style.format != "auto":
        return style.format
    return "jpeg" if result.alpha is None and style.kind == "cutout" else "png"


def on_background(cutout: Picture, style: ResultStyle) -> Picture:
    """The cutout on the background that was wanted, if any."""
    if style.background_file is not None:
        return over_picture(cutout, read_picture(style.background_file))
    if style.background is None:
        return cutout
    color, alpha = parse_background(style.background)
    if alpha == 1:
        return over_color(cutout, color)
    sheet = Picture(np.array(color, np.uint8).reshape(1, 1, 3), np.full((1, 1), alpha, np.float32))
    return over_picture(cutout, sheet)


def _all_parts(making: Making, cutout: Picture) -> Message:
    """The cutout, the matte with 16 bits, the depth map, and facts about them, each as a file."""
    assert cutout.alpha is not None  # noqa: S101  for the types
    form: OutputFormat = "png" if making.style.format == "auto" else making.style.format
    parts = [["cutout", "cutout", MEDIA_TYPES[form]], ["matte", "matte.png", "image/png"]]
    (making.folder / "cutout").write_bytes(encode(on_background(cutout, making.style), format=form))
    (making.folder / "matte.png").write_bytes(encode(gray_picture(cutout.alpha, bits=16, name="it"), format="png"))
    if making.depth is not None and making.depth.is_file():
        parts.append(["depth", making.depth.name, "image/png"])
    return {"parts": parts, **facts_of(cutout)}
