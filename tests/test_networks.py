"""The bare network of a model: loaded with its weights, ordinary enough to be trained, described as it is."""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import dis_core
from dis_core.errors import BadRequest, LicenseNotAccepted, OutOfMemory, UnknownModel
from dis_core.model_spec import ModelSpec, NetworkSpec
from dis_core.models.birefnet.segmenter import Loader
from dis_core.models.birefnet.spec import BIREFNETS
from dis_core.models.depth_anything import estimator
from dis_core.models.depth_anything.network import DepthAnythingNetwork
from dis_core.models.depth_anything.spec import DEPTH_SMALL
from dis_core.models.dis_lite.network import BothWays
from dis_core.models.dis_sam.spec import DIS_SAM
from dis_core.models.isnet.network import MIDDLE_WIDTHS, MIDDLE_WIDTHS_BACK, WIDTHS, ISNet
from dis_core.models.isnet.spec import ISNET
from dis_core.models.pdfnet.network import PDFNetOutput
from dis_core.models.pdfnet.segmenter import tiny_network
from dis_core.models.pdfnet.spec import DEPTH_TINY, PDFNET
from dis_core.models.square import SquareSegmenter
from dis_core.pipeline import Pipeline
from dis_core.protocols import Placement
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import dis_register_models
from dis_core.weights.loading import load_bare_network
from tests.fakes import small_birefnet
from tests.fakes.bright_model import BRIGHT
from tests.recipes.diffdis import tiny_network as tiny_diffdis

FLOWER = Path(__file__).parents[1] / "examples" / "flower.jpg"
CPU = Placement("cpu")
SPECS = {spec.name: spec for spec in dis_register_models()}


def narrow_isnet(channels: int) -> ISNet:
    widths = ([width // 16 for width in table] for table in (WIDTHS, MIDDLE_WIDTHS, MIDDLE_WIDTHS_BACK))
    return ISNet(channels, **dict(zip(("widths", "middles", "middles_back"), widths, strict=True)))


def small_depth() -> DepthAnythingNetwork:
    return DepthAnythingNetwork(width=32, depth=4, heads=2, taps=(1, 2, 3, 4), neck=(8,) * 4, fusion=8, head=8)


@dataclass(frozen=True)
class Family:
    """A model as declared, with a small network in the place of the published one: `replaced` is what builds that."""

    spec: ModelSpec
    replaced: str
    by: object
    build: Callable[[], nn.Module]
    side_px: int


FAMILIES = (
    Family(
        PDFNET, "dis_core.models.pdfnet.segmenter.published_network", lambda *_, **__: tiny_network(), tiny_network, 256
    ),
    Family(
        BIREFNETS[0],
        "dis_core.models.birefnet.segmenter.load_1024",
        Loader(small_birefnet.network, 64),
        small_birefnet.network,
        64,
    ),
    Family(ISNET, "dis_core.models.isnet.segmenter.ISNet", narrow_isnet, functools.partial(narrow_isnet, 3), 64),
    Family(DIS_SAM, "dis_core.models.isnet.segmenter.ISNet", narrow_isnet, functools.partial(narrow_isnet, 5), 64),
    Family(
        DEPTH_SMALL,
        "dis_core.models.depth_anything.estimator.load_small_network",
        functools.partial(estimator._network, small_depth),
        small_depth,
        28,
    ),
)


@pytest.fixture(params=FAMILIES, ids=[family.spec.name for family in FAMILIES])
def family(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Family:
    assert isinstance(request.param, Family)
    monkeypatch.setattr(request.param.replaced, request.param.by)
    return request.param


def declared(spec: ModelSpec) -> NetworkSpec:
    assert spec.network is not None
    return spec.network


def planes(network: NetworkSpec, side_px: int) -> list[torch.Tensor]:
    """Noise in the place of what a network takes."""
    generator = torch.Generator().manual_seed(0)
    sides = [side_px // taken.shrunk for taken in network.inputs]
    return [
        torch.rand(1, taken.channels, side, side, generator=generator)
        for taken, side in zip(network.inputs, sides, strict=True)
    ]


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
    torch.manual_seed(0)
    saved = family.build().state_dict()
    save_file({name: value.contiguous() for name, value in saved.items()}, tmp_path / "weights.safetensors")
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
