"""What `dis-core doctor` says about the dis-core that an editor's plug-in has installed; the wheel that it is from."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from dis_core.__version__ import __version__
from dis_core.cli.doctor.findings import Findings
from dis_core.cli.doctor.plugin_checks import examine_plugins
from dis_core.cli.main import run
from dis_core.editors import krita
from dis_core.editors.wheel import this_wheel

OWN = "their own dis-core"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty account's folder for environments."""
    for name in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("GIMP3_DIRECTORY", str(tmp_path / "gimp"))
    folder = tmp_path / "data" / "dis-core" / "program"
    folder.mkdir(parents=True)
    return folder


def record(programs: Path, folder: Path, version: str = __version__, python: str = sys.executable) -> None:
    folder.mkdir(exist_ok=True)
    content = {
        "command": [python, "-m", "dis_core"],
        "folder": str(folder),
        "version": version,
        "size_bytes": 5_000_000,
    }
    (programs / "installed.json").write_text(json.dumps(content), encoding="utf-8")


def examined() -> Findings:
    findings = Findings()
    examine_plugins(findings)
    return findings


def test_doctor_names_the_environment_that_a_plug_in_has_made(programs: Path) -> None:
    assert examined().plugins[OWN] == "not installed"

    record(programs, programs / "one")

    assert examined().plugins[OWN] == f"{__version__}, 5.0 MB, in {programs / 'one'}"
    assert not examined().problems


@pytest.mark.parametrize(
    ("version", "python", "words"),
    [
        ("0.0.1", sys.executable, f"is 0.0.1, and this one is {__version__}"),
        (__version__, "/nowhere/python", "does not start: /nowhere/python is missing"),
    ],
)
def test_doctor_says_how_to_mend_it(programs: Path, version: str, python: str, words: str) -> None:
    record(programs, programs / "one", version, python)

    (problem,) = examined().problems

    assert problem.what.endswith(words)
    assert "Repair" in problem.cure


def test_doctor_names_what_a_stopped_installation_left(programs: Path) -> None:
    record(programs, programs / "one")
    (programs / "half").mkdir()

    (problem,) = examined().problems

    assert problem.what.endswith(f"left {programs / 'half'}")


def test_an_unpacked_plug_in_that_installed_this_dis_core_is_up_to_date(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert run(["plugin", "install", "krita"]) == 0
    places = krita.usual_places()
    (places.package / "command.json").unlink()
    assert not krita.is_up_to_date(places)

    record(programs, Path(sys.prefix))

    assert krita.is_up_to_date(places)


def test_the_wheel_has_all_that_is_here_and_says_what_it_needs() -> None:
    name, content = this_wheel()

    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        names = wheel.namelist()
        about = f"dis_core-{__version__}.dist-info"
        listed = [row[0] for row in csv.reader(io.StringIO(wheel.read(f"{about}/RECORD").decode()))]
        needs = wheel.read(f"{about}/METADATA").decode()
        commands = wheel.read(f"{about}/entry_points.txt").decode()
    assert name == f"dis_core-{__version__}-py3-none-any.whl"
    assert sorted(listed) == sorted(names)
    assert {"dis_core/api.py", "dis_core/embedded/dis-lite.safetensors"} <= set(names)
    assert "dis_core/editors/plugins/shared/make_environment.py" in names
    assert f"Version: {metadata.version('dis-core')}" in needs
    assert "Requires-Dist: torch" in needs
    assert "dis-core = dis_core.__main__:main" in commands
    assert not [name for name in names if "__pycache__" in name or name.endswith("/")]
    assert this_wheel() == (name, content)
