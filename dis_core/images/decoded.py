"""What every decoder of image files has in common: its result, its errors, its limits."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dis_core.errors import DisError, NoImage
from dis_core.images.formats import MAX_PIXELS
from dis_core.images.pixels import Pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Decoded:
    """Pixels as they are stored in a file, not yet rotated.

    `array` is (H, W) or (H, W, 1 to 4), uint8 or uint16 over the whole range. Of 2 or 4 channels the last is a straight
    alpha, unless `is_ink` is set: then the 4 channels are cyan, magenta, yellow and black. `alpha` is for an alpha that
    is not among the channels: (H, W) of the same dtype, or float32 in [0, 1]. `orientation` is Exif's, 1 to 8.
    """

    array: Pixels
    alpha: NDArray[Any] | None = None
    is_ink: bool = False
    orientation: int = 1
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    remarks: tuple[str, ...] = ()


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Put this around calls into a foreign decoder, and around nothing else: it hides bugs in our own code.

    Raises NoImage for whatever the decoder raises, but lets DisError and MemoryError pass.
    """
    try:
        yield
    except (DisError, MemoryError):
        raise
    # Pillow and tifffile are written in Python and fail on damaged files in every way there is, down to AttributeError;
    # imagecodecs raises RuntimeErrors. All of it means the same: this file cannot be read.
    except Exception as error:
        raise damaged(name, error) from error


def damaged(name: str, reason: object) -> NoImage:
    """The error for a file that starts like an image but does not continue like one."""
    lines = str(reason).strip().splitlines() or [repr(reason)]
    return NoImage(
        f"{name} is damaged or incomplete ({lines[0]})",
        hint="copy or download it again, or open it in an image editor and export it again",
    )


def unshowable(name: str, what: str) -> NoImage:
    """The error for pixels that no screen can show as they are; `what` says of which kind they are."""
    return NoImage(
        f"{name} holds {what} pixels, which are not supported",
        hint="export it with 8 or 16 bits per channel, without a sign, in an ordinary color space",
    )


class TooManyPixels(NoImage):
    """The image is larger than what is accepted here, however well it may be."""


_most_pixels: ContextVar[int] = ContextVar("most_pixels", default=MAX_PIXELS)
_most_deep_pixels: ContextVar[int] = ContextVar("most_deep_pixels", default=MAX_PIXELS)


@contextmanager
def most_pixels(limit: int) -> Iterator[None]:
    """Accept no more pixels than this inside the block, where strangers send what is read there.

    Of 16 bits half as many, because they take twice the memory.
    """
    before = _most_pixels.set(min(limit, MAX_PIXELS))
    before_deep = _most_deep_pixels.set(min(limit // 2, MAX_PIXELS))
    try:
        yield
    finally:
        _most_pixels.reset(before)
        _most_deep_pixels.reset(before_deep)


def too_large(name: str) -> NoImage:
    """The error for an image whose decoder finds more pixels than we accept."""
    return TooManyPixels(f"{name} has more than {_most_pixels.get() / 1e6:g} megapixels", hint="scale it down first")


def check_size(width: int, height: int, name: str, *, bits: int = 8) -> None:
    """Raise NoImage for an image without pixels, or with more pixels than we accept."""
    if width < 1 or height < 1:
        raise NoImage(f"{name} has no pixels ({width} x {height})", hint="export it again from an image editor")
    most = _most_pixels.get() if bits <= 8 else _most_deep_pixels.get()
    if width * height > most:
        deep = " of more than 8 bits" if most < _most_pixels.get() else ""
        raise TooManyPixels(
            f"{name} claims to have {width} x {height} pixels{deep}; the limit is {most / 1e6:g} megapixels",
            hint="scale it down or cut it into parts first",
        )


def silence_logger(logger: str) -> None:
    """Keep a decoder's log off stderr, where Python prints it if the program has set up no logging."""
    log = logging.getLogger(logger)
    if not log.handlers:
        log.addHandler(logging.NullHandler())
