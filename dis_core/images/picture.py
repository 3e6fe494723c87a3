"""A picture as the rest of the package holds it: pixels as they were in the file, upright, with straight alpha."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from dis_core.errors import BadRequest
from dis_core.files import refuse_taken, write_atomically, write_failed
from dis_core.images.color_profiles import to_srgb
from dis_core.images.pixels import Pixels

if TYPE_CHECKING:
    import os

    import PIL.Image

    from dis_core.images.formats import OutputFormat


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels with what is needed to show them right and to write them again.

    `pixels` is (H, W, 1) gray or (H, W, 3) RGB, uint8 or uint16 over its whole range, in the colors of `icc_profile`
    (sRGB if None), turned the way it should be seen. `alpha` is (H, W) float32 in [0, 1], or None if all is opaque;
    the pixels are not multiplied by it. `dpi` is the resolution for printing, (along x, along y). `name` is for
    messages. `remarks` say, worded for the user, what reading or writing changed or left out.
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

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def levels(self) -> int:
        """The value of white: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)

    def srgb(self) -> NDArray[np.float32]:
        """The colors as (H, W, 3) float32 sRGB in [0, 1], without the alpha; for the networks.

        A profile is converted at the pixels' own bit depth, so 16-bit pixels keep all of it.
        """
        from dis_core.images.color_profiles import to_srgb

        pixels = self.pixels if self.icc_profile is None else to_srgb(self.pixels, self.icc_profile)
        image = np.empty((*self.size, 3), np.float32)
        np.divide(pixels, np.float32(self.levels), out=image)
        return image

    def alpha_levels(self) -> Pixels | None:
        """The alpha as (H, W) whole numbers of the pixels' dtype, or None."""
        if self.alpha is None:
            return None
        scaled = self.alpha * np.float32(self.levels)
        levels: Pixels = np.rint(scaled, out=scaled).astype(self.pixels.dtype)
        return levels

    def eight_bits(self) -> Picture:
        """This picture with uint8 pixels, rounded; itself if it has them already."""
        if self.pixels.dtype == np.uint8:
            return self
        rounded = np.rint(np.arange(65536) / 257).astype(np.uint8)
        return Picture(rounded[self.pixels], self.alpha, self.icc_profile, self.name, self.remarks, self.dpi)

    def pil(self) -> PIL.Image.Image:
        """This picture for Pillow: 8-bit L, LA, RGB or RGBA, profile and resolution in its `info`."""
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
        """(H, W, 1 to 4): the pixels, with the alpha, over the same range, as the last channel if there is one."""
        alpha = self.alpha_levels()
        return self.pixels if alpha is None else np.dstack([self.pixels, alpha])

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a PNG, WebP or TIFF file, as the name's ending says.

        Raises BadRequest for another ending or a picture that the format cannot hold, OutputExists, OutputFailed.
        """
        from dis_core.images.formats import format_of

        write_picture(self, Path(path), format=format_of(path), overwrite=overwrite)


_WEBP_LONGEST_SIDE_PX: Final = 16383


def fit_to_format(picture: Picture, *, format: OutputFormat) -> Picture:  # noqa: A002  the format is called so everywhere
    """The picture as `format` can hold it, with a remark for each thing that had to go; itself if it fits already.

    PNG and TIFF hold everything. WebP holds 8 bits, RGB and 16383 pixels to a side. Raises BadRequest beyond that.
    """
    if format != "webp":
        return picture
    height, width = picture.size
    if max(height, width) > _WEBP_LONGEST_SIDE_PX:
        raise BadRequest(
            f"WebP holds at most {_WEBP_LONGEST_SIDE_PX} pixels to a side, and this picture is {width} x {height}",
            hint="write PNG or TIFF instead",
        )
    remarks = list(picture.remarks)
    if picture.levels != 255:
        picture = picture.eight_bits()
        remarks.append("16 bits per channel reduced to the 8 bits of WebP")
    if picture.icc_profile is not None and picture.pixels.shape[2] == 1:
        picture = replace(picture, pixels=to_srgb(picture.pixels, picture.icc_profile), icc_profile=None)
        remarks.append("gray with a color profile converted to sRGB, as WebP has no gray")
    return replace(picture, remarks=tuple(remarks)) if len(remarks) > len(picture.remarks) else picture


def encode(picture: Picture, *, format: OutputFormat) -> bytes:  # noqa: A002  see fit_to_format
    """The file's bytes. Pixels are kept exactly, colors under a fully transparent alpha too.

    Raises BadRequest if the format cannot hold the picture; see `fit_to_format` for what it drops.
    """
    picture = fit_to_format(picture, format=format)
    if format == "png":
        from dis_core.images.png import encode_png

        return encode_png(picture.channels(), icc_profile=picture.icc_profile, dpi=picture.dpi)
    if format == "tiff":
        from dis_core.images.tiff import encode_tiff

        return encode_tiff(picture.channels(), icc_profile=picture.icc_profile, dpi=picture.dpi)
    buffer = io.BytesIO()
    # For a lossless WebP, `quality` is the effort; method 2 takes half the time of the usual 4 for the same size.
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
    """Encode and write to a file, in one piece or not at all, or to an open binary file such as standard output.

    Raises BadRequest (see `encode`), OutputExists, OutputFailed.
    """
    if isinstance(destination, Path):
        if not overwrite:
            refuse_taken(destination)  # before the work of encoding
        write_atomically(destination, encode(picture, format=format), overwrite=overwrite)
        return
    data = encode(picture, format=format)
    try:
        destination.write(data)
        destination.flush()
    except OSError as error:
        raise write_failed(getattr(destination, "name", "the output"), error) from error
