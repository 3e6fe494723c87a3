"""`dis-core plugin` and the folders of Krita, without Krita."""

from __future__ import annotations

import io
import json
import re
import shlex
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared.remedies import without_program

from dis_core.__version__ import __version__
from dis_core.cli.doctor.findings import Findings
from dis_core.cli.doctor.plugin_checks import examine_plugins
from dis_core.cli.main import run
from dis_core.editors import krita, plugin_files
from dis_core.editors.krita import Places
from tests.fakes.plugin_sources import SOURCES, files_below

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.platform", "linux")
    return Places(tmp_path / "data" / "krita", tmp_path / "config" / "kritarc")


def test_what_is_installed_is_the_source_byte_for_byte(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "install", "krita"]) == 0

    assert capsys.readouterr().out == f"{places.package}\n"
    own, shared = files_below(SOURCES / "krita" / krita.PACKAGE), files_below(SOURCES / "shared")
    installed = files_below(places.package)
    command = json.loads(installed.pop("command.json"))
    assert installed.pop("version.txt").decode().strip() == __version__
    assert installed.pop("requirement.txt").decode().strip() == plugin_files.requirement()
    assert installed == {**own, **{f"shared/{name}": content for name, content in shared.items()}}
    assert command["command"][1:] == ["-m", "dis_core"]
    assert (places.resources / "actions" / krita.ACTION_FILE).read_bytes() == (
        SOURCES / "krita" / krita.ACTION_FILE
    ).read_bytes()
    assert (places.resources / "pykrita" / krita.DESKTOP_FILE).exists()


def test_the_command_reaches_this_installation() -> None:
    content = json.loads(plugin_files.command_file())

    assert Path(content["command"][0]).exists()
    assert content["environment"].get("PYTHONPATH", str(SOURCES.parent)) == str(SOURCES.parent)


def test_installing_switches_the_plug_in_on_and_leaves_other_settings_alone(places: Places) -> None:
    places.settings.parent.mkdir(parents=True)
    places.settings.write_text("[python]\nenable_other=true\n\n[theme]\nTheme=Krita dark\n", encoding="utf-8")

    assert run(["plugin", "install", "krita"]) == 0

    expected = f"[python]\n{krita.SWITCH}=true\nenable_other=true\n\n[theme]\nTheme=Krita dark\n"
    assert places.settings.read_text(encoding="utf-8") == expected


def test_uninstalling_leaves_no_trace_and_touches_nothing_else(places: Places) -> None:
    other = places.resources / "pykrita" / "other.desktop"
    other.parent.mkdir(parents=True)
    other.write_text("somebody else's", encoding="utf-8")
    places.settings.parent.mkdir(parents=True)
    places.settings.write_text("[theme]\nTheme=Krita dark\n", encoding="utf-8")
    assert run(["plugin", "install", "krita"]) == 0
    (places.package / "__pycache__").mkdir()

    assert run(["plugin", "install", "krita", "--uninstall"]) == 0

    assert files_below(places.resources) == {"pykrita/other.desktop": b"somebody else's"}
    assert krita.SWITCH not in places.settings.read_text(encoding="utf-8")
    assert "[theme]\nTheme=Krita dark\n" in places.settings.read_text(encoding="utf-8")


def test_uninstalling_what_is_not_there_says_so(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "install", "krita", "--uninstall"]) == 0

    assert "krita was not installed" in capsys.readouterr().err
    assert not places.settings.exists()


def test_files_of_an_older_version_do_not_stay(places: Places) -> None:
    assert run(["plugin", "install", "krita"]) == 0
    (places.package / "old_module.py").write_text("", encoding="utf-8")

    assert run(["plugin", "install", "krita"]) == 0

    assert not (places.package / "old_module.py").exists()


