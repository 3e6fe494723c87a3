"""What can happen to a daemon, and that no command is the worse for it."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dis_core
from dis_core.daemon import client, endpoint
from dis_core.daemon.protocol import PROTOCOL
from dis_core.daemon.worker import MAX_WAITING
from dis_core.jobs.job import Job, MaskStyle
from dis_core.jobs.json_values import to_json_value
from dis_core.prompts import SegmentOptions
from tests.fakes.daemon_home import QUICK, SLOW, DaemonHome, daemon_home
from tests.fakes.locked_folders import IS_ROOT

MEDIUM = ("--model", "dis-lite", "--device", "cpu", "--quality", "best", "--refine", "none")
UNKNOWN = ("--model", "pdfnot")
"""Answered by a daemon within the time that loading torch takes it."""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes can be set on Linux only")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonHome]:
    with daemon_home(tmp_path_factory.mktemp("home")) as home:
        yield home


@pytest.fixture
def home(shared: DaemonHome) -> DaemonHome:
    """The shared home, whose daemon, if there is one, has nothing to do."""
    for path in shared.work.iterdir():
        if path.name not in ("a.png", "large.png"):
            path.unlink()
    shared.wait_for(lambda: not (shared.status() or {}).get("doing"), "the daemon to be idle")
    return shared


@pytest.fixture
def empty_home(tmp_path: Path) -> Iterator[DaemonHome]:
    with daemon_home(tmp_path) as home:
        yield home


def is_segmenting(home: DaemonHome) -> bool:
    return "segmenting" in str((home.status() or {}).get("doing"))


def job_for(home: DaemonHome, name: str) -> Job:
    options = SegmentOptions(model="dis-lite", device="cpu", quality="draft", refine="none")
    return Job(home.work / "a.png", home.work / name, "png", MaskStyle(), options)


def test_ten_commands_at_once_end_with_one_daemon(empty_home: DaemonHome) -> None:
    home = empty_home

    racing = [home.start("mask", "a.png", *QUICK, "--warm", "-o", f"{number}.png") for number in range(10)]
    told = [child.communicate(timeout=120)[1] for child in racing]

    assert [child.returncode for child in racing] == [0] * 10, told
    assert home.log().count("started, version") == 1
    assert (home.status() or {})["done"] == 10
    results = {(home.work / f"{number}.png").read_bytes() for number in range(10)}
    assert len(results) == 1


@linux_only
def test_the_socket_answers_within_half_a_second_and_before_torch_is_loaded(empty_home: DaemonHome) -> None:
    took_s = []
    for _ in range(3):
        connection = start_from(empty_home)
        status = next(connection.ask("status"))["status"]
        took_s.append(empty_home.seconds_of_work())
        loaded = "libtorch" in Path(f"/proc/{status['pid']}/maps").read_text(encoding="utf-8")
        list(connection.ask("stop"))
        connection.close()
        empty_home.wait_for(lambda: not empty_home.has_daemon(), "the daemon to leave")

        assert status["models"] == []
        assert not loaded

    # The best of several, and without the time in which the machine did something else.
    assert min(took_s) < 0.5


def start_from(home: DaemonHome) -> client.DaemonConnection:
    """Start a daemon from this process, with the home's environment."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(home.environment)
    try:
        return client.reach_daemon(home.runtime)
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_a_full_queue_is_refused_honestly(home: DaemonHome) -> None:
    busy = home.start("mask", "large.png", *SLOW, "--warm", "-o", "busy.png")
    home.wait_for(lambda: is_segmenting(home), "work to begin")
    waiting = [home.connect() for _ in range(MAX_WAITING)]
    for number, connection in enumerate(waiting):
        assert connection is not None
        first = next(connection.ask("segment", job=to_json_value(job_for(home, f"{number}.png"))))
        assert first["doing"].startswith("waiting for")

    done = home.run("mask", "a.png", *QUICK, "--warm", "-o", "one-too-many.png")

    assert done.returncode == 1
    assert f"{MAX_WAITING} images are waiting" in done.stderr
    for connection in waiting:
        assert connection is not None
        connection.close()
    home.wait_for(lambda: (home.status() or {})["waiting"] == 0, "those who hung up to be forgotten")
    busy.kill()


