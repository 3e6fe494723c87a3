"""The model `bright` as an installed plug-in, for processes that tests cannot reach into."""

from __future__ import annotations

from pathlib import Path

from dis_core.hookspecs import hookimpl
from dis_core.model_spec import ModelSpec
from tests.fakes.bright_model import BRIGHT


@hookimpl
def dis_register_models() -> tuple[ModelSpec, ...]:
    return (BRIGHT,)


def install(folder: Path) -> str:
    """Put the plug-in into a folder for PYTHONPATH, as pip would describe it; the folder's name."""
    described = folder / "bright_plugin-1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: bright-plugin\nVersion: 1\n", encoding="utf-8")
    (described / "entry_points.txt").write_text("[dis_core]\nmain = tests.fakes.bright_plugin\n", encoding="utf-8")
    return str(folder)
