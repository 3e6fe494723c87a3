"""Networks that are to be filled: shapes without memory, and no random numbers drawn for them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dis_core.models.unfilled import unfilled


class Drawn(nn.Module):
    """A network whose first values are drawn in several ways."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.linear = nn.Linear(4, 5)
        self.norm = nn.BatchNorm2d(4)
        self.table = nn.Parameter(torch.empty(6, 7))
        nn.init.trunc_normal_(self.table, std=0.02)
        nn.init.normal_(tensor=self.linear.weight)


def test_parameters_have_shapes_and_no_memory() -> None:
    with unfilled():
        network = Drawn()

    assert all(value.is_meta for value in network.state_dict().values())
    assert {name: value.shape for name, value in network.state_dict().items()} == {
        name: value.shape for name, value in Drawn().state_dict().items()
    }


def test_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*_: object, **__: object) -> None:
        raise AssertionError("a random number was drawn")

    for name in ("normal_", "uniform_"):
        monkeypatch.setattr(torch.Tensor, name, drawn)

    with unfilled():
        Drawn()


def test_what_has_memory_is_still_filled() -> None:
    real = torch.zeros(100, device="cpu")

    with unfilled():
        nn.init.normal_(real)

    assert float(real.std()) > 0.5


def test_after_the_block_networks_are_filled_again() -> None:
    with unfilled():
        pass

    assert float(nn.Linear(10, 10).weight.detach().std()) > 0
