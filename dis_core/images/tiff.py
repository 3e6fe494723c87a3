"""TIFF files with 8 to 16 bits per channel, read and written with tifffile: Pillow would cut 16 bits down to 8."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

import numpy as np

from dis_core.images.decoded import Decoded, damaged, decoding, silence_logger
from dis_core.images.inner_headers import check_inner_header, has_inner_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dis_core.images.pixels import Pixels

# Numbers of the TIFF 6.0 and DNG specifications.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5
_COLORS: Final = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _CMYK: 4}
_WHOLE: Final = (1, 4)  # unsigned, or not said
_OTHER_NUMBERS: Final = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_PREMULTIPLIED, _STRAIGHT = 1, 2
_SUBFILE_TYPE, _ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 254, 274, 282, 283, 296
_SUB_IMAGES, _ICC_PROFILE, _DNG_VERSION = 330, 34675, 50706
_REDUCED_IMAGE: Final = 1
_CENTIMETER: Final = 3


@dataclass(frozen=True)
class TiffFacts:
    """What a page of a TIFF says about its pixels; `is_plain` means gray, RGB or CMYK.

    `not_unsigned` names other numbers than unsigned whole ones, such as "signed"; it is empty for usual pixels.
    """

    height: int
    width: int
    bits: int
    not_unsigned: str
    is_plain: bool
    is_raw_photo: bool


def read_tiff_facts(file: BinaryIO, number: int, name: str) -> TiffFacts:
    """Look at a page, counted from 0, without decoding it. Raises NoImage if the file's structure is damaged."""
    with decoding(name):  # tifffile parses what is asked for when it is asked for
        pages = _pages(file)
        page = pages[number]
        height, width, photometric = int(page.imagelength), int(page.imagewidth), int(page.photometric)
        kinds = [int(kind) for kind in np.atleast_1d(page.sampleformat)]
        bits = [int(number) for number in np.atleast_1d(page.bitspersample)]
        is_reduced = bool(page.tags.valueof(_SUBFILE_TYPE, default=0) & _REDUCED_IMAGE)
        is_preview = is_reduced and _SUB_IMAGES in page.tags
        is_dng, is_flat = _DNG_VERSION in pages.first.tags, page.imagedepth == 1
        file.seek(0)
    return TiffFacts(
        height=height,
        width=width,
        bits=max(bits),
        not_unsigned=next((_OTHER_NUMBERS.get(kind, "odd") for kind in kinds if kind not in _WHOLE), ""),
        is_plain=photometric in _COLORS and is_flat,
        is_raw_photo=is_preview or is_dng,
    )


def decode(file: BinaryIO, number: int, name: str) -> Decoded:
    """All pixels of a page, counted from 0, that is plain: 8 to 16 bits per channel, and 9 to 15 are stretched to 16.

    Raises NoImage if the file is damaged.
    """
    with decoding(name):
        page = _pages(file)[number]
        photometric, extras = int(page.photometric), tuple(int(kind) for kind in page.extrasamples)
        segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        needed = int(np.prod(page.chunked))
        size_bytes = file.seek(0, os.SEEK_END)
    # tifffile would fill what is missing with zeros.
    if len(segments) < needed or any(count < 1 or offset + count > size_bytes for offset, count in segments):
        raise damaged(name, "parts of its pixels are missing")
    _check_segments(file, page, segments[:needed], name)
    with decoding(name):
        planes, bits = page.asarray(squeeze=False), int(page.bitspersample)  # (planes, depth, H, W, C)
        orientation = page.tags.valueof(_ORIENTATION, default=1)
        profile = page.tags.valueof(_ICC_PROFILE)
        resolution = [page.tags.valueof(code) for code in (_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT)]
        file.seek(0)
    colors = _COLORS[photometric]
    array = _channels_last(planes, bits=bits, channels=colors + len(extras), name=name)
    if photometric == _WHITE_IS_ZERO:
        array[..., 0] = np.iinfo(array.dtype).max - array[..., 0]
    return Decoded(
        array=array[..., :colors],
        alpha=_alpha(array, colors, extras),
        is_ink=photometric == _CMYK,
        orientation=orientation if orientation in range(1, 9) else 1,
        icc_profile=profile if isinstance(profile, bytes) else None,
        dpi=_dpi(*resolution),
        remarks=_remarks(extras),
    )


def encode_tiff(
    array: Pixels,
    *,
    icc_profile: bytes | None,
    dpi: tuple[float, float] | None,
    compression: Literal["deflate", "none"] = "deflate",
) -> bytes:
    """A TIFF file of (H, W, 1 to 4) uint8 or uint16, compressed without loss unless it is only for a moment.

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
        compression="adobe_deflate" if compression == "deflate" else None,
        predictor=True if compression == "deflate" else None,
        iccprofile=icc_profile,
        resolution=dpi,
        resolutionunit="inch" if dpi else None,
        metadata=None,
        software=False,
    )
    return buffer.getvalue()


def _pages(file: BinaryIO) -> Any:  # Any: tifffile has no types
    import tifffile

    silence_logger("tifffile")
    file.seek(0)
    return tifffile.TiffFile(file).pages


def _check_segments(file: BinaryIO, page: Any, segments: list[tuple[int, int]], name: str) -> None:
    """Raises NoImage if a strip or tile is an image that claims to be larger than its place in the page."""
    if not has_inner_header(page.compression):
        return
    rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    most_pixels = rows * (page.tilewidth if page.is_tiled else page.imagewidth)
    for offset, count in segments:
        file.seek(offset)
        check_inner_header(page.compression, file.read(count), most_pixels=most_pixels, name=name)


def _channels_last(planes: NDArray[Any], *, bits: int, channels: int, name: str) -> Pixels:
    """tifffile's (planes, depth, H, W, C) as (H, W, channels), uint8 for 8 bits, else uint16 over its whole range.

    Raises NoImage if the channels are not as many as the file says.
    """
    if len(planes) > 1:  # each channel is stored by itself
        planes = np.moveaxis(planes[..., 0], 0, -1)[np.newaxis]
    array = planes[0, 0]
    if array.shape[2] != channels or array.dtype not in (np.uint8, np.uint16):
        raise damaged(name, "its channels contradict each other")
    if bits not in (8, 16):
        top = 2**bits - 1
        array = np.rint(np.arange(top + 1) * (65535 / top)).astype(np.uint16)[np.minimum(array, top)]
    pixels: Pixels = np.ascontiguousarray(array)
    return pixels


def _alpha(array: Pixels, colors: int, extras: tuple[int, ...]) -> Pixels | None:
    """The first extra channel that says it is an alpha. Premultiplied colors are divided by it, in place."""
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


def _dpi(along_x: Any, along_y: Any, unit: Any) -> tuple[float, float] | None:  # Any: as the file has it
    """The resolution in dots per inch from fractions, or None where the file gives none or no unit of length."""
    if not _is_fraction(along_x) or not _is_fraction(along_y) or unit == 1:
        return None
    per_inch = 2.54 if unit == _CENTIMETER else 1.0
    return along_x[0] / along_x[1] * per_inch, along_y[0] / along_y[1] * per_inch


def _is_fraction(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, int) and part for part in value)


def _remarks(extras: tuple[int, ...]) -> tuple[str, ...]:
    unused = len(extras) - (1 if _STRAIGHT in extras or _PREMULTIPLIED in extras else 0)
    return (f"{unused} extra channel{'s were' if unused > 1 else ' was'} left out",) if unused > 0 else ()
