"""Weights that are on no Hub: where they are to be had is said in words, and a file of the user's is taken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dis_core.cli.commands.fetch import fetch
from dis_core.cli.commands.models import models
from dis_core.cli.doctor.command import doctor
from dis_core.errors import WeightsMissing
from dis_core.model_spec import WeightsFile
from dis_core.registry import manager as registry
from dis_core.weights import store
from tests.fakes.small_network import SMALL, assert_is_converted, path_of, pickled, published_checkpoint

BY_HAND = replace(
    SMALL,
    name="by-hand",
    weights=WeightsFile(None, "small.pth", size_bytes=200_000, homepage="https://example.org/small"),
)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "models", lambda: {"by-hand": BY_HAND})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "downloaded.pth"
    path.write_bytes(pickled(published_checkpoint()))
    return path


def run_fetch(*arguments: str) -> Result:
    return CliRunner().invoke(fetch, list(arguments), standalone_mode=False)


def test_who_asks_for_them_hears_where_they_are_and_what_to_do_then() -> None:
    with pytest.raises(WeightsMissing, match=r"by hand, from https://example\.org/small") as caught:
        store.obtain(BY_HAND)

    assert caught.value.hint == "then run: dis-core fetch by-hand --from FILE"


def test_fetch_says_the_same() -> None:
    result = run_fetch("by-hand")

    assert isinstance(result.exception, WeightsMissing)
    assert "https://example.org/small" in result.exception.message


def test_a_file_of_the_users_is_taken_and_found_again(file: Path) -> None:
    result = run_fetch("by-hand", "--from", str(file))

    ready = path_of(BY_HAND)
    assert result.exit_code == 0
    assert ready is not None
    assert_is_converted(ready)
    assert store.obtain(BY_HAND).path == ready
    assert store.obtain(BY_HAND).revision.startswith("sha256-")


def test_what_is_here_is_verified_by_a_plain_fetch(file: Path) -> None:
    run_fetch("by-hand", "--from", str(file))

    result = run_fetch("by-hand")

    assert result.exit_code == 0
    assert "by-hand: already here" in result.stderr


def test_again_forgets_nothing_that_cannot_be_had_again(file: Path) -> None:
    run_fetch("by-hand", "--from", str(file))

    result = run_fetch("by-hand", "--again")

    assert isinstance(result.exception, WeightsMissing)
    assert path_of(BY_HAND) is not None


def test_the_list_of_models_says_where_they_are(file: Path) -> None:
    before = CliRunner().invoke(models).stdout.splitlines()[1]
    (listed,) = json.loads(CliRunner().invoke(models, ["--json"]).stdout)

    assert before.split()[-2:] == ["no", "https://example.org/small"]
    assert (listed["repo"], listed["homepage"], listed["present"]) == (None, "https://example.org/small", False)


def test_the_doctor_takes_them_for_no_broken_installation() -> None:
    found = json.loads(CliRunner().invoke(doctor, ["--json", "--offline"]).stdout)

    assert found["models"] == {"by-hand": "not here"}
    assert not [problem for problem in found["problems"] if "built-in" in problem["what"]]
