"""IS-Net out of ONNX files: weights without names find their places by order, and what is something else is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from dis_core.errors import WeightsCorrupt
from dis_core.models.isnet.checkpoint import renamed_units
from dis_core.models.isnet.network import ISNet
from dis_core.models.isnet.onnx_export import NAMED, is_export, weights_of_export
from tests.fakes.small_isnet import small_network

Tensors = dict[str, torch.Tensor]


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def exported(network: ISNet) -> Tensors:
    """The network's weights as an export has them, in the order in which a run uses them."""
    names: dict[nn.Module, str] = {
        module: name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)
    }
    used: list[nn.Module] = []
    hooks = [module.register_forward_pre_hook(lambda module, _: used.append(module)) for module in names]
    with torch.inference_mode():
        network(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    kept = {ours: key for key, ours in NAMED.items()}
    state = network.state_dict()
    in_order = [f"{names[module]}.{part}" for module in used for part in ("weight", "bias")]
    return {kept.get(name, f"onnx::Conv_{1000 + 3 * place}"): state[name] for place, name in enumerate(in_order)}


@pytest.fixture(scope="module")
def network() -> ISNet:
    return small_network()


def test_an_export_fills_the_network_with_the_weights_that_it_was_made_of(network: ISNet) -> None:
    expected = network.state_dict()

    found = weights_of_export(exported(network), shapes_of(network))

    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_half_precise_weights_become_float32(network: ISNet) -> None:
    tensors = {name: tensor.half() for name, tensor in exported(network).items()}

    found = weights_of_export(tensors, shapes_of(network))

    assert all(tensor.dtype == torch.float32 for tensor in found.values())


def test_heads_of_coarser_mattes_are_left_out(network: ISNet) -> None:
    more = {f"side{number}.{part}": torch.zeros(1) for number in range(2, 7) for part in ("weight", "bias")}

    found = weights_of_export(exported(network) | more, shapes_of(network))

    assert list(found) == list(network.state_dict())


def test_published_units_are_used_in_the_order_in_which_our_network_holds_them() -> None:
    with torch.device("meta"):
        ours = [name.removesuffix(".weight") for name in ISNet().state_dict() if name.endswith(".weight")]

    units = dict(renamed_units()).values()
    assert [name for name in ours if name in units] == ours[1:-1]
    assert len(units) == len(ours[1:-1]) == 112


def swapped(tensors: Tensors) -> Tensors:
    """Two convolutions of one shape change places."""
    names, keys = list(tensors), ("onnx::Conv_1018", "onnx::Conv_1024")
    first, second = (names.index(key) for key in keys)
    assert tensors[keys[0]].shape == tensors[keys[1]].shape
    names[first], names[second] = names[second], names[first]
    return {name: tensors[name] for name in names}


def without(tensors: Tensors, key: str) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if name != key}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda tensors: without(tensors, "side1.bias"), "'side1.bias' is missing"),
        (lambda tensors: without(tensors, "onnx::Conv_1006"), "223 unnamed weights, not 224"),
        (lambda tensors: tensors | {"scales": torch.ones(4)}, "225 unnamed weights, not 224"),
        (lambda tensors: tensors | {"onnx::Conv_1006": torch.zeros(7, 8, 3, 3)}, "'onnx::Conv_1006' is (7, 8, 3, 3)"),
        (lambda tensors: tensors | {"conv_in.weight": torch.zeros(8, 5, 3, 3)}, "'conv_in.weight' is (8, 5, 3, 3)"),
        (swapped, "not in the order in which they are used: 1021 comes after 1024"),
    ],
)
def test_what_is_no_is_net_is_refused(network: ISNet, change: Callable[[Tensors], Tensors], part: str) -> None:
    tensors = change(exported(network))

    with pytest.raises(WeightsCorrupt) as caught:
        weights_of_export(tensors, shapes_of(network))

    assert part in caught.value.message
    assert "isnet-general-use.onnx" in caught.value.hint


def test_a_checkpoint_with_all_its_names_is_no_export(network: ISNet) -> None:
    assert is_export(exported(network))
    assert not is_export(exported(network) | {"stage1.rebnconvin.conv_s1.weight": torch.zeros(1)})
    assert not is_export({"x2.weight": torch.zeros(1)})
