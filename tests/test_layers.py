"""The architecture held by a test: imports point downwards only, and some things have one place or none."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

import dis_core

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PACKAGE = Path(dis_core.__file__).parent
PROJECT = Path(__file__).parents[1] / "pyproject.toml"

# Packages and single modules from the top of the house to its bottom; each may import what is in its own row or below.
HOUSE = (
    "__main__ batch cli ray server",
    "daemon editors export",
    "api jobs",
    "networks pipeline",
    "option_checks session",
    "refinement training",
    "registry",
    "evaluation matte models plugins scenes",
    "images prompts weights",
    "device environment files hookspecs places",
    "model_spec",
    "protocols",
    "geometry",
    "__version__ errors planes progress threads",
)

ROW_OF = {name: row for row, names in enumerate(HOUSE) for name in names.split()}

THIN_EDGE = ("dis_core.daemon.client", "dis_core.daemon.endpoint", "dis_core.daemon.protocol")
"""What a command loads to ask the daemon: the standard library, each other, and THIN_BASE."""

THIN_BASE = (
    *("dis_core.__version__", "dis_core.environment", "dis_core.errors", "dis_core.files", "dis_core.progress"),
)
"""As light. `files` is among them so that there is one way to write files and one way to lock them."""

LIGHT = (
    "cli errors evaluation files geometry hookspecs images jobs.job jobs.json_values model_spec places planes",
    "plugins progress prompts protocols registry.builtin_models registry.builtin_refiners registry.manager",
    "registry.requirements weights.bundled weights.waiting",
)
"""What is loaded before an image is there: it may import numpy and readers of files, but nothing heavy on import."""

HEAVY = ("torch", "timm", "transformers", "diffusers", "huggingface_hub")

DISTRIBUTION_OF = {"PIL": "pillow", "py_sod_metrics": "pysodmetrics"}
"""Distributions that are called otherwise than the package in them, - and _ aside."""


def module_name(path: Path) -> str:
    """The module's name, "dis_core.cli.main"; a package's for its __init__.py."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def room_of(module: str) -> str:
    """The package or single module right below dis_core that a module lies in; "" for dis_core itself."""
    return module.partition(".")[2].partition(".")[0]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below `node`, also those inside functions, without what only a type checker runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (inner for other in child.orelse for inner in (other, *statements(other)))
        else:
            yield child
            yield from statements(child)


def imported_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Every module that is imported: "a.b.c" for `from a.b import c`, where c may be a module or a name in a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute, so that this test can read them"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str, *, of_checkers: Literal["too", "not"] = "not") -> set[str]:
    """The modules of dis_core that a module imports, with or without what only type checkers do."""
    tree = tree_of(module)
    found = set()
    for name in imported_names(ast.walk(tree) if of_checkers == "too" else statements(tree)):
        if name.partition(".")[0] == "dis_core":
            found.add(name if name in MODULES else name.rpartition(".")[0])
    return found


def reachable(imports: Mapping[str, set[str]], module: str) -> set[str]:
    """All modules that a module imports, and those that they import, and so on."""
    found: set[str] = set()
    to_visit = list(imports[module])
    while to_visit:
        if (name := to_visit.pop()) not in found:
            found.add(name)
            to_visit += imports[name]
    return found


def outside_imports(module: str) -> set[str]:
    """The top-level packages that a module imports, without dis_core and the standard library."""
    found = {name.partition(".")[0] for name in imported_names(statements(tree_of(module)))}
    return found - sys.stdlib_module_names - {"dis_core", "__mp_main__"}


