"""The deformable convolution against float64 numbers of a naive loop, and against torchvision's operator."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch

from dis_core.models.birefnet import deformable
from dis_core.models.birefnet.deformable import (
    DeformableConv,
    TapProduct,
    compiled_deformable_conv,
    compiled_operator,
    deformable_conv,
    weighted_rows,
    weighted_rows_one_by_one,
)
from tests.recipes.birefnet import golden

CASES = range(5)
Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor, TapProduct]


def case(number: int) -> tuple[Inputs, np.ndarray[Any, Any]]:
    """Map, offsets, modulation and kernel of a recorded case, and what comes of them in float64."""
    recorded = golden("deformable_conv")
    x, weight, offset, mask = (
        torch.from_numpy(recorded[f"case{number}_{part}"]) for part in ("x", "weight", "offset", "mask")
    )
    product = TapProduct(weight.shape[1], weight.shape[0], weight.shape[2])
    product.load_state_dict({"weight": weight, "bias": torch.zeros(len(weight))})
    return (x, offset, mask, product), recorded[f"case{number}_y64"]


def random_inputs(kernel: int, size: tuple[int, int], batch: int = 1) -> Inputs:
    """With offsets of several pixels, some of which lead out of the map."""
    random = torch.Generator().manual_seed(kernel)
    x = torch.randn(batch, 16, *size, generator=random)
    offsets = 5 * torch.randn(batch, 2 * kernel**2, *size, generator=random)
    modulation = 2 * torch.rand(batch, kernel**2, *size, generator=random)
    product = TapProduct(16, 8, kernel)
    with torch.no_grad():
        product.weight.normal_(generator=random)
        product.bias.normal_(generator=random)
    return x, offsets, modulation, product


def torchvisions_operator() -> Any:
    return pytest.importorskip("torchvision.ops").deform_conv2d


@pytest.mark.parametrize("number", CASES)
@torch.no_grad()
def test_every_recorded_case_is_met(number: int) -> None:
    inputs, expected = case(number)

    found = deformable_conv(*inputs)

    assert np.abs(found.numpy() - expected).max() < 1e-6 * max(np.abs(expected).max(), 1)


@pytest.mark.parametrize("kernel", [1, 3, 7])
@pytest.mark.parametrize("size", [(40, 56), (1, 30), (30, 1), (1, 1)])
@torch.no_grad()
def test_torchvisions_operator_gives_the_same(kernel: int, size: tuple[int, int]) -> None:
    inputs = random_inputs(kernel, size, batch=2)

    ours, theirs = deformable_conv(*inputs), compiled_deformable_conv(torchvisions_operator(), *inputs)

    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)


@torch.no_grad()
def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = random_inputs(3, (20, 24), batch=2)
    at_once = deformable_conv(*inputs)
    monkeypatch.setattr(deformable, "SAMPLES_AT_ONCE", 3 * 9 * 24 * 2)

    in_strips = deformable_conv(*inputs)

    torch.testing.assert_close(in_strips, at_once, rtol=1e-6, atol=1e-5)


@torch.no_grad()
def test_without_offsets_it_is_the_plain_convolution() -> None:
    x, offsets, modulation, product = random_inputs(3, (20, 24))

    found = deformable_conv(x, torch.zeros_like(offsets), torch.ones_like(modulation), product)

    plain = torch.nn.functional.conv2d(x, product.weight, product.bias, padding=1)
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-4)


@torch.no_grad()
def test_taps_that_are_sent_very_far_out_find_nothing() -> None:
    x, offsets, modulation, product = random_inputs(3, (20, 24))

    found = deformable_conv(x, torch.full_like(offsets, -1e30), modulation, product)

    torch.testing.assert_close(found, product.bias[None, :, None, None].expand_as(found))


def test_devices_without_the_fast_operator_get_the_same_sums() -> None:
    random = torch.Generator().manual_seed(0)
    table, weights = torch.randn(50, 16, generator=random), torch.rand(30, 4, generator=random)
    numbers = torch.randint(50, (30, 4), generator=random, dtype=torch.int32)

    one_by_one, at_once = weighted_rows_one_by_one(table, numbers, weights), weighted_rows(table, numbers, weights)

    torch.testing.assert_close(one_by_one, at_once)


def test_the_cpu_does_without_torchvision() -> None:
    assert compiled_operator("cpu") is None


@pytest.mark.parametrize("problem", [ImportError("no torchvision"), RuntimeError("operator nms does not exist")])
def test_where_torchvision_is_missing_or_broken_a_graphics_card_does_without_it(
    monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def fail(name: str) -> None:
        raise problem

    monkeypatch.setattr(importlib, "import_module", fail)

    assert compiled_operator.__wrapped__("cuda") is None


def test_the_layer_takes_the_operator_of_its_device_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = DeformableConv(16, 8, 3), torch.ones(2, 16, 12, 10)
    asked: list[str] = []

    def operator_of(device: str) -> deformable.Deform:
        asked.append(device)
        return lambda *_: torch.full((2, 8, 12, 10), 7.0)

    monkeypatch.setattr(deformable, "compiled_operator", operator_of)

    with torch.no_grad():
        found = layer(x, torch.nn.Identity())

    assert asked == ["cpu"]
    assert found.eq(7).all()


def test_where_the_operator_would_need_much_memory_the_layer_does_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = DeformableConv(16, 8, 3), torch.rand(2, 16, 12, 10)
    with torch.no_grad():
        expected = layer(x, torch.nn.Identity())
    monkeypatch.setattr(deformable, "compiled_operator", lambda _: lambda *_: torch.zeros(()))
    monkeypatch.setattr(deformable, "MOST_GATHERED_BYTES", 4 * 9 * 12 * 10 * 16 - 1)

    with torch.no_grad():
        found = layer(x, torch.nn.Identity())

    assert torch.equal(found, expected)
