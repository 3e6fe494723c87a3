"""What every network asks of Apple's GPU, recorded on a device that is only pretended: no Mac is needed for it.

What this proves: each operator that a network sends to the device has a kernel of that backend in torch 2.10 and in the
installed torch, or is composed of such; no float64 is sent; no tensor of another device is mixed in; nothing is copied
back or waited for in the middle of a network that is not named here; no convolution gets what that backend misreads.
What it does not prove: that the kernels are right, and on which types they work. `scripts/check_gpu.py` asks a device.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dis_core.models.depth_anything.estimator import DepthAnything
from dis_core.models.depth_anything.network import DepthAnythingNetwork
from dis_core.progress import ignore
from dis_core.protocols import FULL_DTYPE, Effort, Placement, Segmentation
from dis_core.refinement.coarse_to_fine import Passes
from tests.fakes.pretended_device import DEVICE, HEADERS, IN_PLACE_OF, Record, operators_of_this_torch, pretended
from tests.fakes.small_models import SMALL_MODELS, SmallModel

OLDEST: Final = frozenset(
    (Path(__file__).parents[1] / "golden" / "mps" / "operators_2_10.txt").read_text(encoding="ascii").split()
)
"""With a kernel for MPS in `native_functions.yaml` of torch 2.10.0's wheel for macOS, or one that is delegated to."""

DTYPES: Final = {"float32", "float16", "int64", "int32", "bool", "uint8"}

COPIES_BACK: Final = {"pdfnet": 3, "dis-sam": 4, "diffdis": 5}
"""Copies to the CPU when a model looks at an image and then at two tiles in a batch: two, but for these. PDFNet's depth
comes from a network of its own, DIS-SAM's coarse mask becomes a box on the CPU and its scores come along, and the
extremes of each of DiffDIS's three masks are found there."""

INDEXED_FROM_THE_CPU: Final = {"dis-sam": {"index.Tensor"}}
"""transformers' SAM picks relative positions by numbers on the CPU, which torch allows and copies."""

MOST_NUMBERS: Final = 2**12
"""Of a tensor that goes to the device beside a network's inputs: positions, shares and biases of windows are small."""


@pytest.fixture(params=SMALL_MODELS, ids=[model.name for model in SMALL_MODELS])
def model(request: pytest.FixtureRequest) -> SmallModel:
    assert isinstance(request.param, SmallModel)
    return request.param


def image() -> NDArray[np.float32]:
    """(150, 200, 3), of no interest."""
    return np.random.default_rng(0).random((150, 200, 3), dtype=np.float32)


@cache
def recorded(model: SmallModel, dtype: str) -> tuple[NDArray[np.float32], Record]:
    """The matte of a look at an image, and what that and, in full precision, a look at two tiles sent to the device."""
    with pretended(OLDEST) as device:
        segmenter = model.make(Placement(DEVICE, dtype))
        device.record = Record()  # loading is not a look
        found = segmenter(image(), prompt=model.prompt_for((150, 200))).alpha
        if dtype != FULL_DTYPE:
            return found, device.record  # a CPU is slow at halves
        known = Segmentation(found, found, np.pad(np.ones((50, 60), np.float32), ((50, 50), (70, 70))))
        tiles = [image(), np.ascontiguousarray(image()[::-1])]
        segmenter.segment_tiles(tiles, known=[known, known], quality="normal")
    return found, device.record


def missing_here(record: Record) -> set[str]:
    """Operators that have a kernel in the oldest torch and none in the installed one."""
    return {name for name in record.names if IN_PLACE_OF.get(name, name) not in operators_of_this_torch()} - HEADERS


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_apples_gpu_has_all_that_a_network_asks_of_it(model: SmallModel, dtype: str) -> None:
    _, record = recorded(model, dtype)

    assert record.lacking == set()
    assert missing_here(record) == set()
    assert record.dtypes <= DTYPES
    assert "convolution" in record.names
    assert (dtype == "float16") == ("float16" in record.dtypes)


def test_no_tensor_of_another_device_is_mixed_in(model: SmallModel) -> None:
    _, record = recorded(model, "float32")

    assert record.mixed == INDEXED_FROM_THE_CPU.get(model.name, set())


def test_a_network_is_never_left_and_entered_again(model: SmallModel) -> None:
    _, record = recorded(model, "float32")

    assert record.waits == []
    assert len([shape for where, shape in record.crossings if where == "cpu"]) == COPIES_BACK.get(model.name, 2)
    assert all(
        np.prod(shape) <= MOST_NUMBERS or shape[-2:] in {(256, 256), (448, 448), (256, 448), (32, 32)}
        for where, shape in record.crossings
        if where == "device"
    )


def test_no_convolution_is_given_a_slice_that_apples_gpu_misreads(model: SmallModel) -> None:
    _, record = recorded(model, "float32")

    assert record.gaps == set()


def test_the_recording_computes_what_the_network_computes(model: SmallModel) -> None:
    on_the_cpu = model.make(Placement("cpu"))(image(), prompt=model.prompt_for((150, 200))).alpha

    found, _ = recorded(model, "float32")

    np.testing.assert_allclose(found, on_the_cpu, atol=1e-5)


def test_depth_anything_runs_there_too() -> None:
    torch.manual_seed(0)
    network = DepthAnythingNetwork(
        width=32, depth=4, heads=2, taps=(1, 2, 3, 4), neck=(8, 8, 8, 8), fusion=8, head=8
    ).eval()
    plain = DepthAnything(network, placement=Placement("cpu"), shorter_side_px=252)(image())

    with pretended(OLDEST) as device:
        on_it = network.to(DEVICE)
        device.record = record = Record()
        depth = DepthAnything(on_it, placement=Placement(DEVICE), shorter_side_px=252)(image())

    assert record.lacking == set()
    assert missing_here(record) == set()
    assert record.dtypes <= DTYPES
    assert record.mixed == set()
    assert record.waits == []
    assert record.gaps == set()
    np.testing.assert_allclose(depth, plain, atol=1e-5)


def test_refinement_sends_the_network_its_tiles_and_nothing_else() -> None:
    isnet = next(model for model in SMALL_MODELS if model.name == "isnet")
    large = np.repeat(np.repeat(image(), 4, axis=0), 4, axis=1)
    with pretended(OLDEST) as device:
        segmenter = isnet.make(Placement(DEVICE))
        device.record = record = Record()

        _, refinement = Passes(segmenter, "normal", "tiles", Effort(6, 3)).over(
            large, isnet.prompt_for((600, 800)), ignore
        )

    _, of_the_network = recorded(isnet, "float32")
    assert refinement.tiles_run > 0
    assert record.names <= of_the_network.names
    assert record.dtypes == {"float32"}
    assert record.waits == []
    assert any(shape[0] == 3 for where, shape in record.crossings if where == "device")


def test_what_is_not_there_is_told() -> None:
    with pretended(OLDEST - {"relu"}) as device:
        device.record = record = Record()
        a = torch.ones(2, device=DEVICE)
        torch.relu(a.double())
        (a > 0).any().item()

    assert record.lacking == {"relu"}
    assert "float64" in record.dtypes
    assert record.waits == ["_local_scalar_dense"]
