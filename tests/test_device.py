"""Where models run, and what running out of memory looks like."""

from __future__ import annotations

import pytest
import torch

from dis_core.device import choose_placement, describe_devices, run_on, tiles_at_once, usable_devices
from dis_core.errors import DeviceUnavailable, OutOfMemory
from dis_core.protocols import Placement


def test_auto_takes_the_best_device_there_is() -> None:
    assert choose_placement("auto").device == usable_devices()[0]


def test_a_named_cpu_is_taken_even_beside_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    assert choose_placement("cpu") == Placement("cpu")


def test_auto_prefers_cuda_then_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_placement().device == "mps"

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_placement().device == "cuda:0"


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "meta", "", "cuda:x", "cpu:1:2"])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(DeviceUnavailable) as caught:
        choose_placement(name)

    assert "cpu" in caught.value.hint


def test_half_precision_is_for_graphics_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    assert choose_placement("auto", precision="half") == Placement("cuda:0", "float16")
    assert choose_placement("auto", precision="full") == Placement("cuda:0", "float32")
    with pytest.raises(DeviceUnavailable, match="cpu"):
        choose_placement("cpu", precision="half")


@pytest.mark.parametrize(("device", "tiles"), [("cpu", 1), ("mps", 2), ("cuda:0", 8), ("cuda:1", 8)])
def test_batches_of_tiles_are_what_a_device_can_hold(device: str, tiles: int) -> None:
    assert tiles_at_once(Placement(device)) == tiles


def test_products_are_made_in_the_placements_type_and_weights_stay() -> None:
    layer = torch.nn.Linear(3, 4)

    with run_on(Placement("cpu", "bfloat16")):
        result = layer(torch.ones(2, 3))

    assert result.dtype == torch.bfloat16
    assert layer.weight.dtype == torch.float32


def test_every_usable_device_is_described() -> None:
    assert [line.partition(": ")[0] for line in describe_devices()] == usable_devices()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("MPS backend out of memory (MPS allocated: 5.20 GB)"),
    ],
)
def test_running_out_of_memory_is_an_error_with_a_cure(error: Exception) -> None:
    with pytest.raises(OutOfMemory, match="mps") as caught, run_on(Placement("mps")):
        raise error

    assert '`device="cpu"`' in caught.value.hint


def test_an_allocation_that_no_machine_can_serve_is_out_of_memory() -> None:
    with pytest.raises(OutOfMemory), run_on(Placement("cpu")):
        torch.empty(2**55)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes"), run_on(Placement("cpu")):
        raise RuntimeError("shapes do not fit")


def test_nothing_is_kept_for_gradients() -> None:
    weight = torch.ones(1, requires_grad=True)

    with run_on(Placement("cpu")):
        result = weight * 2

    assert not result.requires_grad
