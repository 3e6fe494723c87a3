"""The measures of one matte: worked out by hand, against pysodmetrics itself, and defined for whatever comes."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import py_sod_metrics  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from dis_core.errors import BadRequest, DisError
from dis_core.evaluation.metrics import measure
from dis_core.evaluation.scores import MEASURES, Measure, Scores, definitions, mean_scores, worst_first

Plane = NDArray[np.float32]

SIDES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


def plane(*rows: list[float]) -> Plane:
    return np.array(rows, np.float32)


NOTHING = [0.0, 0.0, 0.0, 0.0]
TOP_ROW = plane([1, 1, 1, 1], NOTHING, NOTHING, NOTHING)
HALF_SURE = plane([1, 1, 0.6, 0.6], [0.6, 0.6, 0.6, 0.6], NOTHING, NOTHING)
UNSURE = plane([0.6, 0.6, 0.6, 0.6], NOTHING, NOTHING, NOTHING)


def blurred_disc(size: int = 64) -> tuple[Plane, Plane]:
    """(prediction, truth): a disc, and one beside it with a soft edge, noise and an island, in 8-bit levels."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    truth = (np.hypot(x - size / 2, y - size / 2) < size / 4).astype(np.float32)
    soft = np.clip((size / 4 - np.hypot(x - size / 2 - 3, y - size / 2)) / 6 + 0.5, 0.05, 0.9)
    soft[4:16, 4:16] = 0.9
    noisy = soft + np.random.default_rng(0).uniform(-0.05, 0.05, soft.shape)
    return (np.rint(noisy * 255) / 255).astype(np.float32), truth


def by_key(key: str) -> Measure:
    return next(measure for measure in MEASURES if measure.key == key)


def test_a_perfect_mask_has_the_best_of_all_scores() -> None:
    _, truth = blurred_disc()

    scores = measure(truth, truth)

    for one in MEASURES:
        if one.key != "mean_e":
            assert one.of(scores) == pytest.approx(1 if one.better == "higher" else 0, abs=1e-9), one.key
    # At the threshold 0 everything is found, which counts a quarter; at the 255 others all is right.
    assert scores.mean_e == pytest.approx((255 + 0.25) / 256, abs=1e-9)


def test_scores_of_a_small_case_worked_out_by_hand() -> None:
    scores = measure(HALF_SURE, TOP_ROW)

    # At the threshold 1: precision 1, recall 1/2. At 0.6: precision 1/2, recall 1. At 0: precision 1/4, recall 1.
    at_one, at_half, at_zero = (1.3 * 0.5 / (0.3 + 0.5), 1.3 * 0.5 / (0.15 + 1), 1.3 * 0.25 / (0.075 + 1))
    assert scores.max_f == pytest.approx(at_one, abs=1e-9)
    assert scores.f_curve == pytest.approx([at_one] * 102 + [at_half] * 153 + [at_zero], abs=1e-9)
    assert scores.mae == pytest.approx((2 * 0.4 + 4 * 0.6) / 16, abs=1e-7)
    assert scores.iou == pytest.approx(4 / 8, abs=1e-12)
    assert scores.boundary_iou == pytest.approx(4 / 8, abs=1e-12)
    assert scores.boundary_accuracy == pytest.approx(12 / 16, abs=1e-12)


def test_max_f_is_of_each_image_and_then_the_mean_and_the_other_one_is_of_the_mean_curve() -> None:
    mean = mean_scores([measure(HALF_SURE, TOP_ROW), measure(UNSURE, TOP_ROW)])

    assert mean.max_f == pytest.approx((0.8125 + 1) / 2, abs=1e-9)
    # At the threshold 0.6 the first image has F 0.65 / 1.15 and the second 1; at 1 they have 0.8125 and 0.
    assert mean.max_f_of_mean_curve == pytest.approx((0.65 / 1.15 + 1) / 2, abs=1e-9)


def test_boundary_iou_is_measured_at_the_distance_that_is_asked_for() -> None:
    prediction, truth = blurred_disc()

    near, far = (measure(prediction, truth, boundary_px=distance).boundary_iou for distance in (1, 8))

    assert near < far < 1


def test_stretched_scores_of_an_8_bit_file_are_what_pysodmetrics_says_of_it() -> None:
    prediction, truth = blurred_disc()
    files = (np.rint(prediction * 255).astype(np.uint8), (truth * 255).astype(np.uint8))

    scores = measure(prediction, truth, values="stretched")

    def theirs(counter: Any) -> Any:
        counter.step(*files)
        return counter.get_results()

    handler = py_sod_metrics.FmeasureHandler(with_dynamic=True, with_adaptive=False)
    curve = theirs(py_sod_metrics.FmeasureV2({"f": handler}))["f"]["dynamic"]
    # They cut values off at whole levels and we round, which moves single pixels by one of 256 thresholds.
    assert scores.max_f == pytest.approx(curve.max(), abs=2e-3)
    assert scores.mean_e == pytest.approx(theirs(py_sod_metrics.Emeasure())["em"]["curve"].mean(), abs=2e-3)
    assert scores.weighted_f == pytest.approx(theirs(py_sod_metrics.WeightedFmeasure())["wfm"], abs=1e-6)
    assert scores.s_measure == pytest.approx(theirs(py_sod_metrics.Smeasure())["sm"], abs=1e-6)
    assert scores.mae == pytest.approx(theirs(py_sod_metrics.MAE())["mae"], abs=1e-6)
    assert scores.hce == theirs(py_sod_metrics.HumanCorrectionEffortMeasure())["hce"] > 0


