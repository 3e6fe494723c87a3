"""Image files read with Pillow: all with 8 bits per channel, and some gray ones with more."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from dis_core.errors import NoImage
from dis_core.images.decoded import (
    Decoded,
    check_size,
    damaged,
    decoding,
    silence_logger,
    too_large,
    unshowable,
)
from dis_core.images.formats import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Pillow knows more formats. They are left out on purpose: EPS and PDF would start Ghostscript, and scientific formats
# hold measurements. HEIF is there if pillow-heif is installed.
_FORMATS: Final = (
    *("PNG", "JPEG", "MPO", "TIFF", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "DIB", "PPM", "TGA", "JPEG2000"),
    *("ICO", "ICNS", "PSD", "PCX", "QOI", "SGI", "DDS"),
)
_ANIMATED_FORMATS: Final = ("GIF", "PNG", "WEBP", "AVIF")
_STRIP_ROWS: Final = 256
_MOST_LOOKED_AT: Final = 100
_SIXTEEN_BIT_MODES: Final = ("I;16", "I;16L", "I;16B", "I;16N")
_GRAY_MODES: Final = ("1", "L", "LA", "La")
# Those of Pillow's decoders that are written in Python take a second for each megapixel.
_MOST_PIXELS_OF_SLOW: Final = 40_000_000
# Icons contain PNGs, which may claim any size. Icons have 1024 x 1024 pixels at most; Pillow allows twice its limit.
_ICONS: Final = (b"\0\0\1\0", b"icns")
_MOST_PIXELS_OF_ICONS: Final = 2048 * 2048
_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_EXIF_ORIENTATION: Final = 0x0112

_KINDS_BY_BEGINNING: Final = (
    (b"v/1\x01", "an OpenEXR image; HDR images are not supported"),
    (b"#?RADIANCE", "a Radiance HDR image; HDR images are not supported"),
    (b"#?RGBE", "a Radiance HDR image; HDR images are not supported"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an SVG drawing or another XML document"),
    (b"gimp xcf", "a GIMP project"),
    (b"PK\x03\x04", "a zip archive or a painting program's project"),
    (b"FUJIFILMCCD-RAW", "a camera's raw photo"),
)

# Pillow's size limit and Python's warning filters belong to the whole process, so only one reader at a time may change
# them, and it restores them.
_ONE_READER: Final = threading.RLock()


@contextmanager
def safe_pillow() -> Iterator[None]:
    """Pillow with our own size limit and without warnings: what matters becomes an error or a remark."""
    silence_logger("PIL")
    with _ONE_READER, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def open_image(file: BinaryIO, name: str, *, frame: int = 0) -> Image.Image:
    """Read the header of an image file and go to a frame or page, inside `safe_pillow`; no pixel is decoded yet.

    Raises NoImage if the file is not an image, of an unsupported kind, damaged, or too large.
    """
    head = file.read(64)
    file.seek(0)
    Image.init()
    is_icon = head.startswith(_ICONS)
    is_heic = head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head
    with decoding(name):
        if is_icon:
            Image.MAX_IMAGE_PIXELS = _MOST_PIXELS_OF_ICONS
        try:
            image = _open_heic(file, name) if is_heic else Image.open(file, formats=_readable())
        except UnidentifiedImageError as error:
            hint = "use JPEG, PNG, TIFF, WebP, AVIF, JPEG XL or one of a dozen older formats"
            raise NoImage(f"{name} is {_kind_of(head)}", hint=hint) from error
        except Image.DecompressionBombError as error:
            raise damaged(name, "a larger image than an icon is inside") if is_icon else too_large(name) from error
        if frame:
            image.seek(frame)
    check_size(image.width, image.height, name)
    return image


def _readable() -> list[str]:
    return [kind for kind in _FORMATS if kind in Image.OPEN]


def _open_heic(file: BinaryIO, name: str) -> Image.Image:
    """A HEIC photo, if pillow-heif is there to read it; opened without changing Pillow for the rest of the program."""
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise NoImage(f"{name} is a HEIC photo", hint="to read these, run: pip install 'dis-core[heic]'") from error
    opened: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]
    return opened


def decode(image: Image.Image, name: str) -> Decoded:
    """All pixels of an opened image, inside `safe_pillow`.

    Raises NoImage if the file is damaged, or holds floats or 32-bit integers.
    """
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise unshowable(name, "floating-point" if image.mode == "F" else "32-bit")
    _load(image, name)
    with decoding(name):
        array: NDArray[Any] = _as_array(image, "CMYK") if image.mode == "CMYK" else _gray_or_rgb(image)
    return Decoded(
        array=array,
        is_ink=image.mode == "CMYK",
        orientation=orientation_of(image),
        icc_profile=None if image.mode == "LAB" else image.info.get("icc_profile"),
        dpi=dpi_of(image),
        remarks=("Lab colors were converted to sRGB",) if image.mode == "LAB" else (),
    )


def _load(image: Image.Image, name: str) -> None:
    """Decode the pixels, inside `safe_pillow`.

    Raises NoImage if the file is damaged, and for formats whose decoder would take minutes.
    """
    if image.width * image.height > _MOST_PIXELS_OF_SLOW and any(tile[0] in Image.DECODERS for tile in _tiles(image)):
        limit = _MOST_PIXELS_OF_SLOW // 1_000_000
        raise NoImage(
            f"{name} has more than {limit} megapixels, which takes minutes to read in this format",
            hint="convert it to PNG or TIFF first",
        )
    with decoding(name):
        try:
            image.load()
        except Image.DecompressionBombError as error:
            raise too_large(name) from error


def _tiles(image: Image.Image) -> list[tuple[Any, ...]]:
    return getattr(image, "tile", [])


def count_frames(image: Image.Image) -> int:
    """How many frames an animation has, without one that viewers hide; 1 for a still."""
    frames = int(getattr(image, "n_frames", 1)) if image.format in _ANIMATED_FORMATS else 1
    return max(frames - first_shown(image), 1)


def first_shown(image: Image.Image) -> int:
    """The number of the first frame that viewers show: an APNG may begin with a picture for those without animation."""
    return int(bool(getattr(image, "default_image", False) and getattr(image, "n_frames", 1) > 1))


def choose_frame(image: Image.Image, name: str) -> tuple[str, ...]:
    """Go to the first frame that is shown and not blank, inside `safe_pillow`, and say what was chosen.

    Raises NoImage if the file is damaged.
    """
    with decoding(name):
        count, first = count_frames(image), first_shown(image)
        if count == 1 and not first:
            return ()
        chosen = next((number for number in _looked_at(image, first, count) if not _is_blank(image, number)), first)
        image.seek(chosen)
    number = chosen - first + 1
    which = "the first" if number == 1 else f"number {number}"
    why = ", because those before it are blank" if number > 1 else ""
    if count == 1:
        return ("the picture that viewers of animations show is used",)
    return (f"animated: only {which} of {count} frames is used{why}",)


def _looked_at(image: Image.Image, first: int, count: int) -> range:
    """The frames that are searched for one that is not blank."""
    affordable = MAX_PIXELS // (image.width * image.height)
    return range(first, first + min(count, max(affordable, 1), _MOST_LOOKED_AT))


def _is_blank(image: Image.Image, number: int) -> bool:
    """Whether a frame is all of one color, or transparent everywhere."""
    image.seek(number)
    image.load()
    *colors, alpha = image.convert("RGBA").getextrema()
    return alpha == (0, 0) or all(low == high for low, high in (*colors, alpha))


def orientation_of(image: Image.Image) -> int:
    """Exif's orientation, 1 to 8; 1 if there is none or the Exif block makes no sense.

    Ask after loading: Pillow rotates TIFF files itself while it loads them, and removes the tag.
    """
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  Pillow's reader of Exif fails on damaged blocks in every way there is
        return 1
    return orientation if orientation in range(1, 9) else 1


def dpi_of(image: Image.Image) -> tuple[float, float] | None:
    """The resolution, or None where the file gives none that makes sense."""
    dpi = image.info.get("dpi")
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return None
    try:
        along_x, along_y = float(dpi[0]), float(dpi[1])
    except (TypeError, ValueError, OverflowError):  # a TIFF may store text there
        return None
    return (along_x, along_y) if 1 <= along_x < 1e6 and 1 <= along_y < 1e6 else None


def _gray_or_rgb(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8 | np.uint16]]:
    """Pixels as (H, W) or (H, W, 2 to 4)."""
    if image.mode in _SIXTEEN_BIT_MODES or image.mode == "I":  # "I": 16-bit gray, as Pillow opens it in PNG and PPM
        return np.asarray(image).astype(np.uint16)
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return np.array(ImageCms.profileToProfile(image, *profiles, outputMode="RGB"))
    mode = "L" if image.mode in _GRAY_MODES else "RGB"
    if image.has_transparency_data:
        mode += "A"
    return _as_array(image, mode)


def _as_array(image: Image.Image, mode: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Pixels in the mode "L", "LA", "RGB", "RGBA" or "CMYK": (H, W) or (H, W, 2 to 4).

    Strip by strip, because otherwise Pillow's pixels, converted ones, their bytes and the array are in memory at once.
    """
    array = np.empty((image.height, image.width, len(mode)), np.uint8)
    for top in range(0, image.height, _STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height)))
        pixels = np.asarray(strip if strip.mode == mode else strip.convert(mode))
        array[top : top + _STRIP_ROWS] = pixels.reshape(strip.height, strip.width, -1)
    return array[..., 0] if mode == "L" else array


def _kind_of(head: bytes) -> str:
    """What an unreadable file seems to be, by its first bytes."""
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "a raw photo or a video" if brand != b"avif" else "an AVIF image, which this Pillow cannot read"
    for beginning, kind in _KINDS_BY_BEGINNING:
        if head.lstrip().startswith(beginning):
            return kind
    return "not an image, or of a kind that is not supported"
