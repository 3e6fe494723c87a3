"""Parquet files: the same rows in and out, with a result or an error in each."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dis_core.batch.manifest import read_manifest
from dis_core.cli.main import run
from tests.fakes import bright_model
from tests.fakes.bright_squares import bright_square

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.usefixtures("bright_models")


def png(height: int = 40) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(bright_square(height)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with one image."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(png())
    return tmp_path


def batch(*arguments: str) -> int:
    return run(["batch", "*.parquet", "out", "--model", "bright", "--device", "cpu", *arguments])


def write(columns: dict[str, list[Any]], name: str = "t.parquet") -> None:  # whatever a table can hold
    pq.write_table(pa.table(columns), name)


def rows(name: str = "t.parquet") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(f"out/{name}").to_pylist()
    return found


def test_each_row_gets_its_result_or_why_there_is_none(folder: Path) -> None:
    write({"id": list(range(40)), "bytes": [png(40 + n) if n % 10 else b"broken" for n in range(40)]})

    assert batch() == 1

    found = rows()
    assert [row["id"] for row in found] == list(range(40))
    assert list(found[0]) == ["id", "result", "error_code", "error_message", "model"]
    assert [row["id"] for row in found if row["result"] is None] == [0, 10, 20, 30]
    assert {row["error_code"] for row in found} == {None, "NoImage"}
    assert Image.open(io.BytesIO(found[17]["result"])).size == (60, 57)
    assert found[17]["model"].startswith("bright@")
    assert sum(row.status == "failed" for row in read_manifest(Path("out/manifest.jsonl")).rows.values()) == 4


def test_a_column_of_paths_starts_at_the_folder_of_the_file_and_is_kept(folder: Path) -> None:
    write({"path": ["a.png", "missing.png", None, str(folder / "a.png"), "\0"]})

    assert batch("--mask") == 1

    assert [row["path"] for row in rows()] == ["a.png", "missing.png", None, str(folder / "a.png"), "\0"]
    assert [row["result"] is None for row in rows()] == [False, True, True, False, True]
    assert rows()[0]["result"] == rows()[3]["result"]


def test_images_as_hugging_face_datasets_keep_them_are_read(folder: Path) -> None:
    write({"image": [{"bytes": png(), "path": "x.png"}, {"bytes": None, "path": "a.png"}], "label": [3, 4]})

    assert batch() == 0

    assert [list(row)[:2] for row in rows()] == [["label", "result"]] * 2
    assert rows()[0]["result"] == rows()[1]["result"]


def test_a_column_can_be_named(folder: Path) -> None:
    write({"path": ["nothing.png"], "photo": [png()]})

    assert batch("--column", "photo") == 0

    assert rows()[0]["path"] == "nothing.png"


@pytest.mark.parametrize(
    ("columns", "arguments", "said"),
    [
        ({"title": ["x"]}, [], "lacks a column of images"),
        ({"bytes": [b""]}, ["--column", "photo"], "lacks a column photo (name one of these with --column: bytes)"),
    ],
)
def test_a_table_without_images_is_refused_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str], columns: dict[str, list[Any]], arguments: list[str], said: str
) -> None:
    write(columns)

    assert batch(*arguments) == 1

    assert said in capsys.readouterr().err


def test_a_damaged_table_fails_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.parquet").write_bytes(b"PAR1 but nothing more")
    write({"bytes": [png()]})

    assert batch() == 1

    assert "bad.parquet cannot be read as Parquet" in capsys.readouterr().err
    assert (len(rows()), Path("out/bad.parquet").exists()) == (1, False)


def test_an_empty_table_stays_one(folder: Path) -> None:
    pq.write_table(pa.table({"bytes": pa.array([], pa.binary())}), "t.parquet")

    assert batch() == 0

    assert rows() == []


def test_what_failed_in_a_table_is_retried_alone(folder: Path) -> None:
    write({"path": ["a.png", "late.png", "never.png"]})
    batch()
    Path("late.png").write_bytes(png(50))
    bright_model.loaded.clear()

    assert batch("--retry-failed") == 1

    assert sum(len(model.seen) for model in bright_model.loaded) == 1
    assert [row["error_code"] for row in rows()] == [None, None, "NoImage"]
    assert Image.open(io.BytesIO(rows()[1]["result"])).size == (60, 50)


def test_without_pyarrow_it_is_said_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write({"bytes": [png()]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    assert batch() == 1

    assert "pip install 'dis-core[parquet]'" in capsys.readouterr().err
