"""The programs that the daemon works for: when they have ended, it need not stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dis_core.daemon import owners
from dis_core.daemon.lifecycle import AFTER_OWNER_S, Daemon
from dis_core.daemon.owners import Owners, mark_of
from tests.fakes.daemon_home import QUICK, daemon_home

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not watched there")


@pytest.fixture
def editor() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    yield process
    process.kill()
    process.wait()


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def new_daemon(keep_alive_s: float) -> Daemon:
    daemon = Daemon(b"key", keep_alive_s=keep_alive_s, announce_exit=lambda: None)
    daemon.mark_active()
    return daemon


def test_a_daemon_leaves_soon_after_the_end_of_the_only_editor(editor: subprocess.Popen[bytes]) -> None:
    daemon = new_daemon(600.0)
    daemon.owners.asked(editor.pid)
    assert daemon.status()["leaves_in_s"] > 500

    end(editor)

    assert daemon.status()["leaves_in_s"] <= AFTER_OWNER_S


def test_it_stays_for_another_editor_and_for_a_command_of_nobody(editor: subprocess.Popen[bytes]) -> None:
    with_another, with_command = new_daemon(600.0), new_daemon(600.0)
    with_another.owners.asked(os.getpid())
    for daemon in (with_another, with_command):
        daemon.owners.asked(editor.pid)
    with_command.owners.asked(None)

    end(editor)

    assert with_another.status()["leaves_in_s"] > 500
    assert with_command.status()["leaves_in_s"] > 500


def test_who_asked_for_ever_gets_it(editor: subprocess.Popen[bytes]) -> None:
    daemon = new_daemon(-1.0)
    daemon.owners.asked(editor.pid)

    end(editor)

    assert daemon.status()["leaves_in_s"] is None


def test_a_process_that_cannot_be_seen_from_here_counts_as_none() -> None:
    known = Owners()

    known.asked(2**22 + 1)  # above the highest number that Linux gives

    assert known.ended_s_ago() is None


def test_a_later_process_with_the_same_number_is_another_one(
    editor: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Owners()
    known.asked(editor.pid)

    monkeypatch.setattr(owners, "mark_of", lambda _pid: "another time")

    assert known.ended_s_ago() is not None


def test_a_process_has_the_same_mark_for_as_long_as_it_runs(editor: subprocess.Popen[bytes]) -> None:
    before = mark_of(editor.pid)

    time.sleep(0.05)

    assert before is not None
    assert mark_of(editor.pid) == before
    editor.kill()  # and is not waited for: what is left of it has a number, but does nothing any more
    ends = time.monotonic() + 10
    while mark_of(editor.pid) is not None:
        assert time.monotonic() < ends or not Path("/proc").exists()


def test_a_command_tells_the_daemon_whom_it_works_for(tmp_path: Path, editor: subprocess.Popen[bytes]) -> None:
    with daemon_home(tmp_path) as home:
        warm = ("--warm", "--owner-pid", str(editor.pid))
        assert home.run("mask", "a.png", *QUICK, *warm).returncode == 0
        assert (home.status() or {})["leaves_in_s"] > 500

        end(editor)

        home.wait_for(lambda: not home.has_daemon(), "the daemon to leave after its owner")


def test_an_owner_without_the_daemon_is_refused(tmp_path: Path) -> None:
    with daemon_home(tmp_path) as home:
        told = home.run("mask", "a.png", *QUICK, "--owner-pid", "1")

    assert told.returncode == 1
    assert "--owner-pid does nothing without --warm" in told.stderr
