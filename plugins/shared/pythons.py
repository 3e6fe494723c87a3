"""Pythons and uv on this machine, with which an environment for dis-core can be made; never an editor's own Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Iterator, Sequence, Tuple

from .file_names import file_name, text_of
from .program import usual_folders

CHOSEN = "DIS_CORE_PYTHON"
"""An environment variable with the path of the Python to use; no other one is looked at then."""

MINOR_VERSIONS = (12, 13, 11, 14, 10)
"""The versions 3.x that dis-core and PyTorch support, those first for which most packages are ready to install."""

LEAST_UV = (0, 6, 9)
"""The first uv that chooses PyTorch's build."""

ANSWER_S = 20.0
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)

Command = Tuple[str, ...]
"""A command line in the form that `os` and `subprocess` take."""

_MORE_FOLDERS = ("/opt/local/bin", "/Library/Frameworks/Python.framework/Versions/Current/bin", "/usr/bin")
_OF_EDITORS = re.compile(r"(krita|gimp)([ .\d-].*)?|\.mount_.*", re.IGNORECASE)
_QUESTION = (
    "import json, struct, sys, sysconfig, platform\n"
    "try:\n    import ensurepip, venv\n    whole = True\nexcept ImportError:\n    whole = False\n"
    "print(json.dumps(dict(version=sys.version_info[:2], bits=8 * struct.calcsize('P'), whole=whole,\n"
    "    machine=platform.machine(), base=getattr(sys, '_base_executable', None) or sys.executable,\n"
    "    free_threaded=bool(sysconfig.get_config_var('Py_GIL_DISABLED')))))\n"
)


@dataclass(frozen=True)
class Python:
    """A Python that answered. `refusal` says why no environment can be made from it; empty if one can."""

    path: str
    version: tuple[int, int]
    refusal: str

    @property
    def name(self) -> str:
        """Such as "Python 3.12"."""
        return f"Python {self.version[0]}.{self.version[1]}"


def starting_command() -> Command | None:
    """A Python of any version to start a script with, without asking it anything, or else uv; None without either."""
    for command in candidates():
        return command
    uv = find_uv()
    # uv brings a Python of its own.
    return None if uv is None else (uv, "run", "--no-project", "--python", "3.12", "python")


def find_uv() -> str | None:
    """Where uv is; None if it is not here."""
    return shutil.which("uv", path=_search_path())


def is_new_enough(uv: str) -> bool:
    """Whether this uv knows what it is asked for."""
    answer = re.search(rb"(\d+)\.(\d+)\.(\d+)", _answer((uv, "--version")))
    return answer is not None and tuple(map(int, answer.groups())) >= LEAST_UV


def candidates() -> Iterator[Command]:
    """Pythons that may be used, the most suitable names first. They have not been tried."""
    chosen = os.environ.get(CHOSEN)
    if chosen:
        yield (chosen,)
        return
    names = [*(f"python3.{minor}" for minor in MINOR_VERSIONS), "python3", "python"]
    found: list[Command] = [(path,) for name in names for path in _all_of(name)]
    launcher = shutil.which("py") if sys.platform == "win32" else None
    if launcher:
        found[:0] = [(launcher, f"-3.{minor}") for minor in MINOR_VERSIONS]
        found.append((launcher, "-3"))
    found += [(path,) for path in _registered()]
    yield from dict.fromkeys(found)


def suitable(commands: Sequence[Command]) -> tuple[Python | None, list[Python]]:
    """The first of these Pythons from which an environment can be made, if any, and those that answered before it."""
    others: list[Python] = []
    for command in commands:
        python = ask(command)
        if python is not None and not python.refusal:
            return python, others
        others += [] if python is None else [python]
    return None, others


def ask(command: Command) -> Python | None:
    """What a Python says about itself; None if it does not answer as one."""
    try:
        said = json.loads(_answer((*command, "-I", "-c", _QUESTION)).decode("utf-8"))
        version = (int(said["version"][0]), int(said["version"][1]))
        return Python(file_name(str(said["base"])), version, _refusal(version, said))
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def _refusal(version: tuple[int, int], said: dict[str, object]) -> str:
    if version[0] != 3 or version[1] not in MINOR_VERSIONS:
        least, most = min(MINOR_VERSIONS), max(MINOR_VERSIONS)
        return f"it is {version[0]}.{version[1]}, and dis-core needs one from 3.{least} to 3.{most}"
    if said["bits"] != 64 or said["free_threaded"]:
        return "PyTorch needs the usual Python for 64 bits"
    if sys.platform == "darwin" and said["machine"] == "x86_64":
        return "PyTorch needs a Mac with an Apple chip, and a Python for it"
    return "" if said["whole"] else "the part of it that makes environments is missing"


def _all_of(name: str) -> Iterator[str]:
    """Every program of that name on the search path that is not an editor's own, each once."""
    for folder in _search_path().split(os.pathsep):
        path = shutil.which(name, path=folder) if folder else None
        if path and not _is_unusable(path):
            yield path


def _is_unusable(path: str) -> bool:
    """Whether a Python belongs to an editor, or is the system's stand-in, which opens a store instead."""
    real = os.path.realpath(path)
    parts = {part for name in (path, real) for part in name.replace("\\", "/").split("/")[:-1]}
    if any(_OF_EDITORS.fullmatch(part) for part in parts) or "WindowsApps" in parts:
        return True
    tools = ("/Library/Developer/CommandLineTools", "/Applications/Xcode.app")
    return sys.platform == "darwin" and path.startswith("/usr/bin/") and not any(map(os.path.isdir, tools))


def _search_path() -> str:
    cargo = os.path.expanduser(os.path.join("~", ".cargo", "bin"))
    folders = [os.environ.get("PATH", os.defpath), *usual_folders(), cargo]
    return os.pathsep.join([*folders, *(() if sys.platform == "win32" else _MORE_FOLDERS)])


def _registered() -> list[str]:
    """The Pythons that installers have put into Windows' registry."""
    found: list[str] = []
    if sys.platform == "win32":
        import winreg

        for root in (winreg.HKEY_CURRENT_USER, winreg.HKEY_LOCAL_MACHINE):
            for minor in MINOR_VERSIONS:
                try:
                    with winreg.OpenKey(root, rf"Software\Python\PythonCore\3.{minor}\InstallPath") as key:
                        found.append(os.path.join(str(winreg.QueryValue(key, None)), "python.exe"))
                except OSError:
                    continue
    return [path for path in found if os.path.isfile(path)]


def _answer(command: Command) -> bytes:
    """What a program prints; nothing if it fails."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=ANSWER_S,
            check=True,
            creationflags=NO_WINDOW,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return b""


def as_text(command: Command) -> Command:
    """The command line as text, for `Program`."""
    return tuple(map(text_of, command))
