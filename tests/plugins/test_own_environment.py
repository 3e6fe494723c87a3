"""The program that installs dis-core for the editors, with pip but without a network."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shared import own_environment
from shared.events import Failed
from shared.install_offer import after_installation, other_version, version_said
from shared.own_environment import plan
from shared.pip_words import doing_in, failure_in
from shared.program import Program, find_program
from shared.pythons import CHOSEN, ask, candidates
from shared.remedies import COPY, INSTALL, UPDATE_PLUGIN

from dis_core.__version__ import __version__
from dis_core.editors.wheel import this_wheel
from tests.fakes.fake_hub import unused_address
from tests.fakes.plugin_sources import SOURCES
from tests.fakes.tiny_wheels import offline_environment, write_tiny_wheels

SCRIPT = SOURCES / "shared" / "make_environment.py"
PATIENCE_S = 120.0
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that is needed, and the wheel of dis-core."""
    folder = write_tiny_wheels(tmp_path_factory.mktemp("wheels") / "wheels")
    name, content = this_wheel()
    (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where environments go, and nowhere else."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path / "data" / "dis-core" / "program"


class Run:
    """A running installation."""

    def __init__(self, what: str, folder: Path, wheels: Path, *options: str, **more: str) -> None:
        own = wheels / this_wheel()[0]
        command = [sys.executable, "-X", "utf8", "-I", str(SCRIPT), what, "--folder", str(folder)]
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        self.process = subprocess.Popen(
            [*command, "--requirement", str(own), *options],
            env={**kept, "HOME": str(folder.parent), **offline_environment(wheels), **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def events(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)

    def end(self) -> dict[str, Any]:
        """The last event, when all is over."""
        *_, last = self.events()
        self.wait()
        return last

    def stop(self) -> None:
        """As an editor does, whether it asks for it or dies."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait(self) -> None:
        self.process.wait(timeout=PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.stop()

    def until(self, fraction: float) -> None:
        assert any(event["fraction"] >= fraction for event in self.events())


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


@contextlib.contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_an_environment_is_found_and_another_wheel_of_the_same_version_is_noticed(folder: Path) -> None:
    made_from = folder / "dis_core-made.whl"
    folder.mkdir(parents=True)
    made_from.write_bytes(b"one")
    about = {"version": __version__, "build": "cpu", "folder": str(folder / "one"), "size_bytes": 5 * MEGABYTE}
    origin = own_environment.check_sum(str(made_from))
    content = {"command": [sys.executable, "-m", "dis_core"], "segment_options": ["--warm"], "origin": origin, **about}
    (folder / "installed.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "version.txt").write_text(__version__, encoding="utf-8")

    program = find_program(str(folder))

    assert program == Program((sys.executable, "-m", "dis_core"), segment_options=("--warm",))
    assert other_version("krita", str(folder), program, __version__) is None
    made_from.write_bytes(b"another")
    odd = other_version("krita", str(folder), program, __version__)
    assert odd is not None
    assert odd.button == "Update dis-core, 300 MB"


def test_what_dis_core_says_of_its_version_is_understood() -> None:
    assert version_said(f"dis-core, version {__version__}\n".encode()) == __version__
    assert version_said(b"") == version_said(b"no such option") == ""


@pytest.mark.parametrize("way", ["standard input ends", "terminated", "killed"])
def test_a_stopped_installation_leaves_nothing_half_and_no_process(folder: Path, wheels: Path, way: str) -> None:
    run = Run("make", folder, wheels)
    run.until(0.01)

    if way == "killed":
        run.process.kill()
        run.wait()
        ended = {"code": "Cancelled"}
    else:
        run.process.send_signal(signal.SIGTERM) if way == "terminated" else run.stop()
        ended = run.end()

    assert ended["code"] == "Cancelled"
    ends = time.monotonic() + PATIENCE_S
    while running := processes_below(folder):
        assert time.monotonic() < ends, running
        time.sleep(0.1)
    if way == "killed":
        assert own_environment.find_environment() is None
        Run("remove", folder, wheels).end()
    assert left_in(folder) == []


def processes_below(folder: Path) -> list[str]:
    """The command lines of processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [line] if str(folder) in line else []
    return found


def test_without_room_nothing_is_begun(folder: Path, wheels: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "3m") as small:
        ended = Run("make", small / "program", wheels, "--needed-bytes", "2200000000").end()
        left = left_in(small / "program")

    assert ended["code"] == "DiskFull"
    assert "2.2 GB are needed while it is installed, and 3 MB are free" in ended["message"]
    assert left == []


def test_a_disk_that_gets_full_on_the_way_is_told_of_and_left_clean(wheels: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "8m") as small:
        ended = Run("make", small / "program", wheels).end()
        left = left_in(small / "program")

    assert ended["code"] == "DiskFull"
    assert ended["message"].startswith(f"the disk with {small / 'program'}")
    assert ended["hint"] == "make room there, then try again"
    assert left == []


def test_without_a_network_it_says_so(folder: Path, wheels: Path) -> None:
    nowhere = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": unused_address(), "PIP_RETRIES": "1"}

    ended = Run("make", folder, wheels, **nowhere).end()

    assert ended["code"] == "NoNetwork"
    assert ended["message"] == "pypi.org cannot be reached"
    assert left_in(folder) == ["downloads"] or left_in(folder) == []


def test_without_a_python_it_says_what_to_get(folder: Path, wheels: Path) -> None:
    ended = Run("make", folder, wheels, **{CHOSEN: "/nowhere/python3"}).end()

    assert ended["code"] == "NoPython"
    assert ended["hint"] == "install Python 3.12 from python.org, then try again"


def test_two_installations_at_once_do_not_meet(folder: Path, wheels: Path) -> None:
    first = Run("make", folder, wheels)
    first.until(0.01)

    second = Run("make", folder, wheels).end()

    assert second["code"] == "Busy"
    first.stop()
    assert first.end()["code"] == "Cancelled"


def test_an_editors_own_python_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHOSEN, raising=False)
    for name in ("Krita (x64)", "GIMP 3", "gimp.app", ".mount_krita1"):
        path = tmp_path / name / "bin" / "python3"
        path.parent.mkdir(parents=True)
        path.symlink_to(sys.executable)
        monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)

    found = [command[0] for command in candidates()]

    assert not [path for path in found if str(tmp_path) in path]


def test_a_python_says_what_it_is_and_others_do_not() -> None:
    python = ask((sys.executable,))

    assert python is not None
    assert python.version == sys.version_info[:2]
    assert python.refusal == ""
    assert ask(("/bin/true",)) is None
    assert ask(("/bin/echo", "{}")) is None


@pytest.mark.parametrize(
    ("line", "doing"),
    [
        ("Collecting torch>=2.10", "downloading torch"),
        ("  Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (554.6 MB)", "downloading torch"),
        ("  Downloading https://example.org/nvidia_cudnn_cu13-9.1-py3-none-any.whl", "downloading nvidia-cudnn-cu13"),
        ("Installing collected packages: torch, timm", "unpacking"),
        ("Prepared 40 packages in 3s", "unpacking"),
        ("Requirement already satisfied: numpy", ""),
    ],
)
def test_what_pip_prints_becomes_a_few_words(line: str, doing: str) -> None:
    assert doing_in(line) == doing


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "DiskFull"),
        ("WARNING: Retrying: NewConnectionError(...)\nERROR: No matching distribution found for torch", "NoNetwork"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "NoNetwork"),
        ("ERROR: No matching distribution found for torch>=2.10", "NoPackage"),
        ("WARNING: odd\nERROR: Something else\nnotice: a new pip", "InstallFailed"),
    ],
)
def test_a_failure_of_pip_is_told_in_words(printed: str, code: str) -> None:
    failed = failure_in(printed.splitlines(), "/somewhere")

    assert failed.code == code
    assert code != "InstallFailed" or failed.message.endswith("ERROR: Something else")


