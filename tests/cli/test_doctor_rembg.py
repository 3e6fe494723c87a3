"""`dis-core doctor` names weights that rembg has downloaded, and how to take them over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from dis_core.cli.doctor.command import doctor
from dis_core.registry import manager as registry
from dis_core.weights import store
from tests.fakes.small_network import SMALL, pickled, published_checkpoint

ISNET = replace(SMALL, name="isnet")


@pytest.fixture
def rembg_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "models", lambda: {"isnet": ISNET, "small": SMALL})
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    file = tmp_path / "isnet-general-use.onnx"
    file.write_bytes(b"weights")
    return file


def shown_models() -> dict[str, str]:
    shown: dict[str, str] = json.loads(CliRunner().invoke(doctor, ["--json", "--offline"]).stdout)["models"]
    return shown


def test_weights_that_rembg_has_are_named_with_the_way_to_take_them_over(rembg_file: Path) -> None:
    shown = shown_models()

    assert shown["isnet"] == f"not here; rembg has its weights, run: dis-core fetch isnet --from {rembg_file}"
    assert shown["small"] == "not here"


def test_weights_that_rembg_has_are_not_mentioned_once_the_model_is_here(rembg_file: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.pth"
    own.write_bytes(pickled(published_checkpoint()))
    store.adopt(ISNET, own)

    assert "rembg" not in shown_models()["isnet"]
