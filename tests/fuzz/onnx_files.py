"""ONNX files: each gives weights or a DisError, and nothing is read that lies outside of the file's folder."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch  # now, since it takes a while
from onnx import TensorProto, helper, numpy_helper

from dis_core.weights.onnx_tensors import read_weights
from tests.fuzz.kind import Kind

SECRET: Final = b"what nobody may read\0\0\0\0"
"""24 bytes, as long as the tensors here."""

_LOCATIONS: Final = (
    *("beside.bin", "deeper/inside.bin", "../secret.bin", "link.bin", "folder-link/secret.bin", "loop.bin", "deeper"),
    *("", ".", "..", "/etc/hostname", "nowhere.bin", "a\0b", "x" * 5000, "deeper/../../secret.bin", "network.onnx"),
)
_SIZES: Final = (0, 1, 2, 3, 6, 24, -1, 255, 65536, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))


def _seeds() -> list[bytes]:
    return [model.SerializeToString() for model in _models()]


def _models() -> Iterator[onnx.ModelProto]:
    floats = np.arange(6, dtype=np.float32).reshape(2, 3)
    kinds = (np.float32, np.float16, np.float64, np.int64, np.int32, np.uint8, np.bool_)
    yield _model(*(numpy_helper.from_array(floats.astype(kind), np.dtype(kind).name) for kind in kinds))
    yield _model(
        helper.make_tensor("listed", TensorProto.FLOAT, [6], [1.0, 2, 3, 4, 5, 6]),
        helper.make_tensor("half", TensorProto.FLOAT16, [3], [1.0, 2.0, 3.0]),
        helper.make_tensor("whole", TensorProto.INT64, [3], [-1, 1 << 40, 3]),
        helper.make_tensor("double", TensorProto.DOUBLE, [2], [1.0, 2.0]),
        helper.make_tensor("empty", TensorProto.FLOAT, [0, 4], []),
    )
    for location in _LOCATIONS[:4]:
        yield _model(_outside(location, {"offset": "0", "length": "24"}), numpy_helper.from_array(floats, "w"))
    inner = helper.make_graph([], "inner", [], [], initializer=[numpy_helper.from_array(floats, "inner")])
    model = _model(numpy_helper.from_array(floats, "w"))
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))
    yield model


def _model(*tensors: TensorProto) -> onnx.ModelProto:
    nodes = [helper.make_node("Add", ["x", tensor.name], [f"sum of {tensor.name}"]) for tensor in tensors]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    return helper.make_model(helper.make_graph(nodes, "graph", [x], [x], initializer=list(tensors)))


def _outside(location: str, more: dict[str, str]) -> TensorProto:
    tensor = TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[6], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def _feed(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above, "network")
        (folder / "deeper").mkdir(parents=True)
        Path(above, "secret.bin").write_bytes(SECRET)
        (folder / "beside.bin").write_bytes(bytes(100))
        (folder / "deeper" / "inside.bin").write_bytes(bytes(24))
        (folder / "link.bin").symlink_to("../secret.bin")
        (folder / "folder-link").symlink_to("..")
        (folder / "loop.bin").symlink_to("loop.bin")
        path = folder / "network.onnx"
        path.write_bytes(data)
        tensors = read_weights(path)
    for value in tensors.values():
        assert value.is_floating_point()
        assert SECRET not in value.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _repair(data: bytes) -> bytes:
    """A well-formed file with other values in it; which ones, the damaged bytes decide."""
    chance = random.Random(data)  # noqa: S311  no secret
    model = chance.choice(list(_models()))
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(_WAYS)(chance, model)
    return bytes(model.SerializeToString())


def _tensor(chance: random.Random, model: onnx.ModelProto) -> TensorProto:
    tensor: TensorProto = chance.choice(model.graph.initializer)
    return tensor


def _change_shape(chance: random.Random, model: onnx.ModelProto) -> None:
    dims = _tensor(chance, model).dims
    if dims and chance.random() < 0.6:
        dims[chance.randrange(len(dims))] = chance.choice(_SIZES)
    else:
        dims.extend(chance.choices(_SIZES, k=chance.choice((1, 2, 9))))


def _change_type(chance: random.Random, model: onnx.ModelProto) -> None:
    _tensor(chance, model).data_type = chance.choice((*range(27), -1, 2**31 - 1))


def _change_values(chance: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(chance, model)
    way = chance.randrange(4)
    if way == 0:
        tensor.raw_data = chance.randbytes(chance.choice((0, 1, 23, 24, 25, 5000)))
    elif way == 1:
        tensor.int64_data.extend(chance.choices(_SIZES, k=chance.choice((1, 6))))
    elif way == 2:
        tensor.int32_data.extend(chance.choices((0, 1, -1, 2**31 - 1, 65536), k=chance.choice((1, 6))))
    else:
        tensor.float_data.extend([float("nan")] * chance.choice((1, 6)))


def _move_outside(chance: random.Random, model: onnx.ModelProto) -> None:
    numbers = ("0", "24", "76", "77", "100", "-1", "1e3", "", "9" * 19, "9" * 30, "\u0663", " 0")
    keys = ("offset", "length", "location", "checksum")
    more = {chance.choice(keys): chance.choice(numbers) for _ in range(chance.randrange(3))}
    model.graph.initializer.append(_outside(chance.choice(_LOCATIONS), more))


def _change_names(chance: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(chance, model)
    tensor.name = chance.choice(("", "w", "x", "a" * 4096, "a" * 4097, "\ufffd", _tensor(chance, model).name))


def _change_graph(chance: random.Random, model: onnx.ModelProto) -> None:
    if chance.random() < 0.5:
        model.graph.node.extend([helper.make_node("Add", ["w"] * chance.choice((0, 1, 3000)), ["z"])])
    else:
        model.ClearField("graph")
        model.graph.initializer.add()


_Way = Callable[[random.Random, onnx.ModelProto], None]
_WAYS: Final[tuple[_Way, ...]] = (
    *(_change_shape, _change_type, _change_values, _move_outside, _change_names, _change_graph),
)

ONNX_FILES = Kind("onnx", _seeds, _feed, _repair, most_memory_mb=8000)
