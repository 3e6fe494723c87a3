"""The embedded model's network: its outputs, and what looking both ways round promises."""

from __future__ import annotations

import pytest
import torch

from dis_core.models.backbones.efficientnet import CHANNELS, folded_backbone
from dis_core.models.dis_lite.network import BothWays, DisLite


@pytest.fixture(scope="module")
def network() -> DisLite:
    torch.manual_seed(0)
    return DisLite(folded_backbone("efficientnet-lite0", levels=4), CHANNELS["efficientnet-lite0"], width=16).eval()


def test_it_answers_at_five_strides_and_the_matte_at_the_images_size(network: DisLite) -> None:
    image = torch.rand(2, 3, 64, 128)

    with torch.no_grad():
        outputs, matte = network.outputs(image), network(image)

    assert [tuple(output.shape) for output in outputs] == [(2, 1, 64 // s, 128 // s) for s in (2, 4, 8, 16, 32)]
    assert matte.shape == (2, 1, 64, 128)


def test_an_image_and_its_mirror_image_get_mirrored_mattes(network: DisLite) -> None:
    image = torch.rand(1, 3, 64, 64)
    both_ways = BothWays(network)

    with torch.no_grad():
        plain, mirrored = both_ways(image), both_ways(image.flip(3))

    torch.testing.assert_close(mirrored.flip(3), plain)


def test_both_ways_is_the_mean_of_the_two_looks(network: DisLite) -> None:
    image = torch.rand(1, 3, 64, 64)

    with torch.no_grad():
        mean = BothWays(network)(image)
        expected = (network(image) + network(image.flip(3)).flip(3)) / 2

    torch.testing.assert_close(mean, expected, rtol=1e-4, atol=1e-5)
