"""Weights that rembg has downloaded already: it keeps networks as ONNX files in one folder of the user's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FILES: Final = {"isnet": "isnet-general-use.onnx"}
"""Which of its files holds the weights of a model of ours."""


def rembg_folder() -> Path:
    """Where rembg keeps its networks: U2NET_HOME, else `.u2net` in XDG_DATA_HOME or in the user's home.

    Raises RuntimeError if that is needed, and there is none.
    """
    if named := os.environ.get("U2NET_HOME"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_DATA_HOME") or "~", ".u2net").expanduser()


def find_rembg_file(model: str) -> Path | None:
    """The file of rembg's with the weights of a model of ours, if there is one; nothing in it is looked at."""
    if (name := FILES.get(model)) is None:
        return None
    try:
        file = rembg_folder() / name
        return file if file.is_file() else None
    except (OSError, RuntimeError):  # what may not be looked at is as good as not there
        return None
