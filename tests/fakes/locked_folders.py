"""Folders that may not be entered, also where the tests run as root, for whom permissions do not count."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IS_ROOT = sys.platform != "win32" and os.geteuid() == 0

can_lock_folders = pytest.mark.skipif(
    sys.platform == "win32" or (IS_ROOT and shutil.which("setpriv") is None),
    reason="Windows has other permissions, and root without setpriv cannot do without its powers",
)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody but a root with all powers may enter the folder until the block ends."""
    folder.chmod(0)
    try:
        yield
    finally:
        folder.chmod(0o700)


def run_python(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python in a process for which permissions count."""
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if IS_ROOT else []
    return subprocess.run(
        [*powerless, sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,  # a busy machine takes a minute to load torch
        check=False,
    )
