"""How an editor finds and starts dis-core: which program, in which environment."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Mapping

from .file_names import file_name, text_of
from .own_folder import RECORD, environments_folder

COMMAND_FILE = "command.json"
"""A file beside the plug-in in which `dis-core plugin install` writes how to start dis-core."""

REQUIREMENT_FILE = "requirement.txt"
"""A file beside the plug-in with what pip installs: the checkout or wheel that the plug-in is from, or dis-core."""

INSTALL_COMMANDS = "python3 -m pip install {requirement}\npython3 -m dis_core plugin install {editor}\n"

# Editors set these for themselves. A child that inherits them would load the editor's Python, Qt or libraries.
UNWANTED = ("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "QML2_IMPORT_PATH", "QT_PLUGIN_PATH")
OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""Used when finding subjects: nothing is downloaded unless the user clicked to download it."""

UNWANTED_BEGINNINGS = ("PYTHON", "GI_TYPELIB", "GEGL_", "BABL_", "GIMP")


@dataclass(frozen=True)
class Program:
    """An installed dis-core: its command line as text, variables to add, and further options for finding subjects."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    segment_options: tuple[str, ...] = ()


def find_program(plugin_folder: str) -> Program | None:
    """The dis-core that installed the plug-in, or one that a plug-in installed, or the one on PATH; None without any.

    `plugin_folder` is a file name, such as the folder of `__file__`.
    """
    for path in (os.path.join(plugin_folder, COMMAND_FILE), os.path.join(environments_folder(), RECORD)):
        program = read_command(path)
        if program is not None and shutil.which(file_name(program.command[0])):
            return program
    found = shutil.which("dis-core", path=os.pathsep.join([os.environ.get("PATH", os.defpath), *usual_folders()]))
    return None if found is None else Program((text_of(found),))


def install_commands(editor: str, plugin_folder: str) -> str:
    """The commands that install the dis-core that the plug-in in a folder is from, and the plug-in again."""
    try:
        with open(os.path.join(plugin_folder, REQUIREMENT_FILE), encoding="utf-8") as file:
            requirement = file.read().strip()
    except (OSError, ValueError):
        requirement = ""
    return INSTALL_COMMANDS.format(requirement=shlex.quote(requirement or "dis-core"), editor=editor)


def usual_folders() -> tuple[str, ...]:
    """Where pip and pipx put commands. An editor started from a menu may not have these on PATH."""
    return (os.path.expanduser(os.path.join("~", ".local", "bin")), "/usr/local/bin", "/opt/homebrew/bin")


def read_command(path: str) -> Program | None:
    """What `dis-core plugin install` wrote; None if the file is missing or damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        command = tuple(str(part) for part in content["command"])
        environment = {str(name): str(value) for name, value in content.get("environment", {}).items()}
        options = tuple(str(option) for option in content.get("segment_options", ()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Program(command, environment, options) if command else None


def command_line(program: Program, *arguments: str) -> str:
    """The command that starts this program in a terminal, wherever it is installed."""
    parts = [*program.command, *arguments]
    return subprocess.list2cmdline(parts) if os.name == "nt" else " ".join(map(shlex.quote, parts))


def child_environment(inherited: Mapping[str, str], program: Program) -> dict[str, str]:
    """The editor's environment without what would break a child process, plus what this program needs."""
    kept = {
        name: value
        for name, value in inherited.items()
        if name not in UNWANTED and not name.startswith(UNWANTED_BEGINNINGS)
    }
    # The editor may have set the locale to C.
    return {**kept, "PYTHONUTF8": "1", **program.environment}
