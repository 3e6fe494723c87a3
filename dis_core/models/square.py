"""Networks that see a square of fixed side: run once, or for "best" over flipped and scaled views of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.device import run_on
from dis_core.models.progress_hooks import Stages
from dis_core.models.resample import Size, resize_by_area, resize_to_corners, size_of
from dis_core.models.tensors import size_of_array, to_array, to_tensor
from dis_core.models.value_range import UNSTRETCHED, Extremes, stretched, unstretched
from dis_core.progress import Report, ignore, span
from dis_core.protocols import NO_PROMPT, Placement, Prompt, Quality, Segmentation

BEST_SCALES = (0.75, 1.0, 1.25)
"""PDFNet's authors evaluate with each scale, plain and mirrored: six views (their metric_tools/Test.py at f4e218b)."""

LEAST_SIDE_PX = 256
"""No draft is made from less."""


class SquareNetwork:
    """A network on its device, with the square that it sees and its progress.

    `network` takes planes (B, C, side, side) and answers logits (B, 1, side, side), or something of which `logits_of`
    makes them. `side_px` is the published side, and every side that it is run at is a multiple of `multiple_px`.
    "best" looks at each of `best_scales`, plain and mirrored.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        side_px: int,
        multiple_px: int,
        placement: Placement,
        logits_of: Callable[[Any], torch.Tensor] = lambda output: output,
        best_scales: Sequence[float] = BEST_SCALES,
    ) -> None:
        self.network = network
        self.side_px = side_px
        self.multiple_px = multiple_px
        self.placement = placement
        self.best_scales = best_scales
        self._logits_of = logits_of
        self._stages = Stages(network)

    def side_for(self, quality: Quality) -> int:
        """The side of the network's input in pixels; a draft takes half of it, but not less than the network can."""
        if quality != "draft":
            return self.side_px
        half = self.side_px // 2 // self.multiple_px * self.multiple_px
        return min(max(half, LEAST_SIDE_PX, self.multiple_px), self.side_px)

    def logits(self, *planes: torch.Tensor, quality: Quality, report: Report) -> torch.Tensor:
        """(B, 1, side, side) logits on the placement's device: of one pass, or the mean over the views of "best"."""
        planes = tuple(plane.to(self.placement.device) for plane in planes)
        if quality != "best":
            return self._one_pass(planes, report, "segmenting")
        views = list(flipped_and_scaled(*planes, multiple_px=self.multiple_px, scales=self.best_scales))
        total = torch.zeros((), device=self.placement.device)
        for done, (view, undo) in enumerate(views):
            doing = f"segmenting view {done + 1} of {len(views)}"
            report(done / len(views), doing)
            total = total + undo(self._one_pass(view, span(report, done / len(views), (done + 1) / len(views)), doing))
        return total / len(views)

    def _one_pass(self, planes: tuple[torch.Tensor, ...], report: Report, doing: str) -> torch.Tensor:
        with self._stages.reporting(report, doing):
            return self._logits_of(self.network(*planes))


def square_of(side_px: int) -> Size:
    """The size of a square."""
    return side_px, side_px


