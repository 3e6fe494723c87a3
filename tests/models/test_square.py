"""Networks that see a square: views, sides, batches, progress."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.errors import Cancelled
from dis_core.models.resample import Size, resize_by_area
from dis_core.models.square import SquareSegmenter, flipped_and_scaled
from dis_core.protocols import Placement, Segmentation


class BrightnessNetwork(nn.Module):
    """Holds what is bright for subject, and notes the sizes of what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.brightness = nn.AdaptiveAvgPool3d((1, None, None))
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(tuple(x.shape))
        brightness: torch.Tensor = self.brightness(x)
        return 6 * brightness - 3


def make_segmenter(side_px: int = 512, multiple_px: int = 32) -> tuple[SquareSegmenter, BrightnessNetwork]:
    def to_input(image: torch.Tensor, size: Size) -> torch.Tensor:
        return resize_by_area(image, size)

    network = BrightnessNetwork()
    segmenter = SquareSegmenter(
        network, side_px=side_px, placement=Placement("cpu"), to_input=to_input, multiple_px=multiple_px
    )
    return segmenter, network


NOTHING = Segmentation(np.zeros((64, 48), np.float32))


def image_of(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def test_every_view_of_best_comes_back_to_where_it_was() -> None:
    smooth = resize_by_area(torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)), (1024, 1024))
    photo = smooth.expand(-1, 3, -1, -1)

    views = [undo(view[:, :1]) for (view, _), undo in flipped_and_scaled(photo, smooth, multiple_px=256)]

    assert len(views) == 6
    assert all(torch.allclose(view, smooth, atol=0.01) for view in views)


def test_the_matte_has_the_size_of_its_image() -> None:
    segmenter, network = make_segmenter()

    found = segmenter(image_of(37, 90))

    assert found.alpha.shape == (37, 90)
    assert found.depth is None
    assert network.sizes == [(1, 3, 512, 512)]


def test_tiles_of_a_batch_get_the_mattes_that_they_get_alone() -> None:
    segmenter, network = make_segmenter()
    tiles = [image_of(64, 48, seed) for seed in range(3)]

    together = segmenter.segment_tiles(tiles, known=[NOTHING] * 3, quality="normal")

    assert network.sizes == [(3, 3, 512, 512)]
    for tile, alpha in zip(tiles, together, strict=True):
        np.testing.assert_allclose(alpha, segmenter(tile).alpha, atol=1e-6)


@pytest.mark.parametrize(
    ("side_px", "multiple_px", "draft_px"), [(1024, 32, 512), (512, 256, 256), (256, 32, 256), (2048, 64, 1024)]
)
def test_a_draft_takes_half_the_side_but_not_too_little(side_px: int, multiple_px: int, draft_px: int) -> None:
    segmenter, network = make_segmenter(side_px, multiple_px)

    segmenter(image_of(20, 20), quality="draft")

    assert segmenter.side_for("draft") == draft_px
    assert network.sizes == [(1, 3, draft_px, draft_px)]


def test_best_looks_at_six_views_of_sides_that_the_network_takes() -> None:
    segmenter, network = make_segmenter(512, 32)

    segmenter(image_of(50, 50), quality="best")

    assert [size[2] for size in network.sizes] == [384, 512, 640, 384, 512, 640]


def test_a_cancel_stops_between_views() -> None:
    segmenter, network = make_segmenter(512, 32)

    def cancel_late(fraction: float, doing: str) -> None:
        if fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter(image_of(50, 50), quality="best", report=cancel_late)

    assert 0 < len(network.sizes) < 6
