"""The command line on a machine without the package `diffusers`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fakes.fake_hub import clean_environment

WITHOUT_DIFFUSERS = """
import sys

class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "diffusers":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hides())
from dis_core.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def without_diffusers(home: Path, hub: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_DIFFUSERS, *arguments],
        env=clean_environment(home, hub),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
