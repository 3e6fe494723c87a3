"""All that the author of a plug-in needs, in one import: `from dis_core.plugins import ModelSpec, hookimpl`.

What a network is made of loads torch, and only when it is first used. So the module that declares models may import
from here as well as the one with the network.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from dis_core.errors import BadRequest, Cancelled, DisError, OutOfMemory, WeightsCorrupt
from dis_core.hookspecs import hookimpl
from dis_core.model_spec import (
    NO_PROMPT,
    AnswersSmaller,
    Box,
    Citation,
    CompanionLoader,
    CompanionNetworkLoader,
    Conversion,
    Converter,
    DepthEstimator,
    DepthLoader,
    Effort,
    LooksLarger,
    LooksOnce,
    MatteLoader,
    Memory,
    ModelSpec,
    NetworkInput,
    NetworkLoader,
    NetworkSpec,
    Placement,
    Points,
    Prompt,
    PromptNetwork,
    Quality,
    Refined,
    RefinedLevel,
    Refiner,
    RefinerSpec,
    Segmentation,
    Segmenter,
    WeightsFile,
)
from dis_core.progress import Report, ignore, span

if TYPE_CHECKING:
    from dis_core.device import run_on
    from dis_core.models.resample import resize_by_area, resize_to_corners, shrink_smoothly
    from dis_core.models.square import SquareSegmenter
    from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD, to_array, to_tensor
    from dis_core.prompts import prompt_objects
    from dis_core.weights.checkpoint import load_strictly
    from dis_core.weights.store import obtain

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "NO_PROMPT",
    "AnswersSmaller",
    "BadRequest",
    "Box",
    "Cancelled",
    "Citation",
    "CompanionLoader",
    "CompanionNetworkLoader",
    "Conversion",
    "Converter",
    "DepthEstimator",
    "DepthLoader",
    "DisError",
    "Effort",
    "LooksLarger",
    "LooksOnce",
    "MatteLoader",
    "Memory",
    "ModelSpec",
    "NetworkInput",
    "NetworkLoader",
    "NetworkSpec",
    "OutOfMemory",
    "Placement",
    "Points",
    "Prompt",
    "PromptNetwork",
    "Quality",
    "Refined",
    "RefinedLevel",
    "Refiner",
    "RefinerSpec",
    "Report",
    "Segmentation",
    "Segmenter",
    "SquareSegmenter",
    "WeightsCorrupt",
    "WeightsFile",
    "hookimpl",
    "ignore",
    "load_strictly",
    "obtain",
    "prompt_objects",
    "resize_by_area",
    "resize_to_corners",
    "run_on",
    "shrink_smoothly",
    "span",
    "to_array",
    "to_tensor",
]

_HOMES = {
    "IMAGENET_MEAN": "dis_core.models.tensors",
    "IMAGENET_STD": "dis_core.models.tensors",
    "SquareSegmenter": "dis_core.models.square",
    "load_strictly": "dis_core.weights.checkpoint",
    "obtain": "dis_core.weights.store",
    "prompt_objects": "dis_core.prompts",
    "resize_by_area": "dis_core.models.resample",
    "resize_to_corners": "dis_core.models.resample",
    "run_on": "dis_core.device",
    "shrink_smoothly": "dis_core.models.resample",
    "to_array": "dis_core.models.tensors",
    "to_tensor": "dis_core.models.tensors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        # With the module, Python asks "did you mean" in a traceback.
        raise AttributeError(
            f"module 'dis_core.plugins' has no attribute {name!r}", name=name, obj=sys.modules[__name__]
        )
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
