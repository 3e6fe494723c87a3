"""A user's own file stays in its place: the published one takes it only when the user says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import huggingface_hub
import pytest
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import save

from dis_core.cli.commands.fetch import fetch
from dis_core.errors import WeightsMissing
from dis_core.registry import manager as registry
from dis_core.weights import store
from tests.fakes.small_network import (
    DIRECT,
    SMALL,
    SmallNetwork,
    assert_is_converted,
    damage_without_a_trace,
    path_of,
    pickled,
    published_checkpoint,
)

if TYPE_CHECKING:
    from pathlib import Path

    from dis_core.model_spec import ModelSpec
    from tests.fakes.fake_hub import FakeHub

UNCONVERTED = replace(DIRECT, loader="tests.fakes.bright_model:load")

both = pytest.mark.parametrize("spec", [SMALL, UNCONVERTED], ids=lambda spec: spec.name)


def adopt_own(spec: ModelSpec, folder: Path) -> store.Installed:
    """Take a file of the user's, which is not the published one."""
    content = pickled(published_checkpoint(seed=7)) if spec.conversion else save(SmallNetwork().state_dict())
    file = folder / "own.bin"
    file.write_bytes(content)
    return store.adopt(spec, file)


@both
def test_the_published_file_does_not_take_the_place_of_an_own_one_that_is_gone(
    fake_hub: FakeHub, tmp_path: Path, spec: ModelSpec
) -> None:
    adopt_own(spec, tmp_path).path.unlink()

    with pytest.raises(WeightsMissing, match="are gone") as caught:
        store.obtain(spec)

    assert f"dis-core fetch {spec.name} --from FILE" in caught.value.hint
    assert f"dis-core fetch --again {spec.name}" in caught.value.hint
    assert fake_hub.requests == []


@both
def test_the_published_file_does_not_take_the_place_of_an_own_one_though_it_is_in_the_hubs_cache(
    fake_hub: FakeHub, tmp_path: Path, spec: ModelSpec
) -> None:
    own = adopt_own(spec, tmp_path)
    huggingface_hub.hf_hub_download(spec.weights.repo or "", spec.weights.filename)
    own.path.unlink()

    found = store.find_installed(spec)

    assert found is None
    with pytest.raises(WeightsMissing, match="your own file"):
        store.obtain(spec)


@both
def test_fetch_does_not_replace_an_own_file_that_it_finds_damaged(
    fake_hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: ModelSpec
) -> None:
    monkeypatch.setattr(registry, "models", lambda: {spec.name: spec})
    damage_without_a_trace(adopt_own(spec, tmp_path).path)

    first = CliRunner().invoke(fetch, [spec.name], standalone_mode=False)
    second = CliRunner().invoke(fetch, [spec.name], standalone_mode=False)

    for result in (first, second):
        assert isinstance(result.exception, WeightsMissing)
        assert "are damaged" in result.exception.message
    assert "to download" not in second.stderr
    assert fake_hub.requests == []


def test_an_own_file_that_is_gone_goes_back_to_the_published_one_when_the_user_says_so(
    fake_hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "models", lambda: {"small": SMALL})
    adopt_own(SMALL, tmp_path).path.unlink()

    result = CliRunner().invoke(fetch, ["small", "--again"], standalone_mode=False)

    assert result.exit_code == 0
    assert_is_converted(store.obtain(SMALL).path)


@pytest.mark.parametrize("change", [{"revision": "f" * 40}, {"repo": "else/small"}, {"filename": "new.pth"}])
def test_a_new_pin_leaves_an_own_file_in_its_place(fake_hub: FakeHub, tmp_path: Path, change: dict[str, str]) -> None:
    own = adopt_own(SMALL, tmp_path)

    assert path_of(replace(SMALL, weights=replace(SMALL.weights, **change))) == own.path  # type: ignore[arg-type]  # all of these are texts


def test_the_converted_file_says_which_own_file_it_is_made_of(tmp_path: Path) -> None:
    own = adopt_own(SMALL, tmp_path)

    with safe_open(own.path, framework="numpy") as file:
        assert file.metadata()["revision"] == own.revision
