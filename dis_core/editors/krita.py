"""Krita's plug-in: where Krita looks for it, how it is turned on, and the archive for Krita's own importer."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from dataclasses import dataclass
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
from dis_core.files import make_folder, write_atomically

PACKAGE = "dis_select_subject"
DESKTOP_FILE, ACTION_FILE = f"{PACKAGE}.desktop", f"{PACKAGE}.action"
COMMAND_FILE = f"{PACKAGE}/command.json"
SWITCH = f"enable_{PACKAGE}"


@dataclass(frozen=True)
class Places:
    """Krita's folder of resources, with `pykrita` and `actions` in it, and its settings file."""

    resources: Path
    settings: Path

    @property
    def package(self) -> Path:
        """The folder of the plug-in's package."""
        return self.resources / "pykrita" / PACKAGE


def usual_places() -> Places:
    """Where Krita looks on this system, for this user."""
    home = home_folder()
    if sys.platform == "win32":
        data = Path(os.environ.get("APPDATA", home / "AppData" / "Roaming"))
        settings = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        data, settings = home / "Library" / "Application Support", home / "Library" / "Preferences"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return Places(data / "krita", settings / "kritarc")


def install(places: Places) -> Path:
    """Copy the plug-in, with how to start this installation, turn it on, and return the package's folder.

    Raises PluginProblem, OutputFailed.
    """
    uninstall(places)
    write_files(places.resources, installed_files())
    switch(places.settings, "on")
    return places.package


def uninstall(places: Places) -> list[Path]:
    """Remove what `install` wrote, and nothing else; return what was removed.

    Raises OutputFailed.
    """
    removed = remove_paths([places.package, *(places.resources / name for name in _beside_package())])
    if removed:
        switch(places.settings, "off")
    return removed


def is_installed(places: Places) -> bool:
    """Whether Krita would find the plug-in."""
    return (places.package / "__init__.py").is_file() and (places.resources / "pykrita" / DESKTOP_FILE).is_file()


def is_switched_on(places: Places) -> bool:
    """Whether Krita would start the plug-in that it finds."""
    return bool(re.search(rf"^{SWITCH}=true\s*$", _read(places.settings), re.MULTILINE))


def is_up_to_date(places: Places) -> bool:
    """Whether installing again would change nothing, so that the plug-in starts this installation."""
    return are_written(places.resources, expected_files(installed_files(), places.resources / "pykrita" / COMMAND_FILE))


def installed_files() -> Files:
    """The files below Krita's folder of resources.

    Raises PluginProblem.
    """
    files = {**plugin_files("krita", PACKAGE), COMMAND_FILE: command_file()}
    actions = files.pop(ACTION_FILE)
    return {f"actions/{ACTION_FILE}": actions, **{f"pykrita/{name}": content for name, content in files.items()}}


def archive() -> bytes:
    """A zip file for Tools > Scripts > Import Python Plugin; the same sources make the same bytes.

    It does not say how to start dis-core, which differs on every machine: the plug-in looks for it, or installs it.
    Raises PluginProblem.
    """
    files = {**plugin_files("krita", PACKAGE), **packed_wheel(PACKAGE)}
    # The importer copies it to the folder of actions; inside the package, Krita would read it a second time.
    files[f"actions/{ACTION_FILE}"] = files.pop(ACTION_FILE)
    return packed(files)  # the importer needs its entry for the folder of the package


def switch(settings: Path, state: str) -> None:
    """Turn the plug-in "on" or "off" in Krita's settings, and leave all other settings alone.

    Raises OutputFailed.
    """
    before = _read(settings)
    after = switched(before, state)
    if after != before:
        make_folder(settings.parent)
        write_atomically(settings, after.encode("utf-8", "surrogateescape"), overwrite=True)


def switched(text: str, state: str) -> str:
    """The text of a settings file with the plug-in turned "on", or "off": without a line for it."""
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(f"{SWITCH}=")]
    if state == "on":
        wanted = f"{SWITCH}=true\n"
        places = [number for number, line in enumerate(lines) if line.strip() == "[python]"]
        if places:
            lines.insert(places[0] + 1, wanted)
        else:
            lines += ["\n"] if lines and lines[-1].strip() else []
            lines += ["[python]\n", wanted]
    return "".join(lines)


def _beside_package() -> list[str]:
    return [f"pykrita/{DESKTOP_FILE}", f"actions/{ACTION_FILE}"]


def _read(settings: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return settings.read_text(encoding="utf-8", errors="surrogateescape")
    return ""
