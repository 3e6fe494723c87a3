"""The bare network of a model: loaded with its weights, ordinary enough to be trained, described as it is."""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import dis_core
from dis_core.errors import BadRequest, LicenseNotAccepted, OutOfMemory, UnknownModel
from dis_core.model_spec import ModelSpec
from dis_core.models.dis_lite.network import BothWays
from dis_core.models.pdfnet.network import PDFNetOutput
from dis_core.models.pdfnet.spec import DEPTH_TINY
from dis_core.models.square import SquareSegmenter
from dis_core.pipeline import Pipeline
from dis_core.protocols import Placement
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import dis_register_models
from dis_core.weights.loading import load_bare_network
from tests.fakes.bright_model import BRIGHT
from tests.fakes.small_networks import FAMILIES, Family, declared, planes
from tests.recipes.diffdis import tiny_network as tiny_diffdis

FLOWER = Path(__file__).parents[1] / "examples" / "flower.jpg"
CPU = Placement("cpu")
SPECS = {spec.name: spec for spec in dis_register_models()}


@pytest.fixture(params=FAMILIES, ids=[family.spec.name for family in FAMILIES])
def family(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Family:
    assert isinstance(request.param, Family)
    monkeypatch.setattr(request.param.replaced, request.param.by)
    return request.param


def test_the_embedded_network_comes_with_its_weights_and_can_be_trained() -> None:
    network = dis_core.load_network("dis-lite", device="cpu")
    assert isinstance(network, BothWays)
    image, wanted = torch.rand(1, 3, 64, 64), (torch.rand(1, 1, 64, 64) > 0.5).float()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)

    before = nn.functional.binary_cross_entropy_with_logits(network(image), wanted)
    before.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    after = nn.functional.binary_cross_entropy_with_logits(network(image), wanted)

    assert after < before
    read = [weight.grad for name, weight in network.named_parameters() if ".sides." not in name]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in read)


def test_a_network_is_nobody_elses() -> None:
    first, second = (dis_core.load_network("dis-lite", device="cpu") for _ in range(2))

    with torch.no_grad():
        next(first.parameters()).zero_()

    assert next(second.parameters()).any()


def test_the_networks_of_a_pipeline_are_ordinary_and_run_without_gradients() -> None:
    pipeline = Pipeline("cpu", model="dis-lite")
    pipeline.load()
    segmenter = pipeline._loaded[0].segmenter
    assert isinstance(segmenter, SquareSegmenter)
    network = segmenter.square.network
    modes = []
    network.register_forward_pre_hook(lambda *_: modes.append(torch.is_inference_mode_enabled()))

    pipeline.segment(FLOWER, refine="none")

    assert modes == [True]
    assert not any(weight.is_inference() for weight in network.state_dict().values())
    assert all(weight.requires_grad for weight in network.parameters())


def test_a_network_with_the_weights_of_a_file_answers_as_declared_and_keeps_gradients(
    family: Family, tmp_path: Path
) -> None:
    saved = family.save(tmp_path / "weights.safetensors")
    network = declared(family.spec)

    loaded = load_bare_network(network, tmp_path / "weights.safetensors", placement=CPU, companions={})
    answer = loaded(*planes(network, family.side_px))

    assert not loaded.training
    assert all(torch.equal(value, saved[name]) for name, value in loaded.state_dict().items())
    plane = answer.logits if isinstance(answer, PDFNetOutput) else answer
    assert plane.shape == (1, 1, family.side_px, family.side_px)
    plane.sum().backward()
    assert sum(weight.grad is not None for weight in loaded.parameters()) > 0.9 * len(list(loaded.parameters()))


def test_the_embedded_depth_network_is_a_network_too() -> None:
    network = dis_core.load_network("depth-tiny", device="cpu")

    answer = network(*planes(declared(DEPTH_TINY), 64))

    assert answer.shape == (1, 1, 16, 16)


def test_diffdis_answers_as_declared() -> None:
    mask = tiny_diffdis()(*planes(declared(SPECS["diffdis"]), 64))

    assert mask.shape == (1, 1, 64, 64)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_model_that_comes_with_dis_core_declares_its_network(spec: ModelSpec) -> None:
    network = declared(spec)

    assert callable(pkgutil.resolve_name(network.loader))
    assert (network.exportable is None) == bool(network.obstacle)
    assert network.exportable is None or callable(pkgutil.resolve_name(network.exportable))
    assert all(side % network.multiple_px == 0 for side in network.size)
    assert all(len(taken.mean) == len(taken.std) for taken in network.inputs)
    assert set(network.companions) <= set(spec.companions)


def test_what_a_network_takes_can_be_asked_for() -> None:
    network = dis_core.model_info("pdfnet").network

    assert network is not None
    assert [taken.name for taken in network.inputs] == ["image", "depth"]
    assert network.inputs[0].mean == (0.485, 0.456, 0.406)


def test_an_unknown_model_has_no_network() -> None:
    with pytest.raises(UnknownModel, match="did you mean pdfnet"):
        dis_core.load_network("pdfnett")


def test_weights_that_forbid_commerce_want_to_be_accepted_here_too() -> None:
    with pytest.raises(LicenseNotAccepted, match="CC-BY-NC"):
        dis_core.load_network("depth-anything-v2-large", device="cpu")


def test_a_model_that_declares_no_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**registry.models(), "no-network": replace(BRIGHT, name="no-network", network=None)}
    monkeypatch.setattr(registry, "models", lambda: known)

    with pytest.raises(BadRequest, match="'no-network' does not say"):
        dis_core.load_network("no-network", device="cpu")


def test_too_little_memory_for_a_network_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("dis_core.models.dis_lite.segmenter.load_network", fail)

    with pytest.raises(OutOfMemory, match="to load this model") as caught:
        dis_core.load_network("dis-lite", device="cpu")

    assert "smaller model" in caught.value.hint
