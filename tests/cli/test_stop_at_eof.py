"""A command that was started with --stop-at-eof stops when whoever holds its standard input lets go of it, or dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from PIL import Image

from tests.fakes.fake_hub import clean_environment, run_silent_host, unused_address

AT_ONCE_S = 10.0
"""What stopping may take on a busy machine; it is a fraction of a second otherwise, and the work takes much longer."""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Far more images than can be done while a test waits."""
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    for number in range(200):
        Image.fromarray(noise).save(folder / f"{number:03}.png", compress_level=0)
    return folder


def mask_command(images: Path, *more: str) -> list[str]:
    options = ["-m", "dis-lite", "-o", str(images.parent / "out"), "--progress", "json"]
    return [sys.executable, "-m", "dis_core", "mask", str(images), *options, *more]


def start(command: list[str], home: Path, *, endpoint: str | None = None) -> subprocess.Popen[bytes]:
    # The interrupt may fall between the opening of a file and its `with`; see test_ctrl_c_stops_cleanly.
    environment = clean_environment(home, endpoint or unused_address(), PYTHONWARNINGS="error,ignore::ResourceWarning")
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def read_until(stream: IO[bytes], event: str) -> None:
    for line in stream:
        if json.loads(line)["event"] == event:
            return


@pytest.mark.parametrize("moment", ["progress", "result"])
def test_the_end_of_standard_input_stops_the_work(images: Path, tmp_path: Path, moment: str) -> None:
    child = start(mask_command(images, "--stop-at-eof"), tmp_path)
    read_until(pipe(child.stdout), moment)

    let_go = time.monotonic()
    output, errors = child.communicate(timeout=AT_ONCE_S)

    assert time.monotonic() - let_go < AT_ONCE_S
    assert child.returncode == 130
    assert json.loads(output.splitlines()[-1])["code"] == "Cancelled"
    assert b"Traceback" not in errors
    assert len(list((tmp_path / "out").glob("*"))) < 200 if (tmp_path / "out").exists() else moment == "progress"


def test_it_stops_when_the_one_who_started_it_is_killed(images: Path, tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\n"
        'print(\'{"event": "pid", "pid": %d}\' % child.pid, flush=True)\n'
        "time.sleep(600)\n"
    )
    middle = start([sys.executable, "-c", script, *mask_command(images, "--stop-at-eof")], tmp_path)
    output = pipe(middle.stdout)
    child_pid = json.loads(output.readline())["pid"]
    read_until(output, "result")

    middle.send_signal(signal.SIGKILL)
    middle.wait()
    ends = time.monotonic() + AT_ONCE_S
    while is_running(child_pid) and time.monotonic() < ends:
        time.sleep(0.05)

    assert not is_running(child_pid)
    middle.communicate()


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    if not status.parent.parent.joinpath("self").exists():
        pytest.skip("this system has no /proc to look into")
    # Nobody is left to collect it, so that it may stay as a zombie.
    return status.exists() and "State:\tZ" not in status.read_text(encoding="utf-8")


@pytest.mark.parametrize("standard_input", ["/dev/null", "closed", "a pipe that has ended"])
def test_without_the_option_standard_input_means_nothing(tmp_path: Path, standard_input: str) -> None:
    Image.new("RGB", (60, 40), (200, 30, 30)).save(tmp_path / "a.png")
    command = [sys.executable, "-m", "dis_core", "mask", "a.png", "-m", "dis-lite", "--progress", "json"]
    closed = ["sh", "-c", 'exec "$0" "$@" <&-', *command]

    done = subprocess.run(
        closed if standard_input == "closed" else command,
        cwd=tmp_path,
        env=clean_environment(tmp_path, unused_address()),
        capture_output=True,
        timeout=120,
        check=False,
        **({"input": b""} if standard_input == "a pipe that has ended" else {"stdin": subprocess.DEVNULL}),
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a-mask.png").exists()


def test_a_download_stops_too(tmp_path: Path) -> None:
    with run_silent_host() as endpoint:
        child = start(
            [sys.executable, "-m", "dis_core", "fetch", "pdfnet", "--progress", "json", "--stop-at-eof"],
            tmp_path,
            endpoint=endpoint,
        )

        child.communicate(timeout=AT_ONCE_S)  # or else it ends with 1, as that host stays silent

    assert child.returncode == 130


def test_the_image_cannot_come_from_there_as_well(tmp_path: Path) -> None:
    child = start([sys.executable, "-m", "dis_core", "mask", "-", "-o", "x.png", "--stop-at-eof"], tmp_path)

    _, errors = child.communicate(b"", timeout=60)

    assert child.returncode == 1
    assert b"--stop-at-eof" in errors


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to ignore")
def test_work_that_heeds_no_interrupt_is_ended_nevertheless(tmp_path: Path) -> None:
    script = """
import time
from dis_core.cli.stop_at_eof import interrupt_at_eof

with interrupt_at_eof():
    while True:
        try:
            print('{"event": "deaf"}', flush=True)
            time.sleep(600)
        except KeyboardInterrupt:
            pass
"""
    child = start([sys.executable, "-c", script], tmp_path)
    read_until(pipe(child.stdout), "deaf")

    child.communicate(timeout=AT_ONCE_S)

    assert child.returncode == 130
