"""`dis-core plugin install gimp` and the folders of GIMP, without GIMP."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from dis_core.__version__ import __version__
from dis_core.cli.doctor.findings import Findings
from dis_core.cli.doctor.plugin_checks import examine_plugins
from dis_core.cli.main import run
from dis_core.editors import gimp
from dis_core.editors.plugin_files import requirement
from dis_core.editors.wheel import this_wheel
from tests.fakes.plugin_sources import SOURCES, files_below


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The profile of a GIMP 3.0, the only one there is."""
    monkeypatch.delenv("GIMP3_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    folder = tmp_path / "config" / "GIMP" / "3.0"
    folder.mkdir(parents=True)
    return folder


def test_what_is_installed_for_gimp_is_the_source_byte_for_byte(
    profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plugin", "install", "gimp"]) == 0

    folder = profile / "plug-ins" / gimp.PACKAGE
    assert capsys.readouterr().out == f"{folder}\n"
    own, shared = files_below(SOURCES / "gimp" / gimp.PACKAGE), files_below(SOURCES / "shared")
    installed = files_below(folder)
    command = json.loads(installed.pop("command.json"))
    assert installed.pop("version.txt").decode().strip() == __version__
    assert installed.pop("requirement.txt").decode().strip() == requirement()
    assert installed == {**own, **{f"shared/{name}": content for name, content in shared.items()}}
    assert command["command"][1:] == ["-m", "dis_core"]


def test_the_archive_unpacked_is_what_is_installed(profile: Path, tmp_path: Path) -> None:
    assert run(["plugin", "install", "gimp"]) == 0
    assert run(["plugin", "build", "gimp", "-o", str(tmp_path / "plugin.zip")]) == 0

    with zipfile.ZipFile(tmp_path / "plugin.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
        mode = archive.getinfo(f"{gimp.PACKAGE}/{gimp.PROGRAM}").external_attr >> 16
    installed = files_below(profile / "plug-ins")
    del installed[f"{gimp.PACKAGE}/command.json"]
    unpacked = files_below(tmp_path / "unpacked")
    del unpacked[f"{gimp.PACKAGE}/{this_wheel()[0]}"]
    assert unpacked == installed
    assert mode & 0o111 == 0o111  # GIMP ignores what it may not execute


def test_gimp_may_execute_what_is_installed(profile: Path) -> None:
    assert run(["plugin", "install", "gimp"]) == 0

    program = profile / "plug-ins" / gimp.PACKAGE / f"{gimp.PACKAGE}.py"
    assert os.access(program, os.X_OK)
    assert program.read_bytes().startswith(b"#!/usr/bin/env python3\n")


def test_uninstalling_leaves_other_plug_ins_alone(profile: Path) -> None:
    other = profile / "plug-ins" / "other" / "other.py"
    other.parent.mkdir(parents=True)
    other.write_text("somebody else's", encoding="utf-8")
    assert run(["plugin", "install", "gimp"]) == 0
    (profile / "plug-ins" / gimp.PACKAGE / "__pycache__").mkdir()

    assert run(["plugin", "install", "gimp", "--uninstall"]) == 0

    assert files_below(profile) == {"plug-ins/other/other.py": b"somebody else's"}


def test_uninstalling_from_gimp_what_is_not_there_says_so(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "install", "gimp", "--uninstall"]) == 0

    assert "gimp was not installed" in capsys.readouterr().err


def test_files_of_an_older_version_do_not_stay_in_gimp(profile: Path) -> None:
    assert run(["plugin", "install", "gimp"]) == 0
    old = profile / "plug-ins" / gimp.PACKAGE / "old_module.py"
    old.write_text("", encoding="utf-8")

    assert run(["plugin", "install", "gimp"]) == 0

    assert not old.exists()


def test_every_profile_of_a_released_gimp_3_gets_the_plug_in(profile: Path, tmp_path: Path) -> None:
    flatpak = tmp_path / ".var" / "app" / "org.gimp.GIMP" / "config" / "GIMP" / "3.2"
    for folder in (profile.parent / "3.2", profile.parent / "2.10", profile.parent / "3.1", flatpak):
        folder.mkdir(parents=True)

    assert run(["plugin", "install", "gimp"]) == 0

    assert [folder for folder in gimp.usual_profiles() if gimp.is_installed(folder)] == [
        profile,
        profile.parent / "3.2",
        flatpak,
    ]
    assert not (profile.parent / "2.10" / "plug-ins").exists()
    assert not (profile.parent / "3.1" / "plug-ins").exists()


def test_a_profile_can_be_named(profile: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()

    assert run(["plugin", "install", "gimp", "--path", str(tmp_path / "elsewhere")]) == 0

    assert gimp.is_installed(tmp_path / "elsewhere")
    assert not gimp.is_installed(profile)


def test_gimps_own_variable_names_the_profile(profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIMP3_DIRECTORY", str(tmp_path / "portable"))

    assert gimp.usual_profiles() == [tmp_path / "portable"]


@pytest.mark.parametrize(
    ("platform", "folder"),
    [
        ("linux", ".config/GIMP/3.0"),
        ("darwin", "Library/Application Support/GIMP/3.0"),
        ("win32", "AppData/Roaming/GIMP/3.0"),
    ],
)
def test_where_gimp_never_ran_the_folder_is_the_one_it_will_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, folder: str
) -> None:
    for name in ("XDG_CONFIG_HOME", "APPDATA", "GIMP3_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    assert gimp.usual_profiles() == [tmp_path / folder]


def test_the_doctor_says_whether_gimp_has_taken_the_plug_in(profile: Path) -> None:
    findings = Findings()
    examine_plugins(findings)
    assert findings.plugins["gimp"].startswith("not installed")

    gimp.install([profile])
    findings = Findings()
    examine_plugins(findings)
    assert findings.plugins["gimp"] == f"{gimp.plugin_folder(profile)} (GIMP has not started since it was installed)"

    (profile / "pluginrc").write_text(f'(proc-def "{gimp.PROCEDURE}" 1)', encoding="utf-8")
    findings = Findings()
    examine_plugins(findings)
    assert findings.plugins["gimp"] == f"{gimp.plugin_folder(profile)} (loaded by GIMP)"
    assert not findings.problems


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("run bit", "executable"),
        ("not taken", "did not load"),
        ("other command", "uses another dis-core"),
        ("old file", "another version"),
    ],
)
def test_the_doctor_names_what_is_wrong_with_gimps_plug_in(profile: Path, damage: str, words: str) -> None:
    gimp.install([profile])
    folder = gimp.plugin_folder(profile)
    if damage == "run bit":
        (folder / gimp.PROGRAM).chmod(0o644)
    elif damage == "not taken":
        (profile / "pluginrc").write_text("", encoding="utf-8")
    elif damage == "other command":
        (folder / "command.json").write_text('{"command": ["/other/python"]}', encoding="utf-8")
    else:
        (folder / "planes.py").write_text("", encoding="utf-8")

    findings = Findings()
    examine_plugins(findings)

    assert [words in problem.what for problem in findings.problems] == [True]
