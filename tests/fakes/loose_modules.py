"""Modules of the checkout that belong to no package that could be imported."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

CHECKOUT = Path(__file__).parents[2]


def load_module(path: str) -> ModuleType:
    """The module in a file of the checkout, such as "docs/make_reference.py"."""
    file = CHECKOUT / path
    spec = importlib.util.spec_from_file_location(f"loose_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up what their annotations mean there
    spec.loader.exec_module(module)
    return module