def test_the_larger_build_is_offered_and_not_taken_where_the_small_one_cannot_be_had() -> None:
    remedy = after_installation(Failed("SmallBuildUnreachable", "the small build cannot be reached"), "/nowhere", "cpu")

    assert (remedy.action, remedy.value) == (INSTALL, "usual")
    assert remedy.button == "Install the usual build, 3.1 GB"


@pytest.mark.parametrize(
    ("version", "command", "action"),
    [
        ("1.4.0", ("/venv/bin/python", "-m", "dis_core"), UPDATE_PLUGIN),
        ("1.1.0", ("/venv/bin/python", "-m", "dis_core"), COPY),
        ("1.1.0", ("/usr/local/bin/dis-core",), INSTALL),
    ],
)
def test_of_different_versions_the_older_one_is_to_be_updated(
    folder: Path, tmp_path: Path, version: str, command: tuple[str, ...], action: str
) -> None:
    (tmp_path / "version.txt").write_text("1.3.0\n")

    remedy = other_version("gimp", str(tmp_path), Program(command), version)

    assert remedy is not None
    assert remedy.action == action
    assert "1.3.0" in remedy.text
    assert version in remedy.text
    assert action != COPY or remedy.value == "/venv/bin/python -m pip install --upgrade dis-core==1.3.0\n"


def test_a_released_plug_in_installs_the_release_that_it_is_from(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "version.txt").write_text("1.3.0\n")
    (tmp_path / "requirement.txt").write_text("dis-core\n")

    assert plan(str(tmp_path)).requirement == "dis-core==1.3.0"
