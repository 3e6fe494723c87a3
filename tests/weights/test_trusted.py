"""Pins that are only known second-hand: they are asked for, a wrong one is told in words, and there is a way on."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open

from dis_core.cli.commands.fetch import fetch
from dis_core.errors import BadRequest, WeightsCorrupt, WeightsMissing
from dis_core.model_spec import Conversion, ModelSpec, WeightsFile
from dis_core.registry import manager as registry
from dis_core.weights import store
from tests.fakes.fake_hub import COMMIT, FakeHub
from tests.fakes.small_network import (
    DIRECT,
    SMALL,
    assert_is_converted,
    damage_without_a_trace,
    path_of,
    pickled,
    published_checkpoint,
)

CONTENT = pickled(published_checkpoint())
OTHER_COMMIT = "f" * 40
CONVERSION = Conversion("small", 1, "tests.fakes.small_network:convert_small")


def pinned(sha256: str | None = None, *, commit: str = COMMIT) -> ModelSpec:
    """The small model, its file known from other projects: rightly, unless a checksum is given."""
    known = hashlib.sha256(CONTENT).hexdigest() if sha256 is None else sha256
    return replace(SMALL, weights=replace(SMALL.weights, revision=commit, sha256=known, pin_source="second-hand"))


WRONG = pinned("0" * 64)


def run_fetch(monkeypatch: pytest.MonkeyPatch, spec: ModelSpec, *arguments: str) -> Result:
    monkeypatch.setattr(registry, "models", lambda: {spec.name: spec})
    return CliRunner().invoke(fetch, list(arguments), standalone_mode=False)


def test_the_commit_is_asked_for(fake_hub: FakeHub) -> None:
    path = store.obtain(pinned()).path

    assert_is_converted(path)
    assert all(f"/resolve/{COMMIT}/" in request.path for request in fake_hub.requests)


def test_another_file_than_expected_is_refused_before_it_is_downloaded(fake_hub: FakeHub) -> None:
    with pytest.raises(WeightsCorrupt, match="from other projects") as caught:
        store.obtain(WRONG)

    assert "000000000000" in caught.value.message
    assert "dis-core fetch --trust-new small" in caught.value.hint
    assert not fake_hub.downloads()


def test_a_file_that_is_known_better_has_no_such_way(fake_hub: FakeHub) -> None:
    verified = replace(WRONG, weights=replace(WRONG.weights, pin_source="verified"))

    with pytest.raises(WeightsCorrupt) as caught:
        store.obtain(verified)

    assert "--trust-new" not in caught.value.hint
    with pytest.raises(BadRequest, match="verified checksum"):
        store.trust_new(verified)


def test_what_the_hub_has_now_is_taken_when_the_user_trusts_it(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run_fetch(monkeypatch, WRONG, "--trust-new", "small")

    assert result.exit_code == 0
    ready = path_of(WRONG)
    assert ready is not None
    assert_is_converted(ready)
    assert any("/resolve/main/" in request.path for request in fake_hub.requests)


def test_what_was_trusted_stays_ready_and_is_held_to(fake_hub: FakeHub) -> None:
    trusted = store.trust_new(WRONG).path

    assert store.obtain(WRONG).path == trusted
    trusted.unlink()
    fake_hub.files["someone/small/small.pth"] = pickled(published_checkpoint(seed=1))
    again = store.obtain(WRONG)  # made again from the file in the Hub's cache
    assert_is_converted(trusted)
    assert store.obtain(WRONG) == again
    assert store.find_installed(WRONG) == again
    assert again.revision == COMMIT[:12]


def test_what_was_trusted_is_still_trusted_when_the_conversion_has_a_new_version(fake_hub: FakeHub) -> None:
    store.trust_new(replace(WRONG, conversion=CONVERSION))
    newer = replace(WRONG, conversion=replace(CONVERSION, version=2))

    again = store.obtain(newer)

    assert store.find_installed(newer) == again


def test_what_was_trusted_is_still_trusted_when_it_is_found_damaged_and_made_again(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.trust_new(WRONG).path
    damage_without_a_trace(path)

    result = run_fetch(monkeypatch, WRONG, "small")

    assert result.exit_code == 0
    assert_is_converted(path)
    assert path_of(WRONG) == path


def test_what_was_trusted_and_needs_no_conversion_is_still_trusted_when_it_is_downloaded_again(
    fake_hub: FakeHub,
) -> None:
    direct = replace(DIRECT, weights=replace(DIRECT.weights, revision=OTHER_COMMIT, pin_source="second-hand"))
    direct = replace(direct, weights=replace(direct.weights, sha256="0" * 64))
    path = store.trust_new(direct).path
    path.resolve().unlink()

    again = store.obtain(direct)

    assert again.path == path
    assert store.find_installed(direct) == again


def test_what_was_trusted_is_still_trusted_when_it_is_fetched_again(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.trust_new(WRONG).path

    result = run_fetch(monkeypatch, WRONG, "--again", "small")

    assert result.exception is None
    assert result.exit_code == 0
    assert_is_converted(path)
    assert path_of(WRONG) == path


def test_trust_ends_when_the_same_commit_is_pinned_with_a_verified_checksum(fake_hub: FakeHub) -> None:
    store.trust_new(WRONG)
    verified = replace(WRONG, weights=replace(WRONG.weights, pin_source="verified"))

    assert path_of(verified) is None


def test_the_converted_file_says_which_commit_was_trusted(fake_hub: FakeHub) -> None:
    path = store.trust_new(pinned("0" * 64, commit=OTHER_COMMIT)).path

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()

    assert (metadata["revision"], metadata["origin"]) == (COMMIT, "trusted")


def test_there_is_no_newer_file_of_a_model_that_is_built_in() -> None:
    built_in = replace(SMALL, weights=WeightsFile(None, "small.safetensors"), conversion=None)

    with pytest.raises(BadRequest, match="small is built in"):
        store.trust_new(built_in)


def test_there_is_no_newer_file_on_the_hub_of_a_model_that_is_downloaded_by_hand() -> None:
    by_hand = replace(SMALL, weights=WeightsFile(None, "small.pth", homepage="https://example.org/small"))

    with pytest.raises(BadRequest, match="not on the Hub") as caught:
        store.trust_new(by_hand)

    assert "https://example.org/small" in caught.value.hint
    assert "dis-core fetch small --from FILE" in caught.value.hint


def test_what_was_trusted_and_then_changed_on_the_hub_is_noticed(fake_hub: FakeHub, tmp_path: Path) -> None:
    store.trust_new(WRONG).path.unlink()
    for blob in tmp_path.parent.rglob("blobs/*"):
        blob.unlink()
    fake_hub.files["someone/small/small.pth"] = pickled(published_checkpoint(seed=1))

    with pytest.raises(WeightsCorrupt, match="has changed on the Hub"):
        store.obtain(WRONG)


def test_trust_ends_when_another_file_is_declared(fake_hub: FakeHub) -> None:
    store.trust_new(WRONG)

    assert path_of(pinned(commit=OTHER_COMMIT)) is None


def test_a_commit_that_the_hub_does_not_have_may_be_what_is_wrong(fake_hub: FakeHub) -> None:
    fake_hub.refusal = (404, "RevisionNotFound")

    with pytest.raises(WeightsMissing, match="commit ffffffffffff") as caught:
        store.obtain(pinned(commit=OTHER_COMMIT))

    assert "dis-core fetch --trust-new small" in caught.value.hint


def test_trust_is_for_pins_that_may_be_wrong(fake_hub: FakeHub) -> None:
    with pytest.raises(BadRequest, match="small has no pinned checksum") as caught:
        store.trust_new(SMALL)

    assert "dis-core fetch --again small" in caught.value.hint


@pytest.mark.parametrize("other", [("--again",), ("--from", "small.pth")])
def test_trust_goes_with_no_other_source(monkeypatch: pytest.MonkeyPatch, other: tuple[str, ...]) -> None:
    result = run_fetch(monkeypatch, WRONG, "--trust-new", *other, "small")

    assert isinstance(result.exception, BadRequest)
