"""Which files in a folder are new and complete, told by looking now and then; the clock is the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dis_core.cli.arrivals import PATIENCE_S, SETTLED_AFTER_S, Arrival, Folders, is_temporary, looks_complete, state_of


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders([tmp_path], output=None, recursive="no")


def names(arrivals: list[Arrival]) -> list[str]:
    return [arrival.path.name for arrival in arrivals]


def test_a_file_is_offered_when_it_has_been_still_for_a_moment_and_until_it_is_over(
    tmp_path: Path, folders: Folders
) -> None:
    (tmp_path / "a.bmp").write_bytes(b"all of it")

    assert folders.settled(0.0) == []
    assert folders.settled(SETTLED_AFTER_S / 2) == []
    (arrival,) = folders.settled(SETTLED_AFTER_S)
    assert names(folders.settled(SETTLED_AFTER_S * 2)) == ["a.bmp"]
    arrival.fate = "over"
    assert folders.settled(SETTLED_AFTER_S * 3) == []


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_change_starts_the_moment_anew(change: str, tmp_path: Path, folders: Folders) -> None:
    (tmp_path / "a.bmp").write_bytes(b"some")
    folders.settled(0.0)
    if change == "size":
        (tmp_path / "a.bmp").write_bytes(b"some more")
    os.utime(tmp_path / "a.bmp", (1, 1))

    assert folders.settled(SETTLED_AFTER_S) == []
    assert names(folders.settled(2 * SETTLED_AFTER_S)) == ["a.bmp"]


def test_what_looks_incomplete_is_waited_for_but_not_for_ever(tmp_path: Path, folders: Folders) -> None:
    (tmp_path / "a.bmp").write_bytes(bytes(1000))
    folders.settled(0.0)

    assert folders.settled(PATIENCE_S - 0.1) == []
    assert names(folders.settled(PATIENCE_S)) == ["a.bmp"]


def test_the_oldest_comes_first(tmp_path: Path, folders: Folders) -> None:
    for name, year_s in (("b.bmp", 2e9), ("a.bmp", 3e9), ("c.bmp", 4e9)):
        (tmp_path / name).write_bytes(b"all of it")
        os.utime(tmp_path / name, (year_s, year_s))
    folders.settled(0.0)

    assert names(folders.settled(SETTLED_AFTER_S)) == ["b.bmp", "a.bmp", "c.bmp"]


def test_what_is_put_in_again_under_its_old_name_is_new(tmp_path: Path, folders: Folders) -> None:
    (tmp_path / "a.bmp").write_bytes(b"all of it")
    folders.settled(0.0)
    folders.settled(SETTLED_AFTER_S)[0].fate = "over"
    (tmp_path / "a.bmp").unlink()
    folders.settled(10.0)
    (tmp_path / "a.bmp").write_bytes(b"all of it")

    assert folders.settled(11.0) == []
    assert names(folders.settled(11.0 + SETTLED_AFTER_S)) == ["a.bmp"]


def test_a_folder_out_of_reach_keeps_what_is_known_of_its_files(tmp_path: Path) -> None:
    inner, outer = tmp_path / "in", tmp_path / "elsewhere"
    inner.mkdir()
    (inner / "a.bmp").write_bytes(b"all of it")
    folders = Folders([inner], output=None, recursive="no")
    folders.settled(0.0)
    folders.settled(SETTLED_AFTER_S)[0].fate = "over"
    inner.rename(outer)

    assert folders.settled(10.0) == []
    assert list(folders.trouble) == [inner]
    outer.rename(inner)
    assert folders.settled(20.0) == folders.settled(30.0) == []
    assert folders.trouble == {}


@pytest.mark.skipif(os.name == "nt", reason="there are no pipes in folders")
def test_only_files_count(tmp_path: Path, folders: Folders) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "real.png").write_bytes(b"x")
    (tmp_path / "link.bmp").symlink_to(tmp_path / "real.png")
    folders.settled(0.0)

    assert sorted(names(folders.settled(PATIENCE_S))) == ["link.bmp", "real.png"]
    assert state_of(tmp_path / "pipe.png") is None


def test_a_folder_that_leads_into_itself_ends_nowhere(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / "deep" / "a.bmp").write_bytes(b"x")
    folders = Folders([tmp_path], output=None, recursive="yes")
    folders.settled(0.0)

    assert names(folders.settled(PATIENCE_S)) == ["a.bmp"]


@pytest.mark.parametrize(
    ("content", "is_complete"),
    [
        (b"", False),
        (b"\xff\xd8 pixels", False),
        (b"\xff\xd8 pixels \xff\xd9", True),
        (b"\xff\xd8 pixels \xff\xd9 and a film behind" + bytes(100), True),
        (b"\x89PNG pixels IEN", False),
        (b"\x89PNG pixels IEND\xaeB`\x82", True),
        (b"RIFF\x10\0\0\0WEBPpixels", False),
        (b"RIFF\x0a\0\0\0WEBPpixels", True),
        (b"BMpixels" + bytes(64), False),
        (b"BMpixels" + bytes(63), True),
    ],
)
def test_files_show_by_their_end_whether_it_has_arrived(content: bytes, is_complete: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)

    assert looks_complete(tmp_path / "file") == is_complete


def test_names_that_programs_use_meanwhile() -> None:
    meanwhile = (".a.png", "~a.png", "a.png.part", "a.JPG.CRDOWNLOAD", "a.tmp.png", ".dis-core-1234-a.png.part")

    assert all(map(is_temporary, meanwhile))
    assert not any(map(is_temporary, ("a.png", "part.png", "a.b.c.jpg", "temp", "a~.png")))
