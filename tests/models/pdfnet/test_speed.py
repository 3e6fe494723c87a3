"""Nothing that makes PDFNet fast and lean changes what it computes: it equals the plain one of the benchmarks."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dis_core.device import in_precision_of
from dis_core.models.backbones.swin import Swin, windows_along
from dis_core.models.pdfnet.network import BoundaryPrior, PDFNet
from dis_core.models.pdfnet.segmenter import scale_each_to_unit
from dis_core.protocols import Placement
from tests.fakes.loose_modules import load_module

TOLERANCE = 1e-4
"""Of logits that reach 10; float32 sums in another order."""


@pytest.fixture(scope="module")
def plain_pdfnet() -> ModuleType:
    return load_module("benchmarks/plain_pdfnet.py")


def network(*, window: int, pixels_at_once: int) -> PDFNet:
    torch.manual_seed(0)
    backbone = Swin(embedding=8, depths=(2, 2, 2, 2), heads=(1, 2, 4, 8), window=window, position_grid=14)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)  # biases that are 0 would hide what padding does
    prior = BoundaryPrior()
    return PDFNet(
        backbone, channels=(8, 16, 32, 64), width=16, boundary_prior=prior, pixels_at_once=pixels_at_once
    ).eval()


def inputs(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(1, 3, height, width, generator=generator)
    return image, scale_each_to_unit(torch.rand(1, 1, height, width, generator=generator))


@pytest.mark.parametrize(
    ("height", "width", "window", "pixels_at_once"),
    [
        (256, 256, 4, 64 * 64 * 3),
        (256, 512, 5, 1),
        (512, 256, 5, 64 * 64),
        (256, 256, 12, 64 * 64),
        (256, 256, 5, 2**40),
    ],
    ids=["whole windows", "one by one", "padded windows", "one window", "all at once"],
)
def test_the_network_equals_a_plain_one(
    plain_pdfnet: ModuleType, height: int, width: int, window: int, pixels_at_once: int
) -> None:
    fast = network(window=window, pixels_at_once=pixels_at_once)
    image, depth = inputs(height, width)

    with torch.inference_mode():
        logits = fast(image, depth).logits
        plain = plain_pdfnet.plain_logits(fast, image, depth)

    assert plain.std() > 0.01
    assert torch.allclose(logits, plain, atol=TOLERANCE)


class LargestTensor(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Notes the most numbers that any operation has put into memory of its own."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # torch's own
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, torch.Tensor) and tensor._base is None:
                self.numbers = max(self.numbers, tensor.numel())
        return out


def test_no_tensor_is_larger_than_the_input() -> None:
    fast = network(window=5, pixels_at_once=128 * 128)
    image, depth = inputs(512, 512)

    seen = LargestTensor()  # type: ignore[no-untyped-call]  # torch's own
    with torch.no_grad(), seen:
        fast(image, depth)

    assert seen.numbers <= 6 * 512 * 512  # image and depth; a map of 16 channels at full size would be 16 * 512 * 512


def test_memory_layout_does_not_change_the_result() -> None:
    fast = network(window=5, pixels_at_once=64 * 64)
    image, depth = inputs(256, 256)

    with torch.inference_mode():
        before = fast(image, depth).logits
        after = fast.to(memory_format=torch.channels_last)(image, depth).logits

    assert torch.allclose(before, after, atol=TOLERANCE)


@pytest.mark.parametrize("length", [1, 3, 4, 6, 7, 8, 12, 13])
@pytest.mark.parametrize("shift", [0, 2])
def test_every_token_is_in_one_window_and_no_padding_is_in_any(length: int, shift: int) -> None:
    groups = windows_along(length, 4, shift, torch.device("cpu"))

    tokens = torch.arange(length)
    found = torch.cat([tokens[group.tokens] for group in groups])
    assert sorted(found.tolist()) == list(range(length))
    assert all(len(tokens[group.tokens]) == group.number * len(group.places) for group in groups)


@pytest.mark.parametrize(("dtype", "worst", "mean"), [("bfloat16", 0.15, 0.01), ("float16", 0.02, 0.002)])
def test_half_precision_stays_near_full_precision(dtype: str, worst: float, mean: float) -> None:
    fast = network(window=5, pixels_at_once=64 * 64)
    image, depth = inputs(256, 256)

    with torch.inference_mode():
        full = fast(image, depth).logits.sigmoid()
        with in_precision_of(Placement("cpu", dtype)):
            half = fast(image, depth).logits

    assert torch.isfinite(half).all()
    assert (half.float().sigmoid() - full).abs().max() < worst
    assert (half.float().sigmoid() - full).abs().mean() < mean


def test_gradients_flow_through_every_weight() -> None:
    fast = network(window=5, pixels_at_once=64 * 64).train()
    image, depth = inputs(256, 256)

    output = fast(image, depth)
    (output.logits.mean() + sum(side.mean() for side in output.sides)).backward()

    idle = [name for name, weight in fast.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert idle == []
