"""A process that has something, until it is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held_by_another(program: str, path: Path, *, says: str) -> Iterator[subprocess.Popen[str]]:
    """A Python program that is given `path`, has printed `says`, and runs until it is killed or the block ends."""
    holding = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert holding.stdout is not None
    try:
        assert holding.stdout.readline() == f"{says}\n"
        yield holding
    finally:
        holding.kill()
        holding.wait()
        holding.stdout.close()
