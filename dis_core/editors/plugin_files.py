"""The files of an editor's plug-in: collected from their one source, written, compared and removed."""

from __future__ import annotations

import json
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import dis_core
from dis_core.__version__ import __version__
from dis_core.editors.own_environment import find_own_environment
from dis_core.editors.sources import SHARED, Files, files_below, source_folder
from dis_core.editors.wheel import NAME, this_wheel
from dis_core.errors import OutputFailed
from dis_core.files import make_folder, write_atomically

SEGMENT_OPTIONS: tuple[str, ...] = ("--warm",)
"""What plug-ins add to every `dis-core mask` and `dis-core cutout`."""


def plugin_files(editor: str, package: str) -> Files:
    """All the files of one editor's plug-in, with the shared ones inside its package.

    Raises PluginProblem.
    """
    sources = source_folder()
    files = files_below(sources / editor)
    shared = files_below(sources / SHARED)
    files |= {f"{package}/{SHARED}/{name}": content for name, content in shared.items()}
    files[f"{package}/version.txt"] = f"{__version__}\n".encode()
    return {**files, f"{package}/requirement.txt": f"{requirement()}\n".encode("utf-8", "surrogateescape")}


def packed_wheel(package: str) -> Files:
    """A wheel of this dis-core, for a plug-in that has to install it: nothing if it is from PyPI, where others get it.

    Raises PluginProblem.
    """
    if requirement() == NAME:
        return {}
    name, content = this_wheel()
    return {f"{package}/{name}": content}


def requirement() -> str:
    """What pip has to be given to install this dis-core on this machine: its checkout or wheel, or its name."""
    try:
        origin = metadata.distribution(NAME).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        checkout = Path(dis_core.__file__).parents[1]
        return str(checkout) if (checkout / "pyproject.toml").is_file() else NAME
    url = json.loads(origin)["url"] if origin else ""
    return url2pathname(urlsplit(url).path) if url.startswith("file:") else url or NAME


def write_files(folder: Path, files: Files) -> None:
    """Write files below a folder. Raises OutputFailed."""
    for name, content in files.items():
        make_folder((folder / name).parent)
        write_atomically(folder / name, content, overwrite=True)


def are_written(folder: Path, files: Files) -> bool:
    """Whether files are below a folder with just this content."""
    return all((folder / name).is_file() and (folder / name).read_bytes() == content for name, content in files.items())


def expected_files(files: Files, command: Path) -> Files:
    """Those of the files that an up-to-date plug-in has: an unpacked one does not say how to start dis-core if it finds
    this one without, as the one that it has installed."""
    own = find_own_environment()
    if command.exists() or own is None or own.folder.resolve() != Path(sys.prefix).resolve():
        return files
    varies = ("command.json", "requirement.txt")
    return {name: content for name, content in files.items() if Path(name).name not in varies}


def remove_paths(paths: Iterable[Path]) -> list[Path]:
    """Remove those of the files and folders that exist, with all that is in them, and return them.

    Raises OutputFailed.
    """
    removed = [path for path in paths if path.exists()]
    try:
        for path in removed:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise OutputFailed(
            f"cannot remove {error.filename}: {error.strerror}", hint="check who owns it, and that no editor is running"
        ) from error
    return removed


def command_file() -> bytes:
    """How to start this installation: the JSON that `plugins/shared/program.py` reads."""
    content = {
        "command": [sys.executable, "-m", "dis_core"],
        "environment": search_path(),
        "segment_options": list(SEGMENT_OPTIONS),
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode("utf-8", "surrogateescape")


def search_path() -> dict[str, str]:
    """The environment in which a new interpreter finds this package: empty, unless this is a checkout."""
    folder = str(Path(dis_core.__file__).parents[1])
    installed = {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
    return {} if folder in installed else {"PYTHONPATH": folder}
