"""What a decoder delivers, and how that becomes a `Picture`: inks and profiles sorted out, alpha apart, upright."""

from __future__ import annotations

import logging
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dis_core.errors import NoImage
from dis_core.images.formats import MAX_PIXELS
from dis_core.images.pixels import Pixels

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
