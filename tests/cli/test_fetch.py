"""`dis-core fetch` and `dis-core models`, against a stand-in for the Hub."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from dis_core.cli.commands.fetch import fetch
from dis_core.cli.commands.models import models
from dis_core.errors import BadRequest, HubUnreachable, LicenseNotAccepted, UnknownModel
from dis_core.model_spec import Citation, WeightsFile
from dis_core.registry import manager as registry
from dis_core.weights import store
from tests.fakes.fake_hub import FakeHub, use_home
from tests.fakes.small_network import (
    DIRECT,
    SMALL,
    assert_is_converted,
    damage_without_a_trace,
    path_of,
    pickled,
    published_checkpoint,
)

if TYPE_CHECKING:
    from pathlib import Path

DEPTH = replace(DIRECT, name="depth", task="depth")
WITH_DEPTH = replace(SMALL, name="with-depth", depth_model="depth")
NONCOMMERCIAL = replace(SMALL, name="noncommercial", license="CC-BY-NC-4.0", commercial_use="no")
CONDITIONAL = replace(SMALL, name="conditional", commercial_use="conditional")
EMBEDDED = replace(SMALL, name="ours", weights=WeightsFile(None, "no-such-file.safetensors"), embedded=True)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_home(monkeypatch, tmp_path)
    specs = {spec.name: spec for spec in (SMALL, WITH_DEPTH, DEPTH, NONCOMMERCIAL, CONDITIONAL, EMBEDDED)}
    monkeypatch.setattr(registry, "models", lambda: specs)
    return tmp_path


def run_fetch(*arguments: str) -> Result:
    return CliRunner().invoke(fetch, list(arguments), standalone_mode=False)


def test_a_model_is_downloaded_and_its_place_is_printed(fake_hub: FakeHub) -> None:
    result = run_fetch("small")

    assert result.exit_code == 0
    assert result.stdout == f"small: {path_of(SMALL)}\n"


def test_sizes_license_and_free_space_are_told_first(fake_hub: FakeHub) -> None:
    result = run_fetch("small")

    assert result.stderr.startswith("small: 0.2 MB to download from someone/small (MIT, commercial use: yes); ")
    assert result.stderr.endswith(" free\n")


def test_the_depth_model_that_a_model_needs_comes_along(fake_hub: FakeHub) -> None:
    result = run_fetch("with-depth")

    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["with-depth", "depth"]
    assert path_of(DEPTH) is not None


def test_progress_for_programs_is_one_object_per_line_and_rises_to_one(fake_hub: FakeHub) -> None:
    result = run_fetch("with-depth", "--progress", "json")

    events = [json.loads(line) for line in result.stdout.splitlines()]
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert [event["model"] for event in events if event["event"] == "fetched"] == ["with-depth", "depth"]


def test_what_is_here_is_verified_and_not_downloaded_again(fake_hub: FakeHub) -> None:
    run_fetch("small")
    fake_hub.requests.clear()

    result = run_fetch("small")

    assert result.stderr == "small: already here (MIT, commercial use: yes); verifying it\n"
    assert fake_hub.requests == []


def test_a_file_that_rotted_without_a_trace_is_brought_anew(fake_hub: FakeHub) -> None:
    run_fetch("small")
    damage_without_a_trace(store.obtain(SMALL).path)

    result = run_fetch("small")

    assert "damaged" in result.stderr
    assert_is_converted(store.obtain(SMALL).path)


def test_a_users_own_file_is_taken_without_a_connection_and_the_depth_model_is_missed_afterwards(
    tmp_path: Path,
) -> None:
    file = tmp_path / "own.pth"
    file.write_bytes(pickled(published_checkpoint()))

    result = run_fetch("with-depth", "--from", str(file))

    assert result.stdout == f"with-depth: {path_of(WITH_DEPTH)}\n"
    assert isinstance(result.exception, HubUnreachable)


def test_again_goes_back_from_an_own_file_to_the_published_one(fake_hub: FakeHub, tmp_path: Path) -> None:
    file = tmp_path / "own.pth"
    file.write_bytes(pickled(published_checkpoint(seed=3)))
    run_fetch("small", "--from", str(file))

    run_fetch("small", "--again")

    assert_is_converted(store.obtain(SMALL).path)


def test_again_without_a_connection_forgets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "own.pth"
    file.write_bytes(pickled(published_checkpoint(seed=3)))
    run_fetch("small", "--from", str(file))
    adopted = path_of(SMALL)

    result = run_fetch("small", "--again")

    assert isinstance(result.exception, HubUnreachable)
    assert adopted is not None
    assert path_of(SMALL) == adopted


def test_again_with_a_bad_file_forgets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "own.pth"
    file.write_bytes(pickled(published_checkpoint(seed=3)))
    run_fetch("small", "--from", str(file))
    adopted = path_of(SMALL)

    result = run_fetch("small", "--again", "--from", str(tmp_path / "nowhere.pth"))

    assert isinstance(result.exception, BadRequest)
    assert adopted is not None
    assert path_of(SMALL) == adopted


def test_a_download_is_announced_once(fake_hub: FakeHub, caplog: pytest.LogCaptureFixture) -> None:
    result = run_fetch("small")

    assert result.stderr.count("\n") == 1
    assert caplog.messages == []


def test_one_file_is_for_one_model(tmp_path: Path) -> None:
    result = run_fetch("small", "depth", "--from", str(tmp_path / "own.pth"))

    assert isinstance(result.exception, BadRequest)
    assert "small, depth" in str(result.exception)


def test_weights_that_forbid_commercial_use_need_a_word_of_the_user(fake_hub: FakeHub) -> None:
    refused = run_fetch("noncommercial")
    accepted = run_fetch("noncommercial", "--accept-noncommercial")

    assert isinstance(refused.exception, LicenseNotAccepted)
    assert "`accept_noncommercial=True`" in refused.exception.hint
    assert accepted.exit_code == 0


def test_weights_with_conditions_on_commercial_use_need_none(fake_hub: FakeHub) -> None:
    result = run_fetch("conditional")

    assert result.exit_code == 0


def test_a_model_that_nobody_knows_is_named() -> None:
    result = run_fetch("smal")

    assert isinstance(result.exception, UnknownModel)


def test_the_list_says_of_every_model_what_one_needs_to_choose(fake_hub: FakeHub) -> None:
    store.obtain(SMALL)

    lines = CliRunner().invoke(models).stdout.splitlines()

    assert lines[0].split() == ["MODEL", "TASK", "LICENSE", "COMMERCIAL", "SIZE", "HERE", "WHERE"]
    assert lines[1].split() == ["small", "matte", "MIT", "yes", "0.2", "MB", "yes", str(path_of(SMALL))]
    assert lines[4].split() == [
        *("noncommercial", "matte", "CC-BY-NC-4.0", "no", "unknown", "no", "huggingface.co/someone/small"),
    ]


def test_the_list_says_which_model_is_embedded() -> None:
    text = CliRunner().invoke(models).stdout

    assert "ours (embedded)" in text
    assert "ours comes with dis-core" in text


def test_the_list_for_programs_has_the_same_facts(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path

    listed = {entry["name"]: entry for entry in json.loads(CliRunner().invoke(models, ["--json"]).stdout)}

    assert listed["small"]["present"] is True
    assert listed["small"]["path"] == str(path)
    assert listed["depth"]["present"] is False
    assert listed["noncommercial"]["commercial_use"] == "no"
    assert listed["ours"]["embedded"] is True


def test_the_list_for_programs_says_what_to_cite(monkeypatch: pytest.MonkeyPatch) -> None:
    cited = replace(SMALL, citation=Citation("On Small Networks", "A. Author", 2024, "https://example.org"))
    monkeypatch.setattr(registry, "models", lambda: {"small": cited, "depth": DEPTH})

    small, depth = json.loads(CliRunner().invoke(models, ["--json"]).stdout)

    assert small["citation"] == {
        "title": "On Small Networks",
        "authors": "A. Author",
        "year": 2024,
        "url": "https://example.org",
    }
    assert depth["citation"] is None


def test_the_license_of_an_own_file_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "own.pth").write_bytes(pickled(published_checkpoint()))

    result = run_fetch("small", "--from", str(tmp_path / "own.pth"))

    assert "own.pth (MIT, commercial use: yes); " in result.stderr
