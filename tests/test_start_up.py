"""Starting imports nothing heavy, and the public names are what they should be."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import dis_core

PACKAGE = Path(dis_core.__file__).parent
HEAVY = {"PIL", "huggingface_hub", "numpy", "tifffile", "timm", "torch", "tqdm", "transformers"}
"""What takes longer to import than a command may take to answer."""


def run_python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A fresh Python that finds the same dis_core as this one, started where no other one lies about."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=60)


def imported_packages(shown: str) -> set[str]:
    """Top-level packages in what `-X importtime` shows on standard error."""
    lines = [line for line in shown.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_help_loads_no_heavy_package(tmp_path: Path) -> None:
    done = run_python("-X", "importtime", "-m", "dis_core", "--help", folder=tmp_path)

    loaded = imported_packages(done.stderr)
    assert {"dis_core", "click"} <= loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "command", ["cutout", "mask", "models", "fetch", "daemon", "doctor", "evaluate", "train", "scenes"]
)
def test_the_help_of_a_command_loads_no_heavy_package(command: str, tmp_path: Path) -> None:
    done = run_python("-X", "importtime", "-m", "dis_core", command, "--help", folder=tmp_path)

    assert f"dis-core {command}" in done.stdout
    assert not imported_packages(done.stderr) & HEAVY


TIMES_TORCH = 1.6
"""The CPU seconds that a cold mask of a small photo may take, in those of importing torch; 1.2 to 1.4 are needed. A
limit in seconds would be one for some machine: where much else runs, importing torch took four times as long."""


def cpu_seconds_of(*arguments: str, compiled: Path) -> float:
    """CPU seconds of a fresh Python and its children, with one thread, and with modules compiled as pip does it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    own = {"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": str(compiled)}
    before = os.times()
    subprocess.run([sys.executable, *arguments], env={**kept, **own}, check=True, capture_output=True, timeout=250)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.slow
def test_a_cold_mask_takes_little_more_than_importing_torch(tmp_path: Path) -> None:
    with Image.open(PACKAGE.parent / "examples" / "flower.jpg") as photo:
        photo.resize((360, 240)).save(tmp_path / "small.jpg")
    command = ["-m", "dis_core", "mask", str(tmp_path / "small.jpg"), "--model", "pdfnet-tiny", "--device", "cpu"]
    command += ["-o", str(tmp_path / "mask.png"), "--overwrite"]
    cpu_seconds_of(*command, compiled=tmp_path)  # compiles

    # In turn, because what else the machine does slows both; the least, because it never makes one quicker.
    rounds = [
        (cpu_seconds_of("-c", "import torch", compiled=tmp_path), cpu_seconds_of(*command, compiled=tmp_path))
        for _ in range(3)
    ]

    assert min(mask for _, mask in rounds) < TIMES_TORCH * min(torch for torch, _ in rounds)


def test_importing_the_package_loads_no_heavy_package(tmp_path: Path) -> None:
    done = run_python("-X", "importtime", "-c", "import dis_core", folder=tmp_path)

    loaded = imported_packages(done.stderr)
    assert "dis_core" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("name", dis_core.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(dis_core, name)

    assert value is not None
    assert name in dir(dis_core)


def test_what_a_type_checker_sees_is_what_is_public() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))

    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]

    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname or alias.name for node in imports for alias in node.names}
    assert seen | {"__version__"} == set(dis_core.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="remove_background"):
        dis_core.remove_background  # noqa: B018 - looking it up is the act


@pytest.mark.parametrize("name", [name for name in dis_core.__all__ if not name.startswith("__")])
def test_public_classes_and_functions_are_documented(name: str) -> None:
    value = getattr(dis_core, name)

    # A dataclass without a docstring is given its signature for one.
    undocumented = [
        thing_name
        for thing_name, thing in documentable(name, value)
        if not (thing.__doc__ or "").strip() or str(thing.__doc__).startswith(f"{name}(")
    ]
    assert not undocumented


def documentable(name: str, value: type | object) -> list[tuple[str, object]]:
    """A class or function with the public methods and properties that a class defines itself."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return []  # a type alias, whose meaning is said where it is defined
    if not inspect.isclass(value):
        return [(name, value)]
    own = [(key, thing) for key, thing in vars(value).items() if not key.startswith("_")]
    described = [
        (f"{name}.{key}", thing) for key, thing in own if inspect.isfunction(thing) or isinstance(thing, property)
    ]
    return [(name, value), *described]
