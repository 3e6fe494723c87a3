"""The measures: their keys, titles and definitions, the scores of one matte, and means over images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True)
class Scores:
    """How well a matte matches the truth; `MEASURES` defines each number.

    `f_curve` is F at the 256 thresholds from 1 down to 0, of one image, or its mean over several.
    """

    max_f: float
    weighted_f: float
    s_measure: float
    mean_e: float
    mae: float
    hce: float
    iou: float
    boundary_iou: float
    boundary_accuracy: float
    f_curve: tuple[float, ...] = field(repr=False)

    @property
    def max_f_of_mean_curve(self) -> float:
        """Max F as most papers report it for a set: F at the single threshold that is best for all images together.

        For one image it equals `max_f`.
        """
        return max(self.f_curve)


@dataclass(frozen=True)
class Measure:
    """One number of `Scores`: the name of its field, its title in tables, which way is better, and what it is."""

    key: str
    title: str
    better: Literal["higher", "lower"]
    definition: str
    decimals: int = 3

    def of(self, scores: Scores) -> float:
        """The number that this measure is about."""
        value: float = getattr(scores, self.key)
        return value

    def text_of(self, scores: Scores) -> str:
        """The number as tables show it."""
        return f"{self.of(scores):.{self.decimals}f}"


MEASURES: Final = (
    Measure(
        "max_f",
        "max F",
        "higher",
        "F with beta^2 = 0.3 at the best of 256 thresholds of each image; then the mean over images "
        "(Achanta et al. 2009)",
    ),
    Measure("weighted_f", "wF", "higher", "weighted F with beta = 1 (Margolin et al. 2014)"),
    Measure("s_measure", "S", "higher", "S-measure, structural similarity, with alpha = 0.5 (Fan et al. 2017)"),
    Measure("mean_e", "mean E", "higher", "E-measure, alignment, mean over 256 thresholds (Fan et al. 2018)"),
    Measure("mae", "MAE", "lower", "mean absolute error against the truth as a mask (Perazzi et al. 2012)"),
    Measure(
        "hce",
        "HCE",
        "lower",
        "human correction effort: points and regions to correct by hand, relaxed by 5 pixels (Qin et al. 2022)",
        decimals=0,  # it counts clicks, up to thousands; all others are shares
    ),
    Measure("iou", "IoU", "higher", "intersection over union of the masks at 0.5"),
    Measure(
        "boundary_iou",
        "B-IoU",
        "higher",
        "boundary IoU of the masks at 0.5, {distance} from their contours (Cheng et al. 2021)",
    ),
    Measure(
        "boundary_accuracy",
        "mBA",
        "higher",
        "mean boundary accuracy of the mask at 0.5, five radii from 3 to (width + height) / 300 pixels "
        "(Cheng et al. 2020)",
    ),
)
"""In the order of tables. `definitions` replaces {distance} in a definition."""

CURVE_KEY: Final = "max_f_of_mean_curve"
CURVE_TITLE: Final = "max F of the mean curve"
CURVE_DEFINITION: Final = (
    "F with beta^2 = 0.3, averaged over images at each of 256 thresholds, at the best one; what most papers call max F"
)


def definitions(*, boundary_px: int | None) -> dict[str, str]:
    """What each measure is, by its key; `boundary_px` is that of `metrics.measure`."""
    distance = "2 % of the diagonal" if boundary_px is None else f"{boundary_px} pixel{'s' * (boundary_px > 1)}"
    known = {measure.key: measure.definition.replace("{distance}", distance) for measure in MEASURES}
    return {**known, CURVE_KEY: CURVE_DEFINITION}


def find_measure(key: str) -> Measure:
    """The measure with that key. Raises KeyError if there is none."""
    return {measure.key: measure for measure in MEASURES}[key]


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """The mean of each number and of the curves. Raises ValueError if there are no scores."""
    if not scores:
        raise ValueError("the mean needs at least one score")
    means = {measure.key: _mean(measure.of(one) for one in scores) for measure in MEASURES}
    curve = tuple(map(_mean, zip(*(one.f_curve for one in scores), strict=True)))
    return Scores(**means, f_curve=curve)


def worst_first(scores: Sequence[Scores], *, by: Measure) -> list[int]:
    """The indices of `scores`, the worst by that measure first; equal ones stay in their order."""
    sign = 1 if by.better == "higher" else -1
    return sorted(range(len(scores)), key=lambda index: sign * by.of(scores[index]))


def _mean(values: Iterable[float]) -> float:
    # As statistics.fmean does it, but importing that module would slow 'dis-core --help' down.
    numbers = list(values)
    return math.fsum(numbers) / len(numbers)
