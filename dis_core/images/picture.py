"""`Picture`: an image as the rest of the package uses it, with pixels as they were in the file; and writing it."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dis_core.errors import BadRequest, refuse_unknown
from dis_core.files import refuse_taken, write_atomically, write_failed
from dis_core.images.color_profiles import to_srgb
from dis_core.images.formats import OutputFormat, format_of
from dis_core.images.pixels import Pixels, alpha_in_levels, joined_channels

if TYPE_CHECKING:
    import PIL.Image

LONGEST_SIDE_PX: Final[dict[OutputFormat, int]] = {"webp": 16383, "jpeg": 65500}
NAME_OF_SMALL_FORMAT: Final[dict[OutputFormat, str]] = {"webp": "WebP", "jpeg": "JPEG"}
JPEG_QUALITY: Final = 95


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """Pixels, and all that is needed to show them correctly and to write them again.

    `pixels` is (H, W, 1) gray or (H, W, 3) RGB, uint8 or uint16 over the whole range, upright, in the colors of
    `icc_profile` (sRGB if None). `alpha` is (H, W) float32 in [0, 1], or None if the picture is opaque; it is straight:
    the pixels are not multiplied by it. `dpi` is the resolution for printing, (along x, along y). `name` is for
    messages. `remarks` tell the user what reading or writing changed or left out.
    """

    pixels: Pixels
    alpha: NDArray[np.float32] | None = None
    icc_profile: bytes | None = None
    name: str = "the image"
    remarks: tuple[str, ...] = ()
    dpi: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape or dtype not in (np.uint8, np.uint16):
            raise ValueError(f"pixels must be (H, W, 1 or 3) uint8 or uint16, not {shape} {dtype}")
        if self.alpha is not None and (self.alpha.shape != shape[:2] or self.alpha.dtype != np.float32):
            raise ValueError(f"alpha must be {shape[:2]} float32, not {self.alpha.shape} {self.alpha.dtype}")

    def __repr__(self) -> str:
        height, width = self.size
        kind = "gray" if self.pixels.shape[2] == 1 else "RGB"
        alpha = "" if self.alpha is None else " with alpha"
        return f"<Picture {self.name!r}: {width} x {height}, {kind}{alpha}, {self.pixels.dtype.itemsize * 8} bits>"

    def __array__(self, dtype: np.dtype[Any] | None = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001  NumPy's
        """The pixels as they are, and the alpha, if there is one, as the last channel: (H, W, 1 to 4)."""
        del copy  # converting always copies
        return np.array(self.channels(), dtype)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        from dis_core.images.preview import preview_png

        return preview_png(self.pil(), icc_profile=self.icc_profile)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def levels(self) -> int:
        """The value of white: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)

    def srgb(self) -> NDArray[np.float32]:
        """The colors as (H, W, 3) float32 sRGB in [0, 1], without the alpha: what networks are given.

        A profile is converted at the pixels' own bit depth, so 16-bit pixels keep all 16 bits.
        """
        pixels = self.pixels if self.icc_profile is None else to_srgb(self.pixels, self.icc_profile)
        image = np.empty((*self.size, 3), np.float32)
        np.divide(pixels, np.float32(self.levels), out=image)
        return image

    def alpha_levels(self) -> Pixels | None:
        """The alpha in whole numbers of the pixels' dtype, (H, W), or None."""
        if self.alpha is None:
            return None
        return alpha_in_levels(self.alpha, self.pixels.dtype)

    def eight_bits(self) -> Picture:
        """This picture with its pixels rounded to uint8; itself if they are uint8 already."""
        if self.pixels.dtype == np.uint8:
            return self
        rounded = np.rint(np.arange(65536) / 257).astype(np.uint8)
        return replace(self, pixels=rounded[self.pixels])

    def pil(self) -> PIL.Image.Image:
        """This picture as a Pillow image: 8-bit L, LA, RGB or RGBA, with profile and resolution in its `info`."""
        from PIL import Image

        picture = self.eight_bits()
        alpha = picture.alpha_levels()
        array = picture.pixels if alpha is None else np.dstack([picture.pixels, alpha])
        image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
        if self.icc_profile is not None:
            image.info["icc_profile"] = self.icc_profile
        if self.dpi is not None:
            image.info["dpi"] = self.dpi
        return image

    def channels(self) -> Pixels:
        """The pixels, and the alpha if there is one as the last channel, over the same range: (H, W, 1 to 4)."""
        return joined_channels(self.pixels, self.alpha)

    def save(
        self,
        destination: str | os.PathLike[str] | BinaryIO,
        *,
        format: OutputFormat | None = None,  # noqa: A002  as in Pillow
        overwrite: bool = False,
    ) -> None:
        """Write a PNG, WebP, TIFF or JPEG file, to a path or into an open binary file.

        `format` is "png", "webp", "tiff" or "jpeg"; without it the ending of the name decides, and an open file gets a
        PNG. Raises BadRequest for another ending or a picture that the format cannot hold, OutputExists, OutputFailed.
        """
        save_picture(self, destination, format=format, overwrite=overwrite)

    def to_bytes(self, format: OutputFormat = "png") -> bytes:  # noqa: A002  as in Pillow
        """The bytes of an image file. Raises BadRequest for a picture that the format cannot hold."""
        return encode(self, format=format)


