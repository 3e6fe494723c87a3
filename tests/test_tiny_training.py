"""The loop that trains the embedded model: it learns, it survives a kill, and what it exports loads."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from dis_core.model_spec import Placement
from dis_core.models import depth_anything, pdfnet_segmenter
from dis_core.training.tiny import (
    FIRST_TRAINING_SEED,
    HELD_OUT_SEEDS,
    WARM_UP_STEPS,
    Batch,
    Run,
    SceneStream,
    scene_tensors,
)

GENERATOR_SEED = 0


@pytest.fixture(scope="module")
def batch() -> Batch:
    image, alpha, depth = scene_tensors(FIRST_TRAINING_SEED)
    return Batch(image[None], alpha[None], depth[None])


def make_run(folder: Path, *, minutes: float = 1.0) -> Run:
    torch.manual_seed(0)
    return Run(folder, minutes=minutes, batch_size=1, learning_rate=1e-3)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(GENERATOR_SEED)


def test_both_networks_learn_a_scene_that_they_see_again(tmp_path: Path, batch: Batch) -> None:
    run = make_run(tmp_path)
    run.step = WARM_UP_STEPS

    first, *_, last = [run.take_step(batch, generator()) for _ in range(8)]

    assert last[0] < first[0]
    assert last[1] < first[1]


def test_a_killed_run_goes_on_where_it_was_kept(tmp_path: Path, batch: Batch) -> None:
    run = make_run(tmp_path)
    run.take_step(batch, generator())
    run.spent_s = 12.0
    run.keep()

    resumed = make_run(tmp_path)
    resumed.resume()

    assert (resumed.step, resumed.spent_s) == (1, 12.0)
    assert resumed.take_step(batch, generator()) == pytest.approx(run.take_step(batch, generator()), rel=1e-4)


def test_a_state_that_was_being_written_when_the_run_died_does_no_harm(tmp_path: Path, batch: Batch) -> None:
    run = make_run(tmp_path)
    run.keep()
    run.state_file.with_suffix(".new").write_bytes(b"half")

    resumed = make_run(tmp_path)
    resumed.resume()

    assert resumed.step == 0


def test_the_rate_warms_up_and_ends_near_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path, minutes=1.0)

    start = run.schedule()
    run.step = WARM_UP_STEPS
    top = run.schedule()
    run.spent_s = 60.0

    assert start < 0.01
    assert top == pytest.approx(1.0)
    assert run.schedule() == pytest.approx(0.02)


def test_what_is_exported_loads_strictly_and_fits_into_the_package(tmp_path: Path) -> None:
    run = make_run(tmp_path)

    run.export()

    files = [tmp_path / "pdfnet-tiny.safetensors", tmp_path / "depth-tiny.safetensors"]
    assert sum(file.stat().st_size for file in files) < 12_000_000
    estimate_depth = depth_anything.load_tiny(files[1], placement=Placement("cpu"))
    segmenter = pdfnet_segmenter.load_tiny(files[0], placement=Placement("cpu"), estimate_depth=estimate_depth)
    found = segmenter(np.zeros((50, 70, 3), np.float32))
    assert found.alpha.shape == (50, 70)


def test_scenes_for_training_are_none_of_those_held_out() -> None:
    first, second = islice(SceneStream(FIRST_TRAINING_SEED), 2)

    assert max(HELD_OUT_SEEDS) < FIRST_TRAINING_SEED
    assert torch.equal(first[0], scene_tensors(FIRST_TRAINING_SEED)[0])
    assert torch.equal(second[0], scene_tensors(FIRST_TRAINING_SEED + 1)[0])