class SquareBase:
    """What the segmenters of networks with a fixed input have in common: the side, the squeezing, and the way back.

    `enlarge` brings answers back to the size of their image, which should be the way the network's authors do it.
    `activation` makes the values in [0, 1] of the network's logits. `size_for` is for a network whose input is not
    square: it makes the size, (height, width), out of the shorter side, which is `side_px`.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        side_px: int,
        multiple_px: int,
        placement: Placement,
        enlarge: Callable[[torch.Tensor, Size], torch.Tensor],
        logits_of: Callable[[Any], torch.Tensor] = lambda output: output,
        activation: Callable[[torch.Tensor], torch.Tensor] = torch.sigmoid,
        size_for: Callable[[int], Size] = square_of,
        best_scales: Sequence[float] = BEST_SCALES,
    ) -> None:
        self.square = SquareNetwork(
            network,
            side_px=side_px,
            multiple_px=multiple_px,
            placement=placement,
            logits_of=logits_of,
            best_scales=best_scales,
        )
        self.enlarge = enlarge
        self.activation = activation
        self.size_for = size_for

    def side_for(self, quality: Quality) -> int:
        """The side of the network's input in pixels, the shorter one if there are two."""
        return self.square.side_for(quality)

    def answers(
        self,
        sizes: Sequence[Size],
        planes_at: Callable[[int, Size], tuple[torch.Tensor, ...]],
        *,
        quality: Quality,
        report: Report,
        near: SquareNetwork | None = None,
        side_px: int | None = None,
    ) -> list[tuple[NDArray[np.float32], Extremes]]:
        """What `read` makes of the network's answers to images of such sizes, all in one batch.

        `planes_at(number, size)` are the network's inputs for one of them, (1, C, *size) each. `near` is another
        network to ask, and `side_px` another side to ask at.

        Raises OutOfMemory, and what `report` raises.
        """
        with run_on(self.square.placement):
            square = near or self.square
            size = self.size_for(side_px or self.side_for(quality))
            planes = [planes_at(number, size) for number in range(len(sizes))]
            batch = [torch.cat(one_kind) for one_kind in zip(*planes, strict=True)]
            answers = self.activation(square.logits(*batch, quality=quality, report=report)).cpu()
            return [self.read(answer[None], own) for answer, own in zip(answers, sizes, strict=True)]

    def read(self, answer: torch.Tensor, size: Size) -> tuple[NDArray[np.float32], Extremes]:
        """The network's own answer to an image, (1, 1, side, side), at its size, and what of it becomes 0 and 1."""
        return to_array(self.enlarge(answer, size)), UNSTRETCHED


