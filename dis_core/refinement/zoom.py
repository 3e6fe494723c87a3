"""A second look of the model at a part of the image: a box that the user gives, or the box of a small subject.

The part is shown with a margin, so the model keeps some context and sees the subject several times larger.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from dis_core.geometry import Box, boxes_within, points_within
from dis_core.images.compositing import bounds_of, box_with_margin
from dis_core.planes import Plane, Size, raised_cosine
from dis_core.protocols import Prompt, Segmentation
from dis_core.refinement.resizing import enlarged, shrunk
from dis_core.refinement.tiling import size_seen
from dis_core.refinement.trust import belief

MARGIN: Final = 0.15
"""The margin that the model is shown around a box or subject, as a share of its longer side."""

WORTH_IT: Final = 0.5
"""A subject that fills less than this share of the image, with its margin, is worth a second look."""

SUBJECT_FROM: Final = 0.3
"""All pixels that have at least this value after the first look must be in the second."""

_FADE: Final = 0.05
"""The share of the part's shorter side over which the second look fades in."""


def small_subject(alpha: Plane) -> Box | None:
    """The box of a small subject with a margin, to look at again; None if there is no subject or it is not small.

    `alpha` is the matte of the first look, (H, W) float32 in [0, 1].
    """
    own = bounds_of(alpha >= SUBJECT_FROM)
    if own is None:
        return None
    size = alpha.shape[0], alpha.shape[1]
    box = box_with_margin(own, size=size, margin_fraction=MARGIN)
    small = (box.right - box.left) * (box.bottom - box.top) < WORTH_IT * alpha.size
    return box if small else None


def merge_trusted(first: Plane, second: Plane, side_px: int) -> Plane | None:
    """The second matte as far as it can be trusted and the first elsewhere, (H, W); None if the second is rejected.

    Both are mattes of the same part, (H, W) float32 in [0, 1]. They are compared like tiles, at the size at which the
    model saw the part: `side_px` is the side of its input.
    """
    size = first.shape[0], first.shape[1]
    seen = size_seen(size, side_px)
    believed = belief(shrunk(second, seen), shrunk(first, seen))
    if believed is None:
        return None
    joined: Plane = first + enlarged(believed, size) * (second - first)
    return joined


def cut_out(image: Plane, prompt: Prompt, box: Box) -> tuple[Plane, Prompt]:
    """The part of the image and of the prompt inside a box; prompts outside are left out."""
    place = place_of(box)
    depth = None if prompt.depth is None else np.ascontiguousarray(prompt.depth[place])
    own = Prompt(depth, boxes_within(box, prompt.boxes), points_within(box, prompt.points))
    return np.ascontiguousarray(image[place]), own


def put_back(part: Segmentation, box: Box, size: Size) -> Segmentation:
    """What was found in a box, at the whole image's size (height, width), with 0 around it."""
    return Segmentation(_padded(part.alpha, box, size), None if part.depth is None else _padded(part.depth, box, size))


def fade_in(part: Plane, whole: Plane, box: Box) -> Plane:
    """The matte of the whole image, (H, W), with the matte of a part put in, which fades in from the part's rim."""
    height, width = part.shape
    fade_px = max(round(_FADE * min(height, width)), 1)
    rows, columns = np.ones(height, np.float32), np.ones(width, np.float32)
    left, top, right, bottom = box
    for weights, outside in (
        (rows, top),
        (rows[::-1], whole.shape[0] - bottom),
        (columns, left),
        (columns[::-1], whole.shape[1] - right),
    ):
        if outside > 0:  # the image's own border needs no fading
            weights[:fade_px] *= raised_cosine(min(fade_px, len(weights)))
    result: Plane = whole.copy()
    here = result[place_of(box)]
    here += (rows[:, np.newaxis] * columns) * (part - here)
    return result


def blank_outside(alpha: Plane, box: Box) -> Plane:
    """The matte inside the box, and 0 around it."""
    return _padded(alpha[place_of(box)], box, (alpha.shape[0], alpha.shape[1]))


def place_of(box: Box) -> tuple[slice, slice]:
    """(rows, columns), the index of a box in an array."""
    left, top, right, bottom = box
    return slice(top, bottom), slice(left, right)


def _padded(part: Plane, box: Box, size: Size) -> Plane:
    plane = np.zeros(size, np.float32)
    plane[place_of(box)] = part
    return plane
