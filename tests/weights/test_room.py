"""Room on disks: what is asked before a download, and what is left of one that finds no more."""

from __future__ import annotations

import errno
import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn

import pytest

from dis_core.errors import WeightsMissing
from dis_core.files import write_failed
from dis_core.weights import hub, store
from tests.fakes.fake_hub import FakeHub, use_home
from tests.fakes.small_network import DIRECT, SMALL, path_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_home(monkeypatch, tmp_path)
    return tmp_path


def leave_free(monkeypatch: pytest.MonkeyPatch, size_bytes: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size_bytes))


def test_a_converted_file_needs_room_beside_its_download(fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_free(monkeypatch, 3 * len(fake_hub.files["someone/small/small.pth"]) // 2)

    with pytest.raises(WeightsMissing, match=r"small needs 0\.4 MB .* only 0\.3 MB are free"):
        store.obtain(SMALL)

    assert fake_hub.downloads() == []


@pytest.mark.parametrize("spare_bytes", [0, 1])
def test_a_file_that_is_not_converted_needs_room_only_once(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch, spare_bytes: int
) -> None:
    leave_free(monkeypatch, len(fake_hub.files["someone/direct/model.safetensors"]) + spare_bytes)

    path = store.obtain(DIRECT).path

    assert path == path_of(DIRECT)


def test_a_download_that_is_half_there_needs_room_for_the_rest(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_hub.cuts = [100_000, 0, 0, 0]
    monkeypatch.setattr(hub, "RETRY_PAUSE_S", 0.01)
    with pytest.raises(WeightsMissing):
        store.obtain(DIRECT)
    leave_free(monkeypatch, len(fake_hub.files["someone/direct/model.safetensors"]) - 100_000)

    path = store.obtain(DIRECT).path

    assert path == path_of(DIRECT)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_and_a_quota_are_named_and_nothing_stays_on_them(
    fake_hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(hub, "_write_all", fail)

    with pytest.raises(WeightsMissing, match=f"small could not be saved after .*{os.strerror(number)}") as caught:
        store.obtain(SMALL)

    assert "free some space" in caught.value.hint
    assert not list((home / "hub").rglob("*.incomplete"))


def test_a_quota_is_told_from_a_full_disk() -> None:
    words = {number: write_failed("a.png", OSError(number, "")).hint for number in (errno.ENOSPC, errno.EDQUOT)}

    assert "no space left" in words[errno.ENOSPC]
    assert "quota" in words[errno.EDQUOT]
