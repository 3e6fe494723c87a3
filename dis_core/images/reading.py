"""Reading images from files and other sources, as `Picture`."""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dis_core.errors import NoImage, NoSuchFile, OutOfMemory
from dis_core.images import (
    containers,
    heif_boxes,
    jpeg,
    jpegxl,
    netpbm,
    png,
    png_chunks,
    qoi,
    stated_colors,
    tiff,
    tiff_pages,
)
from dis_core.images.array_likes import ArrayLike, as_array, has_channels_first
from dis_core.images.color_profiles import cmyk_to_srgb, profile_fits
from dis_core.images.decoded import Decoded, check_size, unshowable
from dis_core.images.formats import MAX_PROFILE_BYTES, MAX_STREAM_BYTES
from dis_core.images.picture import Picture
from dis_core.images.pixels import Pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A file: its path, its bytes, or an open binary file."""

ImageLike: TypeAlias = Source | PIL.Image.Image | ArrayLike | Picture
"""All that holds one image: a file, a Pillow image, an array or tensor, or a `Picture`."""


def read_picture(source: Source) -> Picture:
    """Read the first image of a file, given by its path, its bytes, or as an open binary file.

    Raises NoImage if it cannot be read as an image, OutOfMemory if it is too large for this machine.
    """
    with opened(source) as (file, name):
        try:
            return to_picture(_decode(file, name), name)
        except MemoryError as error:
            raise OutOfMemory(
                f"{name} does not fit into the memory of this machine", hint="scale it down or close other programs"
            ) from error


def as_picture(source: ImageLike) -> Picture:
    """Make a `Picture` of anything that holds an image; see `read_picture`, `wrap_pillow` and `wrap_array`.

    A tensor of PyTorch may be (C, H, W), as usual there, or (H, W, C). Raises NoImage if there is no image in it,
    TypeError for objects of other types.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, PIL.Image.Image):
        return wrap_pillow(source)
    if isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(source, "read"):
        return read_picture(cast("Source", source))
    array = as_array(source)
    if array is None:
        kinds = "a path, bytes, an open file, a PIL image, an array, a tensor or a Picture"
        several = "; for several images use segment_many" if isinstance(source, (list, tuple)) else ""
        raise TypeError(f"an image must be {kinds}, not {type(source).__name__}{several}")
    return wrap_array(array)


def wrap_array(array: NDArray[Any]) -> Picture:
    """Copy an sRGB array, (H, W) or (H, W, 1 to 4), into a `Picture`. Of 2 or 4 channels the last is a straight alpha.

    uint8 and uint16 use their whole range. Floats are in [0, 1] and become uint16, but their alpha stays float32.
    Raises NoImage for other shapes, dtypes and ranges.
    """
    name = "the array"
    if has_channels_first(array):
        raise NoImage(
            f"an array of shape {array.shape} seems to have its channels first",
            hint="put them last: `array.transpose(1, 2, 0)`",
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4)):
        raise NoImage(
            f"an array of shape {array.shape} is not an image", hint="give it the shape (H, W) or (H, W, 1 to 4)"
        )
    check_size(array.shape[1], array.shape[0], name)
    native = array.dtype.newbyteorder("=")
    if native in (np.uint8, np.uint16):
        return to_picture(Decoded(array.astype(native)), name)
    if not np.issubdtype(array.dtype, np.floating):
        raise NoImage(f"an array of {array.dtype} is not an image", hint="use uint8, uint16, or floats from 0 to 1")
    low, high = float(array.min()), float(array.max())
    if not (low >= 0.0 and high <= 1.0):  # worded so that NaN is refused too
        raise NoImage(
            f"an array of floats from {low:g} to {high:g} is not an image", hint="scale it to the range 0 to 1"
        )
    planes = array if array.ndim == 3 else array[..., np.newaxis]
    colors = planes.shape[2] - (planes.shape[2] in (2, 4))
    deep = np.multiply(planes[..., :colors], np.float32(65535), dtype=np.float32)
    alpha = None if colors == planes.shape[2] else planes[..., colors].astype(np.float32)
    return to_picture(Decoded(np.rint(deep, out=deep).astype(np.uint16), alpha=alpha), name)


def wrap_pillow(image: PIL.Image.Image) -> Picture:
    """Copy a Pillow image, its current frame, into a `Picture`. Raises NoImage for what `read_picture` refuses too."""
    name = str(getattr(image, "filename", "") or "the image")
    check_size(image.width, image.height, name)
    from dis_core.images import pillow

    with pillow.safe_pillow():
        return to_picture(pillow.decode(image, name), name)