@linux_only
def test_an_output_that_does_not_fit_is_an_error_in_words_and_nothing_is_left(home: DaemonHome) -> None:
    home.run("mask", "a.png", *QUICK, "--warm", "-o", "fits.png")
    resource.prlimit(home.pid(), resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    done = home.run("mask", "a.png", *QUICK, "--warm", "-o", "too-large.png")
    resource.prlimit(home.pid(), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    again = home.run("mask", "a.png", *QUICK, "--warm", "-o", "again.png")

    assert done.returncode == 1
    assert "too-large.png could not be written" in done.stderr
    assert again.returncode == 0
    assert sorted(path.name for path in home.work.iterdir()) == ["a.png", "again.png", "fits.png", "large.png"]


@linux_only
@pytest.mark.skipif(not IS_ROOT, reason="only root can mount a small disk")
def test_a_full_disk_is_an_error_in_words_and_nothing_is_left(home: DaemonHome, tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path)], check=False)
    if mounted.returncode:
        pytest.skip("this machine lets not even root mount a disk")
    try:
        done = home.run("cutout", "a.png", *QUICK, "--warm", "-o", str(tmp_path / "out.png"))
        left = list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)

    assert done.returncode == 1
    assert "there is no space left" in done.stderr
    assert not left


def test_an_image_that_vanishes_while_it_waits_is_an_error_in_words(home: DaemonHome) -> None:
    shutil.copy(home.work / "a.png", home.work / "gone.png")
    busy = home.start("mask", "large.png", *SLOW, "--warm", "-o", "busy.png")
    home.wait_for(lambda: is_segmenting(home), "work to begin")
    child = home.start("mask", "gone.png", *QUICK, "--warm", "-o", "out.png")
    home.wait_for(lambda: (home.status() or {})["waiting"] == 1, "the second to wait")

    (home.work / "gone.png").unlink()
    busy.kill()
    _, told = child.communicate(timeout=30)

    assert child.returncode == 1
    assert told == "dis-core: there is no file gone.png (check the spelling and the folder)\n"


@linux_only
def test_a_job_without_enough_memory_fails_in_words_and_the_daemon_lives(home: DaemonHome) -> None:
    Image.fromarray(np.zeros((6000, 8000, 3), np.uint8)).save(home.work / "huge.png", compress_level=1)
    home.run("mask", "a.png", *QUICK, "--warm", "-o", "before.png")
    pid = home.pid()
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
    most_bytes = pages * os.sysconf("SC_PAGE_SIZE") + 200_000_000  # the picture takes 144 MB, its floats 576 MB
    resource.prlimit(pid, resource.RLIMIT_AS, (most_bytes, resource.RLIM_INFINITY))

    done = home.run("mask", "huge.png", *QUICK, "--warm", "-o", "huge-mask.png")
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    again = home.run("mask", "a.png", *QUICK, "--warm", "-o", "after.png")

    assert done.returncode == 1
    assert "memory" in done.stderr
    assert again.returncode == 0
    assert home.pid() == pid


