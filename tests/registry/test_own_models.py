"""A model of one's own in a script: known at once, run like any other, and refused in words where it cannot be."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import dis_core
from dis_core.errors import BadRequest, PluginProblem, UnknownModel, WeightsMissing
from dis_core.export.request import checked_request
from dis_core.model_spec import DepthEstimator, ModelSpec, NetworkInput, NetworkSpec, Placement
from dis_core.models.resample import shrink_smoothly
from dis_core.models.square import SquareSegmenter
from dis_core.registry import manager as registry
from dis_core.weights import load_strictly

SPEC = ModelSpec(name="mine", summary="what is red", license="MIT", commercial_use="yes")


class Red(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.mix(x)
        return logits


def load_network(weights: Path, *, placement: Placement) -> Red:
    network = Red()
    load_strictly(network, weights)
    return network.eval().to(placement.device)


def load(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> SquareSegmenter:
    network = load_network(weights, placement=placement)
    return SquareSegmenter(network, side_px=64, placement=placement, to_input=shrink_smoothly)


def load_the_opposite(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> SquareSegmenter:
    network = load_network(weights, placement=placement)
    network.mix.weight.neg_()
    return SquareSegmenter(network, side_px=64, placement=placement, to_input=shrink_smoothly)


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_own", {})


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Of a network that holds red for the subject."""
    file = tmp_path / "mine.safetensors"
    colors = torch.tensor([60.0, -60.0, -60.0]).view(1, 3, 1, 1)
    save_file({"mix.weight": colors, "mix.bias": torch.tensor([-5.0])}, file)
    return file


def half_red() -> np.ndarray[Any, np.dtype[np.uint8]]:
    image = np.full((40, 60, 3), 255, np.uint8)
    image[:, 30:] = (255, 0, 0)
    return image


def test_a_registered_model_is_known_and_finds_its_subject(weights: Path) -> None:
    dis_core.register_model(SPEC, loader=load, weights=weights)

    mattes = [
        dis_core.segment(half_red(), model="mine", device="cpu", refine="none"),
        dis_core.Pipeline("cpu", model="mine").segment(half_red(), refine="none"),
    ]

    assert "mine" in dis_core.list_models()
    assert dis_core.model_info("mine").is_here
    for matte in mattes:
        assert matte.model == "mine@own"
        assert matte.alpha[:, :25].max() < 0.01
        assert matte.alpha[:, 35:].min() > 0.99


def test_weights_are_found_from_another_folder(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = weights.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(weights.parent)
    dis_core.register_model(SPEC, loader=load, weights=weights.name)
    monkeypatch.chdir(elsewhere)

    pipeline = dis_core.Pipeline("cpu", model="mine")
    pipeline.load()

    assert pipeline.loaded == ("mine",)


def test_a_taken_name_is_refused_and_an_own_one_can_be_replaced(weights: Path) -> None:
    with pytest.raises(BadRequest, match="already a model called 'isnet'"):
        dis_core.register_model(replace(SPEC, name="isnet"), loader=load, weights=weights, overwrite=True)
    with pytest.raises(BadRequest, match="already a model called 'pdfnet-tiny'"):
        dis_core.register_model(replace(SPEC, aliases=("pdfnet-tiny",)), loader=load, weights=weights)
    dis_core.register_model(SPEC, loader=load, weights=weights)

    with pytest.raises(BadRequest, match="already a model called 'mine'") as caught:
        dis_core.register_model(SPEC, loader=load, weights=weights)
    dis_core.register_model(replace(SPEC, summary="better"), loader=load, weights=weights, overwrite=True)

    assert "overwrite=True" in caught.value.hint
    assert dis_core.model_info("mine").summary == "better"
    assert dis_core.list_models().count("mine") == 1


def test_a_model_that_is_registered_again_is_loaded_again(weights: Path) -> None:
    pipeline = dis_core.Pipeline("cpu")
    dis_core.register_model(SPEC, loader=load, weights=weights)
    before = pipeline.segment(half_red(), model="mine", refine="none")

    dis_core.register_model(SPEC, loader=load_the_opposite, weights=weights, overwrite=True)
    after = pipeline.segment(half_red(), model="mine", refine="none")

    assert before.alpha[:, 35:].min() > 0.99
    assert after.alpha[:, 35:].max() < 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "nowhere.safetensors"}, "does not exist"),
        ({"weights": "."}, "is a folder"),
        ({"weights": 3}, "by their path, not by 3"),
        ({"loader": "load"}, "cannot be called as loader"),
        ({"loader": lambda _weights: None}, "cannot be called as loader"),
        ({"spec": "mine"}, "by its ModelSpec, not by a str"),
        ({"spec": replace(SPEC, name="my model")}, "cannot be a model's name"),
    ],
)
def test_mistakes_are_refused_in_words(changes: dict[str, Any], message: str, weights: Path) -> None:
    given: dict[str, Any] = {"spec": SPEC, "loader": load, "weights": weights, **changes}

    with pytest.raises(BadRequest, match=message):
        dis_core.register_model(given["spec"], loader=given["loader"], weights=given["weights"])

    assert "mine" not in dis_core.list_models()


def test_a_depth_model_that_does_not_exist_is_refused(weights: Path) -> None:
    with pytest.raises(UnknownModel, match="deep"):
        dis_core.register_model(replace(SPEC, depth_model="deep"), loader=load, weights=weights)


def test_a_loader_that_returns_a_network_is_told_what_is_wanted(weights: Path) -> None:
    def load_bare(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Any:
        return Red()

    dis_core.register_model(SPEC, loader=load_bare, weights=weights)

    with pytest.raises(PluginProblem, match="returned a Red, not a segmenter: it lacks 'side_for'") as caught:
        dis_core.Pipeline("cpu", model="mine").load()

    assert "SquareSegmenter" in caught.value.hint


def test_weights_that_went_meanwhile_are_named(weights: Path) -> None:
    dis_core.register_model(SPEC, loader=load, weights=weights)
    weights.unlink()

    with pytest.raises(WeightsMissing, match="the weights of mine are gone"):
        dis_core.Pipeline("cpu", model="mine").load()


def test_of_threads_that_want_one_name_one_gets_it_and_others_get_theirs(weights: Path) -> None:
    refused = []

    def register(number: int) -> None:
        dis_core.register_model(replace(SPEC, name=f"mine-{number}"), loader=load, weights=weights)
        assert f"mine-{number}" in dis_core.list_models()
        try:
            dis_core.register_model(SPEC, loader=load, weights=weights)
        except BadRequest as problem:
            refused.append(problem)

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 7
    assert set(dis_core.list_models("mine*")) == {"mine", *(f"mine-{number}" for number in range(8))}


def test_its_network_can_be_had_and_exported_if_it_is_declared(weights: Path, tmp_path: Path) -> None:
    declared = NetworkSpec(
        f"{__name__}:load_network",
        (NetworkInput("image", (0.0,) * 3, (1.0,) * 3, "the image"),),
        (64, 64),
        "logits",
        exportable="dis_core.models.exportable:Matte",
    )
    dis_core.register_model(replace(SPEC, network=declared), loader=load, weights=weights)

    network = dis_core.load_network("mine", device="cpu")
    request = checked_request(
        registry.find_model("mine"), tmp_path / "mine.pt2", side_px=None, opset=None, precision="full"
    )

    assert isinstance(network, Red)
    assert request.size == (64, 64)
