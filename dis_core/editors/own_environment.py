"""The environment that an editor's plug-in has made for dis-core; `plugins/shared/environment_work.py` makes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dis_core.environment import data_folder

FOLDER, RECORD = "program", "installed.json"


@dataclass(frozen=True)
class OwnEnvironment:
    """Where it is, the Python in it, the version of its dis-core, and how large it was when it was made."""

    folder: Path
    python: Path
    version: str
    size_bytes: int


def environments_folder() -> Path:
    """Where such environments are. Raises CacheUnwritable if this user has no folders."""
    return data_folder() / FOLDER


def find_own_environment() -> OwnEnvironment | None:
    """The environment that counts; None if there is none. Raises CacheUnwritable."""
    try:
        content = json.loads((environments_folder() / RECORD).read_text(encoding="utf-8"))
        python = Path(str(content["command"][0]))
        return OwnEnvironment(
            Path(str(content["folder"])), python, str(content["version"]), int(content.get("size_bytes") or 0)
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def left_over() -> list[Path]:
    """What stopped installations have left: unfinished environments and downloads. Raises CacheUnwritable."""
    folder, own = environments_folder(), find_own_environment()
    kept = None if own is None else own.folder.name
    return [path for path in sorted(folder.glob("*")) if path.is_dir() and path.name != kept]
