"""How the subject lies in its result: a canvas of a certain size, a margin around the subject."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from dis_core.errors import BadRequest
from dis_core.geometry import Box
from dis_core.images.formats import MAX_PIXELS


@dataclass(frozen=True)
class Framing:
    """`size` is (height, width) of the result in pixels; None: as large as the subject is, with its margin.

    The margin on each side is `margin_px` pixels of the result plus a fraction: of the shorter side of `size`, or,
    without a size, of the subject's longer side.
    """

    size: tuple[int, int] | None = None
    margin_px: int = 0
    margin_fraction: float = 0.0


@dataclass(frozen=True)
class Placing:
    """Where a picture goes on a canvas of `size` (height, width).

    Its point (x, y) comes to (`scale` * x + `left`, `scale` * y + `top`) on the canvas, in pixels from the top left
    corner of each; with a scale of 1, these are whole numbers.
    """

    size: tuple[int, int]
    scale: float
    left: float
    top: float


def as_margin(text: str) -> tuple[int, float] | None:
    """The pixels and the fraction in "40px", "40" or "8%"; None if it is something else."""
    if found := re.fullmatch(r"(\d{1,9})(px)?", text.strip(), re.ASCII):
        return int(found[1]), 0.0
    if found := re.fullmatch(r"(\d{1,9}(\.\d+)?)%", text.strip(), re.ASCII):
        return 0, float(found[1]) / 100
    return None


def as_size(text: str) -> tuple[int, int] | None:
    """(height, width) of "2000x1500", which is the width and the height; None if it is something else."""
    found = re.fullmatch(r"(\d{1,9})[xX×](\d{1,9})", text.strip(), re.ASCII)
    return None if found is None else (int(found[2]), int(found[1]))


def refuse_impossible(framing: Framing) -> None:
    """Raises BadRequest for sizes that no picture can have, and for margins that leave no room for the subject."""
    if framing.margin_px < 0 or not 0 <= framing.margin_fraction < math.inf:
        raise BadRequest(
            f"a margin must be 0 or more, not {framing.margin_px} pixels and {framing.margin_fraction:.0%}",
            hint="give 0 or a positive number",
        )
    if framing.size is None:
        return
    height, width = framing.size
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise BadRequest(
            f"a result cannot be {width} x {height} pixels",
            hint=f"give 1 pixel or more to a side, and at most {MAX_PIXELS:,} in all",
        )
    margin = _margin(framing, framing.margin_fraction * min(framing.size))
    if 2 * margin >= min(framing.size):
        raise BadRequest(
            f"margins of {margin} pixels leave no room for the subject in {width} x {height} pixels",
            hint="give a smaller margin or a larger size",
        )


def place_subject(subject: Box, framing: Framing) -> Placing:
    """Where a picture goes so that its subject, a box that is not empty, lies as it should.

    With a size the subject is as large as the margins allow, in its own proportions, and centered.

    Raises BadRequest: see `refuse_impossible`; also if the result would be far too large.
    """
    refuse_impossible(framing)
    width, height = subject.right - subject.left, subject.bottom - subject.top
    if framing.size is None:
        margin = _margin(framing, framing.margin_fraction * max(width, height))
        size = height + 2 * margin, width + 2 * margin
        refuse_impossible(Framing(size))
        return Placing(size, 1.0, margin - subject.left, margin - subject.top)
    margin = _margin(framing, framing.margin_fraction * min(framing.size))
    room_down, room_across = framing.size[0] - 2 * margin, framing.size[1] - 2 * margin
    scale = min(room_down / height, room_across / width)
    left = (framing.size[1] - scale * width) / 2 - scale * subject.left
    top = (framing.size[0] - scale * height) / 2 - scale * subject.top
    return Placing(framing.size, scale, *((round(left), round(top)) if scale == 1 else (left, top)))


def remarks_on_placing(placing: Placing, subject: Box, size: tuple[int, int]) -> list[str]:
    """What the user should know about the subject of a picture of `size` (height, width) on its canvas."""
    remarks = []
    if placing.scale > ENLARGED:
        remarks.append(
            f"the subject was enlarged to {placing.scale:.0%} to fill its place; a larger image would be sharper"
        )
    box = Box(*subject)
    height, width = size
    ends = (
        (box.left == 0, placing.left, "left"),
        (box.top == 0, placing.top, "top"),
        (box.right == width, placing.size[1] - placing.scale * box.right - placing.left, "right"),
        (box.bottom == height, placing.size[0] - placing.scale * box.bottom - placing.top, "bottom"),
    )
    if cut := [side for is_cut, room_px, side in ends if is_cut and room_px >= 1]:
        sides = " and the ".join([", the ".join(cut[:-1]), cut[-1]] if len(cut) > 1 else cut)
        remarks.append(f"the subject ends where the image ends, so it looks cut off at the {sides}")
    return remarks


ENLARGED: Final = 1.005
"""Less is not worth a word: it does not show in percent."""


def _margin(framing: Framing, fraction_px: float) -> int:
    return framing.margin_px + round(min(fraction_px, MAX_PIXELS))
