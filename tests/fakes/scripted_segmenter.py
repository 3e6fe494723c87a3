"""A segmenter that answers by a rule, and images that show it, for tests of refinement without a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dis_core.planes import Plane
from dis_core.progress import Report, ignore
from dis_core.protocols import NO_PROMPT, Effort, Prompt, Quality, Refined, Segmentation
from dis_core.refinement.band import band_weights
from dis_core.refinement.resizing import shrunk
from dis_core.refinement.tiles import refine_with_tiles
from dis_core.refinement.tiling import size_seen

ALL = Effort(max_tiles=10**6)


def red(image: Plane) -> Plane:
    """An exact matte: the images here carry it as their red."""
    return np.ascontiguousarray(image[:, :, 0])


@dataclass
class Scripted:
    """A segmenter of `side_px` that answers each tile by a rule; it notes how many tiles each batch had."""

    side_px: int = 64
    rule: Callable[[Plane], Plane] = red
    batches: list[int] = field(default_factory=list)

    def __call__(
        self, image: Plane, *, prompt: Prompt = NO_PROMPT, quality: Quality = "normal", report: Report = ignore
    ) -> Segmentation:
        return Segmentation(self.rule(image))

    def side_for(self, quality: Quality) -> int:
        return self.side_px

    def segment_tiles(
        self,
        tiles: Sequence[Plane],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> list[Plane]:
        self.batches.append(len(tiles))
        return [self.rule(tile) for tile in tiles]


def picture_of(alpha: Plane) -> Plane:
    """An image (H, W, 3) whose red is the matte, and whose other colors vary on their own."""
    height, width = alpha.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([alpha, 0.5 + 0.3 * np.sin(x / 7), 0.5 + 0.3 * np.cos(y / 11)], axis=2).astype(np.float32)


def disc(size: tuple[int, int], *, soft_px: float = 3) -> Plane:
    """A disc in the middle with an edge as soft as a lens makes it."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    distance = np.hypot(y - height / 2, x - width / 2)
    alpha: Plane = np.clip(0.5 + (0.3 * min(size) - distance) / soft_px, 0, 1).astype(np.float32)
    return alpha


def seen_by_network(alpha: Plane, side_px: int) -> Plane:
    """The matte as one pass at `side_px` would have it: shrunk to the square and enlarged again."""
    from dis_core.models.resample import resize_to_corners, shrink_smoothly
    from dis_core.models.tensors import to_array, to_tensor

    small = shrink_smoothly(to_tensor(alpha), (side_px, side_px))
    return to_array(resize_to_corners(small, (alpha.shape[0], alpha.shape[1])))


def refined(
    image: Plane, coarse: Plane, segmenter: Scripted, *, effort: Effort = ALL, report: Report = ignore
) -> Refined:
    return refine_with_tiles(image, Segmentation(coarse), segmenter, quality="normal", effort=effort, report=report)


def outside_the_band(coarse: Plane, side_px: int) -> NDArray[np.bool_]:
    """Pixels that no band of the coarse matte comes near, by a margin of two pixels of the coarse matte."""
    size = coarse.shape[0], coarse.shape[1]
    start = size_seen(size, side_px)
    far = band_weights(shrunk(coarse, start)) == 0
    for _ in range(2):
        far[1:] &= far[:-1]
        far[:-1] &= far[1:]
        far[:, 1:] &= far[:, :-1]
        far[:, :-1] &= far[:, 1:]
    rows = np.arange(size[0]) * start[0] // size[0]
    columns = np.arange(size[1]) * start[1] // size[1]
    outside: NDArray[np.bool_] = far[rows[:, None], columns]
    return outside
