"""The files of an editor's plug-in: collected from their one source, written, compared and removed."""

from __future__ import annotations

import io
import json
import shutil
import site
import sys
import sysconfig
import zipfile
from collections.abc import Collection, Iterable
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import dis_core
from dis_core.errors import OutputFailed, PluginProblem
from dis_core.files import make_folder, write_atomically

SEGMENT_OPTIONS: tuple[str, ...] = ("--warm",)
"""What plug-ins add to every `dis-core mask` and `dis-core cutout`."""

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


def plugin_files(editor: str, package: str) -> Files:
    """All the files of one editor's plug-in, with the shared ones inside its package.

    Raises PluginProblem.
    """
    sources = source_folder()
    files = files_below(sources / editor)
    shared = files_below(sources / SHARED)
    files |= {f"{package}/{SHARED}/{name}": content for name, content in shared.items()}
    return {**files, f"{package}/requirement.txt": f"{requirement()}\n".encode("utf-8", "surrogateescape")}


def files_below(folder: Path) -> Files:
    """The files in a folder and the folders inside it, without Python's caches."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def requirement() -> str:
    """What pip has to be given to install this dis-core on this machine: its checkout or wheel, or its name."""
    try:
        origin = metadata.distribution("dis-core").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        checkout = Path(dis_core.__file__).parents[1]
        return str(checkout) if (checkout / "pyproject.toml").is_file() else "dis-core"
    url = json.loads(origin)["url"] if origin else ""
    return url2pathname(urlsplit(url).path) if url.startswith("file:") else url or "dis-core"


def packed(files: Files, *, executable: Collection[str] = ()) -> bytes:
    """A zip file with entries for folders too; the same files make the same bytes."""
    folders = {f"{folder.as_posix()}/" for name in files for folder in Path(name).parents if folder.name}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name in sorted({*folders, *files}):
            entry = zipfile.ZipInfo(name, _FIRST_DATE)
            mode = 0o40755 << 16 | 0x10 if name.endswith("/") else 0o100644 << 16
            entry.external_attr = 0o100755 << 16 if name in executable else mode
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, files.get(name, b""))
    return buffer.getvalue()


def write_files(folder: Path, files: Files) -> None:
    """Write files below a folder. Raises OutputFailed."""
    for name, content in files.items():
        make_folder((folder / name).parent)
        write_atomically(folder / name, content, overwrite=True)


def are_written(folder: Path, files: Files) -> bool:
    """Whether files are below a folder with just this content."""
    return all((folder / name).is_file() and (folder / name).read_bytes() == content for name, content in files.items())


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
