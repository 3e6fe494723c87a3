"""What plug-ins make of JSON that no dis-core of theirs has written, and of selections at the edge of an image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from shared.events import Done, EventReader, Progress
from shared.models import parse_models
from shared.program import read_command
from shared.settings import region_box

if TYPE_CHECKING:
    from pathlib import Path

DEEP = b"[" * 100_000
MODEL = {"name": "pdfnet", "task": "matte", "size_bytes": 9}


@pytest.mark.parametrize(
    "number", ["1e999", "NaN", "-Infinity", "1" + "0" * 400, '"1"', "[]"], ids=lambda text: text[:9]
)
def test_numbers_that_are_none_count_as_nothing(number: str) -> None:
    reader = EventReader()

    told = reader.feed(f'{{"event": "progress", "fraction": {number}, "doing": "x"}}\n'.encode())
    reader.feed(f'{{"event": "result", "seconds": {number}}}\n'.encode())

    assert told == [Progress(0.0, "x")]
    assert reader.finish(0, b"") == Done(seconds=0.0)


def test_a_child_that_says_nothing_took_no_time_on_no_device() -> None:
    done = EventReader().finish(0, b"")

    assert isinstance(done, Done)
    assert (done.model, done.device, done.seconds, done.remarks) == ("", "", 0.0, ())


def test_a_line_that_is_nested_too_deep_is_passed_over() -> None:
    progress = json.dumps({"event": "progress", "fraction": 0.5, "doing": "x"}).encode()

    assert EventReader().feed(DEEP + b"\n" + progress + b"\n") == [Progress(0.5, "x")]


@pytest.mark.parametrize(
    "change",
    [
        *({"prompts": 3}, {"needed": [[]]}, {"needed": 7}, {"aliases": 1}),
        *({"size_bytes": value} for value in ("much", float("inf"), [1])),
    ],
    ids=str,
)
def test_a_list_of_models_with_a_value_of_another_kind_is_empty(change: dict[str, object]) -> None:
    assert [model.name for model in parse_models(json.dumps([MODEL]).encode())] == ["pdfnet"]
    assert parse_models(json.dumps([MODEL, {**MODEL, "name": "other", **change}]).encode()) == []


@pytest.mark.parametrize(
    "listed", [DEEP, b"[3]", b'["a"]', b"3", b'{"name": 3}', b"\xff"], ids=lambda text: str(text[:9])
)
def test_a_list_of_models_that_is_none_is_empty(listed: bytes) -> None:
    assert parse_models(listed) == []


@pytest.mark.parametrize(
    ("more", "label"),
    [
        ({"present": True}, "pdfnet: best edges"),
        ({"present": True, "embedded": True}, "pdfnet: best edges"),
        ({}, "pdfnet: best edges (0 MB download)"),
        ({"size_bytes": 411_000_000, "embedded": True}, "pdfnet: best edges (411 MB download)"),
        ({"homepage": "https://example.org"}, "pdfnet: best edges (manual download)"),
        ({"homepage": "https://example.org", "present": True}, "pdfnet: best edges"),
        ({"present": True, "install_command": "pip install x"}, "pdfnet: best edges (needs a package)"),
    ],
    ids=str,
)
def test_a_label_says_what_stands_before_the_first_run(more: dict[str, object], label: str) -> None:
    (model,) = parse_models(json.dumps([{**MODEL, **more}]).encode())

    assert model.label() == label
    assert model.is_ready == ("download" not in label and "needs" not in label)


def test_a_file_that_is_nested_too_deep_names_no_command(tmp_path: Path) -> None:
    (tmp_path / "command.json").write_bytes(DEEP)

    assert read_command(str(tmp_path / "command.json")) is None


@pytest.mark.parametrize(
    ("selected", "box"),
    [
        ((200, 300, 50, 20), (167, 277, 76, 46)),  # 8 pixels and a tenth of the longer side, on each of the four sides
        ((200, 300, 20, 59), (167, 277, 46, 85)),
        ((20, 10, 9, 9), (0, 0, 17, 17)),
        ((1000, 700, 200, 200), (952, 662, 48, 38)),
        ((-900, -900, 830, 800), (0, 0, 0, 0)),
    ],
)
def test_the_box_around_a_selection_is_relative_to_the_source(
    selected: tuple[int, int, int, int], box: tuple[int, int, int, int]
) -> None:
    assert region_box(selected, (20, 10, 1000, 700)) == box


def test_a_selection_around_the_whole_source_needs_no_box() -> None:
    assert region_box((25, 15, 90, 70), (20, 10, 100, 80)) is None
