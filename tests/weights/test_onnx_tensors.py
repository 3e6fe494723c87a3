"""ONNX files as tables of tensors: what is read equals what the `onnx` package reads, and damage is said in words."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dis_core.errors import WeightsCorrupt
from dis_core.weights import onnx_tensors, protobuf
from dis_core.weights.onnx_tensors import is_onnx, read_onnx, read_weights

TYPES = (
    *(TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16, TensorProto.INT32),
    *(TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT16, TensorProto.DOUBLE),
)


def weights_of(name: str, *shape: int, seed: int = 0) -> TensorProto:
    return numpy_helper.from_array(np.random.default_rng(seed).normal(size=shape).astype(np.float32), name)


def model_of(*tensors: TensorProto, uses: tuple[str, ...] = ()) -> onnx.ModelProto:
    """A model that adds up the tensors of the given names, one node for each."""
    nodes = [helper.make_node("Add", ["x", name], [f"sum of {name}"]) for name in uses]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    return helper.make_model(helper.make_graph(nodes, "graph", [x], [x], initializer=list(tensors)))


def file_of(folder: Path, model: onnx.ModelProto) -> Path:
    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def outside(folder: Path, tensor: TensorProto, location: str, **more: str) -> Path:
    """A file whose only tensor is said to lie in another one."""
    content = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": str(len(content)), **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return file_of(folder, model_of(tensor))


def refusal_of(path: Path) -> str:
    with pytest.raises(WeightsCorrupt) as caught:
        read_onnx(path)
    assert caught.value.message.startswith(f"{path.name} cannot be read as an ONNX file: ")
    return caught.value.message


def test_tensors_come_in_the_order_in_which_nodes_use_them_and_the_others_last(tmp_path: Path) -> None:
    tensors = [weights_of(name, 2) for name in ("unused", "second", "first")]
    path = file_of(tmp_path, model_of(*tensors, uses=("first", "second", "first")))

    found = read_onnx(path)

    assert list(found) == ["first", "second", "unused"]


@st.composite
def any_tensor(draw: st.DrawFn, name: str) -> TensorProto:
    """A tensor of any type that is read, of any small shape, stored as bytes or as a list."""
    data_type = draw(st.sampled_from(TYPES))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    dtype = helper.tensor_dtype_to_np_dtype(data_type)
    bits = draw(st.binary(min_size=(count := int(np.prod(shape))) * dtype.itemsize, max_size=count * dtype.itemsize))
    values: NDArray[np.generic] = np.frombuffer(bits, dtype)
    if dtype == np.bool_:
        values = np.frombuffer(bits, np.uint8) % 2 == 1
    if draw(st.booleans()):
        return numpy_helper.from_array(values.reshape(shape), name)
    return helper.make_tensor(name, data_type, shape, np.nan_to_num(values, nan=1.5) if dtype.kind == "f" else values)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(any_tensor("a"), any_tensor("b")))
def test_whatever_the_onnx_package_writes_is_read_as_it_reads_it(
    tmp_path: Path, tensors: tuple[TensorProto, TensorProto]
) -> None:
    path = file_of(tmp_path, model_of(*tensors))

    found = read_onnx(path)

    for tensor in tensors:
        expected = numpy_helper.to_array(tensor)
        assert found[tensor.name].numpy().dtype == expected.dtype
        np.testing.assert_array_equal(found[tensor.name].numpy(), expected)


def test_brain_floats_are_read_as_bytes_and_as_a_list(tmp_path: Path) -> None:
    listed = helper.make_tensor("listed", TensorProto.BFLOAT16, [3], [1.5, -2.0, 0.25])
    raw = TensorProto(name="raw", data_type=TensorProto.BFLOAT16, dims=[3])
    raw.raw_data = bytes.fromhex("c03f00c0803e")

    found = read_onnx(file_of(tmp_path, model_of(listed, raw)))

    assert found["listed"].tolist() == found["raw"].tolist() == [1.5, -2.0, 0.25]


def test_values_in_another_file_of_the_folder_are_read(tmp_path: Path) -> None:
    tensor = weights_of("w", 3, 2)
    expected = numpy_helper.to_array(tensor)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "w.bin").write_bytes(b"1234" + tensor.raw_data)

    found = read_onnx(outside(tmp_path, tensor, "more/w.bin", offset="4"))

    np.testing.assert_array_equal(found["w"].numpy(), expected)


@pytest.mark.parametrize("location", ["../w.bin", "more/../../w.bin", "{folder}/../w.bin", "", "."])
def test_values_in_a_file_outside_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    tensor, folder = weights_of("w", 3), tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(tensor.raw_data)

    message = refusal_of(outside(folder, tensor, location.format(folder=folder)))

    assert "outside of its folder" in message or "no such file" in message


def test_a_place_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    message = refusal_of(outside(tmp_path, weights_of("w", 3), "w\0.bin"))

    assert "have no valid path" in message


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    assert "it holds no tensors" in refusal_of(file_of(tmp_path, model_of()))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    tensor, folder = weights_of("w", 3), tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(tensor.raw_data)
    (folder / "w.bin").symlink_to(tmp_path / "w.bin")

    message = refusal_of(outside(folder, tensor, "w.bin"))

    assert "outside of its folder" in message


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"offset": "1"}, "too short"),
        ({"length": "11"}, "11 bytes"),
        ({"offset": "-1"}, "'-1'"),
        ({"offset": "9" * 30}, "as a number of bytes"),
    ],
)
def test_a_wrong_place_in_another_file_is_refused(tmp_path: Path, more: dict[str, str], part: str) -> None:
    tensor = weights_of("w", 3)
    (tmp_path / "w.bin").write_bytes(tensor.raw_data)

    message = refusal_of(outside(tmp_path, tensor, "w.bin", **more))

    assert part in message


def test_a_file_that_ends_early_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    whole = model_of(weights_of("w", 4), weights_of("v", 2, 2), uses=("v", "w")).SerializeToString()
    path = tmp_path / "network.onnx"

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            found = read_onnx(path)
        except WeightsCorrupt:
            continue
        assert set(found) == {"v", "w"}  # only what follows the graph is missing


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(content)

    with pytest.raises(WeightsCorrupt):
        read_onnx(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_give_tensors_or_words_and_nothing_else(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(model_of(weights_of("w", 4), weights_of("v", 2, 2), uses=("v", "w")).SerializeToString())
    for position, byte in changes:
        content[position % len(content)] = byte
    path = tmp_path / "network.onnx"
    path.write_bytes(content)

    try:
        found = read_onnx(path)
    except WeightsCorrupt:
        return
    assert all(isinstance(tensor, torch.Tensor) for tensor in found.values())


def with_dims(*dims: int) -> TensorProto:
    tensor = weights_of("w", 3)
    tensor.ClearField("dims")
    tensor.dims.extend(dims)
    return tensor


def in_segments() -> TensorProto:
    tensor = weights_of("w", 3)
    tensor.segment.begin = 1
    return tensor


def of_texts() -> TensorProto:
    return TensorProto(name="w", data_type=TensorProto.STRING, dims=[1], string_data=[b"text"])


def in_two_places() -> TensorProto:
    tensor = weights_of("w", 3)
    tensor.float_data.append(1.0)
    return tensor


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: with_dims(4), "has 12 bytes, and its shape (4,) needs 16"),
        (lambda: with_dims(-3), "has the shape (-3,)"),
        (lambda: with_dims(*[1] * 9), "more than 8 dimensions"),
        (lambda: with_dims(1 << 40, 1 << 20), "need more than 4 GB"),
        (in_segments, "in segments"),
        (of_texts, "a type that is not read here (number 8)"),
        (in_two_places, "in two places"),
        (lambda: TensorProto(name="w" * 5000, data_type=TensorProto.FLOAT), "a name of 5000 bytes"),
    ],
)
def test_tensors_beyond_what_weights_need_are_refused(
    tmp_path: Path, make: Callable[[], TensorProto], part: str
) -> None:
    path = file_of(tmp_path, model_of(make()))

    message = refusal_of(path)

    assert part in message


def test_two_tensors_of_one_name_are_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, model_of(weights_of("w", 3), weights_of("w", 3)))

    assert "two of its tensors are called 'w'" in refusal_of(path)


def test_a_file_without_a_graph_is_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, onnx.ModelProto(ir_version=8))

    assert "it holds no graph" in refusal_of(path)


def test_a_file_of_very_many_fields_is_refused_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_tensors, "MOST_FIELDS", 1000)
    path = file_of(tmp_path, model_of(*(TensorProto(name=str(number)) for number in range(1001))))

    assert "more than 1000 fields" in refusal_of(path)


def test_tensors_that_share_the_bytes_of_another_file_count_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_tensors, "MOST_TENSOR_BYTES", 100)
    tensors = []
    for number in range(3):
        tensor = TensorProto(name=str(number), data_type=TensorProto.FLOAT, dims=[10])
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "w.bin"
        tensors.append(tensor)
    (tmp_path / "w.bin").write_bytes(bytes(40))

    assert "need more than" in refusal_of(file_of(tmp_path, model_of(*tensors)))


def test_graphs_inside_of_nodes_are_not_entered(tmp_path: Path) -> None:
    inner = helper.make_graph([], "inner", [], [], initializer=[weights_of("inside", 3)])
    for _ in range(20):  # the package that writes this file stops at 100 messages
        inner = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=inner)], "inner", [], [])
    model = model_of(weights_of("w", 3))
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner))

    assert list(read_onnx(file_of(tmp_path, model))) == ["w"]


def test_a_file_is_known_by_how_it_begins(tmp_path: Path) -> None:
    path = file_of(tmp_path, model_of(weights_of("w", 3)))
    renamed = path.rename(tmp_path / "network.bin")
    pickled = tmp_path / "network.pth"
    torch.save({"w": torch.zeros(3)}, pickled)

    assert is_onnx(renamed)
    assert not is_onnx(pickled)


def test_weights_leave_out_the_whole_numbers_of_the_graph(tmp_path: Path) -> None:
    size = numpy_helper.from_array(np.array([1, 64, 32, 32]), "size")

    found = read_weights(file_of(tmp_path, model_of(weights_of("w", 3), size)))

    assert list(found) == ["w"]


def test_a_quantized_network_is_refused_by_that_word(tmp_path: Path) -> None:
    rounded = numpy_helper.from_array(np.zeros((2, 2), np.uint8), "w_quantized")

    with pytest.raises(WeightsCorrupt, match="is quantized: 'w_quantized'") as caught:
        read_weights(file_of(tmp_path, model_of(rounded)))

    assert "float32 or float16" in caught.value.hint


def test_truth_values_of_the_graph_are_no_sign_of_a_quantized_network(tmp_path: Path) -> None:
    mask = numpy_helper.from_array(np.ones((2, 2), np.bool_), "mask")

    found = read_weights(file_of(tmp_path, model_of(weights_of("w", 3), mask)))

    assert list(found) == ["w"]


def test_a_list_that_is_longer_than_its_shape_can_need_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensor = helper.make_tensor("w", TensorProto.INT64, [1000], range(1000))
    tensor.ClearField("dims")
    tensor.dims.append(1)
    path = file_of(tmp_path, model_of(tensor))
    monkeypatch.setattr(protobuf, "packed_varints", lambda _: pytest.fail("the list was read"))

    message = refusal_of(path)

    assert "its shape (1,) needs 8" in message


@pytest.mark.parametrize("shape", [(0, 1 << 62, 1 << 62), (1 << 62, 4, 0), (0, 1 << 40)])
def test_an_empty_tensor_with_lengths_beyond_all_memory_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=shape)

    assert "need more than 4 GB" in refusal_of(file_of(tmp_path, model_of(tensor)))


def test_the_file_may_go_once_it_is_read(tmp_path: Path) -> None:
    path = file_of(tmp_path, model_of(weights_of("w", 3)))

    found = read_onnx(path)
    path.write_bytes(b"")
    gc.collect()

    assert found["w"].shape == (3,)
