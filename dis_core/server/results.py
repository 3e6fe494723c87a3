"""What a request wants made of a matte, and where the subject goes in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dis_core.errors import BadRequest
from dis_core.geometry import Box
from dis_core.images.compositing import Color, parse_color
from dis_core.images.framing import Framing, Placing, refuse_impossible

Kind = Literal["cutout", "alpha", "zip", "all"]
FileFormat = Literal["auto", "png", "jpeg", "webp", "tiff"]

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "tiff": "image/tiff"}


@dataclass(frozen=True)
class Length:
    """So many pixels, or a fraction of whatever it is measured against."""

    amount: float
    unit: Literal["px", "fraction"] = "px"

    def of(self, whole_px: int) -> float:
        """The length in pixels."""
        return self.amount if self.unit == "px" else self.amount * whole_px


@dataclass(frozen=True)
class ResultStyle:
    """What to make: a cutout, its alpha as a gray image, a zip of color and alpha, or all the parts as files.

    `crop` cuts off what lies outside of the subject and its `margins`: top, right, bottom and left, fractions of the
    subject's own height and width. `scale` makes the subject that large in a canvas of the image's size. `position`
    says where its room is left over: (0, 0) is the top left, (0.5, 0.5) the middle. `background` is a CSS color or
    rrggbbaa. "auto" is PNG if there is transparency, else JPEG. A JPEG without a background gets a white one.
    """

    kind: Kind = "cutout"
    format: FileFormat = "auto"
    crop: bool = False
    margins: tuple[Length, Length, Length, Length] = (Length(0), Length(0), Length(0), Length(0))
    scale: float | None = None
    position: tuple[float, float] | None = None
    background: str | None = None
    background_file: Path | None = None
    if_empty: Literal["refuse", "go on"] = "go on"


def parse_background(text: str) -> tuple[Color, float]:
    """A color and its alpha in [0, 1]: "81d4fa", "#81d4fa80", "fff", "white". Raises BadRequest for anything else."""
    digits = text.strip().removeprefix("#")
    if len(digits) in (3, 6, 8) and all(digit in "0123456789abcdefABCDEF" for digit in digits):
        alpha = int(digits[6:], 16) / 255 if len(digits) == 8 else 1.0
        return parse_color("#" + digits[:6]), alpha
    return parse_color(text), 1.0


def placing_of(style: ResultStyle, subject: Box, size: tuple[int, int]) -> Placing | None:
    """Where a picture of `size` (height, width) goes on its canvas; None if it stays as it is. Raises BadRequest."""
    width, height = subject.right - subject.left, subject.bottom - subject.top
    if style.crop:
        top, right, bottom, left = (
            round(margin.of(side)) for margin, side in zip(style.margins, (height, width) * 2, strict=True)
        )
        canvas = height + top + bottom, width + left + right
        refuse_impossible(Framing(canvas))
        return Placing(canvas, 1.0, left - subject.left, top - subject.top)
    if style.scale is None and style.position is None:
        return None
    scale = 1.0 if style.scale is None else min(style.scale * size[0] / height, style.scale * size[1] / width)
    across, down = style.position or (0.5, 0.5)
    x = across * (size[1] - scale * width) - scale * subject.left
    y = down * (size[0] - scale * height) - scale * subject.top
    if scale == 1:
        x, y = round(x), round(y)
    return Placing(size, scale, x, y)


def refuse_contradictions(style: ResultStyle) -> None:
    """Raises BadRequest for what cannot all be had at once."""
    has_background = style.background is not None or style.background_file is not None
    if style.background is not None and style.background_file is not None:
        raise BadRequest("a background is a color or an image, not both", hint="leave out one of them")
    if has_background and style.kind in ("alpha", "zip"):
        raise BadRequest("an alpha matte has no background", hint="leave out the background")
    if style.crop and (style.scale is not None or style.position is not None):
        raise BadRequest("a result is either cropped or placed on the image's canvas", hint="leave out crop or scale")
