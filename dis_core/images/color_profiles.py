"""Conversion of colors between an ICC profile and sRGB.

Little CMS does the work, through imagecodecs: Pillow's own interface to it has no 16-bit colors. The rendering intent
is relative colorimetric with black point compensation, and colors outside sRGB are clipped to it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.images.pixels import Pixels

# By number of channels: Little CMS' name of the color space, and its signature at byte 16 of a profile's header.
_SPACES: Final = {1: ("gray", b"GRAY"), 3: ("rgb", b"RGB "), 4: ("cmyk", b"CMYK")}
_RELATIVE_COLORIMETRIC: Final = 1
_BLACK_POINT_COMPENSATION: Final = 0x2000


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """An ICC profile of sRGB."""
    import imagecodecs

    return bytes(imagecodecs.cms_profile("srgb"))


@lru_cache(maxsize=8)
def profile_fits(profile: bytes, *, channels: int) -> bool:
    """Whether `profile` is undamaged and describes colors with this number of channels: 1 gray, 3 RGB, 4 CMYK."""
    import imagecodecs

    if channels not in _SPACES or profile[16:20] != _SPACES[channels][1]:
        return False
    try:
        _transform(np.zeros((1, 1, channels), np.uint8), profile, srgb_profile(), to_channels=3)
    except imagecodecs.CmsError:
        return False
    return True


@lru_cache(maxsize=8)
def is_srgb(profile: bytes) -> bool:
    """Whether an RGB `profile` is in effect sRGB: no color of a 17 x 17 x 17 lattice moves by more than one 8-bit step.

    There are dozens of sRGB profiles, so neither their bytes nor their names can tell.
    """
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    moved = _transform(lattice, profile, srgb_profile(), to_channels=3)
    return int(np.abs(moved.astype(np.int16) - lattice).max()) <= 1


def to_srgb(pixels: Pixels, profile: bytes) -> Pixels:
    """Convert pixels (H, W, 1, 3 or 4) from a profile that fits them to sRGB (H, W, 3) of the same dtype.

    If the profile is in effect sRGB, the same object comes back.
    """
    if pixels.shape[2] == 3 and is_srgb(profile):
        return pixels
    return _transform(pixels, profile, srgb_profile(), to_channels=3)


def from_srgb(pixels: Pixels, profile: bytes) -> Pixels | None:
    """Convert sRGB pixels (H, W, 3) to the colors of an RGB `profile`, same dtype.

    None if the profile works in one direction only, as those of scanners do.
    """
    import imagecodecs

    if is_srgb(profile):
        return pixels
    try:
        return _transform(pixels, srgb_profile(), profile, to_channels=3)
    except imagecodecs.CmsError:
        return None


def cmyk_to_srgb(ink: Pixels, profile: bytes | None) -> Pixels:
    """Convert ink (H, W, 4), where the dtype's maximum is full ink, to sRGB (H, W, 3) of the same dtype.

    Without a profile, each ink takes away its share of the light. That is brighter and more saturated than a print.
    """
    if profile is not None:
        return to_srgb(ink, profile)
    full = np.float32(np.iinfo(ink.dtype).max)
    light = np.empty((*ink.shape[:2], 3), ink.dtype)
    for row in range(len(ink)):  # row by row: as floats, the whole image would take four times its memory
        paper = full - ink[row].astype(np.float32)
        light[row] = np.rint(paper[:, :3] * paper[:, 3:] / full)
    return light


def _transform(pixels: Pixels, profile: bytes, to_profile: bytes, *, to_channels: int) -> Pixels:
    """Little CMS on (H, W, C) pixels. Raises imagecodecs.CmsError for profiles that it cannot connect."""
    import imagecodecs

    # Little CMS wants gray without a channel axis; it takes an axis of length 1 for another image dimension.
    data: NDArray[Any] = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    result: Pixels = imagecodecs.cms_transform(
        np.ascontiguousarray(data),
        profile,
        to_profile,
        colorspace=_SPACES[pixels.shape[2]][0],
        outcolorspace=_SPACES[to_channels][0],
        outdtype=pixels.dtype,
        intent=_RELATIVE_COLORIMETRIC,
        flags=_BLACK_POINT_COMPENSATION,
    )
    return result