class SquareSegmenter(SquareBase):
    """A loaded network that needs nothing but the image.

    `to_input` brings an image, (1, 3, H, W) float32 in [0, 1], to a size and to the values that the network was trained
    with. The matte is enlarged by `resize`, which should be the way its authors do it. `extremes_of` a network's
    answer to the whole image, (H, W) in [0, 1], says which of its values become 0 and 1. `size_for` is for a network
    whose input is not square: it makes the size, (height, width), out of the shorter side, which is `side_px`.

    `best_scales` are the scales of the views of "best". `answer_share` is the side of the network's answer as a share
    of its input's, where that is less than 1.

    `near` is the network for tiles and for the larger look, where that is to be another one. `larger_px` is the side at
    which the network still works and sees more, if it was measured to be worth it; None if not.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        side_px: int,
        placement: Placement,
        to_input: Callable[[torch.Tensor, Size], torch.Tensor],
        multiple_px: int = 32,
        size_for: Callable[[int], Size] = square_of,
        resize: Callable[[torch.Tensor, Size], torch.Tensor] = resize_to_corners,
        activation: Callable[[torch.Tensor], torch.Tensor] = torch.sigmoid,
        extremes_of: Callable[[NDArray[np.float32]], Extremes] = unstretched,
        near: nn.Module | None = None,
        best_scales: Sequence[float] = BEST_SCALES,
        answer_share: float = 1.0,
        larger_px: int | None = None,
    ) -> None:
        super().__init__(
            network,
            side_px=side_px,
            multiple_px=multiple_px,
            placement=placement,
            enlarge=resize,
            activation=activation,
            size_for=size_for,
            best_scales=best_scales,
        )
        self.to_input = to_input
        self.extremes_of = extremes_of
        self.answer_share = answer_share
        self.larger_px = larger_px
        self._near = (
            self.square
            if near is None
            else SquareNetwork(near, side_px=side_px, multiple_px=multiple_px, placement=placement)
        )

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,  # noqa: ARG002 - of every segmenter, and nothing that this one could use
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        """Find the subject of `image`, (H, W, 3) float32 sRGB in [0, 1]; the matte comes back at (H, W).

        Raises OutOfMemory, and what `report` raises.
        """
        report(0.0, "segmenting")
        ((answer, extremes),) = self._look([image], quality, report)
        report(1.0, "segmenting")
        return Segmentation(stretched(answer, extremes), extremes=extremes)

    def segment_tiles(
        self,
        tiles: Sequence[NDArray[np.float32]],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> list[NDArray[np.float32]]:
        """The mattes, (H, W) each, of parts of one image, (H, W, 3) each, in one batch.

        They are stretched between the extremes of the whole image, which are `known`: those of a tile say nothing.

        Raises OutOfMemory, and what `report` raises.
        """
        answers = self._look(tiles, quality, report, near=self._near)
        return [stretched(answer, part.extremes) for (answer, _), part in zip(answers, known, strict=True)]

    def answer_side_for(self, quality: Quality) -> int:
        """The side in pixels at which the network answers, before its answer is enlarged."""
        return round(self.side_for(quality) * self.answer_share)

    def larger_side_for(self, quality: Quality) -> int | None:
        """The side of the input for a larger look in pixels, or None if there is none; a draft takes none."""
        return None if quality == "draft" else self.larger_px

    def look_larger(
        self,
        image: NDArray[np.float32],
        *,
        known: Segmentation,
        quality: Quality,  # noqa: ARG002 - the more views of "best" would cost more than they bring here
        report: Report = ignore,
    ) -> NDArray[np.float32]:
        """The matte, (H, W), of `image`, (H, W, 3), by one pass at `larger_px`, stretched as the usual look was.

        Raises OutOfMemory, and what `report` raises.
        """
        ((answer, _),) = self._look([image], "normal", report, near=self._near, side_px=self.larger_px)
        return stretched(answer, known.extremes)

    def read(self, answer: torch.Tensor, size: Size) -> tuple[NDArray[np.float32], Extremes]:
        """The network's own answer to an image, (1, 1, side, side), at its size, and what of it becomes 0 and 1."""
        plane, _ = super().read(answer, size)
        return plane, self.extremes_of(plane)

    def _look(
        self,
        images: Sequence[NDArray[np.float32]],
        quality: Quality,
        report: Report,
        *,
        near: SquareNetwork | None = None,
        side_px: int | None = None,
    ) -> list[tuple[NDArray[np.float32], Extremes]]:
        def planes_at(number: int, size: Size) -> tuple[torch.Tensor]:
            return (self.to_input(to_tensor(images[number]), size),)

        sizes = [size_of_array(image) for image in images]
        return self.answers(sizes, planes_at, quality=quality, report=report, near=near, side_px=side_px)


def flipped_and_scaled(
    *planes: torch.Tensor, multiple_px: int, scales: Sequence[float] = BEST_SCALES
) -> Iterator[tuple[tuple[torch.Tensor, ...], Callable[[torch.Tensor], torch.Tensor]]]:
    """Views of a network's input planes, each with the function that brings its logits back to the input's frame.

    There are two of each scale, plain and mirrored. Sides are rounded to what the network can take, multiples of
    `multiple_px`. Where that makes scales equal, they count once: a network of 256 x 256 that takes multiples of 256
    has two views.
    """
    size = size_of(planes[0])
    scaled = [(rounded(size[0] * scale, multiple_px), rounded(size[1] * scale, multiple_px)) for scale in scales]
    for mirrored in (False, True):
        for view_size in dict.fromkeys(scaled):
            view = tuple(resize_by_area(plane, view_size) for plane in planes)
            if mirrored:
                yield tuple(plane.flip(3) for plane in view), lambda x: resize_by_area(x.flip(3), size)
            else:
                yield view, lambda x: resize_by_area(x, size)


def rounded(length: float, multiple_px: int) -> int:
    """The nearest multiple, at least one."""
    return max(round(length / multiple_px), 1) * multiple_px
