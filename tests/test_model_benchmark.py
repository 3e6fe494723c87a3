"""The benchmark of all models: its random weights are taken for published ones, and it measures."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

from dis_core.registry.builtin_models import dis_register_models
from dis_core.registry.manager import find_model
from tests.fakes.fake_hub import CHECKOUT, clean_environment
from tests.fakes.loose_modules import load_module

if TYPE_CHECKING:
    from pathlib import Path

BENCHMARK = load_module("benchmarks/models.py")
MEASURED = json.loads((CHECKOUT / "benchmarks" / "models.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", BENCHMARK.PUBLISHED)
def test_the_shapes_are_those_of_the_published_file(name: str) -> None:
    spec = find_model(name)
    published = {key: torch.ones(()).expand(shape) for key, shape in BENCHMARK.PUBLISHED[name]().items()}

    converted = published if spec.converter is None else pkgutil.resolve_name(spec.converter)(published)

    half_precise_bytes = 2 * sum(value.numel() for value in converted.values())
    assert spec.weights.size_bytes is not None
    assert 0.45 < half_precise_bytes / spec.weights.size_bytes < 1.1


def test_every_network_that_comes_with_dis_core_can_be_measured_and_was() -> None:
    mattes = [spec for spec in dis_register_models() if spec.task == "matte"]
    loaders = {find_model(name).loader for name in BENCHMARK.measurable()}

    assert {spec.loader for spec in mattes} == loaders, "add a line to PUBLISHED in benchmarks/models.py"
    assert set(BENCHMARK.measurable()) == set(MEASURED), "run: python benchmarks/models.py NAME"


def test_everything_that_a_measured_model_needs_has_weights() -> None:
    needed = {other for name in BENCHMARK.measurable() for other in find_model(name).needed}

    assert {name for name in needed if find_model(name).weights.repo is not None} <= set(BENCHMARK.PUBLISHED)


def test_random_weights_have_the_types_of_published_ones() -> None:
    shapes = {"conv.weight": (8, 4, 3, 3), "norm.weight": (8,), "norm.bias": (8,), "norm.num_batches_tracked": ()}

    weights = BENCHMARK.random_weights(shapes)

    assert {key: tuple(value.shape) for key, value in weights.items()} == shapes
    assert weights["norm.num_batches_tracked"].dtype == torch.int64
    assert weights["norm.weight"].eq(1).all()
    assert weights["norm.bias"].ne(0).all()
    assert 0.1 < float(weights["conv.weight"].float().std()) < 0.2


def test_a_model_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, str(CHECKOUT / "benchmarks" / "models.py"), "--task", "dis-lite", "--device", "cpu"],
        env=clean_environment(tmp_path, "http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    numbers = json.loads(shown.stdout)
    assert numbers["side_px"] == 448
    assert numbers["seconds"] > 0
    assert numbers["cpu_seconds"] > 0.1
    assert 0.2 < numbers["peak_gb"] < 4
