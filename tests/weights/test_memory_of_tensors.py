"""Which memory tensors lie in: each of its own when they are saved, and none in the file when they are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from dis_core.weights.checkpoint import convert, load_strictly
from tests.fakes.small_network import SmallNetwork

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = torch.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    "tensors",
    [
        {"encoder": WHOLE, "decoder": WHOLE},
        {"encoder": WHOLE, "decoder": WHOLE.t()},
        {"encoder": WHOLE, "decoder": WHOLE[1:]},
        {"only": WHOLE[:, 2]},
        {"only": WHOLE.t()},
    ],
    ids=["tied", "tied and turned", "a part", "a column alone", "turned alone"],
)
def test_tensors_that_share_memory_are_saved_each_with_its_own_values(
    tmp_path: Path, tensors: dict[str, torch.Tensor]
) -> None:
    torch.save(tensors, tmp_path / "a.pth")

    convert(tmp_path / "a.pth", tmp_path / "b.safetensors", converter=None, metadata={})

    saved = load_file(tmp_path / "b.safetensors")
    assert saved.keys() == tensors.keys()
    for key, value in tensors.items():
        torch.testing.assert_close(saved[key], value, rtol=0, atol=0)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_file_that_changes_later_changes_nothing_in_a_network_that_was_loaded_from_it(
    tmp_path: Path, device: str
) -> None:
    path = tmp_path / "a.safetensors"
    wanted = SmallNetwork().state_dict()
    save_file(wanted, path)
    with torch.device(device):
        network = SmallNetwork()

    load_strictly(network, path)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))

    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, wanted[key], rtol=0, atol=0)