def save_picture(
    picture: Picture,
    destination: str | os.PathLike[str] | BinaryIO,
    *,
    format: OutputFormat | None,  # noqa: A002  see fit_to_format
    overwrite: bool,
) -> None:
    """Write to a path or into an open file; see `Picture.save`."""
    if isinstance(destination, (str, os.PathLike)):
        write_picture(picture, Path(destination), format=format or format_of(destination), overwrite=overwrite)
    else:
        write_picture(picture, destination, format=format or "png")


def gray_picture(plane: NDArray[np.float32], *, bits: Literal[8, 16], name: str) -> Picture:
    """A plane (H, W) float32 in [0, 1] as a gray picture, 1 = white. Raises BadRequest for other bits."""
    if bits not in (8, 16):
        raise BadRequest(f"a gray picture has 8 or 16 bits, not {bits!r}", hint="use `bits=8` or `bits=16`")
    levels, dtype = (255, np.uint8) if bits == 8 else (65535, np.uint16)
    scaled = plane * np.float32(levels)
    pixels: Pixels = np.rint(scaled, out=scaled).astype(dtype)[..., np.newaxis]
    return Picture(pixels, name=name)


def fit_to_format(picture: Picture, *, format: OutputFormat) -> Picture:  # noqa: A002  the format is called so everywhere
    """The picture as `format` can store it, with a remark on each thing that is lost; itself if nothing is.

    PNG and TIFF store everything. WebP stores RGB with 8 bits per channel, and JPEG nothing exactly. Raises BadRequest
    for more than 16383 pixels to a side in WebP or 65500 in JPEG, and for a transparent picture in JPEG.
    """
    refuse_unknown("format", format, get_args(OutputFormat))
    if format in ("png", "tiff"):
        return picture
    refuse_longer_sides(picture.size, format=format)
    name = NAME_OF_SMALL_FORMAT[format]
    if format == "jpeg" and picture.alpha is not None:
        raise BadRequest("JPEG cannot hold a transparent background", hint="give it a color, or write PNG instead")
    remarks = list(picture.remarks)
    if picture.levels != 255:
        picture = picture.eight_bits()
        remarks.append(f"16 bits per channel were reduced to 8, which is all that {name} has")
    if format == "webp" and picture.icc_profile is not None and picture.pixels.shape[2] == 1:
        picture = replace(picture, pixels=to_srgb(picture.pixels, picture.icc_profile), icc_profile=None)
        remarks.append("gray with a color profile was converted to sRGB, because WebP has no gray")
    return replace(picture, remarks=tuple(remarks)) if len(remarks) > len(picture.remarks) else picture


def refuse_longer_sides(size: tuple[int, int], *, format: OutputFormat) -> None:  # noqa: A002  see fit_to_format
    """Raises BadRequest if `format` has no room for a picture of this size, (height, width)."""
    height, width = size
    longest = LONGEST_SIDE_PX.get(format)
    if longest is not None and max(height, width) > longest:
        name = NAME_OF_SMALL_FORMAT[format]
        raise BadRequest(
            f"the picture is {width} x {height} pixels, and {name} allows at most {longest} to a side",
            hint="write PNG or TIFF instead",
        )


def encode(picture: Picture, *, format: OutputFormat) -> bytes:  # noqa: A002  see fit_to_format
    """The bytes of an image file. Except in JPEG, pixels are stored exactly, even the colors of fully transparent ones.

    Raises BadRequest if the format cannot store the picture; `fit_to_format` says what is lost.
    """
    picture = fit_to_format(picture, format=format)
    if format == "png":
        from dis_core.images.png import encode_png

        return encode_png(picture.pixels, picture.alpha, icc_profile=picture.icc_profile, dpi=picture.dpi)
    if format == "tiff":
        from dis_core.images.tiff import encode_tiff

        return encode_tiff(picture.channels(), icc_profile=picture.icc_profile, dpi=picture.dpi)
    buffer = io.BytesIO()
    if format == "jpeg":
        image = picture.pil()
        profile, dpi = image.info.get("icc_profile"), image.info.get("dpi", (0, 0))
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True, icc_profile=profile, dpi=dpi)
        return buffer.getvalue()
    # In a lossless WebP `quality` is the effort. Method 2 takes half as long as the usual 4, for the same size.
    image = picture.pil()
    image.save(
        buffer, "WEBP", lossless=True, exact=True, quality=50, method=2, icc_profile=image.info.get("icc_profile", b"")
    )
    return buffer.getvalue()


def write_picture(
    picture: Picture,
    destination: Path | BinaryIO,
    *,
    format: OutputFormat,  # noqa: A002  see fit_to_format
    overwrite: bool = False,
) -> None:
    """Encode a picture and write it to a file, whole or not at all, or to an open binary file such as standard output.

    Raises BadRequest (see `encode`), OutputExists, OutputFailed.
    """
    if isinstance(destination, Path) and not overwrite:
        refuse_taken(destination)  # before the work of encoding
    write_encoded(encode(picture, format=format), destination, overwrite=overwrite)


def write_encoded(data: bytes, destination: Path | BinaryIO, *, overwrite: bool = False) -> None:
    """Write what is encoded already; see `write_picture`. Raises OutputExists, OutputFailed."""
    if isinstance(destination, Path):
        write_atomically(destination, data, overwrite=overwrite)
        return
    try:
        destination.write(data)
        destination.flush()
    except OSError as error:
        raise write_failed(getattr(destination, "name", "the output"), error) from error
