"""The passes of a model over one image: first the whole, then closer at a small subject, then as fine as the image."""

from __future__ import annotations

import pkgutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from dis_core.geometry import Box, moved_into
from dis_core.images.compositing import box_with_margin
from dis_core.model_spec import RefinerSpec
from dis_core.progress import Report, span
from dis_core.protocols import (
    CloserLook,
    Effort,
    Prompt,
    Quality,
    Refined,
    Refinement,
    Refiner,
    Segmentation,
    Segmenter,
)
from dis_core.refinement.answers import answer_side_of
from dis_core.refinement.larger import larger_side_of
from dis_core.refinement.tiles import part_of
from dis_core.refinement.tiling import is_strip, level_sizes
from dis_core.refinement.zoom import (
    MARGIN,
    blank_outside,
    cut_out,
    fade_in,
    merge_trusted,
    place_of,
    put_back,
    small_subject,
)
from dis_core.registry import manager as registry
from dis_core.registry.builtin_refiners import FAST, LARGER, MATTING, TILES

AUTO: Final = "auto"
NONE: Final = "none"

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Choice:
    """A refiner's name, "none" included, and why "auto" chose it, in words; empty if the user did."""

    name: str
    reason: str = ""

    @property
    def refiner(self) -> RefinerSpec | None:
        """The refiner. Raises BadRequest if no refiner has that name."""
        return None if self.name == NONE else registry.find_refiner(self.name)


def choose_refiner(
    name: str,
    size: tuple[int, int],
    side_px: int,
    quality: Quality,
    *,
    device: str = "cpu",
    larger_px: int | None = None,
    answers_px: int | None = None,
) -> Choice:
    """The refiner with that name, for an image of `size` (height, width).

    "auto" chooses none for an image that is hardly larger than what the model answers, which is `answers_px`, or its
    input's `side_px` if that is None. It follows the edges of a draft, which must be quick, and of a strip. Models that
    answer at less than they see get matting in a thin band, which was measured to be better than their tiles. The
    others get tiles on a graphics card. On a CPU these would take many times as long as the first look, so it chooses
    one larger look of `larger_px`, or matting if the model has none.
    """
    if name != AUTO:
        return Choice(name)
    if not level_sizes(size, answers_px or side_px):
        return Choice(NONE, "the image is hardly larger than what the model answers")
    if quality == "draft":
        return Choice(FAST, "a draft")
    if is_strip(size, side_px):
        return Choice(FAST, "tiles of so narrow an image would show too little")
    if answers_px is not None and answers_px < side_px:
        return Choice(MATTING, "better than tiles of this model, for less than its first look took")
    if device != "cpu":
        return Choice(TILES, "tiles are quick on this device")
    return Choice(MATTING if larger_px is None else LARGER, "tiles would take long on the CPU")


def check_refiner(name: str) -> None:
    """Raise BadRequest for a name that `choose_refiner` does not know."""
    if name not in (AUTO, NONE):
        registry.find_refiner(name)


