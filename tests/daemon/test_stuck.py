"""A daemon that is stuck, silent or out of reach: what is said of it, and that it can always be ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dis_core.daemon import client, endpoint, lifecycle
from dis_core.errors import DaemonUnavailable
from tests.fakes.daemon_home import DaemonHome, daemon_home

UNKNOWN = ("--model", "pdfnot")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DaemonHome]:
    with daemon_home(tmp_path) as home:
        shutil.copy(home.work / "a.png", home.work / "stuck.png")
        yield home


def start_daemon(home: DaemonHome, *, reading_s: float = 600.0) -> subprocess.Popen[str]:
    """A daemon that gets stuck in stuck.png."""
    daemon = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.stuck_daemon", str(reading_s)],
        env=home.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    home.children.append(daemon)
    home.wait_for(home.status, "the daemon")
    return daemon


def get_stuck(home: DaemonHome) -> subprocess.Popen[str]:
    """A command whose image the daemon is stuck in."""
    command = home.start("mask", "stuck.png", *UNKNOWN, "--warm", "-o", "out.png")
    home.wait_for(lambda: (home.status() or {}).get("doing") == "reading", "the daemon to read")
    return command


def test_reading_has_a_limit_and_the_command_goes_on_with_a_new_daemon(home: DaemonHome) -> None:
    daemon = start_daemon(home, reading_s=1.0)

    done = home.run("mask", "stuck.png", "a.png", *UNKNOWN, "--warm", "-o", "out/", "--progress", "json")

    assert "stuck.png takes longer than 1 s to read" in done.stdout
    assert "unknown model 'pdfnot'" in done.stderr  # of the second image, by the daemon that was started for it
    assert daemon.wait(timeout=10) == 0
    assert home.has_daemon()


@pytest.mark.parametrize("how", ["stop --now", "SIGTERM", "SIGINT"])
def test_a_daemon_that_is_to_exit_at_once_does_so_whatever_its_worker_does(home: DaemonHome, how: str) -> None:
    daemon = start_daemon(home)
    command = get_stuck(home)

    asked = time.monotonic()
    if how == "stop --now":
        assert home.run("daemon", "stop", "--now").returncode == 0
    else:
        daemon.send_signal(signal.Signals[how])
    daemon.wait(timeout=30)
    took_s = time.monotonic() - asked
    _, told = command.communicate(timeout=60)

    assert took_s < lifecycle.NOW_S + 10  # a command's own start included, on a busy machine
    assert command.returncode == 130, told
    assert not home.has_daemon()


def test_a_daemon_that_does_not_answer_is_not_denied_and_can_be_ended(home: DaemonHome) -> None:
    daemon = start_daemon(home)
    daemon.send_signal(signal.SIGSTOP)

    status = home.run("daemon", "status")
    stopped = home.run("daemon", "stop")
    killed = home.run("daemon", "stop", "--now")

    for done in (status, stopped):
        assert done.returncode == 1
        assert f"the daemon (process {daemon.pid}) is running, but does not answer" in done.stderr
        assert "dis-core daemon stop --now" in done.stderr
    assert killed.returncode == 0
    assert "was killed" in killed.stderr
    assert daemon.wait(timeout=10) == -signal.SIGKILL


def test_a_command_says_that_the_daemon_does_not_answer(home: DaemonHome) -> None:
    daemon = start_daemon(home)
    daemon.send_signal(signal.SIGSTOP)

    done = home.run("mask", "a.png", *UNKNOWN, "--warm")
    daemon.kill()

    assert f"the daemon (process {daemon.pid}) is running, but does not answer; continuing without" in done.stderr
    assert "unknown model 'pdfnot'" in done.stderr


def test_a_daemon_whose_folder_is_removed_exits(home: DaemonHome) -> None:
    daemon = start_daemon(home)

    shutil.rmtree(home.runtime, ignore_errors=True)  # the daemon notices at once, and removes some of it itself

    assert daemon.wait(timeout=20) == 0
    assert "were removed" in home.log()


def test_our_own_daemon_that_is_exiting_is_called_so(home: DaemonHome, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*endpoint.SETTINGS, *endpoint.SECRET_SETTINGS, "HOME"):
        monkeypatch.delenv(name, raising=False)
        if name in home.environment:
            monkeypatch.setenv(name, home.environment[name])
    monkeypatch.setattr(client, "REPLACED_S", 0.5)
    start_daemon(home)
    command = get_stuck(home)
    connection = home.connect()
    assert connection is not None
    list(connection.ask("stop", when="idle"))
    connection.close()
    home.wait_for(lambda: is_leaving(home), "the daemon to announce its exit")

    with pytest.raises(DaemonUnavailable, match="about to exit, and still busy"):
        client.reach_daemon(home.runtime)

    command.kill()


def is_leaving(home: DaemonHome) -> bool:
    found = endpoint.read_endpoint(home.runtime)
    return found is not None and found.is_leaving


def test_the_log_is_private_also_where_it_was_not(home: DaemonHome) -> None:
    folder = home.folder / "state" / "dis-core" / "log"
    folder.mkdir(parents=True)
    files = [folder / "daemon.log", folder / "daemon.log.1"]
    for file in files:
        file.write_text("from before\n", encoding="utf-8")
        file.chmod(0o644)

    start_daemon(home)

    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]


@pytest.mark.parametrize("more", [(), ("--warm",)])
def test_a_working_folder_that_was_deleted_is_named(home: DaemonHome, more: tuple[str, ...]) -> None:
    if more:
        start_daemon(home)
    gone = home.work / "gone"
    gone.mkdir()
    script = 'rmdir "$1" && exec "$2" -m dis_core mask a.png --model pdfnot -o out.png $3'

    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(gone), sys.executable, *more],
        cwd=gone,
        env=home.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert "the working folder does not exist any more" in done.stderr


def test_whole_paths_need_no_working_folder(home: DaemonHome) -> None:
    start_daemon(home)
    gone = home.work / "gone"
    gone.mkdir()
    script = 'rmdir "$1" && exec "$2" -m dis_core mask "$3" --model pdfnot -o "$3".png --warm'

    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(gone), sys.executable, str(home.work / "nothing.png")],
        cwd=gone,
        env=home.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert "there is no file" in done.stderr, done.stderr
    assert os.path.lexists(home.work)
