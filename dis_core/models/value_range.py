"""The span of values that a network answers with, stretched to all of 0 to 1 as some authors do.

IS-Net's authors subtract from each answer its lowest value and divide by what is left of its highest. That lifts a
network that is never quite sure, and turns the noise of one that has found nothing into subjects. Here an answer is
stretched only if it holds something for the subject and something for the background, and by no more than a factor
that such a network needs; and what is found for the whole image is used for its tiles too, which would otherwise each
have a range of their own and not meet at their seams.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Extremes = tuple[float, float]
"""The values that become 0 and 1."""

UNSTRETCHED: Final[Extremes] = (0.0, 1.0)

LEAST_SPAN: Final = 0.25
"""Answers with less between their extremes are left as they are."""


def own_extremes(answer: Plane) -> Extremes:
    """The lowest and the highest value of an answer, (H, W) in [0, 1]; (0, 1) if it is not to be stretched.

    That is so where nothing reaches a half, where everything does, and where the two are closer than a quarter.
    """
    lowest, highest = float(answer.min()), float(answer.max())
    told_apart = lowest < 0.5 <= highest and highest - lowest >= LEAST_SPAN
    return (lowest, highest) if told_apart else UNSTRETCHED


def unstretched(answer: Plane) -> Extremes:  # noqa: ARG001 - in place of `own_extremes`
    """(0, 1): what a network answers is the matte."""
    return UNSTRETCHED


def stretched(answer: Plane, extremes: Extremes) -> Plane:
    """The answer, (H, W), with the extremes at 0 and 1, and what lies beyond them there too."""
    if extremes == UNSTRETCHED:
        return answer
    lowest, highest = np.float32(extremes[0]), np.float32(extremes[1])
    moved: Plane = answer - lowest
    moved /= highest - lowest
    return np.clip(moved, 0, 1, out=moved)
