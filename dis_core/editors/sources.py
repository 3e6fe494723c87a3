"""The sources of the editors' plug-ins, and how files are packed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import dis_core
from dis_core.errors import PluginProblem

SHARED = "shared"
"""The package that all plug-ins share; each gets a copy."""

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)

Files = dict[str, bytes]
"""Contents by path; the parts of a path are separated by /."""


def source_folder() -> Path:
    """The folder of the plug-ins' sources: inside the installed package, or beside it in a checkout.

    Raises PluginProblem if there are none.
    """
    package = Path(dis_core.__file__).parent
    for folder in (package / "editors" / "plugins", package.parent / "plugins"):
        if (folder / SHARED).is_dir():
            return folder
    raise PluginProblem(f"the editors' plug-ins are missing beside {package}", hint="install dis-core again")


def files_below(folder: Path) -> Files:
    """The files in a folder and the folders inside it, without Python's caches."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def packed(files: Files, *, executable: Collection[str] = (), folders: Literal["name", "leave out"] = "name") -> bytes:
    """A zip file, usually with entries for folders too; the same files make the same bytes."""
    named = {f"{folder.as_posix()}/" for name in files for folder in Path(name).parents if folder.name}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name in sorted({*files, *(named if folders == "name" else ())}):
            entry = zipfile.ZipInfo(name, _FIRST_DATE)
            mode = 0o40755 << 16 | 0x10 if name.endswith("/") else 0o100644 << 16
            entry.external_attr = 0o100755 << 16 if name in executable else mode
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, files.get(name, b""))
    return buffer.getvalue()
