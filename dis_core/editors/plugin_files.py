"""The files of an editor's plug-in as they are to be installed, put together from their one source."""

from __future__ import annotations

import json
import site
import sys
import sysconfig
from pathlib import Path

import dis_core
from dis_core.errors import PluginProblem

SEGMENT_OPTIONS: tuple[str, ...] = ("--warm",)
"""What plug-ins add to every `dis-core mask` and `dis-core cutout`."""

SHARED = "shared"
"""The package that all plug-ins share; it is put into each."""

Files = dict[str, bytes]
"""Contents by path, with / between the parts."""


def source_folder() -> Path:
    """Where the sources of the plug-ins are: inside the installed package, or beside it in a checkout.

    Raises PluginProblem if there are none.
    """
    package = Path(dis_core.__file__).parent
    for folder in (package / "hosts" / "plugins", package.parent / "plugins"):
        if (folder / SHARED).is_dir():
            return folder
    raise PluginProblem("this installation came without the editors' plug-ins", hint="install dis-core again")


def plugin_files(editor: str, package: str) -> Files:
    """All files of one editor's plug-in, the shared ones inside of its package.

    Raises PluginProblem.
    """
    sources = source_folder()
    files = files_below(sources / editor)
    shared = files_below(sources / SHARED)
    return {**files, **{f"{package}/{SHARED}/{name}": content for name, content in shared.items()}}


def files_below(folder: Path) -> Files:
    """What lies in a folder and the folders inside, without what Python keeps there."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def command_file() -> bytes:
    """How this installation is started, for a plug-in to read: the JSON that `plugins/shared/program.py` expects."""
    content = {
        "command": [sys.executable, "-m", "dis_core"],
        "environment": search_path(),
        "segment_options": list(SEGMENT_OPTIONS),
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode("utf-8", "surrogateescape")


def search_path() -> dict[str, str]:
    """What a new interpreter must be told to find this package: nothing, unless it runs from a checkout."""
    folder = str(Path(dis_core.__file__).parents[1])
    installed = {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
    return {} if folder in installed else {"PYTHONPATH": folder}