def calls(module: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a module with the dotted name of what is called, as it is written there."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def is_literally(value: ast.expr, literal: object) -> bool:
    return isinstance(value, ast.Constant) and value.value is literal


def test_the_house_has_these_rooms_and_no_others() -> None:
    rooms = {room_of(module) for module in MODULES} - {""}

    assert rooms == set(ROW_OF), "put new rooms into HOUSE and into docs/explanation/design.md, as low as they can be"


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module)])
def test_imports_point_downwards_only(module: str) -> None:
    row = ROW_OF[room_of(module)]

    upwards = {name for name in own_imports(module) if name != "dis_core" and ROW_OF[room_of(name)] < row}

    assert not upwards, f"{module} imports, from above: {upwards}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = {
        module: {name for name in own_imports(module, of_checkers="too") if not module.startswith(f"{name}.")}
        for module in MODULES
    }

    in_a_circle = sorted(module for module in MODULES if module in reachable(imports, module))

    assert not in_a_circle, "no reader knows where to begin with these"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        module: count for module, path in MODULES.items() if (count := len(path.read_text("utf-8").split("\n"))) > 401
    }

    assert not long


def test_what_is_loaded_before_an_image_is_there_loads_no_heavy_package(tmp_path: Path) -> None:
    light = tuple(f"dis_core.{name}" for names in LIGHT for name in names.split())
    modules = [name for name in MODULES if name in light or name.rpartition(".")[2] == "spec"]
    modules += [name for name in MODULES if name.startswith("dis_core.cli.")]
    script = f"""
import importlib, sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
for name in {modules!r}:
    importlib.import_module(name)
print([name for name in {HEAVY!r} if name in sys.modules])
"""

    shown = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)

    assert shown.stdout.strip() == "[]"


def test_the_way_to_the_daemon_starts_in_a_blink(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
before = set(sys.modules)
import {", ".join(THIN_EDGE)}
print(*(set(sys.modules) - before))
"""

    shown = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)

    loaded = set(shown.stdout.split())
    assert {name for name in loaded if name.startswith("dis_core.")} == {"dis_core.daemon", *THIN_EDGE, *THIN_BASE}
    assert not {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - {"dis_core", "__mp_main__"}


def test_every_package_that_is_imported_is_declared_as_a_dependency() -> None:
    text = PROJECT.read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = re.findall(r"^(?!docs\b)[a-z]+ = \[.*\]$", section, re.MULTILINE)
    assert block is not None
    assert len(extras) == 9
    declared = {re.sub("-", "_", name) for name in re.findall(r'"([A-Za-z0-9-]+)', "".join([block[1], *extras]))}

    used = {DISTRIBUTION_OF.get(name, name) for module in MODULES for name in outside_imports(module)}

    assert not used - declared, "declare these in pyproject.toml, or do without"


def test_the_table_of_distributions_is_right() -> None:
    installed = metadata.packages_distributions()

    for package, distribution in DISTRIBUTION_OF.items():
        assert distribution in {name.lower() for name in installed[package]}


def test_only_one_module_resamples_tensors() -> None:
    callers = {module for module in MODULES for name, _ in calls(module) if name.rpartition(".")[2] == "interpolate"}

    assert callers == {"dis_core.models.resample"}


def test_only_one_module_opens_image_files_with_pillow() -> None:
    callers = {module for module in MODULES for name, _ in calls(module) if name in ("Image.open", "PIL.Image.open")}

    # The camera of the training scenes opens no file but what it has just compressed itself, for the artifacts.
    assert callers == {"dis_core.images.pillow", "dis_core.scenes.camera"}


@pytest.mark.parametrize("module", MODULES)
def test_weights_are_read_safely_and_strictly(module: str) -> None:
    for name, call in calls(module):
        given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        where = f"{module}, line {call.lineno}: {name}"

        assert not re.fullmatch(r"(c?[pP]ickle|dill|joblib)\.(load|loads|Unpickler)", name), where
        assert "trust_remote_code" not in given, where
        if name == "torch.load":
            assert is_literally(given["weights_only"], True), where
        if "strict" in given and name != "zip":
            assert is_literally(given["strict"], True), where


@pytest.mark.parametrize("module", MODULES)
def test_nothing_of_pickle_is_imported_by_its_own_name(module: str) -> None:
    names = set(imported_names(statements(tree_of(module))))

    assert not {name for name in names if name.startswith(("pickle.", "_pickle", "dill", "joblib"))}
