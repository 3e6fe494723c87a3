"""A picture as the rest of the package holds it: pixels as they were in the file, upright, with straight alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import os

    import PIL.Image

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


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

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a PNG, WebP or TIFF file, as the name's ending says.

        Raises BadRequest for another ending or a picture that the format cannot hold, OutputExists, OutputFailed.
        """
        from pathlib import Path

        from dis_core.images.formats import format_of
        from dis_core.images.writing import write_picture

        write_picture(self, Path(path), format=format_of(path), overwrite=overwrite)
