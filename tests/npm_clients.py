"""Clients of remove.bg's API that others wrote, from npm, for the tests of the server: fetched once and kept.

They lie outside the checkout, beside the trained weights of `tests.real_weights`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.real_weights import NPM_LIMIT_S, cache_folder

PACKAGES = ("remove.bg@1.3.0", "removebg-wrapper@1.0.3")
FOLDER = "removebg-clients-1"


def kept_modules() -> Path:
    """The folder node_modules with the clients and all that they need, or where it would be."""
    return cache_folder() / FOLDER / "node_modules"


def fetch_clients() -> None:
    """Install the clients with npm, unless they are there; nothing of them is run.

    Raises OSError or subprocess.SubprocessError if they cannot be had.
    """
    kept = cache_folder() / FOLDER
    if kept.is_dir():
        return
    if shutil.which("npm") is None:
        raise FileNotFoundError("npm is not installed")
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Installed beside and renamed, so that a run that is stopped leaves no half of it.
    with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
        flags = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock")
        command = ["npm", "install", *flags, "--prefix", beside, *PACKAGES]
        subprocess.run(command, check=True, capture_output=True, timeout=NPM_LIMIT_S, cwd=beside)
        shutil.copytree(beside, f"{beside}-whole")
        Path(f"{beside}-whole").rename(kept)


def modules_or_skip() -> Path:
    """The clients; skips where nobody has fetched them, which is a failure in CI (CI=true)."""
    if not kept_modules().is_dir() or shutil.which("node") is None:
        missing = f"{kept_modules()} or node is missing: python -m tests.npm_clients fetches them, with npm (7 MB)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return kept_modules()


if __name__ == "__main__":
    fetch_clients()
