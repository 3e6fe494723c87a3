"""The environment of its own that a plug-in makes for dis-core: where it is, what it takes, and what is there now."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from typing import Mapping

from .file_names import file_name, text_of
from .own_folder import RECORD, environments_folder
from .program import REQUIREMENT_FILE, Program, read_command

DOWNLOADS = "downloads"
"""The folder beside the environments for what is downloaded; it stays until one is complete."""

VERSION_FILE = "version.txt"
"""A file beside the plug-in with the version of the dis-core that it is from."""

CPU, USUAL = "cpu", "usual"
"""PyTorch's build: the small one without the libraries of graphics cards, or the one on PyPI."""

_SMALL = (300_000_000, 1_200_000_000)
_WITH_CUDA = (3_100_000_000, 6_200_000_000)
"""How much is downloaded and how much it takes on the disk, measured on Linux with torch 2.13 and 2.14."""


@dataclass(frozen=True)
class Plan:
    """What is going to be installed, and where; sizes are rough. `folder` and `requirement` are file names."""

    folder: str
    requirement: str
    build: str
    download_bytes: int
    disk_bytes: int

    @property
    def needed_bytes(self) -> int:
        """How much must be free meanwhile: each download is there twice while it is unpacked."""
        return 2 * self.download_bytes + self.disk_bytes


@dataclass(frozen=True)
class Environment:
    """An environment that has been made: `folder` is its own, as text; `origin` is the check sum of the wheel that it
    was made from, if it was one."""

    program: Program
    version: str
    build: str
    folder: str
    size_bytes: int
    origin: str


def find_environment(folder: str | None = None) -> Environment | None:
    """The environment that is there, even if it does not work; None if none has been made."""
    path = os.path.join(environments_folder() if folder is None else folder, RECORD)
    program = read_command(path)
    if program is None:
        return None
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    size = content.get("size_bytes")
    words = {name: str(content.get(name, "")) for name in ("version", "build", "folder", "origin")}
    return Environment(program, size_bytes=size if isinstance(size, int) else 0, **words)


def plan(plugin_folder: str, build: str = "") -> Plan:
    """What the plug-in in a folder would install; without a `build` it is what fits this machine."""
    build = build or usual_build(os.environ)
    is_large = build == USUAL and sys.platform == "linux"
    download_bytes, disk_bytes = _WITH_CUDA if is_large else _SMALL
    return Plan(environments_folder(), requirement_beside(plugin_folder), build, download_bytes, disk_bytes)


def usual_build(environment: Mapping[str, str], platform: str = sys.platform) -> str:
    """The small build where it makes a difference and no driver for NVIDIA's graphics cards is here."""
    if platform != "linux":
        return USUAL
    driver = os.path.exists("/proc/driver/nvidia/version") or shutil.which("nvidia-smi", path=environment.get("PATH"))
    return USUAL if driver else CPU


def requirement_beside(plugin_folder: str) -> str:
    """What pip has to be given: the wheel that was packed with the plug-in, or what it says; a file name."""
    wheels = sorted(glob.glob(os.path.join(glob.escape(plugin_folder), "*.whl")))
    if wheels:
        return wheels[-1]
    said = _read(plugin_folder, REQUIREMENT_FILE)
    version = plugin_version(plugin_folder)
    if said in ("", "dis-core"):
        return f"dis-core=={version}" if version else "dis-core"
    return file_name(said)


def plugin_version(plugin_folder: str) -> str:
    """The version of the dis-core that the plug-in in a folder is from; empty if it does not say."""
    return _read(plugin_folder, VERSION_FILE)


def has_downloads() -> bool:
    """Whether an installation that was stopped has left downloads to go on with."""
    return os.path.isdir(os.path.join(environments_folder(), DOWNLOADS))


def check_sum(path: str) -> str:
    """The SHA-256 of a file. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def gigabytes(size_bytes: int) -> str:
    """Such as "350 MB" or "6.5 GB"."""
    return f"{round(size_bytes / 1e6)} MB" if size_bytes < 1e9 else f"{size_bytes / 1e9:.1f} GB"


def shown(folder: str) -> str:
    """A folder as the user reads it best: with ~ for the home folder; text."""
    home = os.path.expanduser("~")
    return text_of("~" + folder[len(home) :] if folder.startswith(home + os.sep) else folder)


def _read(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
