"""One Krita and one GIMP serve all tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.fake_hub import CHECKOUT, clean_environment, unused_address
from tests.hosts.gimp_program import GimpProgram, missing_gimp, prepare_gimp_home, running_gimp
from tests.hosts.gimp_screen import Screen, gimp_on_screen
from tests.hosts.krita_program import KritaProgram, missing_programs, prepare_home, running_krita, starting_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND_FILE = "data/krita/pykrita/dis_select_subject/command.json"
QUICK_ENVIRONMENT = {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
QUICK: dict[str, Any] = {
    "command": [sys.executable, "-m", "tests.hosts.quick_dis_core"],
    "environment": QUICK_ENVIRONMENT,
}


@pytest.fixture(scope="session")
def krita_is_here() -> None:
    """Skips where Krita cannot run; in CI (CI=true) that is a failure."""
    if missing := missing_programs():
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture(scope="session")
def krita(krita_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KritaProgram]:
    """A running Krita with the plug-in, whose dis-core knows the models of `quick_dis_core`."""
    home = home_with_plugin(tmp_path_factory.mktemp("krita") / "home")
    write_command(home, QUICK)
    with running_krita(home, HF_HUB_OFFLINE="1") as program:
        yield program


@pytest.fixture(scope="session")
def gimp_is_here() -> None:
    """Skips where GIMP 3 cannot run; in CI (CI=true) that is a failure."""
    if missing := missing_gimp():
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture(scope="session")
def gimp(gimp_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GimpProgram]:
    """A running GIMP with the plug-in, whose dis-core knows the models of `quick_dis_core`."""
    home = prepare_gimp_home(tmp_path_factory.mktemp("gimp") / "home", QUICK)
    with running_gimp(home) as program:
        yield program


@pytest.fixture(scope="session")
def window(gimp_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """The same with windows, on a screen of its own."""
    home = prepare_gimp_home(tmp_path_factory.mktemp("gimp-window") / "home", QUICK)
    with gimp_on_screen(home) as shown:
        yield shown


def home_with_plugin(home: Path) -> Path:
    """A home with the plug-in in it, as `dis-core plugin install krita` puts it there."""
    prepare_home(home)
    environment = {
        **clean_environment(home, unused_address()),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    command = [sys.executable, "-m", "dis_core", "plugin", "install", "krita"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    write_command(home, json.loads((home / COMMAND_FILE).read_text(encoding="utf-8")))
    return home


def write_command(home: Path, content: dict[str, Any]) -> None:
    """Let the plug-in in a home start something else; it looks before each run."""
    content = {**content, "command": starting_host(content["command"])}
    (home / COMMAND_FILE).write_text(json.dumps(content), encoding="utf-8")
