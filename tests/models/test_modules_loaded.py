"""A model loads what it is made of, and nothing else: some packages take longer to import than a model to run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.small_models import SMALL_MODELS

ROOT: Final = Path(__file__).parents[2]

HEAVY: Final = frozenset(
    {"diffusers", "scipy", "sympy", "timm", "torch._dynamo", "torchvision", "transformers", "tifffile"}
)
"""Of these, importing any but the last takes as long as importing torch, or half of that."""

COMPILER: Final = frozenset({"torch._dynamo", "sympy"})
"""What transformers and diffusers import of torch for decorators of theirs, and what that imports."""

MADE_OF: Final = {
    "dis-sam": COMPILER | {"transformers", "torchvision", "scipy"},
    "diffdis": COMPILER | {"diffusers", "transformers", "torchvision", "scipy"},
}
"""Models whose network is another library's. transformers imports torchvision and scipy with each of its models, and
diffusers imports transformers with a network that takes prompts."""

OWN: Final = {
    "pdfnet": "dis_core.models.pdfnet.checkpoint:published_network",
    "dis-lite": "dis_core.models.dis_lite.segmenter:network",
    "birefnet": "dis_core.models.birefnet.network:large_network",
    "birefnet-wide": "dis_core.models.birefnet.network:lite_network",
    "isnet": "dis_core.models.isnet.network:ISNet",
}
"""Models whose networks are written here: what builds that of the published weights."""

OTHERS: Final = {
    "dis-sam": "dis_core.models.sam.network:base_network",
    "diffdis": "dis_core.models.diffdis.checkpoint:published_denoiser",
}
"""The same of those that are made with another library."""

MAKERS: Final = {
    "pdfnet": "tests.fakes.small_pdfnet:segmenter",
    "birefnet": "tests.fakes.small_birefnet:segmenter",
    "birefnet-wide": "tests.fakes.small_birefnet:wide_segmenter",
    "isnet": "tests.fakes.small_isnet:segmenter",
    "dis-sam": "tests.fakes.small_dis_sam:segmenter",
    "diffdis": "tests.fakes.small_diffdis:segmenter",
}
"""What makes a small one; the embedded one is run by a command."""

RUN: Final = """
import json, pkgutil, sys
import numpy as np
from dis_core.geometry import Box
from dis_core.models.unfilled import unfilled
from dis_core.protocols import NO_PROMPT, Placement, Prompt
published, makers = map(json.loads, sys.argv[1:])
for build in map(pkgutil.resolve_name, published):
    with unfilled():
        build()
for name, make in makers.items():
    segment = pkgutil.resolve_name(make)(Placement("cpu"))
    prompt = Prompt(boxes=(Box(20, 15, 60, 50),)) if name == "dis-sam" else NO_PROMPT
    segment(np.full((64, 80, 3), 0.5, np.float32), prompt=prompt)
print(*sys.modules)
"""

RUN_DEPTH: Final = """
import sys
import numpy as np
from dis_core.models.depth_anything.estimator import DepthAnything, small_network
from dis_core.models.depth_anything.network import DepthAnythingNetwork
from dis_core.models.unfilled import unfilled
from dis_core.protocols import Placement
with unfilled():
    small_network()
network = DepthAnythingNetwork(width=32, depth=4, heads=2, taps=(1, 2, 3, 4), neck=(8, 8, 8, 8), fusion=8, head=8)
DepthAnything(network.eval(), placement=Placement("cpu"), shorter_side_px=28)(np.full((64, 80, 3), 0.5, np.float32))
print(*sys.modules)
"""


def heavy_modules_of(*arguments: str) -> set[str]:
    """What a fresh Python has loaded at the end that takes long to load."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=280)
    return set(done.stdout.split()) & HEAVY


def loaded_by(models: Mapping[str, str]) -> set[str]:
    """What is heavy of all that the networks of some models load, built as published and run as small ones."""
    makers = {name: MAKERS[name] for name in models if name in MAKERS}
    return heavy_modules_of("-c", RUN, json.dumps(list(models.values())), json.dumps(makers))


def test_every_kind_of_model_is_looked_at() -> None:
    assert {model.name for model in SMALL_MODELS} == {*OWN, *OTHERS}


def test_networks_that_are_written_here_load_no_heavy_package() -> None:
    assert not loaded_by(OWN)


@pytest.mark.parametrize("name", OTHERS)
def test_a_model_loads_no_heavy_package_that_it_is_not_made_of(name: str) -> None:
    assert loaded_by({name: OTHERS[name]}) == MADE_OF[name]


def test_depth_anything_loads_no_heavy_package() -> None:
    assert not heavy_modules_of("-c", RUN_DEPTH)


def test_a_command_with_the_embedded_model_loads_no_heavy_package(tmp_path: Path) -> None:
    command = ["mask", str(ROOT / "examples" / "chelsea.jpg"), "--model", "dis-lite", "--refine", "none"]
    script = "import sys; from dis_core.cli.main import run; assert run(sys.argv[1:]) == 0; print(*sys.modules)"

    loaded = heavy_modules_of("-c", script, *command, "-o", str(tmp_path / "mask.png"), "--progress", "none")

    assert not loaded
