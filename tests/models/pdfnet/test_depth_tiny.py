"""The embedded depth network: any image, the image's size, within its range."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dis_core.errors import Cancelled
from dis_core.models.pdfnet.depth_tiny import DepthTinyEstimator, network
from dis_core.protocols import Placement


@pytest.fixture(scope="module")
def estimator() -> DepthTinyEstimator:
    torch.manual_seed(0)
    return DepthTinyEstimator(network().eval(), placement=Placement("cpu"))


@pytest.mark.parametrize("size", [(61, 97), (1, 1), (3, 400), (700, 500)])
def test_depth_comes_back_at_the_size_of_the_image_and_in_its_range(
    estimator: DepthTinyEstimator, size: tuple[int, int]
) -> None:
    depth = estimator(np.random.default_rng(0).random((*size, 3), dtype=np.float32))

    assert depth.shape == size
    assert depth.dtype == np.float32
    assert ((depth > 0) & (depth < 1)).all()


def test_an_estimate_can_be_stopped(estimator: DepthTinyEstimator) -> None:
    def stop(fraction: float, doing: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        estimator(np.zeros((8, 8, 3), np.float32), report=stop)


def test_what_stands_far_away_matters_to_every_place() -> None:
    """The mean over the whole picture enters everywhere, which no stack of small windows does at this depth."""
    torch.manual_seed(0)
    depth_network = network().eval()
    image = torch.zeros(1, 3, 512, 512)
    other = image.clone()
    other[:, :, -64:, -64:] = 3.0

    with torch.no_grad():
        change = (depth_network(image) - depth_network(other))[0, 0, :8, :8].abs()

    assert (change > 0).all()
