"""The draft model that comes with the package: small enough, and it finds simple subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dis_core import weights
from dis_core.matte import Matte
from dis_core.models.builtin import DEPTH_TINY, PDFNET_TINY
from dis_core.pipeline import Pipeline
from dis_core.training.scenes import make_scene
from dis_core.training.tiny import HELD_OUT_SEEDS

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline("cpu")


def test_both_files_together_are_at_most_12_megabytes() -> None:
    assert sum(weights.embedded_path(spec).stat().st_size for spec in (PDFNET_TINY, DEPTH_TINY)) <= 12_000_000


def test_subjects_of_scenes_that_it_was_not_trained_on_are_found(pipeline: Pipeline) -> None:
    overlaps, errors = [], []

    for seed in HELD_OUT_SEEDS[:24]:
        scene = make_scene(seed, (256, 256))
        matte = pipeline.segment(scene.image, model="pdfnet-tiny")
        truth = scene.alpha > 0.5
        overlaps.append((matte.mask() & truth).sum() / (matte.mask() | truth).sum())
        errors.append(np.abs(matte.alpha - scene.alpha).mean())

    assert np.mean(overlaps) > 0.65
    assert np.mean(errors) < 0.11


def test_the_flower_of_the_readme_is_found(pipeline: Pipeline) -> None:
    matte = pipeline.segment(EXAMPLES / "flower.jpg", model="pdfnet-tiny")

    on_the_flower = [(306, 216), (230, 200), (380, 230), (306, 120), (300, 310)]
    beside_it = [(60, 60), (580, 80), (100, 350), (560, 300), (306, 20), (480, 200)]
    assert [matte.alpha[y, x] > 0.9 for x, y in on_the_flower] == [True] * 5
    assert [matte.alpha[y, x] < 0.1 for x, y in beside_it] == [True] * 6


def test_an_image_without_a_subject_gives_a_matte_all_the_same(pipeline: Pipeline) -> None:
    matte = pipeline.segment(np.full((90, 120, 3), 128, np.uint8), model="pdfnet-tiny")

    assert isinstance(matte, Matte)
    assert np.isfinite(matte.alpha).all()
