"""A plug-in for tests of the server, installed as others are: models that are exact, instant, or as slow as one likes.

"bright-slowly" takes a minute if nobody cancels it, "bright-soon" a moment, and "bright-dies" ends the process that
runs it. What they do is in `served_models`: this module is loaded by the server too, which has no use for torch.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from dis_core.hookspecs import hookimpl
from dis_core.model_spec import ModelSpec
from dis_core.models.dis_lite.spec import DIS_LITE

LOADERS: Final = {
    "bright": "tests.fakes.served_models:load",
    "bright-with-depth": "tests.fakes.served_models:load_with_depth",
    "bright-where-told": "tests.fakes.bright_model:load_told",
    "bright-slowly": "tests.fakes.served_models:load_slow",
    "bright-soon": "tests.fakes.served_models:load_soon",
    "bright-dies": "tests.fakes.served_models:load_mortal",
}

DEPTH_MODELS: Final = {"bright-with-depth": "depth-tiny"}

PROMPTS: Final[dict[str, tuple[Literal["box", "points"], ...]]] = {"bright-where-told": ("box", "points")}


@hookimpl
def dis_register_models() -> tuple[ModelSpec, ...]:
    return tuple(
        replace(
            DIS_LITE,
            name=name,
            aliases=(),
            loader=loader,
            depth_model=DEPTH_MODELS.get(name),
            prompts=PROMPTS.get(name, ()),
        )
        for name, loader in LOADERS.items()
    )


def install(folder: Path) -> str:
    """Put the plug-in into a folder for PYTHONPATH, as pip would describe it; the folder's name."""
    described = folder / "served_plugin-1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: served-plugin\nVersion: 1\n", encoding="utf-8")
    (described / "entry_points.txt").write_text("[dis_core]\nmain = tests.fakes.served_plugin\n", encoding="utf-8")
    return str(folder)
