"""One matte compared with its truth, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from dis_core.errors import BadRequest, DisError
from dis_core.evaluation.boundaries import boundary_iou, iou, mean_boundary_accuracy
from dis_core.evaluation.scores import Scores

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    FloatPlane = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

Values = Literal["given", "stretched"]
"""given: predictions as they are; stretched: each prediction is first stretched to the range 0 to 1."""

BETA_SQUARED: Final = 0.3
# Above 128 of 255, as in pysodmetrics and the evaluations before it.
_TRUTH_THRESHOLD: Final = 128 / 255


def measure(
    prediction: FloatPlane, truth: FloatPlane | Mask, *, boundary_px: int | None = None, values: Values = "given"
) -> Scores:
    """Measure one matte.

    `prediction` is (H, W) float in [0, 1]. `truth` is (H, W), bool or float in [0, 1]; its pixels above 128 / 255 are
    the subject. `boundary_px` is how far inwards boundary IoU looks; None means 2 % of the diagonal.

    No measure is ever NaN. If the truth is empty, max F, weighted F, IoU and boundary IoU are 1 if the mask at 0.5 is
    empty too, else 0; S is 1 minus the prediction's mean; E is the share of pixels left out, averaged over thresholds.
    If the truth is empty or fills the image, it has no boundary, and mean boundary accuracy looks at all pixels.

    Raises BadRequest for arrays of different sizes or predictions out of range, DisError if pysodmetrics is missing.
    Source: pysodmetrics, except for boundaries and IoU; `scores.MEASURES` names the papers.
    """
    mask = truth_mask(truth)
    matte = _checked(prediction, mask, values)
    found = matte >= 0.5
    mask_iou = iou(found, mask)
    # max F and E use 256 thresholds. pysodmetrics would cut values off to levels, but files round them.
    in_levels = np.rint(matte * 255) / 255
    if mask.any():
        curve, weighted = _f_curve(in_levels, mask), _weighted_f(matte, mask)
    else:
        # pysodmetrics always returns 0 here.
        curve, weighted = (mask_iou,) * 256, mask_iou
    return Scores(
        max_f=max(curve),
        weighted_f=weighted,
        s_measure=_s_measure(matte, mask),
        mean_e=_mean_e(in_levels, mask),
        mae=_mean_absolute_error(matte, mask),
        hce=_correction_effort(matte, mask),
        iou=mask_iou,
        boundary_iou=boundary_iou(found, mask, distance_px=boundary_px),
        boundary_accuracy=mean_boundary_accuracy(found, mask),
        f_curve=curve,
    )


def truth_mask(truth: FloatPlane | Mask) -> Mask:
    """The subject's pixels of a truth (bool or float in [0, 1]), those above 128 / 255: (H, W) bool."""
    if truth.dtype == np.bool_:
        return truth.astype(np.bool_, copy=False)
    mask: Mask = truth > truth.dtype.type(_TRUTH_THRESHOLD)
    return mask


def require_pysodmetrics() -> ModuleType:
    """Import the package that most measures come from. Raises DisError if it is not installed."""
    try:
        import py_sod_metrics  # type: ignore[import-untyped]  # it has no types
    except ModuleNotFoundError as error:
        if error.name != "py_sod_metrics":
            raise
        raise DisError(
            "the package pysodmetrics is needed to evaluate", hint="run: pip install 'dis-core[evaluation]'"
        ) from error
    package: ModuleType = py_sod_metrics
    return package


def _checked(prediction: FloatPlane, mask: Mask, values: Values) -> NDArray[np.float64]:
    """The prediction in float64, as pysodmetrics computes."""
    if prediction.shape != mask.shape or prediction.ndim != 2 or 0 in prediction.shape:
        raise BadRequest(
            f"cannot compare a prediction of shape {prediction.shape} with a truth of shape {mask.shape}",
            hint="both must be (H, W), and of the same size",
        )
    matte = prediction.astype(np.float64)
    low, high = float(matte.min()), float(matte.max())
    if not (low >= 0.0 and high <= 1.0):  # worded so that NaN is refused too
        raise BadRequest(f"a prediction must lie in 0 to 1, not in {low:g} to {high:g}", hint="scale it to 0 to 1")
    if values == "stretched" and high > low:
        matte = (matte - low) / (high - low)
    return matte


def _f_curve(matte: NDArray[np.float64], mask: Mask) -> tuple[float, ...]:
    """F at the 256 thresholds from 1 down to 0."""
    package = require_pysodmetrics()
    handler = package.FmeasureHandler(with_dynamic=True, with_adaptive=False, beta=BETA_SQUARED)
    counter = package.FmeasureV2({"f": handler})
    counter.step(matte, mask, normalize=False)
    return tuple(map(float, counter.get_results()["f"]["dynamic"]))


def _weighted_f(matte: NDArray[np.float64], mask: Mask) -> float:
    counter = require_pysodmetrics().WeightedFmeasure(beta=1)
    counter.step(matte, mask, normalize=False)
    return float(counter.get_results()["wfm"])


def _s_measure(matte: NDArray[np.float64], mask: Mask) -> float:
    counter = require_pysodmetrics().Smeasure(alpha=0.5)
    compare = counter.ssim
    # The image is cut in four at the subject's center of mass. If that lies in the last row or column, one part has no
    # pixels and the weight 0, but its mean would turn the whole score into NaN.
    counter.ssim = lambda part, true_part: compare(part, true_part) if part.size else 0.0
    counter.step(matte, mask, normalize=False)
    return float(counter.get_results()["sm"])


def _mean_e(matte: NDArray[np.float64], mask: Mask) -> float:
    counter = require_pysodmetrics().Emeasure()
    counter.step(matte, mask, normalize=False)
    # The paper divides by the number of pixels, pysodmetrics by one less (plus EPS). That gives more than 1 for a
    # perfect mask, and a huge number for a single pixel.
    pixels = mask.size
    return float(counter.get_results()["em"]["curve"].mean() * (pixels - 1 + np.spacing(1)) / pixels)


def _mean_absolute_error(matte: NDArray[np.float64], mask: Mask) -> float:
    counter = require_pysodmetrics().MAE()
    counter.step(matte, mask, normalize=False)
    return float(counter.get_results()["mae"])


def _correction_effort(matte: NDArray[np.float64], mask: Mask) -> float:
    counter = require_pysodmetrics().HumanCorrectionEffortMeasure(relax=5, epsilon=2.0)
    counter.step(matte, mask, normalize=False)
    return float(counter.get_results()["hce"])