def test_another_folder_can_be_named(places: Places, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()

    assert run(["plugin", "install", "krita", "--path", str(tmp_path / "elsewhere")]) == 0

    assert (tmp_path / "elsewhere" / "pykrita" / krita.PACKAGE / "__init__.py").exists()
    assert not places.package.exists()


def test_a_folder_that_is_not_there_is_refused_and_not_made(
    places: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plugin", "install", "krita", "--path", str(tmp_path / "misspelled")]) == 1

    assert "misspelled' does not exist" in capsys.readouterr().err
    assert not (tmp_path / "misspelled").exists()
    assert not places.package.exists()


@given(st.lists(st.sampled_from(["[python]", "[theme]", "enable_x=true", "Theme=dark", "", "a=b"]), max_size=12))
def test_switching_on_and_off_changes_one_line_only(lines: list[str]) -> None:
    before = "".join(f"{line}\n" for line in lines)

    on = krita.switched(before, "on")

    assert krita.switched(on, "on") == on
    assert on.count(f"{krita.SWITCH}=true\n") == 1
    section = on[: on.index(krita.SWITCH)].rpartition("[")[2]
    assert section.startswith("python]\n")
    off = krita.switched(on, "off")
    assert off.replace("[python]", "").split() == before.replace("[python]", "").split()


@pytest.mark.parametrize(
    ("platform", "variables", "resources", "settings"),
    [
        ("linux", {}, ".local/share/krita", ".config/kritarc"),
        ("darwin", {}, "Library/Application Support/krita", "Library/Preferences/kritarc"),
        ("win32", {}, "AppData/Roaming/krita", "AppData/Local/kritarc"),
    ],
)
def test_krita_is_looked_for_where_each_system_has_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variables: dict[str, str],
    resources: str,
    settings: str,
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    places = krita.usual_places()

    assert places == Places(tmp_path / resources, tmp_path / settings)


def test_the_archive_is_what_kritas_importer_expects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["plugin", "build", "krita"]) == 0

    with zipfile.ZipFile(tmp_path / "dis-core-krita.zip") as archive:
        names = archive.namelist()
    assert f"{krita.PACKAGE}/" in names
    assert krita.DESKTOP_FILE in names
    assert f"actions/{krita.ACTION_FILE}" in names
    assert f"{krita.PACKAGE}/shared/events.py" in names
    assert f"{krita.PACKAGE}/manual.html" in names
    assert not [name for name in names if "command.json" in name or "__pycache__" in name]


def test_the_archives_copies_are_equal_to_the_one_source() -> None:
    with zipfile.ZipFile(io.BytesIO(krita.archive())) as archive:
        packed = {name: archive.read(name) for name in archive.namelist() if f"{krita.PACKAGE}/shared/" in name}

    shared = files_below(SOURCES / "shared")
    assert {name.rpartition("shared/")[2]: content for name, content in packed.items() if content} == shared


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        ('{"url": "file:///home/me/my%20dis-core", "dir_info": {}}', "/home/me/my dis-core"),
        (
            '{"url": "file:///wheels/dis_core-0.1.0-py3-none-any.whl", "archive_info": {}}',
            "/wheels/dis_core-0.1.0-py3-none-any.whl",
        ),
        (None, "dis-core"),
    ],
    ids=["a checkout", "a wheel", "an index"],
)
def test_the_remedy_installs_what_the_plug_in_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str | None, named: str
) -> None:
    monkeypatch.setattr(metadata.Distribution, "read_text", lambda _self, _name: origin)
    monkeypatch.setattr(metadata.PathDistribution, "read_text", lambda _self, _name: origin)
    (tmp_path / "requirement.txt").write_bytes(
        plugin_files.plugin_files("krita", krita.PACKAGE)[f"{krita.PACKAGE}/requirement.txt"]
    )

    copied = without_program("krita", str(tmp_path)).value

    first, second = copied.splitlines()
    assert shlex.split(first) == ["python3", "-m", "pip", "install", named]
    assert shlex.split(second) == ["python3", "-m", "dis_core", "plugin", "install", "krita"]


def test_equal_sources_make_equal_archives() -> None:
    assert krita.archive() == krita.archive()


def test_an_archive_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "plugin.zip"
    path.write_text("precious", encoding="utf-8")

    assert run(["plugin", "build", "krita", "-o", str(path)]) == 1
    assert path.read_text(encoding="utf-8") == "precious"

    assert run(["plugin", "build", "krita", "-o", str(path), "--overwrite"]) == 0
    assert zipfile.is_zipfile(path)


def test_the_wheel_takes_the_plug_ins_along() -> None:
    text = PROJECT.read_text(encoding="utf-8")
    included = dict(re.findall(r'^"plugins/(\w+)" = "dis_core/editors/plugins/(\w+)"$', text, re.MULTILINE))

    assert included == {"shared": "shared", "gimp": "gimp", "krita": "krita"}


def test_the_actions_are_those_that_the_plug_in_creates() -> None:
    described = set(
        re.findall(r'<Action name="(\w+)"', (SOURCES / "krita" / krita.ACTION_FILE).read_text(encoding="utf-8"))
    )
    code = (SOURCES / "krita" / krita.PACKAGE / "extension.py").read_text(encoding="utf-8")
    created = {*re.findall(r'^    "(dis_\w+)": \(', code, re.MULTILINE), *re.findall(r'"(dis_go\w+)"', code)}

    assert described == created
    assert len(created) == 4


def test_the_doctor_says_whether_krita_finds_the_plug_in(places: Places) -> None:
    findings = Findings()
    examine_plugins(findings)
    assert findings.plugins["krita"].startswith("not installed")
    assert not findings.problems

    krita.install(places)
    findings = Findings()
    examine_plugins(findings)
    assert findings.plugins["krita"] == str(places.package)
    assert not findings.problems


@pytest.mark.parametrize(
    ("damage", "words"),
    [("turn off", "turned off"), ("other command", "uses another dis-core"), ("old file", "another version")],
)
def test_the_doctor_names_what_is_wrong_with_the_plug_in(places: Places, damage: str, words: str) -> None:
    krita.install(places)
    if damage == "turn off":
        krita.switch(places.settings, "off")
    elif damage == "other command":
        (places.package / "command.json").write_text('{"command": ["/other/python"]}', encoding="utf-8")
    else:
        (places.package / "subject_finder.py").write_text("", encoding="utf-8")

    findings = Findings()
    examine_plugins(findings)

    assert [words in problem.what for problem in findings.problems] == [True]
    assert "dis-core plugin install krita" in findings.problems[0].cure
