"""`--warm`: a process that keeps the model does what the command would have done itself."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image

from dis_core.cli.main import run
from tests.fakes.daemon_home import QUICK, SLOW, DaemonHome, daemon_home, events_of


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonHome]:
    with daemon_home(tmp_path_factory.mktemp("home")) as home:
        yield home


@pytest.fixture(autouse=True)
def clean_work(home: DaemonHome) -> None:
    for path in home.work.rglob("*"):
        if path.is_file() and path.name not in ("a.png", "large.png"):
            path.unlink()


@dataclass
class Done:
    """How a command went that was run in this process."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_cold(
    home: DaemonHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """Runs a command in this process, without the daemon, with as many threads as the daemon has."""
    monkeypatch.chdir(home.work)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run_here(*arguments: str) -> Done:
        capsys.readouterr()
        status = run(arguments)
        told = capsys.readouterr()
        return Done(status, told.out, told.err)

    yield run_here
    torch.set_num_threads(threads)


def test_the_first_request_starts_the_daemon_and_the_second_finds_it(home: DaemonHome) -> None:
    assert not home.has_daemon()

    first = home.run("cutout", "a.png", *QUICK, "--warm", "-o", "1.png")
    pid = home.pid()
    second = home.run("cutout", "a.png", *QUICK, "--warm", "-o", "2.png")

    assert first.returncode == second.returncode == 0
    assert home.pid() == pid
    assert (home.work / "1.png").read_bytes() == (home.work / "2.png").read_bytes()
    assert os.getsid(pid) != os.getsid(0)
    assert Path(f"/proc/{pid}/cwd").resolve() == Path("/")
    descriptors = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert descriptors.count("/dev/null") == 3


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (["cutout", "a.png", "--margin", "5px", "--size", "90x40", "--bgcolor", "red", "-o", "out.webp"], "out.webp"),
        (["cutout", "a.png", "--bgimage", "large.png", "--colors", "original", "-o", "new/out.tif"], "new/out.tif"),
        (["mask", "a.png", "--bits", "16", "--roi", "40,30,200,150", "-o", "mask.png"], "mask.png"),
        (["mask", "../work/a.png", "-o", "../work/m.png"], "m.png"),
    ],
)
def test_results_are_the_same_byte_for_byte(
    home: DaemonHome, run_cold: Callable[..., Done], arguments: list[str], result: str
) -> None:
    cold = run_cold(*arguments, *QUICK)
    made_cold = (home.work / result).read_bytes()
    warm = home.run(*arguments, *QUICK, "--overwrite", "--warm")

    assert cold.returncode == warm.returncode == 0
    assert cold.stdout == warm.stdout
    assert (home.work / result).read_bytes() == made_cold


