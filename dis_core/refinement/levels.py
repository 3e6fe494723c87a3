"""The matte of one level after the other, from what the network saw to the size of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dis_core.planes import Plane, Size
from dis_core.progress import Report, span
from dis_core.refinement.guided_filter import follow_edges
from dis_core.refinement.resizing import enlarged, shrunk


class Level(NamedTuple):
    """The image (h, w, 3) and the matte (h, w) of one size; what is changed in the matte is carried on.

    `report` is for what is done with them.
    """

    image: Plane
    matte: Plane
    report: Report


def levels_along_edges(
    image: Plane, coarse: Plane, *, seen: Size, sizes: Sequence[Size], report: Report, start: Plane | None = None
) -> Iterator[Level]:
    """Each of the `sizes`, coarse to fine, with a matte that is enlarged along the edges of the image.

    `image` is (H, W, 3) and the `coarse` matte (H, W), of which the network knew what is left at the size `seen`; or it
    knew more there, and that is `start`, (h, w).

    Raises what `report` raises.
    """
    smaller, matte = shrunk(image, seen), shrunk(coarse, seen) if start is None else start
    for number, size in enumerate(sizes):
        # What is done lies along a line, so a level takes about twice as long as the one before.
        shares = [(2**step - 1) / (2 ** len(sizes) - 1) for step in (number, number + 1)]
        own = with_prefix(span(report, *shares), f"refining level {number + 1} of {len(sizes)}")
        larger = shrunk(image, size)
        coarser, matte = matte, with_changes_kept(matte, coarse, size)
        follow_edges(matte, of=larger, coarse=coarser, small=smaller, report=span(own, 0.0, 0.2))
        yield Level(larger, matte, span(own, 0.2, 1.0))
        smaller = larger


def with_changes_kept(matte: Plane, coarse: Plane, size: Size) -> Plane:
    """A level's matte, (h, w), at the next level's `size`: the coarse matte, (H, W), plus the changes made since.

    What no level has changed is then still the coarse matte, not a copy of it that was shrunk and enlarged again.
    """
    return enlarged_changes(matte - shrunk(coarse, (matte.shape[0], matte.shape[1])), shrunk(coarse, size))


def enlarged_changes(changed: Plane, coarse: Plane) -> Plane:
    """The coarse matte, (H, W), plus changes made at a smaller size, (h, w): a new plane in [0, 1]."""
    carried = enlarged(changed, (coarse.shape[0], coarse.shape[1]))
    # A map of the same size is not copied, and may be the caller's.
    carried = carried + coarse if carried is changed else np.add(carried, coarse, out=carried)
    return np.clip(carried, 0, 1, out=carried)


def with_prefix(report: Report, name: str) -> Report:
    """A report that puts a prefix before what is being done."""
    return lambda fraction, doing: report(fraction, f"{name}, {doing}")


def with_fixed_text(report: Report, name: str) -> Report:
    """A report that always says the same is being done."""
    return lambda fraction, _: report(fraction, name)
