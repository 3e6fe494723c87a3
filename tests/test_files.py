"""What a new file may take the place of, and what it keeps of the one before."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dis_core.errors import DiskFull, OutputExists, OutputFailed
from dis_core.files import atomic_file, write_atomically

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither permission bits nor such files")

IS_ROOT = sys.platform != "win32" and os.geteuid() == 0

Write = Callable[[Path], None]


def write_bytes(path: Path) -> None:
    write_atomically(path, b"new", overwrite=True)


def write_in_a_block(path: Path) -> None:
    with atomic_file(path) as beside:
        beside.write_bytes(b"new")


both_ways = pytest.mark.parametrize("write", [write_bytes, write_in_a_block])


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.png"


@both_ways
def test_a_pipe_is_never_replaced(path: Path, write: Write) -> None:
    os.mkfifo(path)

    with pytest.raises(OutputFailed, match=r"out\.png is a pipe"):
        write(path)

    assert path.is_fifo()
    assert [found.name for found in path.parent.iterdir()] == ["out.png"]


@both_ways
def test_a_socket_is_never_replaced(path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("out.png")

        with pytest.raises(OutputFailed, match=r"out\.png is a socket"):
            write(path)

    assert path.is_socket()


@both_ways
@pytest.mark.skipif(not IS_ROOT, reason="only root can make devices")
def test_a_device_is_never_replaced(path: Path, write: Write) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))

    with pytest.raises(OutputFailed, match=r"out\.png is a device"):
        write(path)

    assert path.is_char_device()


@both_ways
def test_a_link_to_a_device_is_never_replaced(path: Path, write: Write) -> None:
    path.symlink_to(os.devnull)

    with pytest.raises(OutputFailed, match=r"out\.png is a device"):
        write(path)

    assert path.is_symlink()


@both_ways
def test_a_link_to_a_folder_is_never_replaced(path: Path, write: Write) -> None:
    path.symlink_to(path.parent)

    with pytest.raises(OutputFailed, match=r"out\.png is a folder"):
        write(path)

    assert path.is_symlink()


@both_ways
def test_a_link_that_leads_nowhere_is_never_replaced(path: Path, write: Write) -> None:
    path.symlink_to("not mounted")

    with pytest.raises(OutputFailed, match="leads nowhere"):
        write(path)

    assert path.is_symlink()


def test_a_pipe_that_comes_during_the_work_is_not_replaced(path: Path) -> None:
    def write_and_lose_the_place() -> None:
        with atomic_file(path) as beside:
            beside.write_bytes(b"new")
            os.mkfifo(path)

    with pytest.raises(OutputFailed, match="is a pipe"):
        write_and_lose_the_place()

    assert path.is_fifo()
    assert [found.name for found in path.parent.iterdir()] == ["out.png"]


def test_a_device_in_the_place_is_called_so_although_nothing_was_to_be_replaced() -> None:
    with pytest.raises(OutputFailed, match="is a device"):
        write_atomically(Path(os.devnull), b"new")


@both_ways
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444, 0o755])
def test_the_mode_survives(path: Path, write: Write, mode: int) -> None:
    path.write_bytes(b"old")
    path.chmod(mode)

    write(path)

    assert path.read_bytes() == b"new"
    assert mode_of(path) == mode


@both_ways
def test_the_mode_of_what_a_link_leads_to_survives(path: Path, write: Write) -> None:
    private = path.with_name("private")
    private.write_bytes(b"old")
    private.chmod(0o600)
    path.symlink_to(private)

    write(path)

    assert mode_of(path) == 0o600
    assert not path.is_symlink()
    assert private.read_bytes() == b"old"


def test_a_private_file_is_private_also_while_its_successor_is_written(path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(0o640)

    with atomic_file(path) as beside:
        beside.write_bytes(b"new")
        meanwhile = mode_of(beside)

    assert meanwhile == 0o600
    assert mode_of(path) == 0o640


def test_a_mode_that_is_asked_for_wins(path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(0o644)

    write_atomically(path, b"secret", overwrite=True, mode=0o600)

    assert mode_of(path) == 0o600


@both_ways
@pytest.mark.skipif(not IS_ROOT, reason="only root may give files away")
def test_the_owner_survives_where_that_is_possible(path: Path, write: Write) -> None:
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    path.chmod(0o640)

    write(path)

    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 23456, 0o640)


@pytest.mark.skipif(not IS_ROOT, reason="only root may give files away")
def test_a_group_that_cannot_be_kept_is_not_replaced_by_ours(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    path.chmod(0o664)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)

    write_bytes(path)

    assert mode_of(path) == 0o644


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EROFS, OutputFailed), (errno.EIO, OutputFailed)],
)
def test_a_full_disk_is_told_from_other_failures(
    path: Path, number: int, kind: type[OutputFailed], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OutputFailed) as failure:
        write_atomically(path, b"content")

    assert type(failure.value) is kind


def test_a_file_that_is_there_is_still_called_taken(path: Path) -> None:
    path.write_bytes(b"old")

    with pytest.raises(OutputExists):
        write_atomically(path, b"new")
