"""A picture on a color or on another picture, and boxes cut out of it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from dis_core.errors import BadRequest
from dis_core.geometry import Box, BoxLike
from dis_core.images.color_profiles import from_srgb, to_srgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.images.picture import Picture
    from dis_core.images.pixels import Pixels

Color = tuple[int, int, int]
"""(red, green, blue) in sRGB, 0 to 255 each."""

_STRIP_ROWS: Final = 256


def parse_color(text: str) -> Color:
    """Read a color: "#rgb", "#rrggbb", "r,g,b" with 0 to 255 each, or a CSS name such as "white".

    Raises BadRequest for anything else, including transparent colors.
    """
    from PIL import ImageColor

    numbers = [part.strip() for part in text.split(",")]
    are_digits = len(numbers) == 3 and all(number.isascii() and number.isdigit() for number in numbers)
    with contextlib.suppress(ValueError):
        color = tuple(map(int, numbers)) if are_digits else ImageColor.getrgb(text.strip())
        if len(color) == 3 and all(0 <= part <= 255 for part in color):  # Pillow accepts rgb(300,0,0)
            return color
    raise BadRequest(f"unknown color {text!r}", hint="write a name like white, #rrggbb, or r,g,b with 0 to 255 each")


def over_color(picture: Picture, rgb: Color) -> Picture:
    """Put the picture on one color, given in sRGB; the result is opaque.

    Pixels of alpha 1 and the profile stay as they are. Gray pictures become RGB.
    """
    alpha = picture.alpha
    if alpha is None:
        return picture
    color: Pixels = np.array(rgb, np.uint8).reshape(1, 1, 3)
    if picture.levels == 65535:
        color = color.astype(np.uint16) * np.uint16(257)
    picture, background = _with_matching_colors(_as_rgb(picture), color)
    return replace(picture, pixels=_blend(picture.pixels, background, alpha), alpha=None)


def over_picture(picture: Picture, background: Picture) -> Picture:
    """Put the picture on another one, which is scaled to cover it, centered, and cropped.

    Pixels of alpha 1 and the profile stay as they are. Gray pictures become RGB. Where both pictures are transparent,
    so is the result.
    """
    alpha = picture.alpha
    if alpha is None:
        return picture
    height, width = picture.size
    behind = _scaled_to_cover(background.srgb(), height=height, width=width)
    levels = _to_levels(behind, picture)
    picture, behind_levels = _with_matching_colors(_as_rgb(picture), levels)
    if background.alpha is None:
        return replace(picture, pixels=_blend(picture.pixels, behind_levels, alpha), alpha=None)
    # Porter and Duff's "over" for straight alpha.
    behind_alpha = _scaled_to_cover(background.alpha[..., np.newaxis], height=height, width=width)[..., 0]
    total = alpha + behind_alpha * (1 - alpha)
    share = np.divide(alpha, total, out=np.zeros_like(alpha), where=total > 0)
    return replace(picture, pixels=_blend(picture.pixels, behind_levels, share), alpha=total)


def crop(picture: Picture, box: BoxLike) -> Picture:
    """The part of the picture inside the box. Raises BadRequest if the box is empty or reaches outside the picture."""
    left, top, right, bottom = box
    height, width = picture.size
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise BadRequest(
            f"the box {left},{top} to {right},{bottom} does not fit into the picture of {width} x {height} pixels",
            hint="give a box inside the picture that holds at least one pixel",
        )
    return replace(
        picture,
        pixels=picture.pixels[top:bottom, left:right].copy(),
        alpha=None if picture.alpha is None else picture.alpha[top:bottom, left:right].copy(),
    )


def bounds_of(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box around the pixels of a mask (H, W), or None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def box_with_margin(box: BoxLike, *, size: tuple[int, int], margin_px: int = 0, margin_fraction: float = 0.0) -> Box:
    """The box with a margin on each side: a number of pixels plus a fraction of its longer side, within the picture.

    `size` is the picture's (height, width). Raises BadRequest if the margin is negative or infinite.
    """
    if margin_px < 0 or not 0 <= margin_fraction < float("inf"):
        raise BadRequest(
            f"a margin must be 0 or more, not {margin_px} pixels and {margin_fraction:g} of the box",
            hint="give 0 or a positive number",
        )
    left, top, right, bottom = box
    height, width = size
    margin = margin_px + round(margin_fraction * max(right - left, bottom - top))
    return Box(max(left - margin, 0), max(top - margin, 0), min(right + margin, width), min(bottom + margin, height))


def _as_rgb(picture: Picture) -> Picture:
    """The picture with three channels. A gray picture's profile only fits gray, so its colors become sRGB."""
    if picture.pixels.shape[2] == 3:
        return picture
    if picture.icc_profile is not None:
        return replace(picture, pixels=to_srgb(picture.pixels, picture.icc_profile), icc_profile=None)
    return replace(picture, pixels=picture.pixels.repeat(3, axis=2))


def _with_matching_colors(picture: Picture, srgb: Pixels) -> tuple[Picture, Pixels]:
    """An RGB picture, and sRGB pixels converted to its profile; both as sRGB if the profile does not allow that."""
    if picture.icc_profile is None:
        return picture, srgb
    converted = from_srgb(srgb, picture.icc_profile)
    if converted is not None:
        return picture, converted
    remark = "its color profile can only be read, not written, so the result is sRGB"
    pixels = to_srgb(picture.pixels, picture.icc_profile)
    return replace(picture, pixels=pixels, icc_profile=None, remarks=(*picture.remarks, remark)), srgb


def _scaled_to_cover(planes: NDArray[np.float32], *, height: int, width: int) -> NDArray[np.float32]:
    """Scale (h, w, C) float32 in [0, 1] to cover (height, width, C), keep its proportions, and crop the rest."""
    from PIL import Image

    own_height, own_width = planes.shape[:2]
    scale = max(height / own_height, width / own_width)
    shown_width, shown_height = min(width / scale, own_width), min(height / scale, own_height)
    left, top = (own_width - shown_width) / 2, (own_height - shown_height) / 2
    box = (left, top, left + shown_width, top + shown_height)
    scaled = np.empty((height, width, planes.shape[2]), np.float32)
    for channel in range(planes.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(planes[..., channel]))
        scaled[..., channel] = np.asarray(plane.resize((width, height), Image.Resampling.LANCZOS, box=box))
    return np.clip(scaled, 0.0, 1.0, out=scaled)  # Lanczos overshoots at edges


def _to_levels(planes: NDArray[np.float32], like: Picture) -> Pixels:
    """Turn [0, 1] into whole numbers of the other picture's dtype; overwrites the planes."""
    planes *= np.float32(like.levels)
    np.rint(planes, out=planes)
    return planes.astype(np.uint8) if like.levels == 255 else planes.astype(np.uint16)


def _blend(pixels: Pixels, background: Pixels, share: NDArray[np.float32]) -> Pixels:
    """Mix a `share` (H, W) of the pixels with the background, (H, W, 3) or (1, 1, 3), in encoded values.

    Works in strips, so that a large picture never exists as floats all at once.
    """
    blended = np.empty_like(pixels)
    for top in range(0, len(blended), _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        front = share[rows, :, np.newaxis]
        behind = background if len(background) == 1 else background[rows]
        blended[rows] = np.rint(pixels[rows] * front + behind * (1 - front))
    return blended
