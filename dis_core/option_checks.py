"""What is wrong with a request, said before any work is done: options, prompts, and what does not fit the model."""

from __future__ import annotations

import os
from typing import Any, get_args

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dis_core.errors import BadRequest, DeviceUnavailable, refuse_unknown
from dis_core.geometry import Box, boxes_within, points_within
from dis_core.images.depth_maps import checked_depth
from dis_core.images.picture import Picture
from dis_core.model_spec import ModelSpec
from dis_core.prompts import SegmentOptions, checked_prompt
from dis_core.protocols import NO_PROMPT, Exposure, Prompt, Quality
from dis_core.refinement import coarse_to_fine
from dis_core.registry import manager as registry
from dis_core.registry.catalog import accepted_prompts


def refuse_model_as_device(device: str) -> None:
    """Raises DeviceUnavailable if what was given as the device is the name of a model."""
    names = {name for spec in registry.models().values() for name in (spec.name, *spec.aliases)}
    if device in names:
        raise DeviceUnavailable(f"{device!r} is a model, not a device", hint=f"use `Pipeline(model={device!r})`")


def check_options(options: SegmentOptions) -> None:
    """Raises BadRequest for options that are wrong for any image."""
    refuse_unknown("quality", options.quality, get_args(Quality))
    refuse_unknown("exposure", options.exposure, get_args(Exposure))
    coarse_to_fine.check_refiner(options.refine)
    if options.max_tiles < 0:
        raise BadRequest(f"max_tiles must be 0 or more, not {options.max_tiles}", hint="0 turns tiles off")


def refuse_wrong_prompt(spec: ModelSpec, options: SegmentOptions) -> None:
    """Raises BadRequest if a model needs a prompt and gets none, or gets one of a kind that it does not take.

    A model that takes none is shown what is around each thing; `prompt_model_for` says what finds that.
    """
    given = {"box": bool(options.boxes), "points": bool(options.points)}
    kinds = {kind for kind, is_given in given.items() if is_given}
    if spec.prompts and not kinds:
        raise BadRequest(
            f"{spec.name} must be told which subject to cut out", hint="use `prompt=Box(10, 20, 310, 420)`"
        )
    if spec.prompts and (refused := kinds - set(spec.prompts)):
        able = [other.name for other in registry.models().values() if kinds <= set(accepted_prompts(other))]
        raise BadRequest(
            f"{spec.name} does not take a prompt of this kind: {' or '.join(sorted(refused))}",
            hint=f"models that do: {', '.join(able) or 'none here'}",
        )


def as_prompt(
    options: SegmentOptions,
    depth: NDArray[np.floating[Any]] | None,
    size: tuple[int, int],
    *,
    within: Box | None,
) -> Prompt:
    """What the user says beside an image of `size` (height, width), checked; `within` is the box to look in, if any.

    Raises BadRequest for what does not fit the image, and if all boxes and points are outside of `within`.
    """
    own_depth = None if depth is None else checked_depth(depth, size)
    if not options.boxes and not options.points:
        return NO_PROMPT if own_depth is None else Prompt(depth=own_depth)
    boxes, points = checked_prompt(options.boxes, options.points, size)
    if within is not None and not (boxes_within(within, boxes) or points_within(within, points).subject):
        raise BadRequest(
            f"the prompt is outside of the box to look in, {tuple(within)}",
            hint="move or leave out `roi`",
        )
    return Prompt(own_depth, boxes, points)


def refuse_single(images: object) -> None:
    """Raises BadRequest for one image where several are wanted: the letters of a path are none."""
    if isinstance(images, (str, bytes, bytearray, memoryview, os.PathLike, Picture, PIL.Image.Image)):
        raise BadRequest(
            f"segment_many takes several images, not one {type(images).__name__}",
            hint="give a list of images, or use `segment` for one",
        )
