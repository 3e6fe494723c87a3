"""The file that notes what became of each image: whatever a kill leaves of it, it can be read and goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dis_core.batch.manifest import Contents, merged, open_manifest, read_manifest, write_merged
from dis_core.batch.rows import Row, row_of
from dis_core.batch.settings import Settings
from dis_core.batch.shards import Shard
from dis_core.errors import BadRequest, OutputExists, OutputFailed

DONE = Row("a/beach.jpg", "done", settings="0a1b", model="bright@1", size=10, seconds=1.5, megapixels=12.0, tiles=3)
FAILED = Row("b.jpg", "failed", code="NoImage", message="b.jpg is not an image")


def written(path: Path, *rows: Row) -> Path:
    with open_manifest(path, None) as manifest:
        manifest.add(*rows)
    return path


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = written(tmp_path / "m.jsonl", DONE, FAILED)

    assert read_manifest(path).rows == {"a/beach.jpg": DONE, "b.jpg": FAILED}


def test_names_that_are_no_text_survive(tmp_path: Path) -> None:
    row = replace(DONE, path="caf\udce9\n\u2028.jpg", output="out/caf\udce9\n\u2028-cutout.png")

    assert read_manifest(written(tmp_path / "m", row)).rows == {row.path: row}


def test_the_last_row_about_an_image_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "m", Row("b.jpg", "begun"), FAILED, replace(DONE, path="b.jpg"))

    assert read_manifest(path).rows["b.jpg"].status == "done"


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_what_a_kill_leaves_of_a_line_is_cut_off_and_the_next_line_is_whole(tmp_path: Path, kept: int) -> None:
    path = written(tmp_path / "m", DONE, FAILED)
    whole = path.read_bytes()
    before_last = whole.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(whole[: before_last + kept])

    written(path, replace(FAILED, path="c.jpg"))

    assert sorted(read_manifest(path).rows) == ["a/beach.jpg", "c.jpg"]
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_very_long_torn_line_is_cut_off(tmp_path: Path) -> None:
    path = written(tmp_path / "m", DONE)
    with path.open("ab") as file:
        file.write(b'{"path": "' + b"x" * 200_000)

    written(path, FAILED)

    assert sorted(read_manifest(path).rows) == ["a/beach.jpg", "b.jpg"]


def test_a_manifest_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    with open_manifest(tmp_path / "m", None) as manifest:
        manifest.add(DONE)

        assert read_manifest(tmp_path / "m").rows == {DONE.path: DONE}


def test_only_one_program_writes_a_manifest(tmp_path: Path) -> None:
    with (
        open_manifest(tmp_path / "m", None),
        pytest.raises(OutputExists, match="another program uses the manifest"),
        open_manifest(tmp_path / "m", None),
    ):
        pass


def test_the_manifest_of_another_shard_is_refused(tmp_path: Path) -> None:
    with open_manifest(tmp_path / "m", Shard(1, 4)):
        pass

    with pytest.raises(BadRequest, match="of shard 1/4, not of shard 2/4"), open_manifest(tmp_path / "m", Shard(2, 4)):
        pass


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"a,b\n1,2\n", b"{}\n", b'{"dis-core', b"[1]\n", b"\xff\n"]
)
def test_a_file_that_is_no_manifest_is_refused_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)

    with pytest.raises(BadRequest, match="is not a manifest"), open_manifest(path, None):
        pass

    assert path.read_bytes() == content


def test_a_manifest_of_the_future_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").write_text('{"dis-core manifest": 2}\n')

    with pytest.raises(BadRequest, match="another version"):
        read_manifest(tmp_path / "m")


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"path": 3, "status": "done"}', '{"path": "a"}', '{"path": "a", "status": "lost"}', "9"]
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "m", DONE)
    with path.open("a") as file:
        file.write(line + "\n")

    with pytest.raises(BadRequest, match="line 3 of the manifest"):
        read_manifest(path)


@given(st.dictionaries(st.text(max_size=9), st.none() | st.integers() | st.text(max_size=9) | st.lists(st.none())))
def test_whatever_a_line_holds_it_is_a_row_or_a_value_error(values: dict[str, object]) -> None:
    try:
        row = row_of({"path": "a", "status": "done", **values})
    except ValueError:
        return

    assert row_of(json.loads(row.line())) == row


def test_settings_are_written_once(tmp_path: Path) -> None:
    for _ in range(2):
        with open_manifest(tmp_path / "m", None) as manifest:
            manifest.add_settings(Settings("0a1b", {"refine": "auto"}))

    assert (tmp_path / "m").read_text().count("refine") == 1
    assert read_manifest(tmp_path / "m").settings == {"0a1b": {"refine": "auto"}}


def test_where_manifests_differ_done_wins_then_what_is_later() -> None:
    def of(*rows: Row) -> Contents:
        return Contents(rows={row.path: row for row in rows})

    early = replace(DONE, path="c", at="2026-01-01T00:00:00Z", model="early@1")
    late = replace(early, at="2026-02-01T00:00:00Z", model="late@1")

    whole = merged([of(FAILED, late), of(replace(DONE, path="b.jpg"), early), of(Row("c", "begun"), Row("d", "begun"))])

    assert (whole.rows["b.jpg"].status, whole.rows["c"].model, whole.rows["d"].status) == ("done", "late@1", "begun")


def test_a_merged_manifest_is_a_manifest(tmp_path: Path) -> None:
    one, other = written(tmp_path / "1", DONE), written(tmp_path / "2", FAILED)

    write_merged(merged(map(read_manifest, [one, other])), tmp_path / "all", [one, other])

    with open_manifest(tmp_path / "all", None) as manifest:
        assert dict(manifest.rows) == {DONE.path: DONE, FAILED.path: FAILED}


def test_merging_overwrites_nothing(tmp_path: Path) -> None:
    one = written(tmp_path / "1", DONE)

    for place in (one, written(tmp_path / "2", FAILED)):
        with pytest.raises(OutputExists):
            write_merged(Contents(), place, [one])

    assert read_manifest(one).rows == {DONE.path: DONE}


def test_a_manifest_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputFailed), open_manifest(tmp_path / "file" / "m", None):
        pass
