"""The benchmark of refinement measures every way to a matte."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from dis_core.registry.builtin_refiners import dis_register_refiners
from tests.fakes.loose_modules import load_module

BENCHMARK = load_module("benchmarks/refinement.py")


def test_every_way_is_measured_on_a_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["refinement.py", "quality", "--scenes", "1", "--side", "640", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", [*asked, "--json", str(tmp_path / "rows.json")])

    BENCHMARK.main()

    printed = capsys.readouterr().out
    assert {refiner.name for refiner in dis_register_refiners()} <= set(BENCHMARK.WAYS)
    assert all(f"| {way} | " in printed for way in BENCHMARK.WAYS)
    looks = {row["way"]: row["tiles"] for row in json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))}
    assert looks["larger"] == 1
    assert looks["tiles"] > 1
    assert looks["fast"] == 0
