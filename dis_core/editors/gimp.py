"""GIMP's plug-in: where GIMP 3 looks for it, and whether it has loaded it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from dis_core.editors.plugin_files import (
    are_written,
    command_file,
    expected_files,
    packed_wheel,
    plugin_files,
    remove_paths,
    write_files,
)
from dis_core.editors.sources import Files, packed
from dis_core.environment import home_folder
from dis_core.errors import OutputFailed

PACKAGE = "dis-select-subject"
PROGRAM = f"{PACKAGE}.py"
PROCEDURE = "plug-in-dis-select-subject"
FIRST_VERSION = "3.0"

_VERSION = re.compile(r"3\.\d*[02468]")


def usual_profiles() -> list[Path]:
    """GIMP 3's folders for this user, one for each version; if it never ran, the one that 3.0 will make.

    The environment variable `GIMP3_DIRECTORY`, which GIMP reads too, replaces them all.
    """
    if chosen := os.environ.get("GIMP3_DIRECTORY"):
        return [Path(chosen)]
    found = [
        folder
        for base in profile_bases()
        if base.is_dir()
        for folder in sorted(base.iterdir())
        if folder.is_dir() and _VERSION.fullmatch(folder.name)
    ]
    return found or [profile_bases()[0] / FIRST_VERSION]


def profile_bases() -> list[Path]:
    """The folders in which GIMP may keep a folder for each version, the usual one first."""
    home = home_folder()
    if sys.platform == "win32":
        above = [Path(os.environ.get("APPDATA", home / "AppData" / "Roaming"))]
    elif sys.platform == "darwin":
        above = [home / "Library" / "Application Support"]
    else:
        above = [
            Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config"),
            home / ".var" / "app" / "org.gimp.GIMP" / "config",
            home / "snap" / "gimp" / "current" / ".config",
        ]
    return [folder / "GIMP" for folder in above]


def plugin_folder(profile: Path) -> Path:
    """The plug-in's folder in one of GIMP's folders."""
    return profile / "plug-ins" / PACKAGE


def install(profiles: Sequence[Path]) -> list[Path]:
    """Copy the plug-in into each of GIMP's folders, with how to start this installation; return where it is.

    Raises PluginProblem, OutputFailed.
    """
    uninstall(profiles)
    for profile in profiles:
        write_files(profile / "plug-ins", installed_files())
        _make_executable(plugin_folder(profile) / PROGRAM)
    return [plugin_folder(profile) for profile in profiles]


def uninstall(profiles: Sequence[Path]) -> list[Path]:
    """Remove what `install` wrote, and nothing else; return what was removed.

    Raises OutputFailed.
    """
    return remove_paths(map(plugin_folder, profiles))


def is_installed(profile: Path) -> bool:
    """Whether the plug-in is where GIMP looks."""
    return (plugin_folder(profile) / PROGRAM).is_file()


def is_executable(profile: Path) -> bool:
    """Whether GIMP would load the plug-in: it silently ignores files that are not executable."""
    return os.access(plugin_folder(profile) / PROGRAM, os.X_OK)


def is_registered(profile: Path) -> bool | None:
    """Whether GIMP has loaded the plug-in; None if it has not started since the plug-in was installed."""
    try:
        known = profile / "pluginrc"
        if known.stat().st_mtime < (plugin_folder(profile) / PROGRAM).stat().st_mtime:
            return None
        return f'"{PROCEDURE}"' in known.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def is_up_to_date(profile: Path) -> bool:
    """Whether installing again would change nothing, so that the plug-in starts this installation."""
    command = plugin_folder(profile) / "command.json"
    return are_written(profile / "plug-ins", expected_files(installed_files(), command))


def installed_files() -> Files:
    """The files below `plug-ins` in one of GIMP's folders.

    Raises PluginProblem.
    """
    return {**plugin_files("gimp", PACKAGE), f"{PACKAGE}/command.json": command_file()}


def archive() -> bytes:
    """A zip file to unpack into the folder `plug-ins` of one of GIMP's folders; the same sources make the same bytes.

    It does not say how to start dis-core, which differs on every machine: the plug-in looks for it, or installs it.
    Raises PluginProblem.
    """
    files = {**plugin_files("gimp", PACKAGE), **packed_wheel(PACKAGE)}
    return packed(files, executable=[f"{PACKAGE}/{PROGRAM}"])


def _make_executable(path: Path) -> None:
    try:
        path.chmod(0o755)
    except OSError as error:
        raise OutputFailed(f"cannot make {path} executable: {error.strerror}", hint="check who owns it") from error
