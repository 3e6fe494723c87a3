"""DIS-SAM (Liu, Fu, Jiang and Zhao, arXiv 2401.00248): SAM finds what is meant, and an IS-Net makes it exact.

The authors' demo leads from the first to the second: SAM's mask as 0 and 1 and a box around it are resized together
with the picture to 1024 x 1024, the mask stays soft there, and the box is made sharp again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.device import run_on
from dis_core.errors import BadRequest
from dis_core.images.compositing import bounds_of
from dis_core.models.isnet.network import ISNet
from dis_core.models.isnet.segmenter import SIDE_PX, filled
from dis_core.models.resample import Size, resize_by_area
from dis_core.models.sam.network import SAM, load_base, load_large
from dis_core.models.sam.spec import SAM_BASE, SAM_LARGE
from dis_core.models.square import SquareBase
from dis_core.models.tensors import size_of_array, to_tensor
from dis_core.models.value_range import own_extremes, stretched
from dis_core.progress import Report, ignore, span
from dis_core.prompts import prompt_objects
from dis_core.protocols import NO_PROMPT, DepthEstimator, Memory, Placement, Prompt, Quality, Segmentation

Plane = NDArray[np.float32]

MULTIPLE_PX: Final = 32
SHARP: Final = 127 / 255
"""A resized box reaches as far as it covers pixels by more than this."""

TIME_OF_SAM: Final = 0.7
"""The share of the progress that belongs to finding what is meant."""


class DisSamSegmenter(SquareBase):
    """SAM and the refiner, which takes planes (B, 5, side, side): colors, mask and box."""

    def __init__(self, refiner: nn.Module, *, sam: SAM, side_px: int, placement: Placement) -> None:
        super().__init__(refiner, side_px=side_px, multiple_px=MULTIPLE_PX, placement=placement, enlarge=resize_by_area)
        self.sam = sam

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        """Find what the prompt names in `image`, (H, W, 3) float32 sRGB in [0, 1]; the matte comes back at (H, W).

        All that is named becomes one mask, which is the answer's guide. Where SAM finds nothing, nothing is the answer.

        Raises BadRequest if nothing is named, OutOfMemory, and what `report` raises.
        """
        return self._find(image, None, prompt, quality, report)

    def segment_remembering(
        self,
        image: NDArray[np.float32],
        memory: Memory,
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        """As a call; `memory` holds what SAM's encoder makes of `image`, which is nearly all of the work.

        Raises what a call does.
        """
        return self._find(image, memory, prompt, quality, report)

    def _find(
        self, image: Plane, memory: Memory | None, prompt: Prompt, quality: Quality, report: Report
    ) -> Segmentation:
        if not prompt.names_a_place:
            raise BadRequest("dis-sam needs a box or a point in the image", hint="use `prompt=Box(10, 20, 310, 420)`")
        report(0.0, "looking at the image")
        with run_on(self.square.placement):
            wanted = prompt_objects(prompt.boxes, prompt.points)
            mask = self.sam(image, wanted, report=span(report, 0.0, TIME_OF_SAM), memory=memory).astype(np.float32)
        report(TIME_OF_SAM, "segmenting")
        if not mask.any():
            return Segmentation(mask, guide=mask)
        (answer,) = self._refined([image], [mask], quality, span(report, TIME_OF_SAM, 1.0))
        report(1.0, "segmenting")
        extremes = own_extremes(answer)
        return Segmentation(stretched(answer, extremes), guide=mask, extremes=extremes)

    def segment_tiles(
        self,
        tiles: Sequence[NDArray[np.float32]],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> list[Plane]:
        """The mattes, (H, W) each, of parts of one image, (H, W, 3) each, in one batch.

        The refiner is shown the same part of the mask, with a box around what is in it, as if the part were a picture.
        It was never trained on pictures without a subject: there, the known matte is the answer.

        Raises OutOfMemory, and what `report` raises.
        """
        answers = [part.alpha for part in known]
        masks = {
            number: part.guide
            for number, part in enumerate(known)
            if part.guide is not None and (part.guide > 0.5).any()
        }
        if masks:
            refined = self._refined([tiles[number] for number in masks], list(masks.values()), quality, report)
            for number, answer in zip(masks, refined, strict=True):
                answers[number] = stretched(answer, known[number].extremes)
        return answers

    def _refined(
        self, images: Sequence[Plane], masks: Sequence[Plane], quality: Quality, report: Report
    ) -> list[Plane]:
        """What the refiner makes of images, (H, W, 3) each, and coarse masks of them, (H, W) each in [0, 1]."""

        def planes_at(number: int, size: Size) -> tuple[torch.Tensor]:
            return (to_input(to_tensor(images[number]), masks[number], size),)

        sizes = [size_of_array(mask) for mask in masks]
        return [answer for answer, _ in self.answers(sizes, planes_at, quality=quality, report=report)]


def to_input(image: torch.Tensor, mask: Plane, size: Size) -> torch.Tensor:
    """An image (1, 3, H, W) in [0, 1] and a mask of it, (H, W) in [0, 1], as the refiner's planes, (1, 5, *size)."""
    colors = resize_by_area(image, size) - 0.5
    soft = resize_by_area(to_tensor(mask), size)
    box = resize_by_area(to_tensor(box_of(mask)), size) > SHARP
    return torch.cat([colors, soft, box.float()], 1)


def box_of(mask: Plane) -> Plane:
    """The rectangle around what is in a mask, (H, W), as a plane of 0 and 1.

    It ends one row and one column early: the authors' does, and the refiner has learned from such.
    """
    plane = np.zeros_like(mask)
    bounds = bounds_of(mask > 0.5)
    if bounds is not None:
        plane[bounds.top : bounds.bottom - 1, bounds.left : bounds.right - 1] = 1
    return plane


def load_network(weights: Path, *, placement: Placement) -> ISNet:
    """The refiner: an IS-Net that takes five planes."""
    return filled(5, weights, placement)


def load_with_large(
    weights: Path,
    *,
    placement: Placement,
    estimate_depth: DepthEstimator | None,  # noqa: ARG001 - of every loader, and this network wants no depth
    companions: Mapping[str, Path],
) -> DisSamSegmenter:
    """The refiner with SAM's ViT-L, which it was trained with."""
    sam = load_large(companions[SAM_LARGE.name], placement=placement)
    return DisSamSegmenter(load_network(weights, placement=placement), sam=sam, side_px=SIDE_PX, placement=placement)


def load_with_base(
    weights: Path,
    *,
    placement: Placement,
    estimate_depth: DepthEstimator | None,  # noqa: ARG001 - of every loader, and this network wants no depth
    companions: Mapping[str, Path],
) -> DisSamSegmenter:
    """The refiner and SAM's ViT-B, which is a third of the size."""
    sam = load_base(companions[SAM_BASE.name], placement=placement)
    return DisSamSegmenter(load_network(weights, placement=placement), sam=sam, side_px=SIDE_PX, placement=placement)
