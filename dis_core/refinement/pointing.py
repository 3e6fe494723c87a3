"""Boxes and points with a model that takes none: it is shown what is around each, and keeps what belongs to it.

Each object that is meant is looked at by itself, in the box with a margin, so that the model sees it large and little
else. The answer is everything that was found for any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dis_core.geometry import Box, Point, Points, moved_into
from dis_core.images.compositing import box_with_margin
from dis_core.model_spec import ModelSpec
from dis_core.planes import Plane
from dis_core.progress import Report, span
from dis_core.prompts import PromptObject, prompt_objects
from dis_core.protocols import Prompt, Refinement, Segmentation
from dis_core.refinement.belonging import Belonging, kept_in_box
from dis_core.refinement.coarse_to_fine import Image, Passes
from dis_core.refinement.zoom import MARGIN, blank_outside, cut_out, put_back

CUT: Final = "what was found goes on beyond the box and is cut off there; for all of it, draw a larger box"


@dataclass(frozen=True, eq=False)
class Pointed:
    """What was found for a prompt, how it was refined, and what the user should know, in words."""

    found: Segmentation
    refinement: Refinement
    remarks: tuple[str, ...] = ()


def find_subject(
    look: Passes, image: Image, prompt: Prompt, within: Box | None, spec: ModelSpec, report: Report
) -> Pointed:
    """Find the subject of `image`, (H, W, 3) float32 sRGB in [0, 1], or of the part of it in the box `within`.

    A model that takes prompts is told; to others, a prompt says where to look. Raises what `Passes.over` raises.
    """
    if prompt.names_a_place and not spec.prompts:
        return (
            find_pointed(look, image, prompt, report)
            if within is None
            else _within(look, within, image, prompt, report)
        )
    over = look.over(image, prompt, report) if within is None else look.within(within, image, prompt, report)
    return Pointed(*over)


def find_pointed(look: Passes, image: Image, prompt: Prompt, report: Report) -> Pointed:
    """Find what the boxes of a prompt surround in `image`, (H, W, 3) float32 sRGB in [0, 1].

    Points say which of the separate things in their box belong. Raises what `Passes.over` raises.
    """
    objects = prompt_objects(prompt.boxes, prompt.points)
    answers = [
        _in_box(look, image, prompt, one, span(report, number / len(objects), (number + 1) / len(objects)))
        for number, one in enumerate(objects)
    ]
    return answers[0] if len(answers) == 1 else _joined(answers)


def _within(look: Passes, box: Box, image: Image, prompt: Prompt, report: Report) -> Pointed:
    """As `find_pointed`, but nothing outside of `box` is looked at or found."""
    size = image.shape[0], image.shape[1]
    outer = box_with_margin(box, size=size, margin_fraction=MARGIN)
    part, own_prompt = cut_out(image, prompt, outer)
    pointed = find_pointed(look, part, own_prompt, report)
    inner = moved_into(outer, box)
    found = replace(pointed.found, alpha=blank_outside(pointed.found.alpha, inner))
    return replace(pointed, found=put_back(found, outer, size))


def _in_box(look: Passes, image: Image, prompt: Prompt, one: PromptObject, report: Report) -> Pointed:
    """What is found of one object that has a box."""
    assert one.box is not None  # noqa: S101  for the types
    size = image.shape[0], image.shape[1]
    shown = box_with_margin(one.box, size=size, margin_fraction=MARGIN)
    goes_on = (shown.left > 0, shown.top > 0, shown.right < size[1], shown.bottom < size[0])
    box, points = moved_into(shown, one.box), _moved(one.points, shown)
    kept: list[Belonging] = []

    def own(alpha: Plane) -> Plane:
        kept.append(kept_in_box(alpha, box, points, goes_on=goes_on))
        return kept[-1].alpha

    found, refinement = look.around(shown, image, Prompt(prompt.depth), report, own=own)
    return Pointed(found, refinement, _remarks(kept[-1], shown))


def _moved(points: Points, box: Box) -> Points:
    """Points in the coordinates of a box, also those outside of it."""

    def moved(some: Sequence[Point]) -> tuple[Point, ...]:
        return tuple((x - box.left, y - box.top) for x, y in some)

    return Points(moved(points.subject), moved(points.background))


def _remarks(kept: Belonging, shown: Box) -> tuple[str, ...]:
    """What the user should know of what was kept; points are named as the user did."""
    named = [f"({x + shown.left:g}, {y + shown.top:g})" for x, y in kept.not_separable]
    missed = [f"({x + shown.left:g}, {y + shown.top:g})" for x, y in kept.on_nothing]
    remarks = [CUT] if kept.is_cut else []
    if named:
        remarks.append(f"the model sees one thing where {', '.join(named)} is to be background, and kept it")
    if missed:
        remarks.append(f"the model found nothing at {', '.join(missed)}")
    return tuple(remarks)


def _joined(answers: Sequence[Pointed]) -> Pointed:
    """Several objects as one answer: what belongs to any of them."""
    alpha = np.maximum.reduce([answer.found.alpha for answer in answers])
    depths = [answer.found.depth for answer in answers if answer.found.depth is not None]
    depth = np.maximum.reduce(depths) if depths else None
    refinements = [answer.refinement for answer in answers]
    looks = [one.closer_look for one in refinements]
    refinement = replace(
        max(refinements, key=lambda one: one.seconds),
        seconds=sum(one.seconds for one in refinements),
        closer_look=next((look for look in ("taken", "rejected") if look in looks), "not needed"),
        levels=tuple(level for one in refinements for level in one.levels),
    )
    remarks = dict.fromkeys(remark for answer in answers for remark in answer.remarks)
    return Pointed(Segmentation(alpha, depth), refinement, tuple(remarks))
