"""Records that a damaged disk or a careless hand has changed: as good as none, whatever they hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dis_core.weights import records, store
from tests.fakes.fake_hub import FakeHub, use_home
from tests.fakes.small_network import SMALL

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path)


NO_PATHS: tuple[object, ...] = (None, 1.5, [], "a\0b", "\ud800", "")


@pytest.mark.parametrize(
    "change",
    [
        *({"path": value} for value in NO_PATHS),
        *({"commit": 7}, {"conversion": {}}, {"origin": "moon"}, {"origin": []}, {"sha256": 0}, {"mtime_ns": "now"}),
        *({"size_bytes": 1.5}, {"source_size_bytes": None}, {"repo": 3}, {"sparkle": 1}),
    ],
    ids=str,
)
def test_a_record_with_a_value_of_another_kind_is_as_good_as_none(fake_hub: FakeHub, change: dict[str, object]) -> None:
    path = store.obtain(SMALL).path
    file = records.records_folder() / "small.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **change}), encoding="utf-8")

    found = store.find_installed(SMALL)
    again = store.obtain(SMALL).path

    assert found is None
    assert again == path


@pytest.mark.parametrize("text", ["", "{half", "[1]", "null", "[" * 100_000, "\udcff"], ids=lambda text: text[:9])
def test_a_record_that_is_none_is_as_good_as_none(fake_hub: FakeHub, text: str) -> None:
    path = store.obtain(SMALL).path
    (records.records_folder() / "small.json").write_bytes(text.encode("utf-8", "surrogateescape"))

    assert store.find_installed(SMALL) is None
    assert store.obtain(SMALL).path == path
