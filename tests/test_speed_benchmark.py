"""What `benchmarks/speed.py` says of its numbers: like is compared with like, and medians stand for several rounds."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.fakes.loose_modules import load_module

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])  # it imports the yardstick that lies beside it
    return load_module("benchmarks/speed.py")


def rounds() -> dict[str, list[dict[str, float]]]:
    """Three rounds on a machine of two cores that was busy in the second."""
    plain = [{"network": seconds, "CPU seconds": 40.0, "peak GB": 4.0} for seconds in (20.0, 40.0, 20.0)]
    ours = [
        {"head": 2.0, "network": seconds, "CPU seconds": 16.0, "difference": 1e-6, "peak GB": 1.4}
        for seconds in (8.0, 18.0, 7.0)
    ]
    cutout = [{"cutout": 10.0, "of both networks": 1.2, "of both networks, not refined": 1.1}] * 3
    return {"plain": plain, "ours": ours, "cutout": cutout}


def test_each_number_is_divided_by_its_own_counterpart(speed: ModuleType) -> None:
    shares = speed.shares_of_plain(rounds())

    assert shares["CPU seconds"] == pytest.approx([0.4, 0.4, 0.4])
    assert shares["peak GB"] == pytest.approx([0.35, 0.35, 0.35])
    assert shares["head"] == pytest.approx([0.1, 0.05, 0.1])
    assert shares["network"] == pytest.approx([0.4, 0.45, 0.35])


def test_the_table_has_the_median_of_the_rounds_own_shares_and_their_range(speed: ModuleType) -> None:
    table = speed.table(rounds())

    assert "| ours | network | 8.00 | 0.40 (0.35 to 0.45) |" in table
    assert "| ours | CPU seconds | 16.00 | 0.40 (0.40 to 0.40) |" in table
    assert "| plain | network | 20.00 |  |" in table
    assert "ours 1.40 GB, 0.35 (0.35 to 0.35) of it" in table
    assert "1.0e-06" in table


def test_one_round_has_no_range(speed: ModuleType) -> None:
    assert speed.in_words([0.44]) == "0.44"
