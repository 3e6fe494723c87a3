"""A Hub that cannot be asked, does not answer or refuses: decided within seconds and put into words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dis_core.errors import Cancelled, HubUnreachable, WeightsMissing
from dis_core.weights import hub, store
from dis_core.weights.hub_errors import in_words
from tests.fakes.fake_hub import (
    COMMIT,
    FakeHub,
    run_silent_host,
    run_small_network,
    unused_address,
    use_home,
    use_hub,
)
from tests.fakes.small_network import SMALL

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of this test's own for everything that is kept, and a Hub that is not there until a test starts one."""
    use_home(monkeypatch, tmp_path)
    monkeypatch.setattr(hub, "RETRY_PAUSE_S", 0.01)
    use_hub(monkeypatch, unused_address())
    return tmp_path


def test_offline_mode_is_obeyed_at_once(fake_hub: FakeHub, home: Path) -> None:
    child = run_small_network(home, fake_hub.url, HF_HUB_OFFLINE="1")

    assert child.stdout.startswith("HubUnreachable: cannot download small.pth")
    assert fake_hub.requests == []


def test_a_host_that_is_not_there_is_named_within_ten_seconds() -> None:
    start = time.monotonic()
    with pytest.raises(HubUnreachable, match=r"cannot be reached for small\.pth of someone/small") as caught:
        store.obtain(SMALL)

    assert time.monotonic() - start < 10
    assert "--from FILE" in caught.value.hint


def test_a_host_that_never_answers_is_given_up_within_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.monotonic()
    with run_silent_host() as url:
        use_hub(monkeypatch, url)
        with pytest.raises(HubUnreachable, match="cannot be reached"):
            store.obtain(SMALL)

    assert 5 < time.monotonic() - start < 10


def test_a_name_server_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*args: object, **kwargs: object) -> list[object]:
        time.sleep(30)
        return []

    monkeypatch.setattr("socket.getaddrinfo", hang)
    monkeypatch.setattr(hub, "ANSWER_LIMIT_S", 0.5)
    use_hub(monkeypatch, "http://hub.invalid")

    start = time.monotonic()
    with pytest.raises(HubUnreachable, match="no answer for"):
        store.obtain(SMALL)

    assert time.monotonic() - start < 2


def test_waiting_for_a_silent_host_can_be_cancelled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(fraction: float, doing: str) -> None:
        raise Cancelled

    start = time.monotonic()
    with run_silent_host() as url:
        use_hub(monkeypatch, url)
        with pytest.raises(Cancelled):
            store.obtain(SMALL, report=cancel)

    assert time.monotonic() - start < 2


def test_a_page_that_is_not_the_hubs_is_not_taken_for_it(fake_hub: FakeHub) -> None:
    fake_hub.with_commit = False

    with pytest.raises(HubUnreachable, match=r"small\.pth of someone/small"):
        store.obtain(SMALL)


@pytest.mark.parametrize(
    ("etag", "commit"),
    [("../../../../pwned", COMMIT), ("", "../../../../pwned"), ("ABC", COMMIT), ("", "main"), ("a" * 65, COMMIT)],
)
def test_names_that_could_lead_out_of_the_cache_are_not_taken_for_the_hubs(
    fake_hub: FakeHub, home: Path, etag: str, commit: str
) -> None:
    fake_hub.etag, fake_hub.commit = etag, commit

    with pytest.raises(HubUnreachable, match=r"small\.pth of someone/small"):
        store.obtain(SMALL)

    assert fake_hub.downloads() == []
    assert not list(home.rglob("*pwned*"))


def test_a_password_in_the_address_of_the_hub_is_in_no_message() -> None:
    with pytest.raises(HubUnreachable) as caught, in_words("its front page"):
        raise OSError("no route to https://user:secret@hub.example/api")

    assert caught.value.message.endswith("no route to https://hub.example/api")


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (404, "EntryNotFound", WeightsMissing, "small.pth of someone/small is not on the Hub"),
        (404, "RevisionNotFound", WeightsMissing, "small.pth of someone/small is not on the Hub"),
        (401, "RepoNotFound", WeightsMissing, "small.pth of someone/small is not on the Hub"),
        (401, "", WeightsMissing, r"small.pth of someone/small \(HTTP 401\)"),
        (403, "GatedRepo", WeightsMissing, "only to people who have accepted its license"),
        (503, "", HubUnreachable, r"small.pth of someone/small at the moment \(HTTP 503\)"),
    ],
)
def test_a_refusal_is_put_into_words(
    fake_hub: FakeHub, status: int, code: str, kind: type[WeightsMissing], words: str
) -> None:
    fake_hub.refusal = (status, code)

    with pytest.raises(WeightsMissing, match=words) as caught:
        store.obtain(SMALL)

    assert type(caught.value) is kind


def test_the_front_door_of_the_hub_is_found_open_or_closed(fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = hub.reach()
    use_hub(monkeypatch, unused_address())

    assert 0 <= seconds < 10
    with pytest.raises(HubUnreachable):
        hub.reach()
