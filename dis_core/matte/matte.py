"""`Matte`, the result: how much of each pixel belongs to the subject, and what can be made from that."""

from __future__ import annotations

import operator
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dis_core.errors import BadRequest, NoSubject, refuse_unknown
from dis_core.geometry import Box
from dis_core.images.compositing import Color, bounds_of, over_color, over_picture, parse_color
from dis_core.images.compositing import crop as crop_to
from dis_core.images.formats import IMAGE_ENDINGS, OutputFormat
from dis_core.images.framing import (
    Framing,
    Placing,
    place_subject,
    refuse_impossible,
    remarks_on_placing,
)
from dis_core.images.picture import Picture, gray_picture
from dis_core.images.pixels import Pixels
from dis_core.images.placing import placed_picture
from dis_core.planes import blocks
from dis_core.protocols import Refinement

Background: TypeAlias = str | Color | Picture
"""What a subject is put on: a color by name, "#rrggbb" or (red, green, blue), or a picture."""

CLEANED_AT_ONCE_PX: Final = 128
"""The side of blocks that are left empty or copied as they are where the matte is 0 or more all over."""

SOFT_EDGE: Final = 0.02
"""Where the matte is above this, a crop leaves it in."""


@dataclass(frozen=True, eq=False, repr=False)
class Matte:
    """What a model found in a picture.

    `alpha` is (H, W) float32 in [0, 1], 1 = subject, as the model sees it; the methods take off what the picture's own
    alpha hides. `model` says what made it, "pdfnet@revision", and `device` where that ran. `picture` is what it was
    made from. `depth` is the depth map, if the model used one: (H, W) float32 in [0, 1], near = large. `refinement`
    says how the matte was refined. `loading_s` is how long it took before to fetch and load the model, if it was not
    loaded already. `remarks` are what the user should know of how the subject was found.
    """

    alpha: NDArray[np.float32]
    model: str
    picture: Picture | None = None
    depth: NDArray[np.float32] | None = None
    device: str = ""
    refinement: Refinement | None = None
    loading_s: float = 0.0
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        height, width = self.alpha.shape
        return f"<Matte {width} x {height}: {float(self.alpha.mean()):.0%} subject, by {self.model}>"

    def __array__(self, dtype: np.dtype[Any] | None = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001  NumPy's
        """The visible matte, (H, W), float32 unless asked otherwise."""
        del copy  # a matte is frozen: nobody is given the array itself
        return np.array(self.visible(), dtype)

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the cutout over a checkerboard, or the gray matte if there is no picture."""
        return (self.gray() if self.picture is None else self.cutout())._repr_png_()

    def visible(self) -> NDArray[np.float32]:
        """The matte times the picture's own alpha: (H, W) float32 in [0, 1]."""
        if self.picture is None or self.picture.alpha is None:
            return self.alpha
        return self.alpha * self.picture.alpha

    def mask(self, threshold: float = 0.5) -> NDArray[np.bool_]:
        """The pixels whose matte is at least `threshold`: (H, W) bool."""
        mask: NDArray[np.bool_] = self.visible() >= np.float32(threshold)
        return mask

    def bounds(self, threshold: float = 0.5) -> Box | None:
        """The smallest box around the mask, or None if the mask is empty."""
        return bounds_of(self.mask(threshold))

    def parts(self, threshold: float = 0.5) -> list[Part]:
        """The separate things in this matte, such as two people side by side, the largest first.

        Separate is what does not touch where the matte is at least `threshold`; the soft pixels around a thing are its
        own. Specks below a ten-thousandth of the image are left out.
        """
        from dis_core.matte.parts import split_matte

        mattes = [replace(self, alpha=alpha) for alpha in split_matte(self.visible(), threshold)]
        return [
            Part(matte, bounds, int(np.count_nonzero(matte.mask(threshold))))
            for matte in mattes
            if (bounds := matte.bounds(threshold)) is not None
        ]

    def threshold(self, value: float = 0.5) -> Matte:
        """This matte with hard edges: 1 where it is at least `value`, and 0 elsewhere."""
        from dis_core.matte.edges import reshape_edges

        return replace(self, alpha=reshape_edges(self.alpha, threshold=value))

    def grow(self, px: int) -> Matte:
        """This matte with its edge moved outwards by so many pixels, or inwards if `px` is less than 0."""
        from dis_core.matte.edges import reshape_edges

        return replace(self, alpha=reshape_edges(self.alpha, grow_px=px))

    def feather(self, px: int) -> Matte:
        """This matte with a softer edge: a hard one becomes a ramp from `px` pixels outside to as far inside."""
        from dis_core.matte.edges import reshape_edges

        return replace(self, alpha=reshape_edges(self.alpha, feather_px=px))

    def cutout(
        self,
        picture: Picture | None = None,
        *,
        colors: Literal["clean", "original"] = "clean",
        background: Background | None = None,
        crop: bool = False,
        margin_px: int = 0,
        margin_fraction: float = 0.0,
        size: tuple[int, int] | None = None,
    ) -> Picture:
        """The subject on a transparent background; its straight alpha is the matte times the picture's own.

        Where the matte is 1, the pixels stay as they are, bit for bit. With "clean" colors, half-covered pixels lose
        the background's share and fully transparent ones become 0, so that nothing of the removed background stays in
        the file. With "original" colors, all pixels stay as they are. Another `picture` of the same size may be given.

        `background` is a color, "white", "#ffcc00" or (255, 204, 0), or a `Picture`, which is scaled to cover the
        result. `crop` cuts off what lies outside of the subject, soft edges of 2 % and more included. A margin does
        too: each side gets `margin_px` pixels and a fraction of the subject's longer side, from where the subject is
        half visible, also where the picture has less.

        `size` is (height, width) of the result in pixels: the subject fills it except for the margin, in its own
        proportions and centered. It is made smaller, or larger, which `remarks` of the result then say. The fraction is
        of the shorter side of `size`.

        The matte is first rounded to the levels of the picture's pixels (255 or 65535).
        Raises BadRequest if there is no picture, or if it has another size, and for an unknown color, an impossible
        size or margin; NoSubject if there is no subject to give a size or a margin.
        """
        refuse_unknown("value of colors", colors, ("clean", "original"))
        picture = self._picture_of_same_size(picture)
        alpha = self.alpha * np.float32(picture.levels)
        np.rint(alpha, out=alpha)
        alpha /= np.float32(picture.levels)
        total = alpha if picture.alpha is None else alpha * picture.alpha
        pixels = picture.pixels if colors == "original" else _clean_colors(picture, alpha, total)
        result = replace(picture, pixels=pixels, alpha=total)
        if size is not None or margin_px or margin_fraction:
            result = self._framed(result, Framing(size, margin_px, margin_fraction))
        elif crop and (bounds := self.bounds(threshold=SOFT_EDGE)) is not None:
            result = crop_to(result, bounds)
        return result if background is None else over_background(result, background)

    def _framed(self, result: Picture, framing: Framing) -> Picture:
        subject, placing = self.placing(framing)
        remarks = remarks_on_placing(placing, subject, result.size)
        return replace(placed_picture(result, placing), remarks=(*result.remarks, *remarks))

    def placing(self, framing: Framing) -> tuple[Box, Placing]:
        """The box around the subject, where it is at least half visible, and where it goes in its result.

        Raises BadRequest for an impossible size or margin, NoSubject.
        """
        refuse_impossible(framing)
        # What is fainter reaches into the margin: hair does, and the haze that a model leaves must not make the subject
        # small.
        bounds = self.bounds()
        if bounds is None:
            raise NoSubject(
                "no subject was found, so there is nothing to fit into the result",
                hint="try another model, or leave out the size and the margin",
            )
        return bounds, place_subject(bounds, framing)

    def gray(self, *, bits: Literal[8, 16] = 8) -> Picture:
        """The matte as a gray picture, white = subject."""
        return gray_picture(self.visible(), bits=bits, name="the matte")

    def save(
        self,
        destination: str | os.PathLike[str] | BinaryIO,
        *,
        format: OutputFormat | None = None,  # noqa: A002  as in Pillow
        bits: Literal[8, 16] = 8,
        overwrite: bool = False,
    ) -> None:
        """Write the gray matte as PNG, WebP, TIFF or JPEG, to a path or into an open binary file.

        Without `format` the ending of the name decides, and an open file gets a PNG. Raises BadRequest for another
        ending, OutputExists, OutputFailed.
        """
        self.gray(bits=bits).save(destination, format=format, overwrite=overwrite)

    def to_bytes(self, format: OutputFormat = "png", *, bits: Literal[8, 16] = 8) -> bytes:  # noqa: A002  as in Pillow
        """The gray matte as the bytes of an image file."""
        return self.gray(bits=bits).to_bytes(format)

    def _picture_of_same_size(self, picture: Picture | None) -> Picture:
        picture = picture if picture is not None else self.picture
        if picture is None:
            raise BadRequest("the matte has no picture", hint="pass the picture: matte.cutout(picture)")
        if picture.size != self.alpha.shape:
            (height, width), (matte_height, matte_width) = picture.size, self.alpha.shape
            raise BadRequest(
                f"the picture is {width} x {height} pixels, but the matte is {matte_width} x {matte_height}",
                hint="use the picture that the matte was made from",
            )
        return picture


@dataclass(frozen=True)
class Part:
    """One of several things in a matte: its own matte, the box around it, and its area in pixels."""

    matte: Matte
    box: Box
    area_px: int


def over_background(cutout: Picture, background: Background) -> Picture:
    """The cutout on a color or a picture. Raises BadRequest for an unknown color."""
    if isinstance(background, Picture):
        return over_picture(cutout, background)
    return over_color(cutout, as_color(background))


def as_color(background: object) -> Color:
    """The color that is meant. Raises BadRequest for what is none, such as the path of a picture."""
    if isinstance(background, (str, os.PathLike)):
        if Path(background).suffix.lower() in IMAGE_ENDINGS:
            raise BadRequest(
                f"{os.fspath(background)!r} is a file, not a color",
                hint="read the picture first: `background=dis_core.read_picture(...)`",
            )
        return parse_color(os.fspath(background))
    try:
        levels = tuple(operator.index(level) for level in background)  # type: ignore[attr-defined]  # not iterable: a TypeError
    except TypeError:
        levels = ()
    if len(levels) != 3 or not all(0 <= level <= 255 for level in levels):
        raise BadRequest(
            f"unknown color {repr(background)[:80]}",
            hint='give a name like "white", "#rrggbb", (red, green, blue) with 0 to 255 each, or a Picture',
        )
    return levels


def _clean_colors(picture: Picture, alpha: NDArray[np.float32], total: NDArray[np.float32]) -> Pixels:
    """The picture's pixels, with the background taken out of half-covered ones, and 0 where they are transparent.

    `alpha` is the matte alone: pixels that are transparent in the picture itself have no background mixed in.
    """
    from dis_core.matte.foreground import foreground_parts, put_colors

    levels = np.float32(picture.levels)
    pixels: Pixels = np.zeros_like(picture.pixels)
    for place in blocks(picture.size, CLEANED_AT_ONCE_PX):
        shown = _is_shown(total[place], levels)
        if shown.all():
            pixels[place] = picture.pixels[place]
        elif shown.any():
            for channel in range(pixels.shape[2]):  # ten times faster than choosing some of them
                np.multiply(picture.pixels[place][..., channel], shown, out=pixels[place][..., channel])
    for part in foreground_parts(picture.pixels, alpha, levels=picture.levels):
        colors = np.multiply(part.colors, levels, out=part.colors)
        shown = part.unknown & _is_shown(total[part.place], levels)
        put_colors(pixels[part.place], np.rint(colors, out=colors), where=shown)
    return pixels


def _is_shown(total: NDArray[np.float32], levels: np.float32) -> NDArray[np.bool_]:
    """Where an alpha is more than 0 once it is rounded to the levels of a file."""
    shown: NDArray[np.bool_] = np.rint(total * levels) > 0
    return shown
