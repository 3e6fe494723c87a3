"""What is said before a download, what is checked of one that has no checksum, and what is remembered of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import huggingface_hub
import pytest

from dis_core.errors import WeightsCorrupt
from dis_core.weights import records, store
from tests.fakes.fake_hub import COMMIT, FakeHub, unused_address, use_home, use_hub
from tests.fakes.small_network import DIRECT, SMALL, path_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path)


def test_what_is_downloaded_and_how_large_it_is_is_told_once_before_it_starts(
    fake_hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    store.obtain(SMALL)
    store.obtain(SMALL)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "downloading small: 0.2 MB from someone/small, once (license MIT, commercial use: yes)")
    ]


def test_the_commit_that_was_downloaded_is_remembered(fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    store.obtain(SMALL)
    huggingface_hub.hf_hub_download("someone/direct", "model.safetensors")
    use_hub(monkeypatch, unused_address())
    store.obtain(DIRECT)

    assert store.obtain(SMALL).revision == COMMIT[:12]
    assert store.obtain(DIRECT).revision == COMMIT[:12]


def test_records_of_older_versions_without_a_commit_still_hold(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path
    file = records.records_folder() / "small.json"
    older = json.loads(file.read_text(encoding="utf-8"))
    del older["commit"]
    file.write_text(json.dumps(older), encoding="utf-8")

    assert path_of(SMALL) == path
    assert store.obtain(SMALL).revision == "main"


def test_a_small_file_which_has_a_git_hash_for_an_etag_is_fetched_too(fake_hub: FakeHub) -> None:
    fake_hub.etag = "a" * 40

    path = store.obtain(DIRECT).path

    assert path.resolve().name == "a" * 40
    assert path_of(DIRECT) == path


def test_junk_that_no_checksum_gives_away_is_refused_and_fetched_anew_later(fake_hub: FakeHub) -> None:
    good = fake_hub.files["someone/direct/model.safetensors"]
    fake_hub.etag = "a" * 40
    fake_hub.files["someone/direct/model.safetensors"] = b"<html>log in first</html>"

    with pytest.raises(WeightsCorrupt, match="is damaged"):
        store.obtain(DIRECT)
    found = path_of(DIRECT)
    fake_hub.files["someone/direct/model.safetensors"] = good
    path = store.obtain(DIRECT).path

    assert found is None
    assert path.read_bytes() == good
