"""The fast guided filter: a matte follows the edges of the image it belongs to.

In every small window of the small image the matte is explained as a linear function of color, and that function,
enlarged, is applied to the large image. Source: He, Sun, Tang, "Guided image filtering", TPAMI 2013,
section 3.5 (color), and He, Sun, "Fast guided filter", 2015 (enlarging the coefficients). Our addition: the filter
counts as much as it explains of the matte, because where color says nothing it would only blur; and faint differences
are dropped where the matte was sure, because they are the grain of the background.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from dis_core.models.resample import box_mean, part_of_resized
from dis_core.models.tensors import to_tensor
from dis_core.planes import Size, blocks, joined_in_rows, part_within, with_margin
from dis_core.progress import Report, ignore
from dis_core.refinement.tiling import SURE

RADIUS_PX: Final = 4
"""Half the side of a window, in pixels of the small image."""

SMOOTHING: Final = 1e-5
"""How much colors must vary in a window to explain anything: epsilon in the papers, a variance of values in [0, 1]."""

WORKED_ON_PX: Final = 64
"""The side of blocks that are left out where the matte is sure: small, because edges are lines through few of them."""

UNSURE: Final = 0.1
"""How far from 0 and from 1 a matte is where it is not sure at all."""

GRAIN: Final = (0.05, 0.3)
"""Differences up to the first are grain where the matte was sure, from the second on they are the subject's."""

# A matte that varies less than this in a window needs no explanation.
_LEAST_VARIANCE: Final = 1e-6

