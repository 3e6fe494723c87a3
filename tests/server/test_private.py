"""What clients send lies where nobody else can look, and does not stay."""

from __future__ import annotations

import stat
import sys
import tempfile
from pathlib import Path

import pytest

from dis_core.files import locked
from dis_core.server.private import LOCK, PREFIX, private_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_behind(place: Path, name: str) -> Path:
    folder = place / f"{PREFIX}{name}"
    folder.mkdir()
    (folder / LOCK).touch()
    (folder / "sent-0").write_bytes(b"a photo")
    return folder


def test_the_folder_is_private_and_gone_at_the_end(place: Path) -> None:
    with private_folder() as folder:
        (folder / "sent-0").write_bytes(b"a photo")
        mode = stat.S_IMODE(folder.stat().st_mode)

    assert sys.platform == "win32" or mode == 0o700
    assert list(place.iterdir()) == []


def test_it_is_gone_after_an_error_too(place: Path) -> None:
    with pytest.raises(ValueError, match="a bug"), private_folder():
        raise ValueError("a bug")

    assert list(place.iterdir()) == []


def test_what_a_killed_server_left_is_removed_and_others_are_not(place: Path) -> None:
    abandoned, used, new = (left_behind(place, name) for name in ("abandoned", "used", "new"))
    (new / LOCK).unlink()
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    link = place / f"{PREFIX}link"
    link.symlink_to(elsewhere)

    with locked(used / LOCK) as is_mine, private_folder():
        found = abandoned.exists(), used.exists(), new.exists(), (elsewhere / LOCK).exists()

    assert is_mine
    assert found == (False, True, True, True)
