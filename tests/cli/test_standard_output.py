"""A standard output that takes no more, and names of files that would steer a terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dis_core.cli.terminal import printable, say
from tests.fakes.fake_hub import clean_environment, unused_address

FULL = Path("/dev/full")

needs_full_device = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


@needs_full_device
@pytest.mark.parametrize(
    "arguments", [["models"], ["models", "--json"], ["--version"], ["--help"], ["daemon", "status", "--json"]]
)
def test_a_standard_output_that_is_full_is_no_bug(tmp_path: Path, arguments: list[str]) -> None:
    with FULL.open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dis_core", *arguments],
            env=clean_environment(tmp_path, unused_address()),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.startswith("dis-core: cannot write to standard output: No space left on device")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("beach.jpg", "beach.jpg"),
        ("Füße 海.jpg", "Füße 海.jpg"),
        ("\x1b[2Ja.png", r"\x1b[2Ja.png"),
        ("a\rb\x07\x9b.png", r"a\rb\x07\x9b.png"),
        ("gnp.\u202eb.png", r"gnp.\u202eb.png"),
    ],
)
def test_what_would_steer_a_terminal_is_written_out(name: str, shown: str) -> None:
    assert printable(name) == shown


def test_messages_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    say("there is no file \x1b]0;owned\x07.png")

    assert capsys.readouterr().err == "there is no file \\x1b]0;owned\\x07.png\n"
