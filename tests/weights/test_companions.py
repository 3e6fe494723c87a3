"""Models that take others along: fetched together, loaded anew together, and bound by the licenses of all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.torch import save

from dis_core.cli.commands.fetch import fetch
from dis_core.cli.commands.models import models
from dis_core.cli.doctor.command import doctor
from dis_core.errors import HubUnreachable, LicenseNotAccepted, UnknownModel, WeightsMissing
from dis_core.model_spec import ModelSpec
from dis_core.pipeline import Pipeline
from dis_core.progress import Report, ignore
from dis_core.protocols import DepthEstimator, Placement
from dis_core.registry import manager as registry
from dis_core.weights import store
from tests.fakes.bright_model import BRIGHT, BrightIsSubject, loaded
from tests.fakes.fake_hub import FakeHub
from tests.fakes.small_network import (
    DIRECT,
    SMALL,
    SmallNetwork,
    assert_is_converted,
    path_of,
    pickled,
    published_checkpoint,
)

PART = replace(SMALL, name="part", task="part", loader="tests.weights.test_companions:load_part")
PAIR = replace(DIRECT, name="pair", companions=("part",), loader="tests.weights.test_companions:load_pair")

taken_along: list[Path] = []
"""The companion's file, for each time that `load_pair` was called."""


def load_pair(
    weights_file: Path,
    *,
    placement: Placement,
    estimate_depth: DepthEstimator | None,
    companions: Mapping[str, Path],
) -> BrightIsSubject:
    taken_along.append(companions["part"])
    return BrightIsSubject()


def load_part(weights_file: Path, *, placement: Placement) -> None:
    raise NotImplementedError("its weights are taken along, and it is never loaded alone")


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModelSpec]]:
    specs = {spec.name: spec for spec in (PAIR, PART, BRIGHT)}
    monkeypatch.setattr(registry, "models", lambda: specs)
    taken_along.clear()
    yield specs
    loaded.clear()


def run_fetch(*arguments: str) -> Result:
    return CliRunner().invoke(fetch, list(arguments), standalone_mode=False)


def image() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.zeros((8, 8, 3), np.uint8)


def test_fetch_brings_a_models_companions(fake_hub: FakeHub) -> None:
    result = run_fetch("pair")

    assert result.exit_code == 0
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == ["pair", "part"]
    assert_is_converted(store.obtain(PART).path)


def test_a_users_own_file_is_for_the_model_and_its_companion_is_missed_afterwards(tmp_path: Path) -> None:
    (tmp_path / "own.safetensors").write_bytes(save(SmallNetwork().state_dict()))

    result = run_fetch("pair", "--from", str(tmp_path / "own.safetensors"))

    assert result.stdout.startswith("pair: ")
    assert isinstance(result.exception, HubUnreachable)
    assert "small.pth" in result.exception.message


def test_a_companion_takes_a_users_own_file_too(tmp_path: Path) -> None:
    (tmp_path / "own.pth").write_bytes(pickled(published_checkpoint()))

    result = run_fetch("part", "--from", str(tmp_path / "own.pth"))

    assert result.exit_code == 0
    assert_is_converted(store.obtain(PART).path)


def test_a_model_runs_only_when_its_companions_are_here(fake_hub: FakeHub) -> None:
    del fake_hub.files["someone/small/small.pth"]

    with pytest.raises(WeightsMissing, match=r"small\.pth"):
        Pipeline("cpu").segment(image(), model="pair")

    assert taken_along == []


def test_a_first_image_downloads_all_that_the_model_needs_and_tells_how_far_it_is(fake_hub: FakeHub) -> None:
    told: list[float] = []

    Pipeline("cpu").segment(image(), model="pair", report=lambda fraction, _: told.append(fraction))

    assert taken_along == [path_of(PART)]
    assert told == sorted(told)


