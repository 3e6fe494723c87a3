"""A plug-in for tests, installed as others are: a model that looks at depth, the small DIS-SAM, and its SAM alone.

SAM notes each run of its encoder in a file, which is named by the environment variable DIS_TEST_ENCODER_RUNS and grows
by a byte for each run.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from torch import nn

from dis_core.hookspecs import hookimpl
from dis_core.model_spec import ModelSpec
from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.models.dis_sam.segmenter import DisSamSegmenter
from dis_core.models.sam.network import SAM
from dis_core.protocols import DepthEstimator, Placement
from tests.fakes import small_dis_sam
from tests.fakes.bright_model import BRIGHT_WITH_DEPTH
from tests.recipes.sam import tiny_sam

SMALL_DIS_SAM = replace(
    DIS_LITE,
    name="small-dis-sam",
    aliases=(),
    summary="a test",
    loader="tests.fakes.prompted_plugin:load",
    depth_model=None,
    prompts=("box", "points"),
)

SMALL_SAM = replace(
    SMALL_DIS_SAM, name="small-sam", task="prompt", loader="tests.fakes.prompted_plugin:load_sam", prompts=()
)


@hookimpl
def dis_register_models() -> tuple[ModelSpec, ...]:
    return (SMALL_DIS_SAM, SMALL_SAM, BRIGHT_WITH_DEPTH)


def load(weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> DisSamSegmenter:
    segmenter = small_dis_sam.segmenter(placement)
    encoder: nn.Module = segmenter.sam.network.vision_encoder
    encoder.register_forward_hook(note)
    return segmenter


def load_sam(weights: Path, *, placement: Placement) -> SAM:
    sam = tiny_sam(placement)
    encoder: nn.Module = sam.network.vision_encoder
    encoder.register_forward_hook(note)
    return sam


def note(*_: object) -> None:
    """Let the file grow, if there is one."""
    if path := os.environ.get("DIS_TEST_ENCODER_RUNS"):
        with Path(path).open("ab") as file:
            file.write(b".")


def install(folder: Path) -> str:
    """Put the plug-in into a folder for PYTHONPATH, as pip would describe it; the folder's name."""
    described = folder / "prompted_plugin-1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: prompted-plugin\nVersion: 1\n", encoding="utf-8")
    (described / "entry_points.txt").write_text("[dis_core]\nmain = tests.fakes.prompted_plugin\n", encoding="utf-8")
    return str(folder)
