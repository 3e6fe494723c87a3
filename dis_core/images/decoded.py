"""What a decoder delivers, and how that becomes a `Picture`: inks and profiles sorted out, alpha apart, upright."""

from __future__ import annotations

import logging
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dis_core.errors import NoImage
from dis_core.images.color_profiles import cmyk_to_srgb, profile_fits
from dis_core.images.formats import MAX_PIXELS
from dis_core.images.picture import Picture, Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAMAGE: Final = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    struct.error,
    zlib.error,
)
"""What decoders raise for damaged files. Pillow's are written in Python and trip over nonsense in every way there is;
imagecodecs raises RuntimeErrors. All of them mean the same: this file cannot be read."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Pixels as they lie in a file: (H, W) or (H, W, 1 to 4), uint8 or uint16 over its whole range, not yet turned.

    2 and 4 channels end with a straight alpha, unless `is_ink`: then 4 are cyan, magenta, yellow and black.
    `alpha`, if given, is an alpha (H, W) of the same dtype, or float32 in [0, 1], beside channels that have none.
    `orientation` is Exif's, 1 to 8.
    """

    array: Pixels
    alpha: NDArray[Any] | None = None
    is_ink: bool = False
    orientation: int = 1
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    remarks: tuple[str, ...] = ()


def damaged(name: str, reason: object) -> NoImage:
    """The error for a file that begins like an image and goes on like something else."""
    return NoImage(
        f"{name} is damaged or incomplete ({str(reason).strip().splitlines()[0] if str(reason).strip() else reason!r})",
        hint="copy or download it again, or open and export it anew in an image editor",
    )


def check_size(width: int, height: int, name: str) -> None:
    """Raise NoImage for an image without pixels, or with more of them than any honest image has."""
    if width < 1 or height < 1:
        raise NoImage(f"{name} has no pixels ({width} x {height})", hint="export it anew in an image editor")
    if width * height > MAX_PIXELS:
        raise NoImage(
            f"{name} claims {width} x {height} pixels; more than {MAX_PIXELS // 1_000_000} megapixels are refused",
            hint="scale it down or cut it into parts first",
        )


def silence_last_resort(logger: str) -> None:
    """Keep a decoder's log off stderr, where logging prints it as a last resort if the program set up no logging."""
    log = logging.getLogger(logger)
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def to_picture(decoded: Decoded, name: str) -> Picture:
    """Make a `Picture` of what a decoder delivered."""
    remarks = list(decoded.remarks)
    pixels, alpha = _split(decoded)
    profile = decoded.icc_profile
    if profile is not None and not profile_fits(profile, channels=pixels.shape[2]):
        profile = None
        remarks.append("its color profile is damaged or for other kinds of colors, and was left out")
    if decoded.is_ink:
        pixels = cmyk_to_srgb(pixels, profile)
        how = "" if profile else " without a profile, so colors are approximate"
        remarks.append(f"CMYK converted to sRGB{how}")
        profile = None
    dpi = decoded.dpi
    if dpi is not None and decoded.orientation >= 5:
        dpi = dpi[1], dpi[0]
    return Picture(
        pixels=np.ascontiguousarray(turn_upright(pixels, decoded.orientation)),
        alpha=None if alpha is None else np.ascontiguousarray(turn_upright(alpha, decoded.orientation)),
        icc_profile=profile,
        name=name,
        remarks=tuple(remarks),
        dpi=dpi,
    )


def turn_upright(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A view of (H, W, ...) as Exif's `orientation` says it should be seen; unknown values mean 1, as it is."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    # What is left to do after the exchange of rows and columns for 5 to 8: 5 nothing, 6 left-right, 7 both, 8 up-down.
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def _split(decoded: Decoded) -> tuple[Pixels, NDArray[np.float32] | None]:
    """Colors (H, W, 1, 3 or 4) and the alpha (H, W) float32 in [0, 1], None where all of it is opaque."""
    array = decoded.array if decoded.array.ndim == 3 else decoded.array[..., np.newaxis]
    levels = decoded.alpha
    if levels is None and not decoded.is_ink and array.shape[2] in (2, 4):
        array, levels = array[..., :-1], array[..., -1]
    if levels is None:
        return array, None
    if levels.dtype == np.float32:
        alpha = levels
    else:
        alpha = np.divide(levels, np.float32(np.iinfo(levels.dtype).max), dtype=np.float32)
    return array, None if float(alpha.min()) == 1.0 else alpha
