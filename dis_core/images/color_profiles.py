"""Colors of an ICC profile into sRGB and back.

Little CMS does it, through imagecodecs: Pillow's own interface to it knows no 16-bit colors. The rendering is relative
colorimetric with black point compensation, and colors outside of sRGB are clipped to it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.images.pixels import Pixels

# Little CMS' name of the space, and the signature of it that a profile's header holds at byte 16.
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
    """Whether `profile` is undamaged and describes colors of so many channels: 1 gray, 3 RGB, 4 CMYK."""
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
    """Whether an RGB `profile` means sRGB: no color of a 17 x 17 x 17 lattice moves by more than one step of 8 bits.

    There are dozens of different sRGB profiles, so neither the bytes nor the name tell.
    """
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    moved = _transform(lattice, profile, srgb_profile(), to_channels=3)
    return int(np.abs(moved.astype(np.int16) - lattice).max()) <= 1


def to_srgb(pixels: Pixels, profile: bytes) -> Pixels:
    """Pixels (H, W, 1, 3 or 4) of a profile that fits them, as sRGB (H, W, 3) of the same dtype.

    Pixels of a profile that means sRGB come back as the same object.
    """
    if pixels.shape[2] == 3 and is_srgb(profile):
        return pixels
    return _transform(pixels, profile, srgb_profile(), to_channels=3)


def from_srgb(pixels: Pixels, profile: bytes) -> Pixels | None:
    """Pixels (H, W, 3) of sRGB in the colors of an RGB `profile`, same dtype.

    None if the profile describes only what a device sees (a scanner's) and offers no way back.
    """
    import imagecodecs

    if is_srgb(profile):
        return pixels
    try:
        return _transform(pixels, srgb_profile(), profile, to_channels=3)
    except imagecodecs.CmsError:
        return None


def cmyk_to_srgb(ink: Pixels, profile: bytes | None) -> Pixels:
    """Ink (H, W, 4), the dtype's maximum is full ink, as sRGB (H, W, 3) of the same dtype.

    Without a profile each ink takes away its share of light, which is brighter and more saturated than a print.
    """
    if profile is not None:
        return to_srgb(ink, profile)
    full = np.float32(np.iinfo(ink.dtype).max)
    light = np.empty((*ink.shape[:2], 3), ink.dtype)
    for row in range(len(ink)):  # row by row: as floats the whole image would take four times its memory
        paper = full - ink[row].astype(np.float32)
        light[row] = np.rint(paper[:, :3] * paper[:, 3:] / full)
    return light


def _transform(pixels: Pixels, profile: bytes, to_profile: bytes, *, to_channels: int) -> Pixels:
    """Little CMS on (H, W, C) pixels. Raises imagecodecs.CmsError for profiles that it cannot connect."""
    import imagecodecs

    # Little CMS takes a plane without a channel axis for gray, and a channel axis of 1 for another image dimension.
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
