"""Edges straight from what a network answered to the image: learned at two small sizes, applied to the large one.

Level by level, most of the time went into learning what color explains at sizes that the network never saw, which
brought little: colors near an edge are the same at every size. What brings more is to begin below the size that the
network saw, because its answers are softer and further off than that. So wide windows come first, at a third of that
size, and then narrow ones at half of it, where networks answer.
"""

from __future__ import annotations

from typing import Final

from dis_core.planes import Plane, Size
from dis_core.progress import Report
from dis_core.refinement.guided_filter import follow_edges
from dis_core.refinement.levels import enlarged_changes
from dis_core.refinement.resizing import shrunk

SHARES: Final = (1 / 3, 1 / 2)
"""The sizes at which is learned what color explains, as shares of the size that the network saw."""

WINDOW_RADIUS_PX: Final = 2
"""Half the side of a window there: at 4, more of what only looks like the subject becomes gray, and it takes longer."""


def straight_along_edges(
    image: Plane, coarse: Plane, *, seen: Plane, before: Plane, known: Plane, report: Report
) -> Plane:
    """The matte that is `known` at a small size, enlarged along the edges of the image: a new plane, (H, W).

    `image` is (H, W, 3) and the `coarse` matte (H, W). `seen` is the image at the small size, (h, w, 3), `before` what
    the coarse matte is there, (h, w), and `known` what the network knows better by now.

    Raises what `report` raises.
    """
    size = known.shape[0], known.shape[1]
    wide, narrow = (shrunk(known, share_of(size, share)) for share in SHARES)
    wide_image, narrow_image = (shrunk(seen, share_of(size, share)) for share in SHARES)
    matte = narrow.copy()
    follow_edges(matte, of=narrow_image, coarse=wide, small=wide_image, radius_px=WINDOW_RADIUS_PX)
    changed = matte - shrunk(before, share_of(size, SHARES[1]))
    fine = enlarged_changes(changed, coarse)
    follow_edges(fine, of=image, coarse=matte, small=narrow_image, radius_px=WINDOW_RADIUS_PX, report=report)
    return fine


def share_of(size: Size, share: float) -> Size:
    """The size (height, width) of which each side is such a share of that of `size`, but at least a pixel."""
    return max(round(size[0] * share), 1), max(round(size[1] * share), 1)