def test_a_folder_with_a_broken_image_ends_as_it_does_without_the_daemon(
    home: DaemonHome, run_cold: Callable[..., Done]
) -> None:
    (home.work / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    cold = run_cold("mask", ".", "-o", "cold", *QUICK, "--progress", "json")
    warm = home.run("mask", ".", "-o", "warm", *QUICK, "--progress", "json", "--warm")

    assert cold.returncode == warm.returncode == 1
    assert cold.stderr == warm.stderr
    kinds = [
        [(event["event"], event.get("code"), event.get("message")) for event in events_of(done.stdout)]
        for done in (cold, warm)
    ]
    told = [[kind for kind in kinds if kind[0] != "progress"] for kinds in kinds]
    assert told[0] == told[1]
    for name in ("a-mask.png", "large-mask.png"):
        assert (home.work / "cold" / name).read_bytes() == (home.work / "warm" / name).read_bytes()


def test_images_come_from_pipes_and_go_to_pipes(home: DaemonHome) -> None:
    data = (home.work / "a.png").read_bytes()

    cold = home.run("mask", "-", *QUICK, input=data, text=False)
    warm = home.run("mask", "-", *QUICK, "--warm", input=data, text=False)

    assert cold.returncode == warm.returncode == 0
    assert cold.stdout == warm.stdout
    assert b"standard input: done by" in warm.stderr


def test_a_named_pipe_is_read_by_the_one_who_has_been_given_it(home: DaemonHome) -> None:
    pipe = home.work / "pipe"
    os.mkfifo(pipe)

    child = home.start("mask", "pipe", *QUICK, "--warm", "-o", "piped.png")
    pipe.write_bytes((home.work / "a.png").read_bytes())
    _, errors = child.communicate(timeout=60)

    assert child.returncode == 0, errors
    assert (home.work / "piped.png").exists()
    pipe.unlink()


def test_what_comes_from_a_pipe_is_called_as_it_is_without_the_daemon(home: DaemonHome) -> None:
    warm = home.run("mask", "-", *QUICK, "--warm", input="no image")

    assert warm.returncode == 1
    assert warm.stderr.startswith("dis-core: <stdin> is not an image")


@pytest.mark.parametrize(
    "arguments",
    [
        ["mask", "nowhere.png"],
        ["cutout", "a.png", "--bgcolor", "blau"],
        ["cutout", "a.png", "--bgimage", "nowhere.png"],
        ["mask", "a.png", "--depth", "large.png"],
        ["mask", "a.png", "--roi", "5000,5000,9,9"],
        ["mask", "a.png", "-o", "a.png/b.png"],
        ["mask", "a.png", "--device", "cuda:77"],
        ["mask", "a.png", "--model", "pdfnot"],
        ["mask", "a.png", "--model", "pdfnet"],
        ["mask", "/dev/zero", "-o", "zero.png"],
    ],
    ids=" ".join,
)
def test_errors_are_worded_and_counted_as_without_the_daemon(
    home: DaemonHome, run_cold: Callable[..., Done], arguments: list[str]
) -> None:
    given = [*arguments[:2], *QUICK, *arguments[2:]]

    cold = run_cold(*given)
    warm = home.run(*given, "--warm")

    assert cold.returncode == warm.returncode == 1
    assert cold.stderr == warm.stderr
    assert "Traceback" not in warm.stderr


def test_what_the_library_warns_of_reaches_the_one_who_asked_each_time(home: DaemonHome) -> None:
    for number in range(2):
        done = home.run("mask", "a.png", "--quality", "draft", "--warm", "-o", f"{number}.png")

        assert done.returncode == 0
        assert "'dis-lite' instead" in done.stderr


def test_results_have_the_rights_that_the_command_would_give_them(home: DaemonHome) -> None:
    before = os.umask(0o027)
    try:
        done = home.run("mask", "a.png", *QUICK, "--warm")
    finally:
        os.umask(before)

    assert done.returncode == 0
    assert (home.work / "a-mask.png").stat().st_mode & 0o777 == 0o640


def test_a_result_is_not_overwritten_and_a_link_in_its_place_is_not_followed(home: DaemonHome) -> None:
    (home.work / "precious.png").write_bytes(b"precious")
    (home.work / "link.png").symlink_to("precious.png")

    refused = home.run("mask", "a.png", *QUICK, "--warm", "-o", "link.png")
    replaced = home.run("mask", "a.png", *QUICK, "--warm", "-o", "link.png", "--overwrite")

    assert refused.returncode == 1
    assert "link.png already exists" in refused.stderr
    assert replaced.returncode == 0
    assert not (home.work / "link.png").is_symlink()
    assert (home.work / "precious.png").read_bytes() == b"precious"


def test_the_status_is_told_while_the_daemon_works_and_others_wait(home: DaemonHome) -> None:
    working = home.start("mask", "large.png", *SLOW, "--warm", "-o", "1.png")
    home.wait_for(lambda: "segmenting" in str((home.status() or {}).get("doing")), "work to begin")
    waiting = home.start("mask", "a.png", *QUICK, "--warm", "-o", "2.png", "--progress", "json")
    home.wait_for(lambda: (home.status() or {}).get("waiting") == 1, "the second to wait")

    asked = time.monotonic()
    status = json.loads(home.run("daemon", "status", "--json").stdout)
    took_s = time.monotonic() - asked
    in_words = home.run("daemon", "status").stdout

    assert status["models"] == ["dis-lite"]
    assert status["device"] == "cpu"
    assert status["memory_bytes"] > 100_000_000
    assert status["leaves_in_s"] is None
    assert "loaded: dis-lite on cpu" in in_words
    assert "1 waiting" in in_words
    assert took_s < 3  # a command's own start included, on a machine that works
    working.send_signal(signal.SIGINT)
    assert working.wait(timeout=30) == 130
    shown, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert "waiting for 1 other image" in [event.get("doing") for event in events_of(shown)]


@pytest.mark.skipif(sys.platform != "linux", reason="the work of other processes is counted in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_client_that_goes_stops_its_job(home: DaemonHome, how: signal.Signals) -> None:
    with Image.open(home.work / "large.png") as image:
        image.resize((4800, 3200)).save(home.work / "huge.png", compress_level=1)  # so that it cannot be done before
    child = home.start("mask", "huge.png", *SLOW, "--warm")
    home.wait_for(lambda: "segmenting" in str((home.status() or {}).get("doing")), "work to begin")

    child.send_signal(how)
    child.wait(timeout=30)
    worked_s = home.seconds_of_work()
    home.wait_for(lambda: (home.status() or {}).get("doing") == "", "the job to stop")

    assert home.seconds_of_work() - worked_s < 1.0  # not by the clock: the machine may have other work
    assert not (home.work / "huge-mask.png").exists()


def test_the_log_tells_of_times_and_of_no_image(home: DaemonHome) -> None:
    home.run("mask", "a.png", *QUICK, "--warm", "-o", "secret-project.png")

    log = home.log()

    assert "started, version" in log
    assert "result after" in log
    assert "secret-project" not in log
    assert str(home.work) not in log
    assert (home.folder / "state/dis-core/log/daemon.log").stat().st_mode & 0o777 == 0o600


def test_the_doctor_says_what_the_daemon_holds(home: DaemonHome) -> None:
    home.run("mask", "a.png", *QUICK, "--warm")

    shown = home.run("doctor", "--offline").stdout

    assert "loaded: dis-lite on cpu" in shown
