"""An image as an array through PDFNet: sizes, depth, quality, progress."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.errors import Cancelled
from dis_core.models.pdfnet.network import PDFNetOutput
from dis_core.models.pdfnet.segmenter import MULTIPLE_PX, PDFNetSegmenter, scale_to_unit
from dis_core.models.resample import resize_to_corners
from dis_core.models.square import flipped_and_scaled
from dis_core.progress import Report, ignore
from dis_core.protocols import Placement, Prompt, Segmentation
from tests.fakes import small_pdfnet


class BrightIsSubject(nn.Module):
    """Stands for a network: logits are ten times the first channel, plus the depth; it notes what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, image: torch.Tensor, depth: torch.Tensor) -> PDFNetOutput:
        self.seen.append((image, depth))
        return PDFNetOutput(10 * image[:, :1] + depth, ())


def ramp_depth(image: NDArray[np.float32], *, report: Report = ignore) -> NDArray[np.float32]:
    height, width = image.shape[:2]
    return np.repeat(np.linspace(3, 9, height, dtype=np.float32)[:, None], width, axis=1)


def make_segmenter(side_px: int = 256) -> tuple[PDFNetSegmenter, BrightIsSubject]:
    network = BrightIsSubject()
    return PDFNetSegmenter(network, side_px=side_px, placement=Placement("cpu"), estimate_depth=ramp_depth), network


def image_of(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((height, width, 3), dtype=np.float32)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 700), (700, 1), (333, 77), (256, 256), (900, 1200)])
def test_a_matte_has_the_size_of_its_image_and_lies_between_0_and_1(height: int, width: int) -> None:
    segmenter, network = make_segmenter()

    found = segmenter(image_of(height, width))

    assert found.alpha.shape == (height, width)
    assert found.alpha.dtype == np.float32
    assert np.isfinite(found.alpha).all()
    assert found.alpha.min() >= 0
    assert found.alpha.max() <= 1
    assert network.seen[0][0].shape == (1, 3, 256, 256)


def test_the_network_sees_imagenet_normalized_colors_and_depth_from_0_to_1() -> None:
    segmenter, network = make_segmenter()
    image = np.full((256, 256, 3), 0.5, np.float32)

    segmenter(image)

    photo, relief = network.seen[0]
    assert photo[0, :, 0, 0].tolist() == pytest.approx(
        [(0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225]
    )
    assert relief.min() == 0
    assert relief.max() == 1


def test_the_users_depth_is_used_instead_of_an_estimate() -> None:
    segmenter, network = make_segmenter()
    depth = np.repeat(np.linspace(0, 255, 256, dtype=np.float32)[None], 256, axis=0)

    found = segmenter(image_of(256, 256), prompt=Prompt(depth=depth))

    assert found.depth is not None
    assert np.allclose(found.depth, depth / 255, atol=1e-6)
    assert torch.allclose(network.seen[0][1][0, 0], torch.from_numpy(depth / 255), atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 5.0, np.nan, np.inf])
def test_a_constant_or_broken_depth_map_does_not_spoil_the_matte(value: float) -> None:
    segmenter, _ = make_segmenter()

    found = segmenter(image_of(64, 64), prompt=Prompt(depth=np.full((64, 64), value, np.float32)))

    assert np.isfinite(found.alpha).all()
    assert found.depth is not None
    assert found.depth.max() == 0


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        ([[np.nan, 1.0], [3.0, np.inf]], [[0, 0], [1, 1]]),  # unknown is far; infinitely near is as near as the rest
        ([[-np.inf, 1.0], [2.0, 3.0]], [[0, 0], [0.5, 1]]),
        ([[-3e38, 0.0], [1.5e38, 3e38]], [[0, 0.5], [0.75, 1]]),
    ],
)
def test_a_depth_map_of_any_range_is_scaled_by_what_is_finite(
    depth: list[list[float]], expected: list[list[float]]
) -> None:
    scaled = scale_to_unit(np.array(depth, np.float32))

    assert scaled.dtype == np.float32
    assert np.allclose(scaled, expected)


def test_doubles_too_large_for_floats_are_scaled_like_others() -> None:
    assert scale_to_unit(np.array([[0.0, 1e40, 2e40]])).tolist() == [[0, 0.5, 1]]


def test_a_draft_sees_half_the_size_and_best_sees_six_views() -> None:
    segmenter, network = make_segmenter(side_px=1024)

    segmenter(image_of(50, 50), quality="draft")
    assert [photo.shape[2] for photo, _ in network.seen] == [512]

    network.seen.clear()
    segmenter(image_of(50, 50), quality="best")
    assert [photo.shape[2] for photo, _ in network.seen] == [768, 1024, 1280, 768, 1024, 1280]


def test_views_that_a_small_network_cannot_tell_apart_count_once() -> None:
    segmenter, network = make_segmenter(side_px=256)

    segmenter(image_of(50, 50), quality="best")

    assert len(network.seen) == 2


def test_best_averages_logits_not_mattes() -> None:
    segmenter, network = make_segmenter(side_px=1024)
    image = image_of(64, 64)

    found = segmenter(image, quality="best")

    logits = torch.stack(
        [
            undo(10 * view[:, :1] + relief)
            for (view, relief), undo in flipped_and_scaled(*network.seen[1], multiple_px=MULTIPLE_PX)
        ]
    )
    by_logits = resize_to_corners(logits.mean(0).sigmoid(), (64, 64))[0, 0].numpy()
    by_mattes = resize_to_corners(logits.sigmoid().mean(0), (64, 64))[0, 0].numpy()
    assert np.abs(found.alpha - by_logits).max() < 1e-4
    assert np.abs(found.alpha - by_mattes).max() > 1e-3


def test_progress_rises_and_a_cancel_stops_between_views() -> None:
    segmenter, network = make_segmenter(side_px=1024)
    told: list[float] = []

    def stop_after_two_views(fraction: float, doing: str) -> None:
        told.append(fraction)
        if "view 3" in doing:
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter(image_of(64, 64), quality="best", report=stop_after_two_views)

    assert len(network.seen) == 2
    assert told == sorted(told)


def test_tiles_in_a_batch_get_the_mattes_that_they_get_alone() -> None:
    rng = np.random.default_rng(0)
    segmenter = small_pdfnet.segmenter(Placement("cpu"))
    tiles = [rng.random((256, 256, 3), dtype=np.float32) * share for share in (0.3, 0.6, 1.0)]
    depths = [rng.random((256, 256), dtype=np.float32) for _ in tiles]

    known = [Segmentation(tile[:, :, 0], depth) for tile, depth in zip(tiles, depths, strict=True)]

    together = segmenter.segment_tiles(tiles, known=known, quality="normal")

    for tile, depth, matte in zip(tiles, depths, together, strict=True):
        alone = segmenter(tile, prompt=Prompt(depth=depth)).alpha
        assert matte.shape == (256, 256)
        assert np.abs(matte - alone).max() < 1e-4


def test_tiles_without_depth_get_an_estimate_of_their_own() -> None:
    segmenter, _ = make_segmenter()
    tile = image_of(256, 256)

    alpha = np.zeros((256, 256), np.float32)

    (estimated,) = segmenter.segment_tiles([tile], known=[Segmentation(alpha)], quality="normal")

    (given,) = segmenter.segment_tiles([tile], known=[Segmentation(alpha, ramp_depth(tile))], quality="normal")
    assert np.array_equal(estimated, given)
