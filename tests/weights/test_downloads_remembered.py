"""What is said before a download, what is checked of one that has no checksum, and what is remembered of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import huggingface_hub
import pytest
from safetensors.torch import save

from dis_core.errors import WeightsCorrupt
from dis_core.weights import store
from tests.fakes.fake_hub import COMMIT, Standin, run_standin, unused_address, use_home, use_hub
from tests.fakes.small_network import DIRECT, SMALL, SmallNetwork, pickled, published_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path)


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    with run_standin() as standin:
        standin.files["someone/small/small.pth"] = pickled(published_checkpoint())
        standin.files["someone/direct/model.safetensors"] = save(SmallNetwork().state_dict())
        use_hub(monkeypatch, standin.url)
        yield standin


def test_what_is_downloaded_and_how_large_it_is_is_told_once_before_it_starts(
    standin: Standin, caplog: pytest.LogCaptureFixture
) -> None:
    store.obtain(SMALL)
    store.obtain(SMALL)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "downloading small: 0.2 MB from someone/small, once (license MIT, commercial use: yes)")
    ]


def test_the_commit_that_was_downloaded_is_remembered(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    store.obtain(SMALL)
    huggingface_hub.hf_hub_download("someone/direct", "model.safetensors")
    use_hub(monkeypatch, unused_address())
    store.obtain(DIRECT)

    assert store.installed_revision(SMALL) == COMMIT[:12]
    assert store.installed_revision(DIRECT) == COMMIT[:12]


def test_records_of_older_versions_without_a_commit_still_hold(standin: Standin) -> None:
    path = store.obtain(SMALL)
    file = store.records_folder() / "small.json"
    older = json.loads(file.read_text(encoding="utf-8"))
    del older["commit"]
    file.write_text(json.dumps(older), encoding="utf-8")

    assert store.find_ready(SMALL) == path
    assert store.installed_revision(SMALL) == "main"


def test_a_small_file_which_has_a_git_hash_for_an_etag_is_fetched_too(standin: Standin) -> None:
    standin.etag = "a" * 40

    path = store.obtain(DIRECT)

    assert path.resolve().name == "a" * 40
    assert store.find_ready(DIRECT) == path


def test_junk_that_no_checksum_gives_away_is_refused_and_fetched_anew_later(standin: Standin) -> None:
    good = standin.files["someone/direct/model.safetensors"]
    standin.etag = "a" * 40
    standin.files["someone/direct/model.safetensors"] = b"<html>log in first</html>"

    with pytest.raises(WeightsCorrupt, match="is damaged"):
        store.obtain(DIRECT)
    found = store.find_ready(DIRECT)
    standin.files["someone/direct/model.safetensors"] = good
    path = store.obtain(DIRECT)

    assert found is None
    assert path.read_bytes() == good
