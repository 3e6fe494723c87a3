"""All kinds of inputs, by name."""

from __future__ import annotations

import importlib
from typing import Final

from tests.fuzz.kind import Kind

KINDS: Final = {
    "images": "tests.fuzz.images:IMAGES",
    "profiles": "tests.fuzz.profiles:PROFILES",
    "checkpoints": "tests.fuzz.checkpoints:CHECKPOINTS",
    "onnx": "tests.fuzz.onnx_files:ONNX_FILES",
    "messages": "tests.fuzz.messages:MESSAGES",
}
"""Where each kind is, so that a worker imports no more than its own."""


def kind_at(place: str) -> Kind:
    """The kind with this "module:name"."""
    module, _, name = place.partition(":")
    kind = getattr(importlib.import_module(module), name)
    assert isinstance(kind, Kind)
    return kind
