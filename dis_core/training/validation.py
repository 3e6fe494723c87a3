"""Quick scores on samples that are not trained on, measured during training; `dis-core evaluate` measures more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dis_core.evaluation.boundaries import boundary_iou, iou
from dis_core.models.tensors import to_array
from dis_core.progress import Report
from dis_core.training.learner import Learner
from dis_core.training.samples import Source


def evaluate(
    learner: Learner, report: Report, *, source: Source, numbers: Sequence[int], side_px: int, device: str
) -> dict[str, float]:
    """Mean absolute error of the soft matte, and mean IoU and boundary IoU at a threshold of 0.5.

    A learner that needs depth gets that of the samples. Raises what `report` raises.
    """
    errors, overlaps, boundaries = [], [], []
    for done, number in enumerate(numbers):
        report(done / len(numbers), f"evaluating {done + 1} of {len(numbers)}")
        sample = source(number, side_px)
        depth = sample.depth[None].to(device) if learner.needs_depth else None
        matte = to_array(learner.eval().find_matte(sample.image[None].to(device), depth))
        truth = to_array(sample.matte[None])
        errors.append(float(np.abs(matte - truth).mean()))
        overlaps.append(iou(matte > 0.5, truth > 0.5))
        boundaries.append(boundary_iou(matte > 0.5, truth > 0.5))
    means = {"mae": errors, "iou": overlaps, "boundary_iou": boundaries}
    return {name: float(np.mean(values)) for name, values in means.items()}
