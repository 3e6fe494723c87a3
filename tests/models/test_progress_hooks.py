"""Progress from inside a network, and stopping in the middle of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dis_core.errors import Cancelled
from dis_core.models import progress_hooks
from dis_core.models.progress_hooks import Stages


class Counting(nn.Module):
    """A layer that knows how often it has run."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return x + 1


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> nn.Sequential:
    monkeypatch.setattr(progress_hooks, "BEAT_S", 0.0)
    return nn.Sequential(*(Counting() for _ in range(10)))


def test_progress_rises_to_the_end_once_a_network_is_known(network: nn.Sequential) -> None:
    told: list[tuple[float, str]] = []
    steps = Stages(network)

    for _ in range(2):
        told.clear()
        with steps.reporting(lambda fraction, doing: told.append((fraction, doing)), "segmenting"):
            network(torch.zeros(1))

    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert len(fractions) == 11  # ten layers and the whole
    assert fractions[-1] == 1
    assert {doing for _, doing in told} == {"segmenting"}


def test_what_the_report_raises_stops_the_network_at_once_and_leaves_no_hook(network: nn.Sequential) -> None:
    def stop_half_way(fraction: float, doing: str) -> None:
        if fraction >= 0.2:
            raise Cancelled

    steps = Stages(network)
    with pytest.raises(Cancelled), steps.reporting(stop_half_way, "segmenting"):
        network(torch.zeros(1))

    ran = [layer.runs for layer in network if isinstance(layer, Counting)]
    assert ran == sorted(ran, reverse=True)
    assert 0 < sum(ran) < 10
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_quick_networks_are_told_of_rarely(network: nn.Sequential, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_hooks, "BEAT_S", 60.0)
    told: list[float] = []

    with Stages(network).reporting(lambda fraction, _: told.append(fraction), "segmenting"):
        network(torch.zeros(1))

    assert not told
