"""A wheel of the dis-core that runs, for plug-ins that have to install it on a machine that has none.

It is packed from the files that are here: making it as usual would need a network, for what builds it.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from pathlib import Path

import dis_core
from dis_core.__version__ import __version__
from dis_core.editors.sources import Files, files_below, packed, source_folder
from dis_core.errors import PluginProblem

NAME = "dis-core"
PACKAGE = "dis_core"
PLUGINS = f"{PACKAGE}/editors/plugins"
EDITORS = ("shared", "krita", "gimp")

_INSTALLERS_OWN = ("RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "uv_cache.json")
_WHEEL = b"Wheel-Version: 1.0\nGenerator: dis-core\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def this_wheel() -> tuple[str, bytes]:
    """The name and the content of the wheel; the same files make the same bytes.

    Raises PluginProblem if this dis-core was never installed, or as another version: then nobody knows what it needs.
    """
    about = f"{PACKAGE}-{__version__}.dist-info"
    files = {f"{PACKAGE}/{name}": content for name, content in files_below(Path(dis_core.__file__).parent).items()}
    for editor in EDITORS:
        below = files_below(source_folder() / editor)
        files |= {f"{PLUGINS}/{editor}/{name}": content for name, content in below.items()}
    files |= {f"{about}/{name}": content for name, content in _metadata_files().items()}
    files[f"{about}/WHEEL"] = _WHEEL
    files[f"{about}/RECORD"] = _record(files, f"{about}/RECORD")
    return f"{PACKAGE}-{__version__}-py3-none-any.whl", packed(files, folders="leave out")


def _metadata_files() -> Files:
    """The name, the version, what it needs, its command and its licenses, as they were when it was installed."""
    try:
        distribution = metadata.distribution(NAME)
    except metadata.PackageNotFoundError as error:
        raise PluginProblem(
            "dis-core is not installed here, so nobody knows which packages it needs", hint="run: pip install -e ."
        ) from error
    if distribution.version != __version__:
        raise PluginProblem(
            f"this is dis-core {__version__}, but {distribution.version} is installed", hint="run: pip install -e ."
        )
    files = {}
    for path in distribution.files or ():
        above, _, name = path.as_posix().partition(".dist-info/")
        if name and "/" not in above and name not in _INSTALLERS_OWN:
            files[name] = Path(str(path.locate())).read_bytes()
    return files


def _record(files: Files, name: str) -> bytes:
    lines = []
    for path, content in sorted(files.items()):
        check_sum = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={check_sum},{len(content)}\n")
    return "".join([*lines, f"{name},,\n"]).encode()