@contextmanager
def opened(source: Source) -> Iterator[tuple[BinaryIO, str]]:
    """The source as a seekable binary file, and its name for messages."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield io.BytesIO(source), "the image"
    elif isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        with _open_file(name) as file:
            yield (file if file.seekable() else _read_stream(file, name)), name
    elif not hasattr(source, "read"):
        raise TypeError(f"a file must be a path, bytes or an open binary file, not {type(source).__name__}")
    else:
        named = getattr(source, "name", None)
        name = "standard input" if named == "<stdin>" else named if isinstance(named, str) else "the image"
        yield _read_stream(source, name), name


def _open_file(name: str) -> BinaryIO:
    if not name:
        raise NoImage("the file name is empty", hint="give the path of an image")
    path = Path(name)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise NoImage(f"{name} is a folder, not an image", hint="give an image inside it")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise NoImage(f"{name} is a device, not a file", hint="give an image file")
        return path.open("rb")
    except FileNotFoundError as error:
        is_address = name.startswith(("http://", "https://"))
        hint = "download it first: addresses are not fetched" if is_address else "check the spelling and the folder"
        raise NoSuchFile(f"there is no file {name}", hint=hint) from error
    except PermissionError as error:
        raise NoImage(f"you are not allowed to read {name}", hint="change its permissions or copy it") from error
    except OSError as error:
        raise NoImage(f"{name} cannot be read ({error.strerror})", hint="check the path and the disk") from error
    except ValueError as error:  # a zero byte in the name
        raise NoImage(f"a file cannot be called {name!r}", hint="check the spelling") from error


def _read_stream(stream: BinaryIO, name: str) -> io.BytesIO:
    if isinstance(cast("object", stream), io.TextIOBase):
        raise NoImage(f"{name} was opened as text", hint='open it as bytes: `open(path, "rb")`')
    if getattr(stream, "closed", False):
        raise NoImage(f"{name} is a file that was closed", hint="read it before it is closed, or give its path")
    try:
        data = stream.read(MAX_STREAM_BYTES + 1)
    except OSError as error:
        raise NoImage(f"{name} cannot be read ({error.strerror})", hint="check the program that sends it") from error
    if len(data) > MAX_STREAM_BYTES:
        raise NoImage(f"{name} is larger than any image that is accepted", hint="check the program that sends it")
    return io.BytesIO(data)


def _decode(file: BinaryIO, name: str) -> Decoded:
    """Choose the decoder by the file's first bytes: Pillow, except for what it would cut down to 8 bits."""
    try:
        head = file.read(32)
        file.seek(0)
    except OSError as error:
        raise NoImage(f"{name} cannot be read ({error.strerror})", hint="check the disk") from error
    if not head:
        is_file = Path(name).is_file()
        raise NoImage(
            f"{name} is empty", hint="copy or download it again" if is_file else "check what should have sent the image"
        )
    if head.startswith(tiff_pages.TIFF_MAGIC):
        return _decode_tiff(file, name)
    if head.startswith(png_chunks.PNG_MAGIC):
        return _decode_png(file, head, name)
    if head.startswith(jpeg.JPEG_MAGIC):
        return _decode_jpeg(file, name)
    if head.startswith(netpbm.NETPBM_MAGIC):
        return netpbm.decode(file, name)
    if head.startswith(qoi.QOI_MAGIC):
        return qoi.decode(file, name)
    if jpegxl.is_jpegxl(head):
        return jpegxl.decode(file, name)
    bounded = containers.up_to_its_end(file, head, name)
    return _decode_heif(bounded, name) if head[4:8] == b"ftyp" else _decode_with_pillow(bounded, name)


def _decode_with_pillow(file: BinaryIO, name: str) -> Decoded:
    from dis_core.images import pillow

    with pillow.safe_pillow():
        image = pillow.open_image(file, name)
        remarks = pillow.choose_frame(image, name)
        decoded = pillow.decode(image, name)
    return replace(decoded, remarks=(*remarks, *decoded.remarks))


def _decode_jpeg(file: BinaryIO, name: str) -> Decoded:
    parts = jpeg.take_apart(file, name)
    decoded = _decode_with_pillow(io.BytesIO(parts.file), name)
    if parts.has_end:
        return decoded
    with_noise = _decode_with_pillow(io.BytesIO(jpeg.with_noise(parts)), name)
    remark = jpeg.remark_on_missing(decoded.array, with_noise.array, name)
    return replace(decoded, remarks=(remark, *decoded.remarks))


