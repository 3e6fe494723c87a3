"""A checksum that a model declares: it counts for what lies on the disk already too, whatever was recorded of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dis_core.errors import WeightsCorrupt
from dis_core.weights import store
from tests.fakes.fake_hub import FakeHub, use_home
from tests.fakes.small_network import DIRECT, SMALL, path_of

if TYPE_CHECKING:
    from pathlib import Path

    from dis_core.model_spec import ModelSpec


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path)


def declaring(spec: ModelSpec, sha256: str) -> ModelSpec:
    return replace(spec, weights=replace(spec.weights, sha256=sha256))


def published_sha256(hub: FakeHub, spec: ModelSpec) -> str:
    return hashlib.sha256(hub.files[f"{spec.weights.repo}/{spec.weights.filename}"]).hexdigest()


@pytest.mark.parametrize("spec", [SMALL, DIRECT], ids=lambda spec: spec.name)
def test_weights_that_are_ready_are_not_used_if_another_file_is_declared_now(
    fake_hub: FakeHub, spec: ModelSpec
) -> None:
    store.obtain(spec)
    other = declaring(spec, "0" * 64)

    found = path_of(other)
    with pytest.raises(WeightsCorrupt, match="has changed on the Hub"):
        store.obtain(other)

    assert found is None


@pytest.mark.parametrize("spec", [SMALL, DIRECT], ids=lambda spec: spec.name)
def test_weights_that_are_ready_stay_so_when_their_own_checksum_is_declared(fake_hub: FakeHub, spec: ModelSpec) -> None:
    path = store.obtain(spec).path
    fake_hub.requests.clear()

    again = store.obtain(declaring(spec, published_sha256(fake_hub, spec))).path

    assert again == path
    assert fake_hub.requests == []


@pytest.mark.parametrize("change", [{"repo": "someone/else"}, {"filename": "other.pth"}, {"revision": "v2"}], ids=str)
def test_weights_that_are_ready_are_not_used_if_another_place_is_declared_now(
    fake_hub: FakeHub, change: dict[str, Any]
) -> None:
    store.obtain(SMALL)

    assert path_of(replace(SMALL, weights=replace(SMALL.weights, **change))) is None
