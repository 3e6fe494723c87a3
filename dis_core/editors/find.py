"""Krita and GIMP on this machine, for `dis-core doctor`: where they are and which version, within seconds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ANSWER_S = 5.0
"""How long an editor may take to say its version."""


@dataclass(frozen=True)
class Editor:
    """An editor that was found: `where` is its program or its Flatpak, `version` is empty if it did not say."""

    name: str
    where: str
    version: str


PROGRAMS = {
    "krita": ("krita",),
    "gimp": ("gimp-console", "gimp", "gimp-3.2", "gimp-3.0", "gimp-3", "gimp-2.10"),
}
FLATPAKS = {"krita": "org.kde.krita", "gimp": "org.gimp.GIMP"}
NOTES = {"krita": "org.kde.krita.appdata.xml"}
USUAL_PLACES = {
    "krita": (
        "/Applications/krita.app/Contents/MacOS/krita",
        "~/Applications/krita.app/Contents/MacOS/krita",
        "C:/Program Files/Krita (x64)/bin/krita.exe",
        "/snap/bin/krita",
    ),
    "gimp": (
        "/Applications/GIMP.app/Contents/MacOS/gimp",
        "/Applications/GIMP-2.10.app/Contents/MacOS/gimp",
        "C:/Program Files/GIMP 3/bin/gimp-console-3.0.exe",
        "C:/Program Files/GIMP 2/bin/gimp-console-2.10.exe",
        "/snap/bin/gimp",
    ),
}


def find_editors() -> list[Editor]:
    """Every Krita and GIMP on this machine, each once."""
    with ThreadPoolExecutor(2) as pool:
        return [editor for found in pool.map(_find, PROGRAMS) for editor in found]


def _find(name: str) -> list[Editor]:
    on_path = (shutil.which(program) for program in PROGRAMS[name])
    # Not Path.is_file, which raises PermissionError below a folder that may not be entered.
    usual = filter(os.path.isfile, map(os.path.expanduser, USUAL_PLACES[name]))
    programs = {os.path.realpath(found): found for found in (*on_path, *usual) if found}
    editors = [Editor(name, where, _version_of(name, where, real)) for real, where in programs.items()]
    if shutil.which("flatpak") and (version := _version(["flatpak", "info", FLATPAKS[name]])):
        editors.append(Editor(name, f"flatpak {FLATPAKS[name]}", version))
    return editors


def _version_of(name: str, where: str, real: str) -> str:
    """An editor's version: from the notes about its releases that lie beside it, or else as it says itself.

    Krita says nothing without a screen.
    """
    notes = Path(real).parents[1] / "share" / "metainfo" / NOTES.get(name, "none")
    try:
        newest = re.search(r"<release\b[^>]*\bversion=\"([^\"]+)", notes.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        newest = None
    return newest.group(1) if newest else _version([where, "--version"])


def _version(command: list[str]) -> str:
    """The first number with dots that the command prints; empty if it fails, prints none or takes too long."""
    # Krita is a Qt program and needs a screen even for this; "offscreen" is enough.
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C"}
    try:
        answer = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # `flatpak info` prints an architecture and a license with numbers too, but the version is on a line of its own.
    labeled = re.search(r"^\s*Version:\s*(\S+)", answer.stdout, re.MULTILINE)
    if labeled:
        return labeled.group(1)
    number = re.search(r"\d+\.\d+(?:\.\d+)*\S*", answer.stdout) if answer.returncode == 0 else None
    return number.group(0) if number else ""
