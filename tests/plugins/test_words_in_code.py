"""How the plug-ins' code uses the function that translates."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PLUGINS = Path(__file__).parents[2] / "plugins"


def functions() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path in sorted(PLUGINS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def names(function: ast.FunctionDef, use: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, use)}


def test_no_function_that_translates_calls_something_else_by_the_same_name() -> None:
    found = [(path, function.name) for path, function in functions() if "_" in names(function, ast.Load)]
    hidden = [
        f"{path.relative_to(PLUGINS)}: {function.name}"
        for path, function in functions()
        if {"_"} <= names(function, ast.Load) & names(function, ast.Store)
    ]

    assert found
    assert not hidden