def test_a_busy_daemon_with_other_settings_finishes_and_the_command_does_without(home: DaemonHome) -> None:
    busy = home.start("mask", "large.png", *SLOW, "--warm", "-o", "busy.png")
    home.wait_for(lambda: is_segmenting(home), "work to begin")

    home.environment["HF_HUB_OFFLINE"] = "1"
    done = home.run("mask", "a.png", *UNKNOWN, "--warm")
    del home.environment["HF_HUB_OFFLINE"]

    assert "unknown model 'pdfnot'" in done.stderr
    assert "still busy; continuing without a daemon" in done.stderr
    assert busy.poll() is None
    assert (home.status() or {})["is_leaving"]
    busy.send_signal(signal.SIGINT)
    busy.communicate(timeout=30)
    home.wait_for(lambda: not home.has_daemon(), "the old daemon to leave")


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--now"], 130)])
def test_stopping_waits_for_the_image_at_hand_or_does_not(home: DaemonHome, arguments: list[str], status: int) -> None:
    child = home.start("mask", "a.png", *MEDIUM, "--warm", "-o", "out.png")
    home.wait_for(lambda: is_segmenting(home), "work to begin")

    stopped = home.run("daemon", "stop", *arguments)
    _, told = child.communicate(timeout=30)

    assert stopped.returncode == 0
    assert "the daemon has stopped" in stopped.stderr
    assert child.returncode == status, told
    assert not home.has_daemon()
    asked = home.run("daemon", "status")
    assert asked.returncode == 1
    assert "the daemon is not running" in asked.stderr


def test_a_daemon_that_is_killed_at_work_is_replaced_once_and_the_result_is_there(home: DaemonHome) -> None:
    child = home.start("mask", "a.png", *MEDIUM, "--warm", "-o", "out.png")
    home.wait_for(lambda: is_segmenting(home), "work to begin")
    first = home.pid()

    home.kill_daemon()
    _, told = child.communicate(timeout=60)

    assert child.returncode == 0, told
    assert "the daemon ended unexpectedly; retrying" in told
    assert home.pid() != first
    with Image.open(home.work / "out.png") as image:
        image.load()


def test_after_a_second_kill_the_command_does_the_work_itself_and_says_so(home: DaemonHome) -> None:
    child = home.start("mask", "a.png", *MEDIUM, "--warm", "-o", "out.png")
    for _ in range(2):
        home.wait_for(lambda: home.has_daemon() and is_segmenting(home), "work to begin")
        home.kill_daemon()

    _, told = child.communicate(timeout=60)

    assert child.returncode == 0, told
    assert "continuing without a daemon" in told
    assert (home.work / "out.png").exists()
    assert not home.has_daemon()


def test_a_stale_endpoint_is_skipped_silently(home: DaemonHome) -> None:
    home.run("mask", "a.png", *UNKNOWN, "--warm")
    stale = home.pid()
    home.kill_daemon()
    assert endpoint.read_endpoint(home.runtime) is not None

    done = home.run("mask", "a.png", *UNKNOWN, "--warm")

    assert done.stderr.startswith("dis-core: unknown model 'pdfnot'")
    assert home.pid() != stale
    assert len(list(home.runtime.glob("*.key"))) == len(list(home.runtime.glob("*.socket"))) == 1


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b'{"name": 1}', b'{"pid": null}'])
def test_an_unreadable_endpoint_is_skipped(home: DaemonHome, content: bytes) -> None:
    if home.has_daemon():
        home.run("daemon", "stop")
    home.runtime.mkdir(mode=0o700, exist_ok=True)
    (home.runtime / "endpoint.json").write_bytes(content)

    done = home.run("mask", "a.png", *UNKNOWN, "--warm")

    assert done.stderr.startswith("dis-core: unknown model 'pdfnot'")
    assert home.has_daemon()


def test_requests_that_come_while_the_daemon_leaves_are_answered_all_the_same(home: DaemonHome) -> None:
    told: list[str] = []

    def ask_often(name: str) -> None:  # results of their own, because two commands do not make the same one
        for _ in range(4):
            told.append(home.run("mask", "a.png", *UNKNOWN, "--warm", "--keep-alive", "0", "-o", name).stderr)

    asking = [threading.Thread(target=ask_often, args=[name]) for name in ("1.png", "2.png")]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()

    assert len(told) == 8
    assert {line.partition(";")[0] for line in told} == {"dis-core: unknown model 'pdfnot'"}
    home.wait_for(lambda: not home.has_daemon(), "the daemon to leave after the request")