def test_f_of_an_8_bit_file_is_at_exactly_its_levels() -> None:
    levels = np.arange(256, dtype=np.float32).reshape(16, 16) / np.float32(255)

    scores = measure(levels, levels > 0.5)

    # With 1 to 128 pixels found, all are right; with more, the rest is too much.
    expected = [1.3 * 1 * (n / 128) / (0.3 + n / 128) for n in range(1, 129)]
    expected += [1.3 * (128 / n) / (0.3 * 128 / n + 1) for n in range(129, 257)]
    assert scores.f_curve == pytest.approx(expected, abs=1e-9)


def test_values_are_taken_as_they_are_unless_stretching_is_asked_for() -> None:
    faint = TOP_ROW * np.float32(0.3)

    given_, stretched = measure(faint, TOP_ROW), measure(faint, TOP_ROW, values="stretched")

    assert given_.iou == 0
    assert given_.mae == pytest.approx(0.7 * 4 / 16, abs=1e-7)
    assert stretched.iou == 1
    assert stretched.mae == pytest.approx(0, abs=1e-7)


def test_a_prediction_of_one_value_is_not_stretched() -> None:
    even = np.full((4, 4), 0.25, np.float32)

    assert measure(even, TOP_ROW, values="stretched") == measure(even, TOP_ROW)


def test_the_truth_is_cut_above_128_of_255() -> None:
    truth = plane([128 / 255, 129 / 255], [0, 1])
    mask = np.array([[False, True], [False, True]])

    scores = measure(mask.astype(np.float32), truth)

    assert scores.iou == 1
    assert scores == measure(mask.astype(np.float32), mask)


@pytest.mark.parametrize(
    ("value", "overlap", "structure"), [(0.0, 1, 1.0), (0.25, 1, 0.75), (1.0, 0, 0.0)], ids=["empty", "faint", "full"]
)
def test_an_empty_truth_is_matched_by_an_empty_mask_only(value: float, overlap: float, structure: float) -> None:
    truth, prediction = np.zeros((8, 8), np.float32), np.full((8, 8), value, np.float32)

    scores = measure(prediction, truth)

    assert (scores.max_f, scores.weighted_f, scores.iou, scores.boundary_iou) == (overlap,) * 4
    assert scores.max_f_of_mean_curve == overlap
    assert scores.s_measure == pytest.approx(structure, abs=1e-7)
    assert scores.mae == pytest.approx(value, abs=1e-7)
    assert scores.boundary_accuracy == overlap
    assert scores.mean_e == pytest.approx(1 - (math.floor(value * 255 + 0.5) + 1) / 256, abs=1e-9)


@given(
    truth=SIDES.flatmap(lambda shape: hnp.arrays(np.bool_, shape, elements=st.booleans())),
    kind=st.sampled_from(["empty", "full", "same", "opposite", "gray", "noise"]),
)
@settings(max_examples=120, deadline=None)
def test_no_score_is_ever_out_of_bounds(truth: NDArray[np.bool_], kind: str) -> None:
    predictions = {
        "empty": np.zeros(truth.shape),
        "full": np.ones(truth.shape),
        "same": truth.astype(np.float64),
        "opposite": (~truth).astype(np.float64),
        "gray": np.full(truth.shape, 0.5),
        "noise": np.random.default_rng(truth.size).random(truth.shape),
    }

    scores = measure(predictions[kind].astype(np.float32), truth)

    for one in MEASURES:
        largest = math.inf if one.key == "hce" else 1 + 1e-9
        assert 0 <= one.of(scores) <= largest, one.key
        assert math.isfinite(one.of(scores)), one.key


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_predictions_out_of_range_are_refused(bad: float) -> None:
    prediction = TOP_ROW.copy()
    prediction[2, 2] = bad

    with pytest.raises(BadRequest, match=f"{bad:g}"):
        measure(prediction, TOP_ROW)


def test_arrays_of_different_sizes_are_refused() -> None:
    with pytest.raises(BadRequest, match=r"\(4, 4\).*\(4, 3\)"):
        measure(TOP_ROW, TOP_ROW[:, :3])


def test_without_pysodmetrics_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py_sod_metrics", None)

    with pytest.raises(DisError, match="pysodmetrics") as caught:
        measure(TOP_ROW, TOP_ROW)

    assert "pip install 'dis-core[evaluation]'" in caught.value.hint


def scores_with(**values: float) -> Scores:
    perfect = {one.key: one.of(measure(TOP_ROW, TOP_ROW)) for one in MEASURES}
    return Scores(**{**perfect, **values}, f_curve=(1.0,) * 256)


def test_the_worst_comes_first_whichever_way_a_measure_goes() -> None:
    scores = [scores_with(iou=0.5, mae=0.2), scores_with(iou=0.9, mae=0.3), scores_with(iou=0.1, mae=0.1)]

    assert worst_first(scores, by=by_key("iou")) == [2, 0, 1]
    assert worst_first(scores, by=by_key("mae")) == [1, 0, 2]


def test_the_mean_is_of_every_number() -> None:
    scores = [scores_with(hce=10.0, weighted_f=0.5), scores_with(hce=20.0, weighted_f=0.6)]

    mean = mean_scores(scores)

    assert mean.hce == 15
    assert mean.weighted_f == pytest.approx(0.55, abs=1e-12)


def test_there_is_no_mean_of_nothing() -> None:
    with pytest.raises(ValueError, match="score"):
        mean_scores([])


def test_the_definitions_say_how_max_f_is_averaged_and_how_far_boundary_iou_looks() -> None:
    told, fixed = definitions(boundary_px=None), definitions(boundary_px=2)

    assert "of each image; then the mean over images" in told["max_f"]
    assert "beta^2 = 0.3" in told["max_f"]
    assert "averaged over images at each of 256 thresholds" in told["max_f_of_mean_curve"]
    assert "2 % of the diagonal" in told["boundary_iou"]
    assert "2 pixels" in fixed["boundary_iou"]