def _decode_heif(file: BinaryIO, name: str) -> Decoded:
    """AVIF or HEIC, whose colors may be stated by numbers only; a profile counts more."""
    codes = heif_boxes.nclx_of(file)
    if codes is not None and stated_colors.is_hdr_transfer(codes[1]):
        raise unshowable(name, "HDR")
    decoded = _decode_with_pillow(file, name)
    if codes is None or decoded.icc_profile is not None:
        return decoded
    return stated_colors.with_stated_colors(decoded, stated_colors.of_codes(*codes))


def _decode_tiff(file: BinaryIO, name: str) -> Decoded:
    from dis_core.images import pillow

    choice = tiff_pages.choose_page(file, name)
    facts = tiff.read_tiff_facts(file, choice.page, name)
    check_size(facts.width, facts.height, name, bits=facts.bits)
    if facts.is_raw_photo:
        raise NoImage(f"{name} is a camera's raw photo", hint="convert it first, for example to a 16-bit TIFF")
    if facts.not_unsigned or facts.bits > 16:
        raise unshowable(name, facts.not_unsigned or f"{facts.bits}-bit")
    if facts.bits > 8 and not facts.is_plain:
        raise NoImage(f"{name} is a {facts.bits}-bit TIFF with unusual colors", hint="export it as RGB or grayscale")
    if facts.bits >= 8 and facts.is_plain:
        decoded = tiff.decode(file, choice.page, name)
    else:
        with pillow.safe_pillow():
            decoded = pillow.decode(pillow.open_image(file, name, frame=choice.page), name)
    return replace(decoded, remarks=(*choice.remarks, *decoded.remarks))


def _decode_png(file: BinaryIO, head: bytes, name: str) -> Decoded:
    parts = png_chunks.take_apart(file, name)
    if png.is_hdr(parts.chunks):
        raise unshowable(name, "HDR")
    decoded = _decode_png_pixels(parts, head, name)
    if decoded.icc_profile is not None and not stated_colors.has_code(parts.chunks):
        return decoded
    return stated_colors.with_stated_colors(decoded, stated_colors.of_png(parts.chunks))


def _decode_png_pixels(parts: png_chunks.PngParts, head: bytes, name: str) -> Decoded:
    from dis_core.images import pillow

    with pillow.safe_pillow():
        image = pillow.open_image(io.BytesIO(parts.file), name)
        # Without an Exif block, Pillow would decode all pixels in search of it.
        image.info["exif"] = parts.chunks.get(b"eXIf", None if png_chunks.EXIF_AS_TEXT in parts.texts else b"")
        image.info.update(parts.texts)
        beside = dict(image.info)
        remarks = (*parts.remarks, *pillow.choose_frame(image, name))
        image.info.update(beside)
        if not png.is_deep(head) or image.tell() > 0:
            decoded = pillow.decode(image, name)
        else:
            decoded = Decoded(
                array=png.decode_deep(parts.file, name),
                orientation=pillow.orientation_of(image),
                dpi=pillow.dpi_of(image),
            )
    return replace(decoded, icc_profile=png_chunks.icc_profile(parts.chunks), remarks=(*remarks, *decoded.remarks))


def to_picture(decoded: Decoded, name: str) -> Picture:
    """Make a `Picture` of what a decoder delivered."""
    remarks = list(decoded.remarks)
    pixels, alpha = _split(decoded)
    profile = decoded.icc_profile
    if profile is not None and stated_colors.states_hdr(profile):
        raise unshowable(name, "HDR")
    if profile is not None and len(profile) > MAX_PROFILE_BYTES:
        profile = None
        remarks.append(f"its color profile is larger than {MAX_PROFILE_BYTES // 1_000_000} MB, and was left out")
    elif profile is not None and not profile_fits(profile, channels=pixels.shape[2]):
        profile = None
        remarks.append("its color profile is damaged or does not fit its colors, and was left out")
    if decoded.is_ink:
        pixels = cmyk_to_srgb(pixels, profile)
        how = "" if profile else " without a profile, so colors are approximate"
        remarks.append(f"CMYK was converted to sRGB{how}")
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
    """A view of (H, W, ...) rotated as Exif's `orientation` says; unknown values mean 1: as it is."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    # After the exchange of rows and columns, 5 needs nothing more, 6 left-right, 7 both, 8 up-down.
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def _split(decoded: Decoded) -> tuple[Pixels, NDArray[np.float32] | None]:
    """The colors (H, W, 1, 3 or 4), and the alpha (H, W) float32 in [0, 1], None if everything is opaque."""
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
