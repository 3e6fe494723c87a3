"""Commands that are killed in the middle of their work, again and again, until one ends by itself."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    """`dis-core` with the bright models, in a folder and a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.bright_command", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def kill_after_results(arguments: list[str], folder: Path, *, results: int, moment: random.Random) -> int:
    """Kill the command without notice at a random moment after so many results; how many it told of before that."""
    process = start(arguments, folder)
    assert process.stdout is not None
    told = 0
    while told < results and process.stdout.readline():
        told += 1
    time.sleep(moment.uniform(0, 0.05))
    process.kill()
    rest, _ = process.communicate()
    return told + len(rest.splitlines())


def run_to_end(arguments: list[str], folder: Path) -> int:
    """The exit status of the command."""
    process = start(arguments, folder)
    process.communicate()
    return process.returncode


def kill_after_manifest_rows(arguments: list[str], folder: Path, manifest: Path, *, rows: int) -> int:
    """Kill the command without notice when its manifest has so many images; how many it has then."""
    process = start(arguments, folder)
    give_up_at = time.monotonic() + 200
    while _images_in(manifest) < rows and process.poll() is None and time.monotonic() < give_up_at:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    return _images_in(manifest)


def _images_in(manifest: Path) -> int:
    text = manifest.read_text() if manifest.exists() else ""
    return sum('"status": "done"' in line or '"status": "failed"' in line for line in text.splitlines())