_PAIRS: Final = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Of the colors red, green and blue: those whose products are needed."""


def follow_edges(
    matte: NDArray[np.float32],
    *,
    of: NDArray[np.float32],
    coarse: NDArray[np.float32],
    small: NDArray[np.float32],
    radius_px: int = RADIUS_PX,
    where: NDArray[np.float32] | None = None,
    report: Report = ignore,
) -> None:
    """Make a matte follow the edges of the image that it is `of`, in place, as far as color explains it.

    `matte` is (H, W) and the image (H, W, 3). What color explains is learned from the `small` image, (h, w, 3), and
    its `coarse` matte, (h, w), in windows of `radius_px` around each pixel. All are float32 in [0, 1]. Where the coarse
    matte is sure all around, or color explains nothing, the matte stays as it is. Blocks in which `where`, (H, W), is 0
    everywhere are skipped.

    Raises what `report` raises.
    """
    size, smaller = (matte.shape[0], matte.shape[1]), (small.shape[0], small.shape[1])
    with torch.inference_mode():
        functions = linear_functions(coarse, small, radius_px=radius_px)
        explained = functions[0, 4].numpy() > 0
        places = [
            place
            for place in blocks(size, WORKED_ON_PX)
            if explained[part_below(place, size, smaller)].any() and (where is None or where[place].any())
        ]
        runs = list(joined_in_rows(places))
        for done, place in enumerate(runs):
            report(done / len(runs), "following edges")
            here = part_of_resized(functions, size, *place)[0]
            red, green, blue = torch.from_numpy(of[place]).unbind(2)
            by_color = torch.addcmul(here[3], here[0], red).addcmul_(here[1], green).addcmul_(here[2], blue)
            part = torch.from_numpy(matte[place])
            part.copy_(without_grain(torch.lerp(part, by_color, here[4]).clamp_(0, 1), part))


def without_grain(matte: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """A matte that follows edges, but as it was `before` where that was sure and what is new is only faint.

    A linear function of color never explains a window wholly, and what is left over is the grain of the background.
    """
    off, off_before = torch.minimum(matte, 1 - matte), torch.minimum(before, 1 - before)
    sure = (1 - off_before / UNSURE).clamp_(0, 1)
    share = ((off - GRAIN[0]) / (GRAIN[1] - GRAIN[0])).clamp_(0, 1)
    is_grain = 1 - share * share * (3 - 2 * share)  # falls smoothly from 1 to 0
    return torch.where(off > off_before, torch.lerp(matte, before, is_grain.mul_(sure)), matte)


def linear_functions(
    matte: NDArray[np.float32], image: NDArray[np.float32], *, radius_px: int = RADIUS_PX
) -> torch.Tensor:
    """Find the linear function from color to matte around each pixel.

    `matte` is (h, w) and `image` (h, w, 3), float32 in [0, 1]. The result is (1, 5, h, w) float32: the factors of red,
    green and blue, the constant, and the share of the matte's variance that the function explains, 0 to 1.
    """
    height, width = matte.shape
    functions = torch.zeros(1, 5, height, width)
    reach = 2 * radius_px
    for rows, columns in blocks((height, width), WORKED_ON_PX):
        around = with_margin(rows, reach, height), with_margin(columns, reach, width)
        part = matte[around]
        if part.max() <= SURE or part.min() >= 1 - SURE:
            continue
        fitted = _fitted(to_tensor(part)[0], to_tensor(image[around])[0], radius_px)
        own = part_within(rows, around[0]), part_within(columns, around[1])
        functions[0, :, rows, columns] = fitted[:, own[0], own[1]]
    return functions


def part_below(place: tuple[slice, slice], size: Size, smaller: Size) -> tuple[slice, slice]:
    """The rows and columns of a map of size `smaller` of which a part of it resized to `size` is made."""
    rows, columns = (
        slice(max(part.start * short // length - 1, 0), -(-part.stop * short // length) + 1)
        for part, short, length in zip(place, smaller, size, strict=True)
    )
    return rows, columns


def _fitted(matte: torch.Tensor, image: torch.Tensor, radius_px: int) -> torch.Tensor:
    """(5, h, w) of (1, h, w) and (3, h, w), float32: least squares in windows, averaged over windows."""
    center, center_matte = image.mean((1, 2), keepdim=True), matte.mean()
    # Around their means, because float32 loses small variances of large values.
    colors, values = image - center, matte - center_matte
    products = [colors[one] * colors[other] for one, other in _PAIRS]
    # All sums in one go: a call costs as much as a few thousand pixels.
    planes = [colors, values, torch.stack(products), colors * values, values * values]
    means = box_mean(torch.cat(planes), radius_px)
    mean, mean_value = means[:3], means[3]
    for place, (one, other) in enumerate(_PAIRS):
        means[4 + place].addcmul_(mean[one], mean[other], value=-1)
    covariance = means[10:13].addcmul_(mean, mean_value, value=-1)
    variance = means[13].addcmul_(mean_value, mean_value, value=-1)
    factors = _solved(means[4:10], covariance)
    explained = (factors * covariance).sum(0).div_(variance.clamp_(min=0).add_(_LEAST_VARIANCE)).clamp_(0, 1)
    rest = mean_value - (factors * mean).sum(0) + (center_matte - (factors * center).sum(0))
    return box_mean(torch.cat([factors, torch.stack([rest, explained])]), radius_px)


def _solved(variances: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    """The factors (3, h, w) that make `covariance` out of the colors' `variances`, (6, h, w) in the order of `_PAIRS`.

    Eliminating colors one by one, symmetrically, is exact enough in float32, and Cramer's rule is not: where the image
    is gray, the determinant is a small difference of large products. A general solver takes ten times as long.
    """
    red, red_green, red_blue, green, green_blue, blue = variances.unbind(0)
    red = red.clamp(min=0).add_(SMOOTHING)
    by_green, by_blue = red_green / red, red_blue / red
    # What is left of the variances cannot be less than what was added.
    green = torch.addcmul(green, by_green, red_green, value=-1).clamp_(min=0).add_(SMOOTHING)
    green_blue = torch.addcmul(green_blue, by_blue, red_green, value=-1)
    last_by_blue = green_blue / green
    blue = torch.addcmul(blue, by_blue, red_blue, value=-1).addcmul_(last_by_blue, green_blue, value=-1)
    blue = blue.clamp_(min=0).add_(SMOOTHING)
    second = torch.addcmul(covariance[1], by_green, covariance[0], value=-1)
    third = torch.addcmul(covariance[2], by_blue, covariance[0], value=-1).addcmul_(last_by_blue, second, value=-1)
    third = third / blue
    second = (second / green).addcmul_(last_by_blue, third, value=-1)
    first = (covariance[0] / red).addcmul_(by_green, second, value=-1).addcmul_(by_blue, third, value=-1)
    return torch.stack([first, second, third])