@dataclass(frozen=True)
class Passes:
    """A loaded model, and how much effort it makes; `refine` is the name of a refiner, "none" or "auto"."""

    segmenter: Segmenter
    quality: Quality
    refine: str
    effort: Effort

    def over(self, image: Image, prompt: Prompt, report: Report) -> tuple[Segmentation, Refinement]:
        """Find the subject of `image`, (H, W, 3) float32 sRGB in [0, 1].

        Raises OutOfMemory, BadRequest for an unknown refiner, and what `report` raises.
        """
        return self._find(image, prompt, report, own=None)

    def within(self, box: Box, image: Image, prompt: Prompt, report: Report) -> tuple[Segmentation, Refinement]:
        """Find the subject inside a box; nothing outside is part of it. The depth is 0 where no pass looked.

        Raises what `over` raises.
        """
        size = image.shape[0], image.shape[1]
        outer = box_with_margin(box, size=size, margin_fraction=MARGIN)
        inner = moved_into(outer, box)
        return self.around(outer, image, prompt, report, own=lambda alpha: blank_outside(alpha, inner))

    def around(
        self, box: Box, image: Image, prompt: Prompt, report: Report, *, own: Callable[[Image], Image]
    ) -> tuple[Segmentation, Refinement]:
        """Look only at what is in a box, where the subject is what `own` leaves of a matte of it, (H, W) in [0, 1].

        The depth is 0 outside. Raises what `over` raises.
        """
        part, own_prompt = cut_out(image, prompt, box)
        found, refinement = self._find(part, own_prompt, report, own=own)
        return put_back(found, box, (image.shape[0], image.shape[1])), refinement

    def _find(
        self, image: Image, prompt: Prompt, report: Report, *, own: Callable[[Image], Image] | None
    ) -> tuple[Segmentation, Refinement]:
        size = image.shape[0], image.shape[1]
        choice = choose_refiner(
            self.refine,
            size,
            self._side_px,
            self.quality,
            device=self.effort.device,
            larger_px=larger_side_of(self.segmenter, self.quality),
            answers_px=answer_side_of(self.segmenter, self.quality),
        )
        refiner = choice.refiner
        is_large = bool(level_sizes(size, self._side_px))
        looks_closer = own is not None or (refiner is not None and refiner.looks_closer and is_large)
        looked = 1.0 if refiner is None else 0.3  # this share of the progress belongs to the looks
        first = self._look(image, prompt, span(report, 0.0, looked / 2 if looks_closer else looked))
        started = time.monotonic()
        wanted = first.alpha if own is None else own(first.alpha)
        box = small_subject(wanted) if looks_closer else None
        verdict: CloserLook = "not needed"
        closer = None
        if box is not None:
            closer = self._look_closer(box, image, prompt, first, span(report, looked / 2, looked))
            verdict = "rejected" if closer is None else "taken"
            if choice.name == LARGER:
                refiner = registry.find_refiner(FAST)  # the closer look was the one more look
        part, coarse = closer or (image, first)
        refined = self._refined(refiner, part, coarse, span(report, looked, 1.0))
        alpha = refined.alpha if box is None or closer is None else fade_in(refined.alpha, wanted, box)
        if own is not None:
            alpha = own(alpha)
        name = NONE if refiner is None else refiner.name
        refinement = Refinement(name, time.monotonic() - started, verdict, refined.levels, choice.reason)
        return Segmentation(alpha, first.depth), refinement

    def _look_closer(
        self, box: Box, image: Image, prompt: Prompt, first: Segmentation, report: Report
    ) -> tuple[Image, Segmentation] | None:
        """The part of the image in a box and what a closer look finds; None if that contradicts the first look."""
        part, own_prompt = cut_out(image, prompt, box)
        known = part_of(first, place_of(box))
        if known.guide is not None:
            # The model knows what the subject is, so it only needs to see it better, not to find it again.
            (alpha,) = self.segmenter.segment_tiles([part], known=[known], quality=self.quality, report=report)
            second = replace(known, alpha=alpha)
        elif prompt.names_a_place and not own_prompt.names_a_place:
            return None  # the model found something in another place than the prompt
        else:
            second = self._look(part, own_prompt, report)
        opinion = merge_trusted(known.alpha, second.alpha, self._side_px)
        return None if opinion is None else (part, replace(second, alpha=opinion))

    @property
    def _side_px(self) -> int:
        return self.segmenter.side_for(self.quality)

    def _look(self, image: Image, prompt: Prompt, report: Report) -> Segmentation:
        return self.segmenter(image, prompt=prompt, quality=self.quality, report=report)

    def _refined(self, refiner: RefinerSpec | None, image: Image, coarse: Segmentation, report: Report) -> Refined:
        if refiner is None:
            return Refined(coarse.alpha)
        refine = cast("Refiner", pkgutil.resolve_name(refiner.refiner))
        return refine(image, coarse, self.segmenter, quality=self.quality, effort=self.effort, report=report)
