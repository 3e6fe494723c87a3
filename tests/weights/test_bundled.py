"""Weights that come with a package: they take no other file, and that they are missing is said in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dis_core.errors import BadRequest, WeightsMissing
from dis_core.model_spec import ModelSpec, WeightsFile
from dis_core.weights import store
from tests.fakes.small_network import SMALL


def embedded(filename: str) -> ModelSpec:
    return replace(SMALL, name="tiny", weights=WeightsFile(repo=None, filename=filename), conversion=None)


def test_embedded_weights_take_no_other_file(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="built in"):
        store.adopt(embedded("tiny.safetensors"), tmp_path / "own.pth")


def test_embedded_weights_that_are_not_there_mean_a_broken_installation() -> None:
    with pytest.raises(WeightsMissing, match="built-in weights of tiny are missing"):
        store.obtain(embedded("no-such-file.safetensors"))
