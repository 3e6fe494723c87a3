"""A folder of wheels from which dis-core is installed within seconds, without a network.

The wheels of what dis-core needs hold nothing but a name and a version. One brings a .pth file, with which the new
environment finds the packages of the tests' own.
"""

from __future__ import annotations

import os
import re
import sys
import zipfile
from importlib import metadata
from pathlib import Path

BESIDES = ("torchvision", "filelock")
WITH_PATHS = "click"


def write_tiny_wheels(folder: Path) -> Path:
    """Wheels of all that dis-core needs, in a new folder."""
    folder.mkdir()
    needed = [
        re.split(r"[<>=!~;\[ ]", line)[0] for line in metadata.requires("dis-core") or () if "extra ==" not in line
    ]
    for name in {*needed, *BESIDES}:
        _write(folder, name, metadata.version(name))
    return folder


def offline_environment(wheels: Path) -> dict[str, str]:
    """What makes pip and the installer take these wheels, and the Python of the tests, whose packages fit no other."""
    return {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
        "DIS_CORE_PYTHON": base_python(),
    }


def base_python() -> str:
    """The Python from which the tests' environment was made."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    return os.path.realpath(base)


def _write(folder: Path, name: str, version: str) -> None:
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"{stem}.dist-info"
    files = {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if name == WITH_PATHS:
        paths = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        files["packages_of_the_tests.pth"] = "".join(f"{path}\n" for path in paths)
    record = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for path, content in {**files, f"{about}/RECORD": record}.items():
            wheel.writestr(path, content)