def test_a_companion_whose_file_was_replaced_is_loaded_anew(fake_hub: FakeHub, tmp_path: Path) -> None:
    pipeline = Pipeline("cpu")
    for _ in range(2):
        pipeline.segment(image(), model="pair")
    (tmp_path / "other.pth").write_bytes(pickled(published_checkpoint(seed=3)))

    store.adopt(PART, tmp_path / "other.pth")
    pipeline.segment(image(), model="pair")

    assert len(taken_along) == 2
    assert taken_along[0] != taken_along[1]


def test_what_is_in_memory_is_told_with_companions(fake_hub: FakeHub) -> None:
    pipeline = Pipeline("cpu")

    pipeline.segment(image(), model="pair")

    assert pipeline.loaded == ("pair", "part")


def test_a_companion_that_forbids_commerce_binds_the_model(fake_hub: FakeHub, known: dict[str, ModelSpec]) -> None:
    known["part"] = replace(PART, commercial_use="no", license="CC-BY-NC-4.0")

    with pytest.raises(LicenseNotAccepted, match=r"weights of part .*CC-BY-NC-4\.0"):
        Pipeline("cpu").segment(image(), model="pair")
    refused = run_fetch("pair")

    assert isinstance(refused.exception, LicenseNotAccepted)
    assert fake_hub.requests == []
    assert Pipeline("cpu").segment(image(), model="pair", accept_noncommercial=True).model.startswith("pair@")


def test_a_part_is_no_model_to_cut_out_or_to_estimate_depth_with() -> None:
    with pytest.raises(UnknownModel, match="'part' is part of other models and cannot cut out"):
        Pipeline("cpu").segment(image(), model="part")
    with pytest.raises(UnknownModel, match="'part' is part of other models and cannot estimate depth"):
        Pipeline("cpu").segment(image(), model="pair", depth_model="part")


def test_a_companion_that_nobody_offers_is_an_error_with_its_name(known: dict[str, ModelSpec]) -> None:
    del known["part"]

    with pytest.raises(UnknownModel, match="unknown model 'part'"):
        Pipeline("cpu").segment(image(), model="pair")


def test_the_list_of_models_has_parts_and_says_what_each_model_needs(fake_hub: FakeHub) -> None:
    listed = {entry["name"]: entry for entry in json.loads(CliRunner().invoke(models, ["--json"]).stdout)}
    table = CliRunner().invoke(models).stdout.splitlines()

    assert listed["pair"]["needed"] == ["part"]
    assert listed["part"]["task"] == "part"
    assert [line.split()[1] for line in table if line.startswith("part ")] == ["part"]


def test_the_doctor_counts_a_model_without_its_companion_as_not_here(
    fake_hub: FakeHub, known: dict[str, ModelSpec]
) -> None:
    del known["bright"]
    store.obtain(PAIR)

    alone = json.loads(CliRunner().invoke(doctor, ["--json", "--offline"]).stdout)
    store.obtain(PART)
    together = json.loads(CliRunner().invoke(doctor, ["--json", "--offline"]).stdout)

    assert alone["models"]["part"] == "not here"
    assert "no model is complete on this machine" in [problem["what"] for problem in alone["problems"]]
    assert together["problems"] == []


def test_a_users_own_file_downloads_nothing_else_by_itself(fake_hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "own.safetensors").write_bytes(save(SmallNetwork().state_dict()))

    store.adopt(PAIR, tmp_path / "own.safetensors")

    assert fake_hub.requests == []


def test_a_warm_call_finds_each_file_once(fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline("cpu")
    pipeline.segment(image(), model="pair")
    find, found = store.find_installed, []

    def find_and_note(spec: ModelSpec, *, report: Report = ignore) -> store.Installed | None:
        found.append(spec.name)
        return find(spec, report=report)

    monkeypatch.setattr(store, "find_installed", find_and_note)
    pipeline.segment(image(), model="pair")

    assert found == ["pair", "part"]
