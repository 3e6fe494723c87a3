"""The models of `served_plugin`: what is brighter than a half is the subject, sooner or later."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dis_core.progress import Report, ignore
from dis_core.protocols import NO_PROMPT, DepthEstimator, Placement, Prompt, Quality, Segmentation
from tests.fakes.bright_model import BrightIsSubject

SLOW_S, SOON_S, STEP_S = 60.0, 1.5, 0.02


class Served(BrightIsSubject):
    """The model of `bright_model` without its memory of all images, after `first` was done."""

    def __init__(self, first: Callable[[Report], None] = lambda _report: None) -> None:
        super().__init__()
        self.first = first

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        self.first(report)
        self.seen.clear()
        return super().__call__(image, prompt=prompt, quality=quality, report=report)


class WithDepth(Served):
    """Takes what is bright for near."""

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        found = super().__call__(image, prompt=prompt, quality=quality, report=report)
        return Segmentation(found.alpha, image.mean(axis=2))


def wait(seconds: float, report: Report) -> None:
    """Report progress many times, so that somebody can cancel."""
    for step in range(int(seconds / STEP_S)):
        time.sleep(STEP_S)
        report(step * STEP_S / seconds, "segmenting")


def load(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Served:
    return Served()


def load_with_depth(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> WithDepth:
    return WithDepth()


def load_slow(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Served:
    return Served(lambda report: wait(SLOW_S, report))


def load_soon(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Served:
    return Served(lambda report: wait(SOON_S, report))


def load_mortal(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Served:
    return Served(lambda _report: os._exit(9))
