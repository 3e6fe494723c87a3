"""Boxes and points with a model that takes none: it is shown what is around each, and keeps what belongs to it.

Each object that is meant is looked at by itself, with a margin, so that the model sees it large and little else. Where
it is comes from a prompt network if there is one, and else from the box. The answer is everything that was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dis_core.geometry import Box, Point, Points, moved_into
from dis_core.images.compositing import bounds_of, box_with_margin
from dis_core.model_spec import ModelSpec
from dis_core.planes import Plane, Size
from dis_core.progress import Report, span
from dis_core.prompts import PromptObject, prompt_objects
from dis_core.protocols import Extent, Memory, Prompt, PromptNetwork, Refinement, Segmentation
from dis_core.refinement.belonging import Belonging, Sides, kept_in_box, kept_of_guess
from dis_core.refinement.coarse_to_fine import Image, Passes
from dis_core.refinement.fast import along_edges
from dis_core.refinement.resizing import enlarged, shrunk
from dis_core.refinement.tiling import size_seen
from dis_core.refinement.zoom import MARGIN, blank_outside, cut_out, place_of, put_back

CUT: Final = "what was found goes on beyond the box and is cut off there; for all of it, draw a larger box"

SURE: Final = 0.5
"""From here on a guess is the thing."""

AGREES: Final = 0.35
"""How much of a guess the model has to find; else it has found something else, or nothing."""

STEPS: Final = 8
"""Into how many steps the longer side of a guess is divided: what is looked at starts and ends on whole steps."""

TIME_OF_GUESSES: Final = 0.3
"""The share of the progress that belongs to finding what is meant."""


@dataclass(frozen=True, eq=False)
class Pointed:
    """What was found for a prompt, how it was refined, and what the user should know, in words."""

    found: Segmentation
    refinement: Refinement
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Pointer:
    """A prompt network that is ready to run on one image, by the `name` that remarks call it.

    `memory_of` an image is for what it makes of that alone, if it is to be kept.
    """

    network: PromptNetwork
    name: str
    extent: Extent
    memory_of: Callable[[Image], Memory | None]

    def guess(self, image: Image, one: PromptObject, report: Report) -> Plane:
        """Where an object is, (h, w) in [0, 1], of the image's proportions."""
        return self.network.guess(
            image, box=one.box, points=one.points, extent=self.extent, memory=self.memory_of(image), report=report
        )


@dataclass(frozen=True, eq=False)
class Pointing:
    """A model that takes no prompts, and the network that finds for it what is meant, if there is one."""

    look: Passes
    pointer: Pointer | None

    def over(self, image: Image, prompt: Prompt, report: Report) -> Pointed:
        """Find what a prompt means in `image`, (H, W, 3) float32 sRGB in [0, 1].

        Without a prompt network each object needs a box, and points say which of the separate things in it belong.
        Raises what `Passes.over` raises.
        """
        objects = prompt_objects(prompt.boxes, prompt.points)
        answers = [
            self._object(image, prompt, one, span(report, number / len(objects), (number + 1) / len(objects)))
            for number, one in enumerate(objects)
        ]
        return answers[0] if len(answers) == 1 else _joined(answers)

    def within(self, box: Box, image: Image, prompt: Prompt, report: Report) -> Pointed:
        """As `over`, but nothing outside of `box` is looked at or found."""
        size = image.shape[0], image.shape[1]
        outer = box_with_margin(box, size=size, margin_fraction=MARGIN)
        part, own_prompt = cut_out(image, prompt, outer)
        pointed = self.over(part, own_prompt, report)
        inner = moved_into(outer, box)
        found = replace(pointed.found, alpha=blank_outside(pointed.found.alpha, inner))
        return replace(pointed, found=put_back(found, outer, size))

    def _object(self, image: Image, prompt: Prompt, one: PromptObject, report: Report) -> Pointed:
        if self.pointer is None:
            return self._in_box(image, prompt, one, report)
        guess = self.pointer.guess(image, one, span(report, 0.0, TIME_OF_GUESSES))
        rest = span(report, TIME_OF_GUESSES, 1.0)
        if (guess >= SURE).any():
            return self._guessed(self.pointer, guess, image, prompt, rest)
        nothing = f"{self.pointer.name} found nothing there"
        if one.box is None:
            size = image.shape[0], image.shape[1]
            return Pointed(Segmentation(np.zeros(size, np.float32)), Refinement("none", 0.0), (nothing,))
        pointed = self._in_box(image, prompt, one, rest)
        return replace(pointed, remarks=(f"{nothing}, so only the box was used", *pointed.remarks))

    def _in_box(self, image: Image, prompt: Prompt, one: PromptObject, report: Report) -> Pointed:
        """What is found of one object by its box alone."""
        assert one.box is not None  # noqa: S101  it was refused before
        size = image.shape[0], image.shape[1]
        shown = box_with_margin(one.box, size=size, margin_fraction=MARGIN)
        box, points = moved_into(shown, one.box), _moved(one.points, shown)
        kept: list[Belonging] = []

        def own(alpha: Plane) -> Plane:
            kept.append(kept_in_box(alpha, box, points, goes_on=_goes_on(shown, size)))
            return kept[-1].alpha

        found, refinement = self.look.around(shown, image, Prompt(prompt.depth), report, own=own)
        return Pointed(found, refinement, _remarks(kept[-1], shown))

    def _guessed(self, pointer: Pointer, guess: Plane, image: Image, prompt: Prompt, report: Report) -> Pointed:
        """What is found where a guess is; its outline where the model finds something else."""
        size = image.shape[0], image.shape[1]
        shown = around_guess(guess, size)
        part = part_of_guess(guess, shown, size)
        kept: list[Belonging] = []

        def own(alpha: Plane) -> Plane:
            kept.append(kept_of_guess(alpha, part, goes_on=_goes_on(shown, size)))
            return kept[-1].alpha

        found, refinement = self.look.around(shown, image, Prompt(prompt.depth), report, own=own)
        if kept[-1].covered >= AGREES:
            return Pointed(found, refinement)
        there = image[place_of(shown)]
        side_px = round(pointer.network.answer_side_px * max(there.shape[:2]) / max(size))
        alpha = outline(np.ascontiguousarray(there), part, max(side_px, 1), report)
        found = put_back(Segmentation(alpha), shown, size)
        missed = f"the model found nothing of what {pointer.name} sees there; this is the outline of {pointer.name}"
        return Pointed(found, replace(refinement, method="fast", levels=(), reason=""), (missed,))


