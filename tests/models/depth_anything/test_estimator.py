"""The depth input: sizes and pixels as the authors of Depth Anything prepare them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dis_core.models.depth_anything.estimator import (
    DepthAnything,
    base_network,
    input_size,
    large_network,
    small_network,
)
from dis_core.models.depth_anything.network import DepthAnythingNetwork
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD, to_tensor
from dis_core.protocols import Placement


@pytest.mark.parametrize(
    ("image_size", "expected"),
    [
        ((518, 518), (518, 518)),
        ((480, 640), (518, 686)),  # 690.67 / 14 = 49.3 -> 49 tokens
        ((3024, 4032), (518, 686)),
        ((4032, 3024), (686, 518)),
        ((1080, 1920), (518, 924)),  # 920.9 / 14 = 65.8 -> 66 tokens
        ((100, 100), (518, 518)),
    ],
)
def test_the_shorter_side_becomes_518_and_both_are_multiples_of_14(
    image_size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert input_size(image_size, 518) == expected


@given(height=st.integers(1, 20000), width=st.integers(1, 20000), shorter=st.sampled_from([252, 518]))
@settings(max_examples=300, deadline=None)
def test_no_image_is_too_small_or_too_long_for_the_network(height: int, width: int, shorter: int) -> None:
    size = input_size((height, width), shorter)

    assert min(size) == shorter
    assert max(size) <= 4 * shorter + 14
    assert all(side % 14 == 0 for side in size)
    if max(height, width) <= 4 * min(height, width):
        assert size[0] / size[1] == pytest.approx(height / width, rel=14 / shorter)


def test_depth_input_equals_the_authors_preprocessing() -> None:
    image = np.random.default_rng(0).random((300, 431, 3), dtype=np.float32)
    height, width = input_size((300, 431), 518)
    estimator = DepthAnything(torch.nn.Identity(), placement=Placement("cpu"), shorter_side_px=518)

    ours = estimator.prepare(to_tensor(image))

    theirs = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    colors = ours * IMAGENET_STD + IMAGENET_MEAN
    assert ours.shape == (1, 3, height, width)
    assert (colors - to_tensor(np.asarray(theirs, np.float32))).abs().max() < 1e-4


@pytest.mark.parametrize(("build", "millions"), [(small_network, 24.8), (base_network, 97.5), (large_network, 335.3)])
def test_networks_have_the_published_sizes(build: object, millions: float) -> None:
    assert callable(build)
    with torch.device("meta"):
        network = build()

    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_depth_comes_back_at_the_size_of_the_image() -> None:
    torch.manual_seed(0)
    network = DepthAnythingNetwork(width=32, depth=4, heads=2, taps=(1, 2, 3, 4), neck=(8, 8, 8, 8), fusion=8, head=8)
    network.train(mode=False)
    estimator = DepthAnything(network, placement=Placement("cpu"), shorter_side_px=252)

    depth = estimator(np.random.default_rng(0).random((61, 97, 3), dtype=np.float32))

    assert depth.shape == (61, 97)
    assert depth.dtype == np.float32
    assert np.isfinite(depth).all()
