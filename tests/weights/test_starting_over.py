"""Starting over with weights, and what is still to be downloaded: the Hub is asked only where it has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import huggingface_hub
import pytest

from dis_core.errors import HubUnreachable
from dis_core.weights import hub, store
from tests.fakes.fake_hub import FakeHub, unused_address, use_home, use_hub
from tests.fakes.small_network import DIRECT, SMALL, assert_is_converted, path_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dis_core.model_spec import ModelSpec


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path)


def test_what_lies_in_the_hubs_cache_is_started_over_with_without_the_hub(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.obtain(SMALL).path
    use_hub(monkeypatch, unused_address())

    store.start_over(SMALL)
    found = path_of(SMALL)
    again = store.obtain(SMALL).path

    assert found is None
    assert again == path
    assert_is_converted(again)


def test_nothing_is_forgotten_while_the_hub_cannot_be_asked(fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store.obtain(SMALL).path
    cached = hub.find_cached(SMALL.weights)
    assert cached is not None
    cached.resolve().unlink()
    use_hub(monkeypatch, unused_address())

    with pytest.raises(HubUnreachable):
        store.start_over(SMALL)

    assert path_of(SMALL) == path


@pytest.mark.parametrize("spec", [SMALL, DIRECT], ids=lambda spec: spec.name)
def test_how_much_is_to_be_downloaded_is_known_before_and_after(fake_hub: FakeHub, spec: ModelSpec) -> None:
    whole = len(fake_hub.files[f"{spec.weights.repo}/{spec.weights.filename}"])

    before = store.bytes_to_download(spec)
    store.obtain(spec)

    assert before == whole
    assert store.bytes_to_download(spec) == 0
    assert store.download_size(spec) == whole


def test_what_another_program_has_downloaded_is_not_to_be_downloaded(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    huggingface_hub.hf_hub_download("someone/small", "small.pth")
    use_hub(monkeypatch, unused_address())

    assert store.bytes_to_download(SMALL) == 0


def test_what_is_ready_is_not_to_be_downloaded_though_its_source_is_gone(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.obtain(SMALL)
    cached = hub.find_cached(SMALL.weights)
    assert cached is not None
    cached.resolve().unlink()
    use_hub(monkeypatch, unused_address())

    assert store.bytes_to_download(SMALL) == 0


@pytest.mark.parametrize("ask", [store.bytes_to_download, store.obtain, store.is_intact], ids=lambda ask: ask.__name__)
def test_progress_stays_within_its_bounds_and_never_falls(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., object]
) -> None:
    huggingface_hub.hf_hub_download("someone/small", "small.pth")
    told: list[float] = []

    ask(SMALL, report=lambda fraction, _: told.append(fraction))

    assert told == sorted(told)
    assert all(0 <= fraction <= 1 for fraction in told)
