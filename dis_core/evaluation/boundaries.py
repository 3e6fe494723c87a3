"""How well a mask follows the boundary of the truth: boundary IoU and mean boundary accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dis_core.planes import dilated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

DIAGONAL_SHARE: Final = 0.02
"""How far inwards boundary IoU looks by default, as a share of the image's diagonal."""

_ACCURACY_RADII: Final = 5
_SMALLEST_RADIUS_PX: Final = 3.0
# The largest radius is (width + height) divided by this.
_SIDES_PER_RADIUS: Final = 300


def boundary_iou(prediction: Mask, truth: Mask, *, distance_px: int | None = None) -> float:
    """Intersection over union of the two masks' inner boundaries, in [0, 1]; both masks (H, W) bool.

    The inner boundary of a mask is its pixels within `distance_px` of its contour; None means 2 % of the image's
    diagonal, at least 1. If both masks are empty, the result is 1.
    Source: Cheng et al., Boundary IoU, CVPR 2021. Distances are those of a square neighborhood, and the
    image's border counts as contour, as in the evaluation that its authors published.
    """
    if distance_px is None:
        distance_px = max(1, round(DIAGONAL_SHARE * float(np.hypot(*truth.shape))))
    return iou(inner_boundary(prediction, distance_px), inner_boundary(truth, distance_px))


def iou(prediction: Mask, truth: Mask) -> float:
    """Intersection over union of two masks, (H, W) bool; 1 where both are empty."""
    union = np.count_nonzero(prediction | truth)
    return float(np.count_nonzero(prediction & truth) / union) if union else 1.0


def inner_boundary(mask: Mask, distance_px: int) -> Mask:
    """The pixels of `mask`, (H, W) bool, that have a pixel outside the mask within `distance_px` rows and columns.

    What surrounds the image counts as outside. Raises ValueError for a distance below 1.
    """
    if distance_px < 1:
        raise ValueError(f"distance_px must be at least 1, not {distance_px}")
    near_outside = dilated(np.pad(~mask, 1, constant_values=True), distance_px)[1:-1, 1:-1]
    boundary: Mask = mask & near_outside
    return boundary


def mean_boundary_accuracy(prediction: Mask, truth: Mask) -> float:
    """The share of correct pixels in a band around the truth's boundary, averaged over five radii: in [0, 1].

    Both masks are (H, W) bool. The band of radius r holds the pixels that are no farther than r from a pixel on the
    other side of the truth's boundary. The radii are spread evenly from 3 to (W + H) / 300 pixels; in a smaller image
    all are 3. The image's border is not a boundary. If the truth is empty or fills the image, it has no boundary, and
    all pixels are compared. Source: Cheng et al., CascadePSP, CVPR 2020 (mBA).
    """
    height, width = truth.shape
    correct = prediction == truth
    largest_px = max(_SMALLEST_RADIUS_PX, (height + width) / _SIDES_PER_RADIUS)
    squared = squared_distance_across(truth, limit_px=int(largest_px))
    radii = np.linspace(_SMALLEST_RADIUS_PX, largest_px, _ACCURACY_RADII)
    bands = [squared <= radius**2 for radius in radii]
    if not bands[0].any():
        return float(correct.mean())
    return float(np.mean([correct[band].mean() for band in bands]))


def squared_distance_across(mask: Mask, *, limit_px: int) -> NDArray[np.unsignedinteger[Any]]:
    """For each pixel of `mask`, (H, W) bool, the squared distance to the nearest one on the other side, (H, W).

    Distances are Euclidean, between the centers of pixels. Those above `limit_px` come back as some number above its
    square.
    """
    return np.where(mask, _squared_distance_to(~mask, limit_px), _squared_distance_to(mask, limit_px))


def _squared_distance_to(target: Mask, limit_px: int) -> NDArray[np.unsignedinteger[Any]]:
    """The squared distance of each pixel to the nearest one of `target`, (H, W); exact up to `limit_px`."""
    beyond = limit_px + 1
    # The sum of two squares up to that of `beyond` must fit.
    dtype = np.uint16 if 2 * beyond**2 <= np.iinfo(np.uint16).max else np.uint32
    along_column = np.where(target, 0, beyond).astype(dtype)
    for row in range(1, len(along_column)):
        np.minimum(along_column[row], along_column[row - 1] + 1, out=along_column[row])
    for row in range(len(along_column) - 2, -1, -1):
        np.minimum(along_column[row], along_column[row + 1] + 1, out=along_column[row])
    squared = along_column**2
    nearest: NDArray[np.unsignedinteger[Any]] = squared.copy()
    for step in range(1, min(limit_px, target.shape[1] - 1) + 1):
        np.minimum(nearest[:, step:], squared[:, :-step] + step**2, out=nearest[:, step:])
        np.minimum(nearest[:, :-step], squared[:, step:] + step**2, out=nearest[:, :-step])
    return nearest