def find_subject(
    look: Passes,
    image: Image,
    prompt: Prompt,
    within: Box | None,
    report: Report,
    *,
    spec: ModelSpec,
    pointer: Pointer | None,
) -> Pointed:
    """Find the subject of `image`, (H, W, 3) float32 sRGB in [0, 1], or of the part of it in the box `within`.

    A model that takes prompts, as `spec` says, is told of them; for others, `Pointing` follows them. Raises what
    `Passes.over` raises.
    """
    if prompt.names_a_place and not spec.prompts:
        pointing = Pointing(look, pointer)
        if within is None:
            return pointing.over(image, prompt, report)
        return pointing.within(within, image, prompt, report)
    found = look.over(image, prompt, report) if within is None else look.within(within, image, prompt, report)
    return Pointed(*found)


def around_guess(guess: Plane, size: Size) -> Box:
    """The box to look at for a guess, (h, w), in an image of `size` (height, width).

    It goes on to whole steps, so that a further click on the same thing mostly looks at the same.
    """
    bounds = bounds_of(guess >= SURE)
    assert bounds is not None  # noqa: S101  for the types
    down, across = size[0] / guess.shape[0], size[1] / guess.shape[1]
    thing = Box(
        *(math.floor(bounds.left * across), math.floor(bounds.top * down)),
        *(min(math.ceil(bounds.right * across), size[1]), min(math.ceil(bounds.bottom * down), size[0])),
    )
    box = box_with_margin(thing, size=size, margin_fraction=MARGIN)
    step = max(2 ** math.floor(math.log2(max(thing.right - thing.left, thing.bottom - thing.top))) // STEPS, 1)
    return Box(
        *(box.left // step * step, box.top // step * step),
        *(min(-(-box.right // step) * step, size[1]), min(-(-box.bottom // step) * step, size[0])),
    )


def part_of_guess(guess: Plane, box: Box, size: Size) -> Plane:
    """What of a guess, (h, w), lies in a box of an image of `size`: a part that is as large as the box."""
    bands = (guess.shape[0] / size[0], guess.shape[1] / size[1])
    rows = np.clip(((np.arange(box.top, box.bottom) + 0.5) * bands[0]).astype(int), 0, guess.shape[0] - 1)
    columns = np.clip(((np.arange(box.left, box.right) + 0.5) * bands[1]).astype(int), 0, guess.shape[1] - 1)
    part: Plane = guess[rows[:, np.newaxis], columns]
    return part


def outline(image: Image, guess: Plane, side_px: int, report: Report) -> Plane:
    """A guess, (H, W), as a matte that follows the edges of its image; `side_px` is at which the network answered."""
    seen = size_seen((image.shape[0], image.shape[1]), side_px)
    smooth = enlarged(shrunk(guess, seen), (image.shape[0], image.shape[1]))
    return along_edges(image, smooth, side_px=2 * side_px, answered_px=side_px, report=report)


def _goes_on(shown: Box, size: Size) -> Sides:
    return shown.left > 0, shown.top > 0, shown.right < size[1], shown.bottom < size[0]


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
