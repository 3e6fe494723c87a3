"""Odd servers, proxies, filters and settings: given up within seconds and in words; what is here already is kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub
import pytest
import torch

from dis_core.cli.commands.fetch import ModelToFetch, fetch_model
from dis_core.environment import NO_PROXIES
from dis_core.errors import BadRequest, Cancelled, HubUnreachable, WeightsMissing
from dis_core.progress import ignore
from dis_core.weights import hub, hub_cache, records, store
from tests.fakes.fake_hub import FakeHub, clean_environment, run_fake_hub, run_small_network, use_home, use_hub
from tests.fakes.locked_folders import can_lock_folders, run_python
from tests.fakes.small_network import DIRECT, SMALL, assert_is_converted, pickled, published_checkpoint

FILE = "someone/small/small.pth"
LOGIN_PAGE = b"<html>log in first</html>" * 1000


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_home(monkeypatch, tmp_path)
    monkeypatch.setattr(hub, "RETRY_PAUSE_S", 0.01)
    return tmp_path


# Downloads that bring nothing


def assert_given_up(fake_hub: FakeHub, words: str) -> None:
    """The download fails as an unreachable Hub does, after a few requests."""
    with pytest.raises(HubUnreachable, match=words):
        store.obtain(SMALL)
    assert len(fake_hub.downloads()) <= 2 * hub.FRUITLESS_ATTEMPTS


def test_a_login_page_in_place_of_the_storage_is_given_up(fake_hub: FakeHub) -> None:
    with run_fake_hub() as storage:
        storage.faults.page = LOGIN_PAGE
        fake_hub.elsewhere = storage.url

        assert_given_up(fake_hub, r"small\.pth of someone/small did not come from the Hugging Face Hub \(a web page")


@pytest.mark.parametrize("has_length", [True, False])
def test_a_login_page_in_the_middle_of_a_download_leaves_what_has_arrived(fake_hub: FakeHub, has_length: bool) -> None:
    fake_hub.cuts = [100_000, 0, 0, 0]
    with pytest.raises(HubUnreachable):
        store.obtain(SMALL)
    partial = next(hub.cache_folder().rglob("*.incomplete"))
    fake_hub.requests.clear()
    with run_fake_hub() as storage:
        storage.faults.page, storage.faults.without_length = LOGIN_PAGE, not has_length
        fake_hub.elsewhere = storage.url
        assert_given_up(fake_hub, "stopped at 0.1 of 0.2 MB")

    assert partial.read_bytes() == fake_hub.files[FILE][:100_000]


@pytest.mark.parametrize("wrong", [50_000, 1_000_000])
def test_a_wrong_length_is_given_up(fake_hub: FakeHub, wrong: int) -> None:
    fake_hub.faults.content_length = wrong

    assert_given_up(fake_hub, f"{wrong} bytes from 127.0.0.1 in place of")


@pytest.mark.parametrize("factor", [0.5, 2])
def test_an_announced_size_that_is_wrong_is_given_up(fake_hub: FakeHub, factor: float) -> None:
    fake_hub.faults.announced_size = int(len(fake_hub.files[FILE]) * factor)

    assert_given_up(fake_hub, "did not come from the Hugging Face Hub")


def test_content_that_ends_early_without_an_error_is_asked_for_again_and_given_up(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RETRY_PAUSE_S", 0.2)
    fake_hub.faults.without_length = True
    fake_hub.cuts = [100_000, *[10] * 50]

    start = time.monotonic()
    assert_given_up(fake_hub, r"stopped at 0\.1 of 0\.2 MB: the connection .* ended early")

    assert len(fake_hub.cuts) == 50 - hub.FRUITLESS_ATTEMPTS
    assert time.monotonic() - start >= hub.FRUITLESS_ATTEMPTS * 0.2


def test_content_without_a_length_is_read_to_its_end(fake_hub: FakeHub) -> None:
    fake_hub.faults.without_length = True
    fake_hub.cuts = [100_000, 1_000_000]

    assert_is_converted(store.obtain(SMALL).path)


def test_a_byte_a_second_is_given_up(fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SLOWEST_S", 0.5)
    fake_hub.faults.byte_pause_s = 0.01

    start = time.monotonic()
    assert_given_up(fake_hub, "brings next to nothing")

    assert time.monotonic() - start < 9


def test_a_proxy_that_compresses_unasked_is_understood(fake_hub: FakeHub) -> None:
    fake_hub.files[FILE] = pickled({**published_checkpoint(), "loss.scale": torch.zeros(100_000)})
    fake_hub.faults.compresses = True

    assert_is_converted(store.obtain(SMALL).path)


def test_a_server_that_sends_all_in_place_of_the_rest_costs_time_and_nothing_else(fake_hub: FakeHub) -> None:
    fake_hub.faults.ignores_ranges = True
    fake_hub.cuts = [100_000, 120_000, 1_000_000]

    assert_is_converted(store.obtain(SMALL).path)
    assert [request.start for request in fake_hub.downloads()] == [None, 100_000, 120_000]


def test_another_part_than_was_asked_for_is_not_written(fake_hub: FakeHub) -> None:
    fake_hub.cuts = [100_000, 1_000_000, 1_000_000, 1_000_000]
    fake_hub.faults.wrong_ranges = True

    assert_given_up(fake_hub, "another part than was asked for")


# Refusals


def test_an_expired_token_is_left_out(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    fake_hub.faults.expired_token = True

    path = store.obtain(SMALL).path

    assert_is_converted(path)
    assert "does not accept the token in HF_TOKEN" in caplog.text
    assert [request.with_token for request in fake_hub.requests] == [True, False, True, False]


def test_a_refusal_names_the_variable_that_holds_the_token(fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    fake_hub.refusal = (401, "")

    with pytest.raises(WeightsMissing, match=r"small\.pth of someone/small") as caught:
        store.obtain(SMALL)

    assert "HF_TOKEN" in caught.value.hint
    assert len(fake_hub.requests) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 407, 451, 511])
def test_a_page_of_a_filter_counts_as_a_hub_that_cannot_be_reached(fake_hub: FakeHub, status: int) -> None:
    fake_hub.faults.page, fake_hub.faults.page_status = LOGIN_PAGE, status

    with pytest.raises(HubUnreachable, match=str(status)):
        store.obtain(SMALL)


def test_a_filter_before_the_storage_counts_as_a_hub_that_cannot_be_reached(fake_hub: FakeHub) -> None:
    with run_fake_hub() as storage:
        storage.faults.page, storage.faults.page_status = LOGIN_PAGE, 403
        fake_hub.elsewhere = storage.url

        assert_given_up(fake_hub, "did not come from the Hugging Face Hub")


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://host:port/x", "ftp://example.invalid/x", "//", "http://\x7f/", "/once/more"]
)
def test_a_redirection_to_no_address_is_put_into_words(fake_hub: FakeHub, location: str) -> None:
    fake_hub.faults.location = location

    with pytest.raises(HubUnreachable, match=r"small\.pth of someone/small"):
        store.obtain(SMALL)


def test_a_redirection_of_the_download_to_no_address_is_put_into_words(fake_hub: FakeHub) -> None:
    with run_fake_hub() as storage:
        storage.faults.location = "http://[::1"
        fake_hub.elsewhere = storage.url

        assert_given_up(fake_hub, "cannot be reached")


# Settings

BROKEN: dict[str, dict[str, str]] = {
    "a SOCKS proxy": {"ALL_PROXY": "socks5://127.0.0.1:1080"},
    "a kind of proxy that does not exist": {"all_proxy": "socks://127.0.0.1:7890"},
    "a port that is no number": {"HTTPS_PROXY": "http://proxy:port"},
    "a token that is not ASCII": {"HF_TOKEN": "hf_ü"},
    "a token on two lines": {"HF_TOKEN": "hf_a\nb"},
    "an endpoint without a scheme": {"HF_ENDPOINT": "hub.example"},
    "certificates that are not there": {"SSL_CERT_FILE": "/not/there.pem"},
}


@pytest.fixture
def set_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], None]]:
    """Sets variables as if they had been there when this process started."""

    def set_them(variables: dict[str, str]) -> None:
        for name in NO_PROXIES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        use_hub(monkeypatch, variables.get("HF_ENDPOINT", "https://hub.invalid"))
        huggingface_hub.close_session()

    yield set_them
    huggingface_hub.close_session()


@pytest.mark.parametrize("variables", BROKEN.values(), ids=BROKEN)
def test_a_broken_setting_is_named_and_counts_as_a_hub_that_cannot_be_reached(
    set_variables: Callable[[dict[str, str]], None], variables: dict[str, str]
) -> None:
    set_variables(variables)

    with pytest.raises(HubUnreachable) as caught:
        store.obtain(SMALL)

    (name,) = variables
    assert name in caught.value.message
    assert name in caught.value.hint


def test_a_password_in_the_address_of_a_proxy_is_in_no_message(
    set_variables: Callable[[dict[str, str]], None],
) -> None:
    set_variables({"HTTPS_PROXY": "http://user:secret@proxy:port"})

    with pytest.raises(HubUnreachable, match="HTTPS_PROXY") as caught:
        store.obtain(SMALL)

    assert "secret" not in caught.value.message


@pytest.mark.parametrize(("name", "value"), [("HF_ENDPOINT", "http://[::1"), ("HF_HUB_DOWNLOAD_TIMEOUT", "soon")])
def test_a_setting_that_keeps_the_client_from_starting_is_put_into_words(home: Path, name: str, value: str) -> None:
    done = run_python(
        *("-m", "tests.fakes.small_network"),
        environment=clean_environment(home, "https://hub.example", **{name: value}),
    )

    assert done.stdout.startswith(f"{BadRequest.code}: the client of the Hugging Face Hub does not start"), done.stderr
    assert name.partition("_")[0] in done.stdout


# A cache that others use too


def test_programs_with_records_of_their_own_that_share_a_cache_download_once(fake_hub: FakeHub, home: Path) -> None:
    def obtain(number: int) -> str:
        return run_small_network(home, fake_hub.url, XDG_DATA_HOME=str(home / f"data-{number}")).stdout

    with ThreadPoolExecutor(2) as pool:
        shown = list(pool.map(obtain, range(2)))

    assert [line.partition(":")[0] for line in shown] == ["ready", "ready"], shown
    assert len(fake_hub.downloads()) == 1


def test_who_waits_for_another_users_download_can_be_cancelled(fake_hub: FakeHub) -> None:
    published = hub.locate(SMALL.weights, name="small")
    told = []

    def cancel_when_waiting(fraction: float, doing: str) -> None:
        told.append(doing)
        if doing.startswith("waiting for another program that downloads"):
            raise Cancelled

    with (
        hub_cache.alone_with(SMALL.weights, published, name="small", report=ignore),
        pytest.raises(Cancelled),
    ):
        store.obtain(SMALL, report=cancel_when_waiting)

    assert fake_hub.downloads() == []


@can_lock_folders
def test_a_part_that_another_user_left_is_replaced(fake_hub: FakeHub, home: Path) -> None:
    fake_hub.cuts = [100_000, 0, 0, 0]
    with pytest.raises(HubUnreachable):
        store.obtain(SMALL)
    next(hub.cache_folder().rglob("*.incomplete")).chmod(0o444)

    done = run_python("-m", "tests.fakes.small_network", environment=clean_environment(home, fake_hub.url))

    assert done.stdout.startswith("ready: "), done.stdout + done.stderr


def test_what_killed_programs_left_is_swept_and_what_others_may_need_is_not(fake_hub: FakeHub) -> None:
    blobs = hub.repo_folder(SMALL.weights) / "blobs"
    blobs.mkdir(parents=True)
    records.records_folder().mkdir(parents=True)
    weights = records.weights_folder()
    weights.mkdir(parents=True)
    unfinished = f".dis-core-{'0' * 16}-"
    abandoned, fresh = (blobs / f"{letter * 64}.dis-core.incomplete" for letter in "ab")
    swept = [
        abandoned,
        records.records_folder() / f"{unfinished}small.json.part",
        weights / f"{unfinished}small-0123456789ab.safetensors.part",
        weights / "small-joined.123.tmp",
    ]
    kept = [fresh, weights / f"{unfinished}small-x-0123456789ab.safetensors.part"]
    for file in (*swept, *kept):
        file.write_bytes(b"half")
    os.utime(abandoned, (1, 1))

    store.obtain(SMALL)

    assert [file for file in swept if file.exists()] == []
    assert [file for file in kept if not file.exists()] == []


def test_leftovers_of_a_model_that_is_ready_are_swept_by_fetch(fake_hub: FakeHub) -> None:
    store.obtain(SMALL)
    leftover = records.weights_folder() / "small-joined.123.tmp"
    leftover.write_bytes(b"half")

    fetch_model(ModelToFetch(SMALL), report=ignore)

    assert not leftover.exists()


def test_a_file_whose_program_was_killed_before_it_was_linked_is_not_fetched_again(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = store.obtain(DIRECT).path.resolve()
    for pointer in hub.repo_folder(DIRECT.weights).joinpath("snapshots").rglob("model.safetensors"):
        pointer.unlink()
    fake_hub.requests.clear()

    missing = store.bytes_to_download(DIRECT)
    path = store.obtain(DIRECT).path

    assert missing == 0
    assert path.resolve() == blob
    assert fake_hub.downloads() == []
    assert huggingface_hub.hf_hub_download("someone/direct", "model.safetensors", local_files_only=True) == str(path)


def test_a_file_in_the_cache_that_is_not_what_its_name_says_is_fetched_again(fake_hub: FakeHub) -> None:
    blob = store.obtain(DIRECT).path.resolve()
    good = blob.read_bytes()
    blob.write_bytes(good[:-1] + bytes([good[-1] ^ 255]))
    fake_hub.requests.clear()

    path = store.obtain(DIRECT).path

    assert path.read_bytes() == good
    assert len(fake_hub.downloads()) == 1
