"""Weights: fetched from a stand-in for the Hub, verified, converted once; and all that can go wrong with that."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import torch

from dis_core.errors import CacheUnwritable, Cancelled, HubUnreachable, WeightsCorrupt, WeightsMissing
from dis_core.model_spec import ModelSpec
from dis_core.progress import ignore
from dis_core.weights import hub, records, room, store
from tests.fakes.fake_hub import COMMIT, FakeHub, run_fake_hub, run_small_network, unused_address, use_home, use_hub
from tests.fakes.small_network import (
    DIRECT,
    SMALL,
    assert_is_converted,
    damage_without_a_trace,
    path_of,
    pickled,
    published_checkpoint,
)

can_limit_files = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of this test's own for everything that is kept, and a Hub that is not there until a test starts one."""
    use_home(monkeypatch, tmp_path)
    monkeypatch.setattr(hub, "RETRY_PAUSE_S", 0.01)
    use_hub(monkeypatch, unused_address())
    return tmp_path


# Fetching


def test_a_pickled_checkpoint_is_fetched_and_becomes_safetensors_under_our_names(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path

    assert path.suffix == ".safetensors"
    assert_is_converted(path)


def test_a_converted_file_is_named_after_the_checksum_of_its_source(fake_hub: FakeHub) -> None:
    digest = hashlib.sha256(fake_hub.files["someone/small/small.pth"]).hexdigest()

    path = store.obtain(SMALL).path

    assert path.name == f"small-{digest[:12]}.safetensors"


def test_a_safetensors_file_is_used_where_it_lies_in_the_hubs_cache(fake_hub: FakeHub) -> None:
    path = store.obtain(DIRECT).path

    assert hub.cache_folder() in path.parents
    assert path.read_bytes() == fake_hub.files["someone/direct/model.safetensors"]


def test_the_hub_client_finds_what_was_fetched_here(fake_hub: FakeHub) -> None:
    path = store.obtain(DIRECT).path

    found = huggingface_hub.hf_hub_download("someone/direct", "model.safetensors", local_files_only=True)
    by_commit = huggingface_hub.hf_hub_download(
        "someone/direct", "model.safetensors", revision=COMMIT, local_files_only=True
    )
    assert Path(found) == path
    assert Path(by_commit) == path


def test_where_links_cannot_be_made_the_file_itself_lies_in_the_snapshot(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: str) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)

    path = store.obtain(DIRECT).path

    assert not path.is_symlink()
    assert path.read_bytes() == fake_hub.files["someone/direct/model.safetensors"]
    assert path_of(DIRECT) == path


def test_what_is_ready_is_found_without_asking_the_hub(fake_hub: FakeHub) -> None:
    first = store.obtain(SMALL).path
    fake_hub.requests.clear()

    second = store.obtain(SMALL).path

    assert second == first == path_of(SMALL)
    assert fake_hub.requests == []


def test_progress_rises_to_one_and_says_what_is_downloaded(fake_hub: FakeHub) -> None:
    told: list[tuple[float, str]] = []

    store.obtain(SMALL, report=lambda fraction, doing: told.append((fraction, doing)))

    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert any(doing.startswith("downloading small: ") and doing.endswith(" of 0.2 MB") for _, doing in told)


def test_a_download_resumes_after_the_connection_is_cut(fake_hub: FakeHub) -> None:
    fake_hub.cuts = [100_000]

    path = store.obtain(SMALL).path

    assert [request.start for request in fake_hub.downloads()] == [None, 100_000]
    assert path == path_of(SMALL)


