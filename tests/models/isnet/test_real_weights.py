"""The real, trained IS-Net: out of the npm package into our network, compared with onnxruntime and with true mattes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from dis_core.evaluation.boundaries import iou
from dis_core.model_spec import Placement
from dis_core.models.isnet.checkpoint import renamed_units
from dis_core.models.isnet.segmenter import load, to_input
from dis_core.models.isnet.spec import ISNET
from dis_core.models.square import SquareSegmenter
from dis_core.models.tensors import to_tensor
from dis_core.weights import store
from dis_core.weights.npm_package import join_network
from dis_core.weights.onnx_tensors import read_weights
from tests.fakes.fake_hub import use_home
from tests.real_weights import ONNX_SHA256, package_or_skip

pytestmark = [pytest.mark.real_weights, pytest.mark.slow, pytest.mark.timeout(600)]

PHOTOS = Path(__file__).parents[2] / "photos"
COMPARED = ("coffee", "chelsea", "bucket")
"""A clear subject, fur, and the photograph on which IS-Net is the least sure."""

MEAN_IOU = 0.855
"""Measured: 0.859 on the seventeen photographs, without refining."""


@pytest.fixture(scope="module")
def package() -> Path:
    return package_or_skip()


@pytest.fixture(scope="module")
def onnx_file(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    joined = tmp_path_factory.mktemp("isnet") / "isnet_medium.onnx"
    join_network(package, joined)
    return joined


@pytest.fixture(scope="module")
def segmenter(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SquareSegmenter]:
    """IS-Net as `dis-core fetch isnet --from PACKAGE` installs it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_home(monkeypatch, tmp_path_factory.mktemp("home"))
        ready = store.adopt(ISNET, package).path
        yield load(ready, placement=Placement("cpu"), estimate_depth=None)


def photo(name: str) -> NDArray[np.float32]:
    with Image.open(PHOTOS / "images" / f"{name}.jpg") as image:
        levels: NDArray[np.float32] = np.asarray(image.convert("RGB"), np.float32)
    return np.divide(levels, 255, dtype=np.float32)


def truth(name: str) -> NDArray[np.bool_]:
    with Image.open(PHOTOS / "masks" / f"{name}.png") as image:
        return np.asarray(image.convert("L")) >= 128


def test_the_pieces_make_up_the_file_that_was_measured(onnx_file: Path) -> None:
    assert hashlib.sha256(onnx_file.read_bytes()).hexdigest() == ONNX_SHA256


def test_every_tensor_is_what_the_onnx_package_reads(onnx_file: Path) -> None:
    found = read_weights(onnx_file)

    tensors = onnx.load(onnx_file).graph.initializer
    assert len(found) == len(tensors) == 238
    for tensor in tensors:
        np.testing.assert_array_equal(found[tensor.name].numpy(), onnx.numpy_helper.to_array(tensor))


def test_the_names_of_the_nodes_tell_the_same_order_as_we_take(onnx_file: Path) -> None:
    nodes = [node for node in onnx.load(onnx_file).graph.node if node.op_type == "Conv"]
    units = [node.name for node in nodes if node.input[1].startswith("onnx::")]

    assert units == [f"/{unit.replace('.', '/')}/conv_s1/Conv" for unit in in_order_of_our_network()]


def in_order_of_our_network() -> list[str]:
    """The published names of the units with a norm, as our network holds them."""
    from dis_core.models.isnet.network import ISNet

    theirs = {ours: unit for unit, ours in renamed_units()}
    with torch.device("meta"):
        names = [name.removesuffix(".weight") for name in ISNet().state_dict() if name.endswith(".weight")]
    return [theirs[name] for name in names if name in theirs]


@pytest.mark.parametrize("name", COMPARED)
def test_our_network_answers_as_onnxruntime_does(onnx_file: Path, segmenter: SquareSegmenter, name: str) -> None:
    session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
    seen = to_input(to_tensor(photo(name)), (1024, 1024))

    (expected,) = session.run(["output"], {"input": seen.numpy()})
    with torch.inference_mode():
        found = segmenter.square.network(seen).sigmoid().numpy()

    difference = np.abs(found - expected)
    assert np.quantile(difference, 0.999) <= 2 / 255
    assert difference.mean() < 0.002


def test_the_photographs_are_cut_out_as_well_as_measured(segmenter: SquareSegmenter) -> None:
    names = sorted(path.stem for path in (PHOTOS / "images").glob("*.jpg"))

    scores = [iou(segmenter(photo(name)).alpha >= 0.5, truth(name)) for name in names]

    assert len(scores) == 17
    assert np.mean(scores) >= MEAN_IOU
