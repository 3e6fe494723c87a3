"""GIMP's plug-in: where GIMP 3 looks for it, and whether it has taken it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from dis_core.editors.plugin_files import Files, command_file, plugin_files
from dis_core.errors import OutputFailed
from dis_core.files import make_folder, write_atomically

PACKAGE = "dis-select-subject"
PROGRAM = f"{PACKAGE}.py"
PROCEDURE = "plug-in-dis-select-subject"
FIRST_VERSION = "3.0"

_VERSION = re.compile(r"3\.\d*[02468]")


def usual_profiles() -> list[Path]:
    """The folders that GIMP 3 keeps for this user, one for each version; where it never ran, those that 3.0 will make.

    `GIMP3_DIRECTORY`, which GIMP heeds too, stands for all of them.
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
    """Where GIMP's folders for its versions may be, the usual place first."""
    home = Path.home()
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
    """Where the plug-in goes in one of GIMP's folders."""
    return profile / "plug-ins" / PACKAGE


def install(profiles: Sequence[Path]) -> list[Path]:
    """Copy the plug-in into each folder of GIMP, and write how it reaches this installation; its places come back.

    Raises PluginProblem, OutputFailed.
    """
    uninstall(profiles)
    for profile in profiles:
        for name, content in installed_files().items():
            path = profile / "plug-ins" / name
            make_folder(path.parent)
            write_atomically(path, content, overwrite=True)
        _make_executable(plugin_folder(profile) / PROGRAM)
    return [plugin_folder(profile) for profile in profiles]


def uninstall(profiles: Sequence[Path]) -> list[Path]:
    """Take away what `install` brought, and nothing else; what was taken away comes back.

    Raises OutputFailed.
    """
    removed = [folder for folder in map(plugin_folder, profiles) if folder.exists()]
    try:
        for folder in removed:
            _remove(folder)
    except OSError as error:
        raise OutputFailed(f"{error.filename} could not be removed: {error.strerror}") from error
    return removed


def is_installed(profile: Path) -> bool:
    """Whether the plug-in is where GIMP looks."""
    return (plugin_folder(profile) / PROGRAM).is_file()


def is_executable(profile: Path) -> bool:
    """Whether GIMP would take the plug-in; without a word, it takes no file that cannot be run."""
    return os.access(plugin_folder(profile) / PROGRAM, os.X_OK)


def is_registered(profile: Path) -> bool | None:
    """Whether GIMP has taken the plug-in; None if it has not started since that was installed."""
    try:
        known = profile / "pluginrc"
        if known.stat().st_mtime < (plugin_folder(profile) / PROGRAM).stat().st_mtime:
            return None
        return f'"{PROCEDURE}"' in known.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def is_up_to_date(profile: Path) -> bool:
    """Whether what is installed is what would be installed now, so that it reaches this installation."""
    folder = profile / "plug-ins"
    return all(
        (folder / name).is_file() and (folder / name).read_bytes() == content
        for name, content in installed_files().items()
    )


def installed_files() -> Files:
    """What goes below the `plug-ins` of one of GIMP's folders.

    Raises PluginProblem.
    """
    return {**plugin_files("gimp", PACKAGE), f"{PACKAGE}/command.json": command_file()}


def _make_executable(path: Path) -> None:
    try:
        path.chmod(0o755)
    except OSError as error:
        raise OutputFailed(f"{path} could not be made executable: {error.strerror}") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            _remove(child)
        path.rmdir()
    else:
        path.unlink()