def test_a_daemon_leaves_when_its_time_is_over_or_stays_for_good(home: DaemonHome) -> None:
    home.run("mask", "a.png", *UNKNOWN, "--warm", "--keep-alive", "-1")
    stays = home.status() or {}
    home.run("mask", "a.png", *UNKNOWN, "--warm", "--keep-alive", "0.5s")

    home.wait_for(lambda: not home.has_daemon(), "the daemon to leave")

    assert stays["leaves_in_s"] is None
    assert not list(home.runtime.glob("*.key"))
    assert not list(home.runtime.glob("*.socket"))


def test_asking_how_it_is_does_not_keep_a_daemon_from_leaving(home: DaemonHome) -> None:
    home.run("mask", "a.png", *UNKNOWN, "--warm", "--keep-alive", "1s")

    # `wait_for` asks many times a second.
    home.wait_for(lambda: home.status() is None, "the daemon to leave")

    home.wait_for(lambda: not home.has_daemon(), "the daemon to be gone")


def test_a_daemon_that_is_to_leave_after_the_first_image_waits_for_it(home: DaemonHome) -> None:
    if home.has_daemon():
        home.run("daemon", "stop")
    daemon = home.start("daemon", "run", "--keep-alive", "0")
    home.wait_for(home.status, "the daemon")

    done = home.run("mask", "a.png", *UNKNOWN, "--warm")

    assert "unknown model 'pdfnot'" in done.stderr
    assert daemon.wait(timeout=20) == 0


def test_a_daemon_with_other_settings_is_replaced(home: DaemonHome) -> None:
    home.run("mask", "a.png", *UNKNOWN, "--warm")
    first = home.pid()

    home.environment["HF_HUB_OFFLINE"] = "1"
    done = home.run("mask", "a.png", *UNKNOWN, "--warm")
    second = home.pid()
    del home.environment["HF_HUB_OFFLINE"]

    assert done.stderr.startswith("dis-core: unknown model 'pdfnot'")
    assert first != second


def test_a_daemon_of_another_version_is_replaced(home: DaemonHome, tmp_path: Path) -> None:
    if home.has_daemon():
        home.run("daemon", "stop")
    package = Path(dis_core.__file__).parent
    shutil.copytree(package, tmp_path / "dis_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name, mine, theirs in (
        ("__version__.py", "0.1.0", "0.0.9"),
        ("daemon/protocol.py", f"Final = {PROTOCOL}\n", "Final = 0\n"),
    ):
        text = (package / name).read_text(encoding="utf-8")
        assert mine in text
        (tmp_path / "dis_core" / name).write_text(text.replace(mine, theirs), encoding="utf-8")
    old = subprocess.Popen(
        [sys.executable, "-m", "dis_core", "daemon", "run"],
        cwd=tmp_path,
        env={**home.environment, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    home.wait_for(lambda: (home.status() or {}).get("version") == "0.0.9", "the old daemon")

    done = home.run("mask", "a.png", *UNKNOWN, "--warm")

    assert done.stderr.startswith("dis-core: unknown model 'pdfnot'")
    assert (home.status() or {})["version"] == dis_core.__version__
    assert old.wait(timeout=10) == 0


def test_a_second_daemon_is_refused_in_words(home: DaemonHome) -> None:
    home.run("mask", "a.png", *UNKNOWN, "--warm")

    done = home.run("daemon", "run")

    assert done.returncode == 1
    assert "already running" in done.stderr


def test_a_folder_that_others_could_look_into_is_not_used(empty_home: DaemonHome) -> None:
    empty_home.runtime.mkdir(mode=0o755)

    done = empty_home.run("mask", "a.png", *UNKNOWN, "--warm")

    assert str(empty_home.runtime) in done.stderr
    assert "continuing without a daemon" in done.stderr
    assert "unknown model 'pdfnot'" in done.stderr
    assert not list(empty_home.runtime.iterdir())
