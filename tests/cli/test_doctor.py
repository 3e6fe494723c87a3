"""`dis-core doctor` names what is there and what is wrong, and its exit status says whether images can be cut out."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from dis_core.cli.doctor.command import doctor
from dis_core.editors.find import Editor, find_editors
from dis_core.errors import PluginProblem
from dis_core.registry import manager as registry
from dis_core.weights import hub, records, store
from tests.fakes.fake_hub import (
    FakeHub,
    clean_environment,
    unused_address,
    use_home,
    use_hub,
)
from tests.fakes.locked_folders import can_lock_folders, locked, run_python
from tests.fakes.small_network import SMALL

if TYPE_CHECKING:
    from pathlib import Path

needs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="the editors' stand-ins are shell scripts")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_home(monkeypatch, tmp_path)
    monkeypatch.setattr(registry, "models", lambda: {"small": SMALL})
    return tmp_path


def run_doctor(*arguments: str) -> Result:
    return CliRunner().invoke(doctor, list(arguments))


def problems(result: Result) -> list[str]:
    return [problem["what"] for problem in json.loads(result.stdout)["problems"]]


def test_a_healthy_installation_is_called_so(fake_hub: FakeHub) -> None:
    store.obtain(SMALL)

    result = run_doctor()

    assert result.exit_code == 0
    assert result.stdout.endswith("Nothing is wrong.\n")


def test_the_report_holds_what_a_bug_report_needs(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path

    found = json.loads(run_doctor("--json").stdout)

    assert {"dis-core", "python", "torch", "torchvision", "timm", "transformers", "numpy", "pillow"} <= set(
        found["versions"]
    )
    assert found["devices"][-1].startswith("default: ")
    assert [folder["purpose"] for folder in found["folders"]] == ["downloads", "converted weights", "records"]
    assert found["folders"][1]["size_bytes"] == path.stat().st_size
    assert found["hub"].startswith(f"{fake_hub.url} answered")
    assert found["models"] == {"small": str(path)}


def test_no_model_and_no_connection_keep_the_main_job_from_being_done() -> None:
    result = run_doctor()

    assert result.exit_code == 1
    assert "PROBLEM that stops all work: no model is complete" in result.stdout
    assert "dis-core fetch pdfnet" in result.stdout


def test_no_model_is_a_lesser_problem_where_one_can_be_downloaded(fake_hub: FakeHub) -> None:
    result = run_doctor("--json")

    assert result.exit_code == 0
    assert problems(result) == ["no model is complete on this machine"]


def test_the_hub_is_left_alone_when_asked_to(fake_hub: FakeHub) -> None:
    result = run_doctor("--offline")

    assert fake_hub.requests == []
    assert "Hub\n  not checked\n" in result.stdout


def test_a_hub_that_cannot_be_reached_is_a_problem_but_not_for_who_has_a_model(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.obtain(SMALL)
    use_hub(monkeypatch, unused_address())

    result = run_doctor("--json")

    assert result.exit_code == 0
    assert len(problems(result)) == 1
    assert problems(result)[0].startswith("the Hugging Face Hub cannot be reached")


def test_changed_weights_half_conversions_and_cut_downloads_are_named(fake_hub: FakeHub) -> None:
    path = store.obtain(SMALL).path
    path.write_bytes(b"half")
    path.with_name(path.name + ".123.tmp").write_bytes(b"half")
    (hub.repo_folder(SMALL.weights) / "blobs" / "abc.dis-core.incomplete").write_bytes(bytes(300_000))

    found = problems(run_doctor("--json"))

    assert any(what.startswith("the weights of small have changed since they were verified") for what in found)
    assert any(what.startswith("a conversion was interrupted") for what in found)
    assert "a download of small was interrupted after 0.3 MB" in found


def test_a_folder_that_cannot_be_written_is_named(home: Path) -> None:
    (home / "cache").write_text("a file where a folder should be", encoding="utf-8")

    found = problems(run_doctor("--json", "--offline"))

    assert f"cannot write to the folder for converted weights: {records.weights_folder()}" in found


def test_little_space_is_named_with_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dis_core.cli.doctor.checks.free_space", lambda _: 150_000_000)

    found = problems(run_doctor("--json", "--offline"))

    assert any(what.startswith("only 150 MB free in the folder for downloads") for what in found)


def test_plugins_that_clash_are_a_problem_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def clash() -> None:
        raise PluginProblem("both one and two offer a model called 'small'", hint="remove one of the two plug-ins")

    monkeypatch.setattr(registry, "models", clash)

    result = run_doctor("--json", "--offline")

    assert result.exit_code == 1
    assert problems(result) == ["both one and two offer a model called 'small'"]


@pytest.mark.parametrize(
    "check",
    ["versions", "settings", "find_editors", "daemon_in_words", "examine_plugins", "examine_device", "free_space"],
)
def test_a_check_that_breaks_is_a_problem_and_the_rest_is_reported(monkeypatch: pytest.MonkeyPatch, check: str) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("broken in an unforeseen way")

    monkeypatch.setattr(f"dis_core.cli.doctor.checks.{check}", break_down)

    result = run_doctor("--json", "--offline")

    assert sum("broken in an unforeseen way" in what for what in problems(result)) == 1
    assert json.loads(result.stdout)["models"] == {"small": "not here"}


def test_passwords_in_settings_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy")

    text = run_doctor("--offline").stdout

    assert "HF_TOKEN: (set)" in text
    assert "secret" not in text


def test_a_password_in_the_address_of_the_hub_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    address = unused_address().replace("//", "//user:secret@")
    monkeypatch.setenv("HF_ENDPOINT", address)
    use_hub(monkeypatch, address)

    text = run_doctor().stdout

    assert f"HF_ENDPOINT: {hub.without_userinfo(address)}\n" in text
    assert f"{hub.without_userinfo(address)} did not answer" in text
    assert "secret" not in text
    assert "user" not in hub.without_userinfo(address)


@can_lock_folders
def test_folders_below_one_that_may_not_be_entered_are_problems_and_no_crash(home: Path) -> None:
    closed = home / "locked"
    closed.mkdir()
    environment = clean_environment(
        home,
        unused_address(),
        HF_HOME=str(closed / "hub"),
        XDG_CACHE_HOME=str(closed / "cache"),
        XDG_DATA_HOME=str(closed / "data"),
    )

    with locked(closed):
        child = run_python(
            *("-c", "from dis_core.cli.doctor.command import doctor; doctor()", "--json", "--offline"),
            environment=environment,
        )

    assert child.stderr == ""
    found = {problem["what"].partition(":")[0]: problem["cure"] for problem in json.loads(child.stdout)["problems"]}
    for purpose in ("downloads", "converted weights", "records"):
        assert "point HF_HOME" in found[f"cannot write to the folder for {purpose}"]


@pytest.mark.parametrize("broken", ["torch", "torchvision"])
def test_a_package_that_cannot_be_imported_is_named_with_a_cure_and_nothing_crashes(home: Path, broken: str) -> None:
    package = home / "broken" / broken
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('libsomething.so: cannot open shared object file')")
    environment = clean_environment(home, unused_address())
    environment["PYTHONPATH"] = f"{package.parent}:{environment['PYTHONPATH']}"

    child = subprocess.run(
        [sys.executable, "-c", "from dis_core.cli.doctor.command import doctor; doctor()", "--json", "--offline"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert child.stderr == ""
    assert child.returncode == 1
    found = [problem["what"] for problem in json.loads(child.stdout)["problems"]]
    assert any("libsomething.so" in what and broken in what for what in found)


@needs_scripts
def test_editors_are_found_with_their_versions(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(home / "krita", "echo krita 5.2.6")
    write_program(home / "gimp", "echo GNU Image Manipulation Program version 3.0.4")
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")

    found = {(editor.name, editor.version) for editor in find_editors()}

    assert {("krita", "5.2.6"), ("gimp", "3.0.4")} <= found


@needs_scripts
def test_kritas_version_is_read_beside_it_because_it_says_nothing_without_a_screen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "bin").mkdir()
    write_program(home / "bin" / "krita", "exit 134")
    notes = home / "share" / "metainfo" / "org.kde.krita.appdata.xml"
    notes.parent.mkdir(parents=True)
    notes.write_text(
        '<releases><release date="2023-01-05" version="5.1.5"/><release version="5.1.4"/></releases>', encoding="utf-8"
    )
    monkeypatch.setenv("PATH", f"{home / 'bin'}:/usr/bin:/bin")

    found = [editor for editor in find_editors() if editor.where == str(home / "bin" / "krita")]

    assert [editor.version for editor in found] == ["5.1.5"]


def test_the_hub_is_asked_while_everything_else_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = threading.Event()

    def answer_late(limit_s: float) -> float:
        assert checked.wait(limit_s)
        return 4.2

    monkeypatch.setattr(hub, "reach", answer_late)

    def find_none() -> list[Editor]:
        checked.set()
        return []

    monkeypatch.setattr("dis_core.cli.doctor.checks.find_editors", find_none)

    result = run_doctor()

    assert "answered after 4.2 s" in result.stdout


def test_a_hub_that_is_silent_is_not_waited_for_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    def answer(limit_s: float) -> float:
        limits.append(limit_s)
        return 0.1

    monkeypatch.setattr(hub, "reach", answer)

    run_doctor()

    assert limits == [5.0]


@needs_scripts
def test_an_editor_that_never_answers_is_listed_without_a_version(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(home / "krita", "exec sleep 30")
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    monkeypatch.setattr("dis_core.editors.find.ANSWER_S", 0.3)

    found = [editor for editor in find_editors() if editor.where == str(home / "krita")]

    assert [editor.version for editor in found] == [""]


def write_program(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    path.chmod(0o755)
