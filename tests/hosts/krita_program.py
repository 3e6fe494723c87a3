"""A real Krita on a screen of its own, asked through the driver plug-in beside this file.

It is this system's, or the one in the Debian that DIS_TEST_KRITA_CHROOT names.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.fake_hub import CHECKOUT, clean_environment, unused_address
from tests.hosts import chroot

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
IMPORTER = Path("/usr/share/krita/pykrita/plugin_importer/plugin_importer.py")
# In Krita 6 the importer's words are looked up by a function that Krita has put among Python's own.
IMPORT = "import builtins, runpy, sys; builtins.i18n = str; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
SCRIPTS = tuple(
    HERE / f"inside_{name}.py" for name in ("krita", "runs", "canvas", "docker", "look", "window", "krita_manners")
)
INSTALL = "apt-get install -y --no-install-recommends krita python3-pyqt5 xvfb xauth xdotool"

PATIENCE = float(os.environ.get("DIS_TEST_PATIENCE", "1"))
"""How many times as long as usual all is waited for, where other programs take most of the machine."""

FIRST_START_S, ANSWER_S, QUIT_S = 240.0 * PATIENCE, 150.0 * PATIENCE, 30.0 * PATIENCE

SETTINGS = """[python]
enable_krita_driver=true
"""
# A canvas without OpenGL starts twice as fast and takes less memory.
SCREEN_SETTINGS = """[General]
canvasState=OPENGL_NOT_TRIED
OpenGLRenderer=none
"""


def chroot_folder() -> Path | None:
    """The Debian with the Krita to test; None for this system's own Krita."""
    named = os.environ.get("DIS_TEST_KRITA_CHROOT")
    return Path(named) if named else None


def in_editors_system(command: list[str]) -> list[str]:
    """A command line that runs another one where Krita is."""
    root = chroot_folder()
    return command if root is None else chroot.in_chroot(root, command)


def seen_by_krita(path: Path) -> str:
    """The name that a file of this system has for Krita."""
    return str(path) if chroot_folder() is None else chroot.HOST + str(path)


def starting_host(command: list[str]) -> list[str]:
    """A command line with which Krita's plug-in starts a program of this system; what is nowhere stays so."""
    return command if chroot_folder() is None or not shutil.which(command[0]) else chroot.entering_host(command)


def missing_programs() -> str:
    """What keeps Krita from running here, in words; empty if nothing does."""
    root = chroot_folder()
    needed = ["Xvfb", "xdotool", *(["krita"] if root is None else [])]
    missing = [program for program in needed if shutil.which(program, path=SYSTEM_PATH) is None]
    if missing:
        return f"not installed: {', '.join(missing)} ({INSTALL})"
    if root is not None:
        is_there = (root / "usr" / "bin" / "krita").exists()
        return chroot.missing_namespace() if is_there else f"there is no Krita in {root} ({chroot.BUILD} makes it)"
    if subprocess.run(["/usr/bin/python3", "-c", "import PyQt5.QtCore"], capture_output=True, check=False).returncode:
        return f"python3-pyqt5, without which Krita runs no plug-ins, is not installed ({INSTALL})"
    return ""


SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Not the path of the tests: Krita takes its Python from the first `python3` there, and must not find one of a virtual
environment."""


@functools.cache
def krita_version() -> str:
    """Such as "5.1.5", of the Krita that is tested."""
    packages = f"--admindir={chroot_folder() or ''}/var/lib/dpkg"
    answer = subprocess.run(
        ["dpkg-query", packages, "-W", "-f", "${Version}", "krita"], capture_output=True, text=True, check=False
    )
    number = re.search(r"\d+\.\d+\.\d+", answer.stdout)
    return number.group(0) if number else "unknown"


class KritaFailed(AssertionError):
    """What was asked of Krita raised an exception there, or took too long."""


@dataclass
class KritaProgram:
    """A running Krita with a home of its own."""

    home: Path
    process: subprocess.Popen[bytes]
    display: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def call(self, function: str, *, patience_s: float = ANSWER_S, **arguments: Any) -> Any:  # whatever JSON can hold
        """Run a function of the modules `inside_*.py` in Krita's main thread, and return what it returns."""
        number = next(self.numbers)
        mail = self.home / "mail"
        part = mail / "part"
        part.write_text(json.dumps({"function": function, "arguments": arguments}), encoding="utf-8")
        part.rename(mail / f"{number}.request")
        answer = mail / f"{number}.answer"
        if not self.wait_for(answer.exists, patience_s):
            picture = self.screenshot(self.home / "hanging.png")
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGUSR1)  # it prints where its Python is
                time.sleep(0.5)
            ended = self.process.poll()
            why = f"did not answer in {patience_s} s; see {picture}" if ended is None else f"ended with {ended}"
            raise KritaFailed(f"{function}: Krita {why}\n{self.log()}")
        content = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in content or content["unhandled"]:
            raise KritaFailed("\n".join([content.get("error", ""), *content["unhandled"]]))
        return content["value"]

    def wait_for(self, condition: Any, patience_s: float) -> bool:
        """Whether a condition came to hold while Krita ran and before the patience ended."""
        ends = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > ends or self.process.poll() is not None:
                return bool(condition())
            time.sleep(0.01)
        return True

    def log(self) -> str:
        """The end of what Krita has printed."""
        return (self.home / "krita.log").read_text(encoding="utf-8", errors="replace")[-2000:]

    def daemon(self, *arguments: str) -> str:
        """What `dis-core daemon` says to somebody with Krita's temporary folder, which is where its child finds one."""
        environment = {"PATH": SYSTEM_PATH, "HOME": str(self.home), "TMPDIR": str(self.home / "tmp")}
        environment |= {"PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"}
        command = [sys.executable, "-m", "dis_core", "daemon", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def on_screen(self) -> dict[str, str]:
        """The environment of a program on Krita's screen."""
        return {"DISPLAY": self.display, "PATH": SYSTEM_PATH}

    def screenshot(self, path: Path) -> Path:
        """The whole screen as a PNG file, if ImageMagick is here."""
        if shutil.which("import"):
            subprocess.run(["import", "-window", "root", str(path)], env=self.on_screen(), timeout=30, check=False)
        return path


@contextlib.contextmanager
def running_krita(home: Path, *, scripts: tuple[Path, ...] = SCRIPTS, **more: str) -> Iterator[KritaProgram]:
    """Krita in `home`, which `prepare_home` has made; it is ended, hard if need be, with the block."""
    mail = home / "mail"
    shutil.rmtree(mail, ignore_errors=True)
    mail.mkdir()
    with screen() as display, (home / "krita.log").open("wb") as log:
        environment = {
            "PATH": SYSTEM_PATH,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "TMPDIR": str(home / "tmp"),
            "DISPLAY": display,
            "DIS_TEST_MAIL": str(mail),
            "DIS_TEST_PATIENCE": str(PATIENCE),
            "DIS_TEST_SCRIPTS": os.pathsep.join(map(seen_by_krita, scripts)),
            **more,
        }
        command = in_editors_system(["krita", "--nosplash"])
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
        program = KritaProgram(home, process, display)
        try:
            program.call("wait_for_window", patience_s=FIRST_START_S)
            yield program
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            program.daemon("stop", "--now")


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """A screen that nobody sees; its name for DISPLAY."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL, env={"PATH": SYSTEM_PATH})
    os.close(writing)
    try:
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


def prepare_home(home: Path) -> None:
    """Make a home for Krita in which it has started before: its first start takes most of a minute."""
    primed = primed_home()
    shutil.copytree(primed, home, symlinks=True)
    write_settings(home)


def import_archive(home: Path, folder: Path) -> None:
    """Make a home for Krita, into which Krita's own importer puts what `dis-core plugin build krita` packs."""
    prepare_home(home)
    archive = folder / "plugin.zip"
    build = [sys.executable, "-m", "dis_core", "plugin", "build", "krita", "-o", str(archive)]
    subprocess.run(build, env=clean_environment(home, unused_address()), check=True, capture_output=True, timeout=60)
    importing = ["/usr/bin/python3", "-c", IMPORT, str(IMPORTER), str(archive), str(home / "data" / "krita")]
    done = subprocess.run(
        in_editors_system(importing),
        env={"PATH": SYSTEM_PATH},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "Imported plugin: Select Subject (dis-core)"
    with (home / "config" / "kritarc").open("a", encoding="utf-8") as settings:
        settings.write("enable_dis_select_subject=true\n")


def write_settings(home: Path) -> None:
    for folder in ("config", "data/krita/pykrita", "cache", "tmp"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "config" / "kritarc").write_text(SETTINGS, encoding="utf-8")
    (home / "config" / "kritadisplayrc").write_text(SCREEN_SETTINGS, encoding="utf-8")
    plugins = home / "data" / "krita" / "pykrita"
    shutil.copytree(HERE / "krita_driver", plugins / "krita_driver", dirs_exist_ok=True)
    (plugins / "krita_driver.desktop").write_text(
        "[Desktop Entry]\nType=Service\nServiceTypes=Krita/PythonPlugin\nX-KDE-Library=krita_driver\n"
        "X-Python-2-Compatible=false\nName=Test driver\nComment=For tests only\n",
        encoding="utf-8",
    )


def primed_home() -> Path:
    """A home in which Krita has built its database of resources, made once per version of Krita."""
    cache = Path(tempfile.gettempdir()) / f"dis-core-tests-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        raise PermissionError(f"{cache} belongs to somebody else")
    primed = cache / f"krita-{krita_version()}"
    if not primed.exists():
        # Made beside and renamed, so that a run that is stopped leaves no half of it.
        making = Path(tempfile.mkdtemp(dir=cache))
        write_settings(making)
        with running_krita(making, scripts=(HERE / "first_start.py",)) as program:
            program.call("quit_krita")
            program.process.wait(timeout=QUIT_S)
        with contextlib.suppress(OSError):  # somebody else was faster
            making.rename(primed)
    return primed
