"""A real GIMP 3 without a window, in a Debian of its own where this system has none, asked by `inside_gimp.py`."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.fake_hub import CHECKOUT, clean_environment, unused_address
from tests.hosts import chroot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCRIPT = Path(__file__).parent / "inside_gimp.py"
BUILD = CHECKOUT / ".ci" / "gimp-chroot"
PATIENCE = float(os.environ.get("DIS_TEST_PATIENCE", "1"))
"""How many times as long as usual all is waited for, where other programs take most of the machine."""

FIRST_START_S, ANSWER_S, QUIT_S, PROCESS_S = 300.0 * PATIENCE, 120.0 * PATIENCE, 30.0 * PATIENCE, 60.0 * PATIENCE


def chroot_folder() -> Path:
    """Where `.ci/gimp-chroot` puts a Debian with GIMP 3; DIS_TEST_GIMP_CHROOT names another place."""
    return Path(os.environ.get("DIS_TEST_GIMP_CHROOT", "/var/cache/dis-core-tests/gimp"))


def missing_gimp() -> str:
    """What keeps GIMP from running here, in words; empty if nothing does."""
    if not (chroot_folder() / "usr" / "bin" / "gimp-console").exists():
        return f"there is no GIMP 3 in {chroot_folder()} ({BUILD.relative_to(CHECKOUT)} makes it, as root)"
    return chroot.missing_namespace()


class GimpFailed(AssertionError):
    """What was asked of GIMP raised an exception there, or took too long."""


@dataclass
class GimpProgram:
    """A running GIMP with a home of its own."""

    home: Path
    process: subprocess.Popen[bytes]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def call(self, function: str, *, patience_s: float = ANSWER_S, **arguments: Any) -> Any:  # whatever JSON can hold
        """Run a function of `inside_gimp.py`, and return what it returns."""
        return self.receive(self.send(function, **arguments), patience_s=patience_s)

    def send(self, function: str, **arguments: Any) -> Path:
        """Ask for a function; where its answer will be comes back."""
        mail, number = self.home / "mail", f"{next(self.numbers):06}"
        part = mail / "part"
        part.write_text(json.dumps({"function": function, "arguments": arguments}), encoding="utf-8")
        part.rename(mail / f"{number}.request")
        return mail / f"{number}.answer"

    def receive(self, answer: Path, *, patience_s: float = ANSWER_S) -> Any:
        """Wait for an answer."""
        ends = time.monotonic() + patience_s
        while not answer.exists():
            if time.monotonic() > ends or self.process.poll() is not None:
                raise GimpFailed(f"GIMP did not answer ({self.process.poll()})\n{self.log()}")
            time.sleep(0.01)
        content = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in content:
            raise GimpFailed(content["error"])
        return content["value"]

    def log(self) -> str:
        """The end of what GIMP has printed."""
        return (self.home / "gimp.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def daemon(self, *arguments: str) -> str:
        """What `dis-core daemon` says to somebody with GIMP's temporary folder, which is where its child finds one."""
        command = [sys.executable, "-m", "dis_core", "daemon", *arguments]
        environment = {**gimp_environment(self.home), "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout


def gimp_environment(home: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "GIMP3_DIRECTORY": str(home / "gimp"),
        "DIS_TEST_MAIL": str(home / "mail"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        **more,
    }


def in_chroot(command: list[str], also: Sequence[Path] = ()) -> list[str]:
    """A command line that runs another one in GIMP's Debian, which sees `also`, more folders, at their own places."""
    return chroot.in_chroot(chroot_folder(), command, also)


@contextlib.contextmanager
def running_gimp(
    home: Path, *, program: str = "gimp-console", also: Sequence[Path] = (), **more: str
) -> Iterator[GimpProgram]:
    """GIMP in `home`, which `prepare_gimp_home` has made; it is ended, hard if need be, with the block."""
    mail = home / "mail"
    shutil.rmtree(mail, ignore_errors=True)
    mail.mkdir()
    batch = f"exec(compile(open({chroot.HOST + str(SCRIPT)!r}).read(), 'inside_gimp.py', 'exec'))"
    command = [
        program,
        *(["-i"] if program == "gimp-console" else ["-n", "-s"]),
        "-d",
        "--batch-interpreter=python-fu-eval",
        "-b",
        batch,
        "--quit",
    ]
    with (home / "gimp.log").open("wb") as log:
        process = subprocess.Popen(
            in_chroot(command, also),
            env=gimp_environment(home, **more),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
        )
        running = GimpProgram(home, process)
        try:
            running.call("version", patience_s=FIRST_START_S)
            yield running
        finally:
            (mail / "quit").touch()
            try:
                process.wait(timeout=QUIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            running.daemon("stop", "--now")


def prepare_gimp_home(home: Path, command: object | None = None) -> Path:
    """A home with the plug-in in it, as `dis-core plugin install gimp` puts it there; `command` is what it then starts.

    GIMP has started in it before: its first start takes a quarter of a minute.
    """
    environment = {**clean_environment(bare_gimp_home(home), unused_address()), "GIMP3_DIRECTORY": str(home / "gimp")}
    install = [sys.executable, "-m", "dis_core", "plugin", "install", "gimp"]
    subprocess.run(install, env=environment, check=True, capture_output=True, timeout=60)
    write_gimp_command(home, command)
    return home


def bare_gimp_home(home: Path) -> Path:
    """A home without the plug-in, in which GIMP has started before and greets nobody."""
    shutil.copytree(primed_home(), home, symlinks=True)
    with (home / "gimp" / "gimprc").open("a", encoding="utf-8") as settings:
        settings.write("\n(show-welcome-dialog no)\n(check-updates no)\n")
    return home


def unpack_archive(home: Path, folder: Path) -> Path:
    """A home into which what `dis-core plugin build gimp` packs has been unpacked, as a user does it."""
    archive = folder / "plugin.zip"
    environment = clean_environment(bare_gimp_home(home), unused_address())
    build = [sys.executable, "-m", "dis_core", "plugin", "build", "gimp", "-o", str(archive)]
    subprocess.run(build, env=environment, check=True, capture_output=True, timeout=60)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(home / "gimp" / "plug-ins")
        for entry in packed.infolist():  # which Python's own unpacking leaves out
            (home / "gimp" / "plug-ins" / entry.filename).chmod(entry.external_attr >> 16)
    return home


def write_gimp_command(home: Path, content: object | None = None) -> None:
    """Let the plug-in in a home start something else; it looks before each run.

    None: what the installer wrote. Whatever it is, it starts on this side of /host.
    """
    path = home / "gimp" / "plug-ins" / "dis-select-subject" / "command.json"
    installed = json.loads(path.read_text(encoding="utf-8")) if content is None else content
    assert isinstance(installed, dict)
    command = chroot.entering_host(installed["command"])
    path.write_text(json.dumps({**installed, "command": command}), encoding="utf-8")


def primed_home() -> Path:
    """A home in which GIMP has asked all of its own plug-ins what they do, made once per GIMP."""
    cache = Path(tempfile.gettempdir()) / f"dis-core-tests-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        raise PermissionError(f"{cache} belongs to somebody else")
    made = int((chroot_folder() / "usr" / "bin" / "gimp-console").stat().st_mtime)
    primed = cache / f"gimp-{made}"
    if not primed.exists():
        # Made beside and renamed, so that a run that is stopped leaves no half of it.
        making = Path(tempfile.mkdtemp(dir=cache))
        (making / "tmp").mkdir()
        with running_gimp(making):
            pass
        with contextlib.suppress(OSError):  # somebody else was faster
            making.rename(primed)
    return primed


def processes_with(words: str, home: Path) -> list[int]:
    """Processes whose command line has the words, of the GIMP in a home."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if words in line and f"TMPDIR={home}".encode() in environment:
                found.append(int(folder.name))
    return found


def wait_for_process(words: str, home: Path) -> int:
    """The first such process, as soon as it is there."""
    ends = time.monotonic() + PROCESS_S
    while time.monotonic() < ends:
        if found := processes_with(words, home):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no process with {words} has started")


def wait_until_none(words: str, home: Path) -> None:
    """Wait until no such process is there any more."""
    ends = time.monotonic() + PROCESS_S
    while found := processes_with(words, home):
        assert time.monotonic() < ends, f"{found} with {words} did not end"
        time.sleep(0.05)
