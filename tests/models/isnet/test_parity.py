"""Our IS-Net against numbers recorded from the authors' own code; see golden/PROVENANCE.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dis_core.models.isnet.checkpoint import convert
from dis_core.models.isnet.network import ISNet
from dis_core.models.isnet.segmenter import segmenter_of, to_input
from dis_core.models.value_range import stretched
from dis_core.protocols import Placement
from tests.recipes.isnet import GOLDEN, published_state_dict, recorded_stages, sampled

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def network() -> ISNet:
    with torch.device("meta"):
        network = ISNet()
    network.load_state_dict(convert(published_state_dict()), assign=True)
    return network.eval()


def golden(name: str) -> dict[str, NDArray[Any]]:
    with np.load(GOLDEN / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive}


def planes(picture: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(picture.astype(np.float32) / np.float32(255)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("name", ["forward_256x256", "forward_187x250"])
def test_every_stage_and_the_matte_match_the_reference_also_at_odd_sizes(network: ISNet, name: str) -> None:
    theirs = golden(name)

    with torch.inference_mode(), recorded_stages(network) as stages:
        logits = network(planes(theirs["image_rgb"]) - 0.5)

    taps = [key for key in theirs if key.startswith("tap.")]
    assert len(taps) >= 3
    for key in taps:
        assert np.abs(sampled(stages[key[4:]]) - theirs[key]).max() < TOLERANCE, key
    assert np.abs(stages["side1"].numpy() - theirs["side1_logit"]).max() < TOLERANCE
    assert np.abs(logits.sigmoid().numpy()[..., ::2, ::2] - theirs["d1_sub"]).max() < TOLERANCE


def test_the_input_is_resized_and_rounded_down_as_the_authors_do() -> None:
    theirs = golden("pipeline_150x203_at_256")

    x = to_input(planes(theirs["image_rgb"]), (256, 256))

    levels = ((x + 0.5) * 255).round()[0].permute(1, 2, 0).numpy()
    differing = levels != theirs["resized_uint8"]
    assert np.abs(levels - theirs["resized_uint8"]).max() <= 1
    assert differing.mean() < 0.001  # values so close to a whole number that rounding on the way decides


def test_the_input_of_a_picture_of_the_networks_size_is_the_picture() -> None:
    every_level = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)

    x = to_input(planes(every_level), (16, 16))

    assert torch.equal(x, planes(every_level) - 0.5)


def test_a_picture_gets_the_gray_mask_that_the_authors_get(network: ISNet) -> None:
    theirs = golden("pipeline_150x203_at_256")
    image = theirs["image_rgb"].astype(np.float32) / np.float32(255)

    found = segmenter_of(network, side_px=256, placement=Placement("cpu"))(image)

    assert found.extremes == pytest.approx((float(theirs["prob_min"]), float(theirs["prob_max"])), abs=TOLERANCE)
    mask = np.floor(found.alpha * 255)
    assert np.abs(mask - theirs["mask_uint8"]).max() <= 1
    assert (mask != theirs["mask_uint8"]).mean() < 0.01
    theirs_stretched = stretched(theirs["prob_original_size"], found.extremes)
    assert np.abs(found.alpha - theirs_stretched).max() < 2 * TOLERANCE / (theirs["prob_max"] - theirs["prob_min"])
