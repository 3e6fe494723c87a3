"""TIFF files of 8 to 16 bits per channel, with tifffile, because Pillow would cut 16 bits down to 8."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from dis_core.images.decoded import DAMAGE, Decoded, damaged, silence_last_resort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dis_core.images.pixels import Pixels

TIFF_MAGIC: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Numbers of the TIFF 6.0 and DNG specifications.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5
_COLORS: Final = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _CMYK: 4}
_UNSIGNED, _UNDEFINED = 1, 4
_PREMULTIPLIED, _STRAIGHT = 1, 2
_SUBFILE_TYPE, _ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 254, 274, 282, 283, 296
_SUB_IMAGES, _ICC_PROFILE, _DNG_VERSION = 330, 34675, 50706
_REDUCED_IMAGE: Final = 1
_CENTIMETER: Final = 3


@dataclass(frozen=True)
class TiffFacts:
    """What a TIFF's first page says about its pixels; plain ones are gray, RGB or CMYK."""

    height: int
    width: int
    bits: int
    is_unsigned: bool
    is_plain: bool
    is_raw_photo: bool
    pages: int


def read_tiff_facts(file: BinaryIO, name: str) -> TiffFacts:
    """Look at the first page without decoding it. Raises NoImage if the file's structure is broken."""
    with _first_page(file, name) as (page, pages):
        kinds = page.sampleformat if isinstance(page.sampleformat, tuple) else (page.sampleformat,)
        bits = page.bitspersample if isinstance(page.bitspersample, tuple) else (page.bitspersample,)
        is_preview = bool(page.tags.valueof(_SUBFILE_TYPE, default=0) & _REDUCED_IMAGE) and _SUB_IMAGES in page.tags
        return TiffFacts(
            height=int(page.imagelength),
            width=int(page.imagewidth),
            bits=max(int(number) for number in bits),
            is_unsigned=all(int(kind) in (_UNSIGNED, _UNDEFINED) for kind in kinds),
            is_plain=int(page.photometric) in _COLORS and page.imagedepth == 1,
            is_raw_photo=is_preview or _DNG_VERSION in page.tags,
            pages=pages,
        )


def decode(file: BinaryIO, name: str) -> Decoded:
    """All pixels of a first page that is plain and of 8 to 16 bits per channel; 9 to 15 are stretched to 16.

    Raises NoImage if the file is damaged.
    """
    with _first_page(file, name) as (page, _):
        photometric = int(page.photometric)
        colors = _COLORS[photometric]
        extras = tuple(int(kind) for kind in page.extrasamples)
        _check_complete(page, file, name)
        array = _channels_last(page, channels=colors + len(extras), name=name)
        tags = page.tags
        orientation = tags.valueof(_ORIENTATION, default=1)
        profile = tags.valueof(_ICC_PROFILE)
        dpi = _dpi(tags)
    if photometric == _WHITE_IS_ZERO:
        array[..., 0] = np.iinfo(array.dtype).max - array[..., 0]
    return Decoded(
        array=array[..., :colors],
        alpha=_alpha(array, colors, extras),
        is_ink=photometric == _CMYK,
        orientation=orientation if orientation in range(1, 9) else 1,
        icc_profile=profile if isinstance(profile, bytes) else None,
        dpi=dpi,
        remarks=_remarks(extras),
    )


def encode_tiff(array: Pixels, *, icc_profile: bytes | None, dpi: tuple[float, float] | None) -> bytes:
    """A TIFF file of (H, W, 1 to 4) uint8 or uint16, compressed without loss (deflate).

    A second or fourth channel is a straight alpha.
    """
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        # An axis of one channel would be taken for the width, and the width for the height.
        array[..., 0] if array.shape[2] == 1 else array,
        photometric="rgb" if array.shape[2] >= 3 else "minisblack",
        planarconfig="contig" if array.shape[2] > 1 else None,
        extrasamples=None if array.shape[2] % 2 else ["unassalpha"],
        compression="adobe_deflate",
        predictor=True,
        iccprofile=icc_profile,
        resolution=dpi,
        resolutionunit="inch" if dpi else None,
        metadata=None,
        software=False,
    )
    return buffer.getvalue()


@contextmanager
def _first_page(
    file: BinaryIO, name: str
) -> Iterator[tuple[Any, int]]:  # Any: tifffile has no type stubs that we follow
    """The first page and the number of pages, with every way to fail inside turned into NoImage."""
    import tifffile

    silence_last_resort("tifffile")
    file.seek(0)
    try:
        with tifffile.TiffFile(file) as tiff:
            yield tiff.pages.first, len(tiff.pages)
    except (*DAMAGE, tifffile.TiffFileError) as error:
        raise damaged(name, error) from error
    file.seek(0)


def _check_complete(page: Any, file: BinaryIO, name: str) -> None:
    """Raise NoImage if strips or tiles are missing or lie beyond the end: tifffile fills them with zeros."""
    size_bytes = file.seek(0, os.SEEK_END)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    needed = int(np.prod(page.chunked))
    if len(segments) < needed or any(count < 1 or offset + count > size_bytes for offset, count in segments):
        raise damaged(name, "parts of its pixels are missing")


def _channels_last(page: Any, *, channels: int, name: str) -> Pixels:
    """The page's pixels as (H, W, channels), uint8 if they have 8 bits, else uint16 over its whole range."""
    array = page.asarray(squeeze=False)  # (planes, depth, H, W, C)
    if len(array) > 1:  # each channel stored on its own
        array = np.moveaxis(array[..., 0], 0, -1)[np.newaxis]
    array = array[0, 0]
    if array.shape[2] != channels or array.dtype not in (np.uint8, np.uint16):
        raise damaged(name, "its channels contradict each other")
    bits = int(page.bitspersample)
    if bits not in (8, 16):
        top = 2**bits - 1
        array = np.rint(np.arange(top + 1) * (65535 / top)).astype(np.uint16)[np.minimum(array, top)]
    pixels: Pixels = np.ascontiguousarray(array)
    return pixels


def _alpha(array: Pixels, colors: int, extras: tuple[int, ...]) -> Pixels | None:
    """The first extra channel that says it is an alpha; colors that were multiplied by it are divided, in place."""
    if _STRAIGHT in extras:
        return array[..., colors + extras.index(_STRAIGHT)]
    if _PREMULTIPLIED not in extras:
        return None
    alpha = array[..., colors + extras.index(_PREMULTIPLIED)]
    full = np.float32(np.iinfo(array.dtype).max)
    for row in range(len(array)):
        cover = np.maximum(alpha[row, :, np.newaxis], 1).astype(np.float32) / full
        array[row, :, :colors] = np.rint(np.minimum(array[row, :, :colors] / cover, full))
    return alpha


def _dpi(tags: Any) -> tuple[float, float] | None:
    """The resolution in dots per inch, or None where the file gives none or no unit of length."""
    along_x, along_y, unit = (tags.valueof(code) for code in (_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT))
    if not along_x or not along_y or unit == 1 or not (along_x[0] and along_x[1] and along_y[0] and along_y[1]):
        return None
    per_inch = 2.54 if unit == _CENTIMETER else 1.0
    return along_x[0] / along_x[1] * per_inch, along_y[0] / along_y[1] * per_inch


def _remarks(extras: tuple[int, ...]) -> tuple[str, ...]:
    unused = len(extras) - (1 if _STRAIGHT in extras or _PREMULTIPLIED in extras else 0)
    return (f"{unused} extra channel{'s' if unused > 1 else ''} left out",) if unused > 0 else ()
