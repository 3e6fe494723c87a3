"""The architecture held by a test: imports point downwards only, and some things have one place or none."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dis_core

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(dis_core.__file__).parent
PROJECT = Path(__file__).parents[1] / "pyproject.toml"

# A module's layer is that of its longest prefix here, so that "dis_core.cli" stands for all commands. Modules directly
# below dis_core and dis_core.models have no such cover: each is named, and a new one is first of all placed.
LAYERS = {
    # 0: values. numpy, Pillow and other readers of files, and the standard library.
    "dis_core": 0,
    "dis_core.files": 0,
    "dis_core.matte.edges": 0,
    "dis_core.errors": 0,
    "dis_core.images.formats": 0,
    "dis_core.images": 0,
    "dis_core.weights.waiting": 0,
    "dis_core.geometry": 0,
    "dis_core.progress": 0,
    "dis_core.refinement.tiling": 0,
    # 1: declarations. pluggy.
    "dis_core.registry.requirements": 1,
    "dis_core.weights.bundled": 1,
    "dis_core.hookspecs": 1,
    "dis_core.model_spec": 1,
    "dis_core.jobs.job": 1,
    "dis_core.jobs.json_values": 0,
    "dis_core.models": 1,
    "dis_core.registry.builtin_models": 1,
    "dis_core.models.papers": 1,
    "dis_core.registry.manager": 1,
    "dis_core.registry.builtin_refiners": 1,
    # 2: torch, and the files that it reads.
    "dis_core.weights.checkpoint": 2,
    "dis_core.device": 2,
    "dis_core.refinement.zoom": 2,
    "dis_core.matte.foreground": 2,
    "dis_core.refinement.trust": 2,
    "dis_core.refinement.guided_filter": 2,
    "dis_core.weights.hub": 2,
    "dis_core.models.tensors": 2,
    "dis_core.models.birefnet.network": 2,
    "dis_core.models.birefnet.checkpoint": 2,
    "dis_core.models.birefnet.segmenter": 2,
    "dis_core.models.birefnet.deformable": 2,
    "dis_core.models.depth_anything.estimator": 2,
    "dis_core.models.pdfnet.draft_depth": 2,
    "dis_core.models.diffdis.network": 2,
    "dis_core.models.diffdis.checkpoint": 2,
    "dis_core.models.diffdis.segmenter": 2,
    "dis_core.models.backbones.efficientnet": 2,
    "dis_core.models.dis_sam.segmenter": 2,
    "dis_core.models.value_range": 2,
    "dis_core.models.isnet.network": 2,
    "dis_core.models.isnet.checkpoint": 2,
    "dis_core.models.isnet.segmenter": 2,
    "dis_core.models.pdfnet.network": 2,
    "dis_core.models.pdfnet.checkpoint": 2,
    "dis_core.models.pdfnet.segmenter": 2,
    "dis_core.models.key_mapping": 2,
    "dis_core.models.resample": 2,
    "dis_core.models.strips": 2,
    "dis_core.models.sam.network": 2,
    "dis_core.models.sam.attention": 2,
    "dis_core.models.sam.checkpoint": 2,
    "dis_core.models.square": 2,
    "dis_core.models.progress_hooks": 2,
    "dis_core.models.backbones.swin": 2,
    "dis_core.refinement.coarse_to_fine": 2,
    "dis_core.refinement.tiles": 2,
    "dis_core.turns": 2,
    "dis_core.weights.store": 2,
    # 3: use.
    "dis_core.evaluation": 3,
    "dis_core.matte.matte": 3,
    "dis_core.registry.selection": 3,
    "dis_core.pipeline": 3,
    "dis_core.api": 3,
    "dis_core.training": 3,
    "dis_core.jobs.runner": 3,
    # 4: edges.
    "dis_core.__main__": 4,
    "dis_core.cli": 4,
    "dis_core.daemon": 4,
    "dis_core.editors": 4,
}
THIN_EDGE = ("dis_core.daemon.client", "dis_core.daemon.endpoint", "dis_core.daemon.protocol")
"""What a command loads to ask the daemon: the standard library and the errors."""

WITHOUT_COVER = ("dis_core", "dis_core.models")

ALLOWED_PACKAGES = {
    0: {"PIL", "imagecodecs", "numpy", "tifffile"},
    1: {"PIL", "imagecodecs", "numpy", "pluggy", "tifffile"},
}
"""What the two lower layers may import from outside; torch, timm, transformers and huggingface_hub are not among it."""

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


def layer_of(module: str) -> int | None:
    """The layer of a module, or None if the table has none for it."""
    if module in LAYERS:
        return LAYERS[module]
    cover = module.rpartition(".")[0]
    while cover and cover not in LAYERS:
        cover = cover.rpartition(".")[0]
    return None if cover in ("", *WITHOUT_COVER) else LAYERS[cover]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below `node`, also those inside functions, without what only a type checker runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (inner for other in child.orelse for inner in (other, *statements(other)))
        else:
            yield child
            yield from statements(child)


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported: "a.b.c" for `from a.b import c`, where c may be a module or a name in a.b."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute, so that this test can read them"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> set[str]:
    """The modules of dis_core that a module imports."""
    found = set()
    for name in imported_names(tree_of(module)):
        if name.partition(".")[0] == "dis_core":
            found.add(name if name in MODULES else name.rpartition(".")[0])
    return found


def outside_imports(module: str) -> set[str]:
    """The top-level packages that a module imports, without dis_core and the standard library."""
    found = {name.partition(".")[0] for name in imported_names(tree_of(module))}
    return found - sys.stdlib_module_names - {"dis_core"}


def calls(module: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a module with the dotted name of what is called, as it is written there."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def is_literally(value: ast.expr, literal: object) -> bool:
    return isinstance(value, ast.Constant) and value.value is literal


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_layer(module: str) -> None:
    layer = layer_of(module)

    assert layer is not None, (
        f"{module} is in no layer: put it into LAYERS of tests/test_layers.py and into the table of "
        "docs/explanation/design.md, as low as what it imports allows"
    )


def test_the_table_names_no_module_that_is_gone() -> None:
    gone = set(LAYERS) - set(MODULES)

    assert not gone, "remove these from LAYERS"


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards_only(module: str) -> None:
    layer = layer_of(module) or 0

    upwards = {name: above for name in own_imports(module) if (above := layer_of(name) or 0) > layer}

    assert not upwards, f"{module} is in layer {layer} and imports, from above: {upwards}"


@pytest.mark.parametrize("module", [name for name in MODULES if layer_of(name) in ALLOWED_PACKAGES])
def test_the_two_lower_layers_import_only_light_packages(module: str) -> None:
    allowed = ALLOWED_PACKAGES[layer_of(module) or 0]

    assert outside_imports(module) <= allowed


def test_loading_the_lower_layers_or_the_command_line_loads_no_heavy_package(tmp_path: Path) -> None:
    light = [name for name in MODULES if layer_of(name) in (0, 1) or name.startswith("dis_core.cli")]
    script = f"""
import importlib, sys
sys.path.insert(0, {str(PACKAGE.parent)!r})
for name in {light!r}:
    importlib.import_module(name)
print([name for name in {HEAVY!r} if name in sys.modules])
"""

    shown = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)

    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("module", THIN_EDGE)
def test_the_way_to_the_daemon_starts_in_a_blink(module: str) -> None:
    own = own_imports(module) - {"dis_core", "dis_core.errors", "dis_core.daemon", *THIN_EDGE}

    assert not own
    assert not outside_imports(module)


def test_every_package_that_is_imported_is_declared_as_a_dependency() -> None:
    text = PROJECT.read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    extras = re.findall(r"^(?:diffdis|evaluation|training) = \[.*\]$", text, re.MULTILINE)
    assert block is not None
    assert len(extras) == 3
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
    names = set(imported_names(tree_of(module)))

    assert not {name for name in names if name.startswith(("pickle.", "_pickle", "dill", "joblib"))}
