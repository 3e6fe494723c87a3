"""The fast guided filter: a matte follows the edges of the image it belongs to.

In every small window of the small image the matte is explained as a linear function of color, and that function,
enlarged, is applied to the large image. Source: He, Sun, Tang, "Guided image filtering", TPAMI 2013,
section 3.5 (color), and He, Sun, "Fast guided filter", 2015 (enlarging the coefficients). Our addition: the filter
counts as much as it explains of the matte, because where color says nothing it would only blur.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.models.resample import box_mean, part_of_resized
from dis_core.models.tensors import to_tensor
from dis_core.planes import Size, blocks, part_within, with_margin
from dis_core.progress import Report, ignore
from dis_core.refinement.tiling import SURE

RADIUS_PX: Final = 4
"""Half the side of a window, in pixels of the small image."""

SMOOTHING: Final = 1e-5
"""How much colors must vary in a window to explain anything: epsilon in the papers, a variance of values in [0, 1]."""

WORKED_ON_PX: Final = 64
"""The side of blocks that are left out where the matte is sure: small, because edges are lines through few of them."""

# A matte that varies less than this in a window needs no explanation.
_LEAST_VARIANCE: Final = 1e-6


def follow_edges(
    matte: NDArray[np.float32],
    *,
    of: NDArray[np.float32],
    coarse: NDArray[np.float32],
    small: NDArray[np.float32],
    where: NDArray[np.float32] | None = None,
    report: Report = ignore,
) -> None:
    """Make a matte follow the edges of the image that it is `of`, in place, as far as color explains it.

    `matte` is (H, W) and the image (H, W, 3). What color explains is learned from the `small` image, (h, w, 3), and
    its `coarse` matte, (h, w). All are float32 in [0, 1]. Where the coarse matte is sure all around, or color explains
    nothing, the matte stays as it is. Blocks in which `where`, (H, W), is 0 everywhere are skipped.

    Raises what `report` raises.
    """
    size = matte.shape[0], matte.shape[1]
    with torch.inference_mode():
        functions = linear_functions(coarse, small)
        explained = functions[0, 4].numpy() > 0
        places = [
            place
            for place in blocks(size, WORKED_ON_PX)
            if explained[part_below(place, size, (small.shape[0], small.shape[1]))].any()
            and (where is None or where[place].any())
        ]
        for done, place in enumerate(places):
            report(done / len(places), "following edges")
            here = part_of_resized(functions, size, *place)[0]
            colors = torch.from_numpy(of[place]).permute(2, 0, 1)
            by_color = (here[:3] * colors).sum(0) + here[3]
            matte[place] = torch.lerp(torch.from_numpy(matte[place]), by_color, here[4]).clamp(0, 1).numpy()


def linear_functions(matte: NDArray[np.float32], image: NDArray[np.float32]) -> torch.Tensor:
    """Find the linear function from color to matte around each pixel.

    `matte` is (h, w) and `image` (h, w, 3), float32 in [0, 1]. The result is (1, 5, h, w) float32: the factors of red,
    green and blue, the constant, and the share of the matte's variance that the function explains, 0 to 1.
    """
    height, width = matte.shape
    functions = torch.zeros(1, 5, height, width)
    reach = 2 * RADIUS_PX
    for rows, columns in blocks((height, width), WORKED_ON_PX):
        around = with_margin(rows, reach, height), with_margin(columns, reach, width)
        part = matte[around]
        if part.max() <= SURE or part.min() >= 1 - SURE:
            continue
        fitted = _fitted(to_tensor(part).double(), to_tensor(image[around]).double())
        own = part_within(rows, around[0]), part_within(columns, around[1])
        functions[:, :, rows, columns] = fitted[:, :, own[0], own[1]].float()
    return functions


def part_below(place: tuple[slice, slice], size: Size, smaller: Size) -> tuple[slice, slice]:
    """The rows and columns of a map of size `smaller` of which a part of it resized to `size` is made."""
    rows, columns = (
        slice(max(part.start * short // length - 1, 0), -(-part.stop * short // length) + 1)
        for part, short, length in zip(place, smaller, size, strict=True)
    )
    return rows, columns


def _fitted(matte: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """(1, 5, h, w) of (1, 1, h, w) and (1, 3, h, w), float64: least squares in windows, averaged over windows."""
    mean, mean_matte = box_mean(image, RADIUS_PX), box_mean(matte, RADIUS_PX)
    variances = (
        box_mean(image[:, :, None] * image[:, None], RADIUS_PX) - mean[:, :, None] * mean[:, None]
    )  # (1, 3, 3, h, w)
    covariance = box_mean(image * matte, RADIUS_PX) - mean * mean_matte  # (1, 3, h, w)
    red, green, blue = (variances + SMOOTHING * torch.eye(3, dtype=image.dtype)[:, :, None, None]).unbind(2)
    # Cramer's rule for a symmetric matrix of 3 x 3, because a general solver takes ten times as long.
    crossed = [torch.linalg.cross(one, other, dim=1) for one, other in ((green, blue), (blue, red), (red, green))]
    determinant = (red * crossed[0]).sum(1, keepdim=True)
    factors = torch.cat([(covariance * one).sum(1, keepdim=True) for one in crossed], 1) / determinant
    rest = mean_matte - (factors * mean).sum(1, keepdim=True)
    variance = box_mean(matte * matte, RADIUS_PX) - mean_matte * mean_matte
    explained = ((factors * covariance).sum(1, keepdim=True) / (variance + _LEAST_VARIANCE)).clamp(0, 1)
    return box_mean(torch.cat([factors, rest, explained], 1), RADIUS_PX)
