"""Weights: fetched once, verified, converted where needed, and loaded strictly.

Loaders of plug-ins find here what they need. It is loaded when it is first used: what is declared of models and
files is asked for at every start, and importing torch takes seconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dis_core.weights.checkpoint import load_strictly
    from dis_core.weights.store import obtain

__all__ = ["load_strictly", "obtain"]

_HOMES = {"load_strictly": "dis_core.weights.checkpoint", "obtain": "dis_core.weights.store"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'dis_core.weights' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
