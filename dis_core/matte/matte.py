"""`Matte`, the result: how much of each pixel belongs to the subject, and what can be made from that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from dis_core.errors import BadRequest
from dis_core.images.compositing import bounds_of
from dis_core.images.formats import format_of
from dis_core.images.picture import Picture, gray_picture, write_picture
from dis_core.images.pixels import Pixels
from dis_core.planes import blocks

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from dis_core.geometry import Box
    from dis_core.protocols import Refinement


@dataclass(frozen=True, eq=False)
class Matte:
    """What a model found in a picture.

    `alpha` is (H, W) float32 in [0, 1], 1 = subject, as the model sees it; the methods take off what the picture's own
    alpha hides. `model` says what made it, "pdfnet@revision", and `device` where that ran. `picture` is what it was
    made from. `depth` is the depth map, if the model used one: (H, W) float32 in [0, 1], near = large. `refinement`
    says how the matte was refined. `loading_s` is how long it took before to fetch and load the model, if it was not
    loaded already.
    """

    alpha: NDArray[np.float32]
    model: str
    picture: Picture | None = None
    depth: NDArray[np.float32] | None = None
    device: str = ""
    refinement: Refinement | None = None
    loading_s: float = 0.0

    def visible(self) -> NDArray[np.float32]:
        """The matte times the picture's own alpha: (H, W) float32 in [0, 1]."""
        if self.picture is None or self.picture.alpha is None:
            return self.alpha
        return self.alpha * self.picture.alpha

    def mask(self, threshold: float = 0.5) -> NDArray[np.bool_]:
        """The pixels whose matte is at least `threshold`: (H, W) bool."""
        mask: NDArray[np.bool_] = self.visible() >= np.float32(threshold)
        return mask

    def bounds(self, threshold: float = 0.5) -> Box | None:
        """The smallest box around the mask, or None if the mask is empty."""
        return bounds_of(self.mask(threshold))

    def cutout(self, picture: Picture | None = None, *, colors: Literal["clean", "original"] = "clean") -> Picture:
        """The subject on a transparent background; its straight alpha is the matte times the picture's own.

        Where the matte is 1, the pixels stay as they are, bit for bit. With "clean" colors, half-covered pixels lose
        the background's share and fully transparent ones become 0, so that nothing of the removed background stays in
        the file. With "original" colors, all pixels stay as they are. Another `picture` of the same size may be given.

        The matte is first rounded to the levels of the picture's pixels (255 or 65535).
        Raises BadRequest if there is no picture, or if it has another size.
        """
        picture = self._picture_of_same_size(picture)
        alpha = self.alpha * np.float32(picture.levels)
        np.rint(alpha, out=alpha)
        alpha /= np.float32(picture.levels)
        total = alpha if picture.alpha is None else alpha * picture.alpha
        if colors == "original":
            return replace(picture, alpha=total)
        return replace(picture, pixels=_clean_colors(picture, alpha, total), alpha=total)

    def gray(self, *, bits: Literal[8, 16] = 8) -> Picture:
        """The matte as a gray picture, white = subject."""
        return gray_picture(self.visible(), bits=bits, name="the matte")

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False, bits: Literal[8, 16] = 8) -> None:
        """Write the gray matte as PNG, WebP or TIFF; the ending of the name decides which.

        Raises BadRequest for another ending, OutputExists, OutputFailed.
        """
        write_picture(self.gray(bits=bits), Path(path), format=format_of(path), overwrite=overwrite)

    def _picture_of_same_size(self, picture: Picture | None) -> Picture:
        picture = picture if picture is not None else self.picture
        if picture is None:
            raise BadRequest("the matte has no picture", hint="pass the picture: matte.cutout(picture)")
        if picture.size != self.alpha.shape:
            (height, width), (matte_height, matte_width) = picture.size, self.alpha.shape
            raise BadRequest(
                f"the picture is {width} x {height} pixels, but the matte is {matte_width} x {matte_height}",
                hint="use the picture that the matte was made from",
            )
        return picture


def _clean_colors(picture: Picture, alpha: NDArray[np.float32], total: NDArray[np.float32]) -> Pixels:
    """The picture's pixels, with the background taken out of half-covered ones, and 0 where they are transparent.

    `alpha` is the matte alone: pixels that are transparent in the picture itself have no background mixed in.
    """
    from dis_core.matte.foreground import foreground_parts

    levels = np.float32(picture.levels)
    pixels: Pixels = picture.pixels.copy()
    for part in foreground_parts(picture.pixels, alpha, levels=picture.levels):
        pixels[part.place][part.unknown] = np.rint(part.colors * levels).astype(pixels.dtype)
    for place in blocks(picture.size):
        # Ten times faster than setting some of them to 0.
        pixels[place] *= (np.rint(total[place] * levels) > 0)[..., np.newaxis]
    return pixels
