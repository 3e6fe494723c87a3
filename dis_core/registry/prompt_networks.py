"""Which network finds what is pointed at for a model that cannot be told.

By default it is the built-in one if it is on this machine: it is nearly 400 MB, and a box does without. One that is
named is downloaded like any other model that is named.
"""

from __future__ import annotations

from typing import Final

from dis_core.errors import BadRequest, WeightsMissing, refuse_unknown
from dis_core.files import megabytes
from dis_core.model_spec import ModelSpec
from dis_core.prompts import EXTENTS, SegmentOptions, prompt_objects
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import DEFAULT_PROMPT_MODEL
from dis_core.weights import store

NONE: Final = "none"
"""The name that stands for no network: the box alone says where to look."""


def prompt_model_for(spec: ModelSpec, options: SegmentOptions) -> ModelSpec | None:
    """The network that finds what the prompt means for a model; None if there is none, or none is needed.

    Raises WeightsMissing if one is needed that is not on this machine and was not named, UnknownModel, and BadRequest
    for what contradicts itself.
    """
    refuse_unknown("extent", options.extent, EXTENTS)
    is_prompted = bool(options.boxes or options.points)
    has_choice = options.prompt_model is not None or options.extent != "auto"
    if has_choice and (spec.prompts or not is_prompted):
        what = "takes prompts itself" if spec.prompts else "was given no prompt"
        raise BadRequest(f"{spec.name} {what}", hint="leave out `prompt_model` and `extent`")
    if spec.prompts or not is_prompted:
        return None
    needs_one = options.extent != "auto" or any(
        one.box is None for one in prompt_objects(options.boxes, options.points)
    )
    if options.prompt_model == NONE:
        if needs_one:
            raise BadRequest(
                "without a prompt network, each subject needs a box", hint="leave out `prompt_model` and `extent`"
            )
        return None
    if options.prompt_model is not None:
        return registry.find_prompt_model(options.prompt_model)
    default = registry.find_prompt_model(DEFAULT_PROMPT_MODEL)
    if store.find_installed(default) is not None:
        return default
    if needs_one:
        raise _missing(spec, default)
    return None


def _missing(spec: ModelSpec, default: ModelSpec) -> WeightsMissing:
    size = store.download_size(default)
    once = "" if size is None else f"   ({megabytes(size)}, once)"
    return WeightsMissing(
        f"{spec.name} cannot find what is at a point without the prompt network {default.name}, which is not here",
        hint=f"run: dis-core fetch {default.name}{once}, or give a box: `prompt=Box(10, 20, 310, 420)`",
    )
