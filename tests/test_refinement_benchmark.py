"""The benchmark of refinement measures every way to a matte."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from dis_core.registry.builtin_refiners import dis_register_refiners
from dis_core.scenes.textures import resized_picture
from tests.fakes.loose_modules import load_module

CHECKOUT = Path(__file__).parents[1]

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(CHECKOUT / "benchmarks")  # as when one of them is run
    BENCHMARK = load_module("benchmarks/refinement.py")
    import composites as COMPOSITES


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["refinement.py", *arguments, "--device", "cpu"])
    BENCHMARK.main()


def test_every_way_is_measured_on_a_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    json_file = tmp_path / "rows.json"

    run(monkeypatch, "quality", "--images", "scenes", "--count", "1", "--side", "640", "--json", str(json_file))

    printed = capsys.readouterr().out
    assert {refiner.name for refiner in dis_register_refiners()} <= set(BENCHMARK.WAYS)
    assert all(f"| {way} | " in printed for way in BENCHMARK.WAYS)
    looks = {row["way"]: row["looks"] for row in json.loads(json_file.read_text(encoding="utf-8"))}
    assert looks["larger"] == looks["matting"] == 1
    assert looks["tiles"] > 1
    assert looks["fast"] == 0
    assert looks["best"] == 2


def test_photographs_are_measured_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "quality", "--images", "photographs", "--count", "1", "--ways", "none,fast")

    assert "astronaut" in capsys.readouterr().out


def test_there_are_enough_composites_and_six_of_them_are_soft() -> None:
    names = list(COMPOSITES.makers())

    assert len(names) >= 20
    assert len([name for name in names if name.endswith("-fur")]) + len({"veil", "glass"} & set(names)) >= 6


@pytest.mark.parametrize("name", ["coffee", "polar_bear-fur"])
def test_a_composite_is_its_subject_in_front_of_its_backdrop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COMPOSITES, "LARGE_PX", 480)

    made = COMPOSITES.makers()[name]()

    again = COMPOSITES.makers()[name]()
    assert max(made.alpha.shape) == 480
    assert made.image.shape == (*made.alpha.shape, 3)
    assert 0.05 < (made.alpha >= 0.5).mean() < 0.95
    assert np.array_equal(made.image, again.image)
    photo = COMPOSITES.parted_photo(name.removesuffix("-fur"))
    subject = resized_picture(photo.subject, made.alpha.shape)
    inside = made.alpha == 1
    # Fur is lighter or darker than what it grows on.
    assert np.abs(made.image - subject)[inside].mean() < 0.05