def test_a_download_follows_the_hub_to_its_storage_and_leaves_the_token_behind(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with run_fake_hub() as storage:
        storage.files = fake_hub.files
        storage.cuts = [100_000]
        fake_hub.elsewhere = storage.url.replace("127.0.0.1", "localhost")

        path = store.obtain(SMALL).path

    assert_is_converted(path)
    assert [request.start for request in storage.downloads()] == [None, 100_000]
    assert all(request.with_token for request in fake_hub.requests)
    assert not any(request.with_token for request in storage.requests)


def test_a_cancelled_download_is_resumed_by_the_next_program(
    fake_hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_hub.files["someone/small/small.pth"] = pickled({**published_checkpoint(), "loss.scale": torch.ones(1_000_000)})
    monkeypatch.setattr(hub, "REPORT_PAUSE_S", 0.0)

    def cancel_on_the_way(fraction: float, doing: str) -> None:
        if doing.startswith("downloading") and fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        store.obtain(SMALL, report=cancel_on_the_way)
    run_small_network(home, fake_hub.url)

    starts = [request.start for request in fake_hub.downloads()]
    assert starts[0] is None
    assert starts[1] is not None
    assert 0.2 * 4e6 < starts[1] < 4e6


def test_a_download_that_keeps_failing_says_how_far_it_came_and_keeps_it(fake_hub: FakeHub) -> None:
    fake_hub.cuts = [100_000, 0, 0, 0]

    with pytest.raises(HubUnreachable, match=r"stopped at 0\.1 of 0\.2 MB") as caught:
        store.obtain(SMALL)

    assert "dis-core fetch small" in caught.value.hint
    assert store.find_installed(SMALL) is None
    assert len(list(hub.cache_folder().rglob("*.incomplete"))) == 1


def test_a_file_that_arrives_damaged_is_fetched_once_more(fake_hub: FakeHub) -> None:
    fake_hub.damages = 1

    path = store.obtain(SMALL).path

    assert len(fake_hub.downloads()) == 2
    assert_is_converted(path)


def test_a_file_that_arrives_damaged_twice_is_refused_and_not_kept(fake_hub: FakeHub) -> None:
    fake_hub.damages = 9

    with pytest.raises(WeightsCorrupt, match="arrived damaged twice"):
        store.obtain(SMALL)

    assert len(fake_hub.downloads()) == 2
    assert hub.find_cached(SMALL.weights) is None
    assert not list(hub.cache_folder().rglob("*.incomplete"))


def test_a_file_other_than_the_declared_one_is_refused_before_it_is_downloaded(fake_hub: FakeHub) -> None:
    pinned = replace(SMALL, weights=replace(SMALL.weights, sha256="0" * 64))

    with pytest.raises(WeightsCorrupt, match="has changed on the Hub"):
        store.obtain(pinned)

    assert fake_hub.downloads() == []


def test_the_first_download_is_remembered_and_a_change_on_the_hub_is_noticed(fake_hub: FakeHub, home: Path) -> None:
    ready = store.obtain(SMALL).path
    ready.unlink()
    blob = hub.find_cached(SMALL.weights)
    assert blob is not None
    blob.resolve().unlink()
    fake_hub.files["someone/small/small.pth"] = pickled(published_checkpoint(seed=1))

    with pytest.raises(WeightsCorrupt, match="has changed on the Hub") as caught:
        store.obtain(SMALL)

    assert "dis-core fetch --again small" in caught.value.hint


# What lies on the disk and is no longer what it was


def test_a_changed_converted_file_is_noticed_and_made_again_from_the_cache(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 255]))
    fake_hub.requests.clear()

    found = path_of(SMALL)
    again = store.obtain(SMALL).path

    assert found is None
    assert_is_converted(again)
    assert fake_hub.requests == []


def test_a_half_written_converted_file_is_noticed_and_made_again(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path
    good, status = path.read_bytes(), path.stat()
    path.write_bytes(good[: len(good) // 2])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    again = store.obtain(SMALL).path

    assert_is_converted(again)


def test_a_corrupt_file_in_the_hubs_cache_is_noticed_and_fetched_again(fake_hub: FakeHub) -> None:
    path = store.obtain(DIRECT).path
    path.resolve().write_bytes(b"something else entirely")

    found = path_of(DIRECT)
    again = store.obtain(DIRECT).path

    assert found is None
    assert again.read_bytes() == fake_hub.files["someone/direct/model.safetensors"]
    assert len(fake_hub.downloads()) == 2


def test_a_file_that_rotted_without_a_trace_is_found_by_reading_all_of_it(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path
    damage_without_a_trace(path)

    quick, thorough = path_of(SMALL), store.is_intact(SMALL)

    assert quick == path
    assert not thorough


def test_a_touched_file_is_still_ready(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path
    os.utime(path, ns=(1, 1))

    assert path_of(SMALL) == path


def test_what_another_program_downloaded_is_used_without_the_hub(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    huggingface_hub.hf_hub_download("someone/direct", "model.safetensors")
    huggingface_hub.hf_hub_download("someone/small", "small.pth")
    use_hub(monkeypatch, unused_address())

    direct, small = path_of(DIRECT), store.obtain(SMALL).path

    assert direct is not None
    assert direct.read_bytes() == fake_hub.files["someone/direct/model.safetensors"]
    assert_is_converted(small)


def test_a_converted_file_is_made_again_when_the_conversion_has_changed(fake_hub: FakeHub) -> None:
    store.obtain(SMALL)

    assert path_of(replace(SMALL, conversion="tests.fakes.small_network:another")) is None


def test_a_damaged_record_is_as_good_as_none(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path
    (records.records_folder() / "small.json").write_text("{half a rec", encoding="utf-8")

    assert store.find_installed(SMALL) is None
    assert store.obtain(SMALL).path == path


# Room


def test_too_little_room_is_noticed_before_the_download(fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_space", lambda _: 1_000)

    with pytest.raises(WeightsMissing, match=r"small needs 0\.2 MB .* 0\.0 MB are free"):
        store.obtain(SMALL)

    assert fake_hub.downloads() == []


@can_limit_files
def test_a_disk_that_fills_up_during_the_download_leaves_nothing_behind(fake_hub: FakeHub, home: Path) -> None:
    child = run_small_network(home, fake_hub.url, files_of_at_most=120_000)

    assert child.stdout.startswith("WeightsMissing: small could not be saved after 0.1 of 0.2 MB: File too large")
    assert not [path for path in (home / "hub").rglob("*") if path.is_file() and path.stat().st_size > 100]


@can_limit_files
def test_a_disk_that_fills_up_during_the_conversion_leaves_nothing_behind(
    fake_hub: FakeHub, home: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.pth"
    half.write_bytes(pickled({key: value.bfloat16() for key, value in published_checkpoint().items()}))
    small = half.stat().st_size

    child = run_small_network(home, fake_hub.url, str(half), files_of_at_most=small // 2)

    assert child.stdout.startswith("OutputFailed: the converted weights (0.1 MB) could not be saved")
    assert not list((home / "cache").rglob("*.safetensors*"))


def test_a_cache_folder_that_cannot_be_written_is_named(fake_hub: FakeHub, home: Path) -> None:
    (home / "cache").write_text("a file where a folder should be", encoding="utf-8")

    with pytest.raises(CacheUnwritable, match="cannot write to the folder for converted weights") as caught:
        store.obtain(SMALL)

    assert "XDG_CACHE_HOME" in caught.value.hint
    assert fake_hub.downloads() == []


# Two at once


def test_two_programs_that_fetch_at_once_both_succeed_and_download_once(fake_hub: FakeHub, home: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        children = list(pool.map(lambda _: run_small_network(home, fake_hub.url), range(2)))

    told = "downloading small: 0.2 MB from someone/small, once (license MIT, commercial use: yes)\n"
    assert sorted(child.stderr for child in children) == ["", told]
    assert children[0].stdout == children[1].stdout
    assert children[0].stdout.startswith("ready: ")
    assert len(fake_hub.downloads()) == 1


def test_who_waits_for_another_program_can_be_cancelled(fake_hub: FakeHub) -> None:
    def cancel_when_waiting(fraction: float, doing: str) -> None:
        if doing.startswith("waiting for another program"):
            raise Cancelled

    with records.alone_at(SMALL, cancel_when_waiting), pytest.raises(Cancelled):
        store.obtain(SMALL, report=cancel_when_waiting)


@pytest.mark.parametrize("forget", [store.forget, store.start_over])
def test_weights_are_not_forgotten_while_another_program_works_on_them(
    fake_hub: FakeHub, forget: Callable[..., None]
) -> None:
    path = store.obtain(SMALL).path

    def cancel(fraction: float, doing: str) -> None:
        raise Cancelled

    with records.alone_at(SMALL, ignore), pytest.raises(Cancelled):
        forget(SMALL, report=cancel)

    assert path_of(SMALL) == path


# What takes long


@pytest.mark.parametrize("spec", [SMALL, DIRECT], ids=lambda spec: spec.name)
def test_reading_what_another_program_downloaded_can_be_canceled(fake_hub: FakeHub, spec: ModelSpec) -> None:
    huggingface_hub.hf_hub_download(spec.weights.repo or "", spec.weights.filename)

    def cancel(fraction: float, doing: str) -> None:
        assert doing == f"verifying {spec.name}"
        raise Cancelled

    with pytest.raises(Cancelled):
        store.obtain(spec, report=cancel)
