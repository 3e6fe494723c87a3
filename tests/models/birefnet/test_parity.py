"""Our BiRefNet against numbers recorded from the authors' own code, both backbones; see golden/PROVENANCE.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.models.birefnet import network as birefnet
from dis_core.models.birefnet.checkpoint import convert_large, convert_lite, convert_lite_of_older_order
from dis_core.models.birefnet.network import BiRefNet, large_network, lite_network
from dis_core.models.birefnet.segmenter import segmenter_of, to_input
from dis_core.models.resample import resize_by_area
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD
from dis_core.protocols import Placement
from tests.recipes.birefnet import golden, published_state_dict

LOGIT_TOLERANCE = 1e-4
BACKBONE_TOLERANCE = 1e-4
DECODER_TOLERANCE = 5e-5
"""Of the largest value: the decoder's maps go up to 36."""


class Recorded(NamedTuple):
    """What one pass gave, and what its parts gave on the way, by the names of the recording."""

    logits: torch.Tensor
    taps: dict[str, torch.Tensor]


def network_of(variant: str) -> BiRefNet:
    with torch.device("meta"):
        network = large_network() if variant == "large" else lite_network()
    convert = convert_large if variant == "large" else convert_lite
    network.load_state_dict(convert(published_state_dict(variant)), assign=True)
    return network.eval().to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def lite() -> BiRefNet:
    return network_of("lite")


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """(1, 3, 160, 224): at half of it the backbone meets stages of odd sizes."""
    pixels = torch.from_numpy(golden("forward_lite")["image_rgb"]).permute(2, 0, 1)[None]
    return (pixels.float() / 255 - IMAGENET_MEAN) / IMAGENET_STD


@pytest.fixture(scope="module")
def pass_of_lite(lite: BiRefNet, picture: torch.Tensor) -> Recorded:
    return run(lite, picture)


@pytest.fixture(scope="module")
def pass_of_large(picture: torch.Tensor) -> Recorded:
    return run(network_of("large"), picture)


def run(network: BiRefNet, x: torch.Tensor) -> Recorded:
    seen: dict[str, list[torch.Tensor]] = {}
    backbone: Any = network.backbone
    parts: dict[str, Any] = {
        "patch_embed": backbone.patch_norm,
        "squeeze.dec_att": network.squeeze.context,
        "squeeze": network.squeeze,
        **{f"ipt_blk{5 - level}": network.pictures[level] for level in range(4)},
        **{f"decoder_block{4 - level}": network.blocks[level] for level in range(4)},
        **{f"gdt_attn_{4 - level}_logit": network.gates[level] for level in range(3)},
        **{f"lateral_block{4 - level}": network.laterals[level] for level in range(3)},
        **{f"stage{stage + 1}": backbone.norms[stage] for stage in range(4)},
    }
    with ExitStack() as stack, torch.inference_mode():
        for name, part in parts.items():
            stack.enter_context(recording(part, seen.setdefault(name, [])))
        logits = network(x)
        ipt_blk1 = network.whole_picture(x)
    taps = {name: outputs[0] for name, outputs in seen.items()} | {"ipt_blk1": ipt_blk1}
    for name in ("patch_embed", *(f"stage{stage}" for stage in range(1, 5))):
        whole, half = (output.permute(0, 3, 1, 2) for output in seen[name])  # the backbone's own layout is (B, H, W, C)
        taps |= {f"bb_full.{name}": whole, f"bb_half.{name}": half}
    return Recorded(logits, taps)


@contextmanager
def recording(module: nn.Module, into: list[torch.Tensor]) -> Iterator[None]:
    # Copies, because what follows may work in place.
    handle = module.register_forward_hook(lambda _module, _inputs, output: into.append(output.clone()))
    yield
    handle.remove()


def thinned(x: torch.Tensor) -> torch.Tensor:
    """The few channels, rows and columns that the recording kept."""
    _, C, H, W = x.shape
    channels = [i * C // 8 for i in range(8)] if C >= 8 else list(range(C))
    return x[:, channels, :: -(-H // 32), :: -(-W // 32)]


def worst(ours: torch.Tensor, theirs: NDArray[np.floating[Any]]) -> float:
    assert tuple(ours.shape) == theirs.shape
    return float(np.abs(ours.numpy() - theirs).max())


def check(recorded: Recorded, variant: str) -> None:
    theirs = golden(f"forward_{variant}")
    taps = [name.removeprefix("tap.") for name in theirs if name.startswith("tap.")]
    assert len(taps) == 26
    for name in taps:
        expected = theirs[f"tap.{name}"]
        tolerance = BACKBONE_TOLERANCE if name.startswith("bb_") else DECODER_TOLERANCE * np.abs(expected).max()
        assert worst(thinned(recorded.taps[name]), expected) < tolerance, name
    assert worst(recorded.logits, theirs["logits"]) < LOGIT_TOLERANCE


def test_every_stage_and_the_logits_of_the_lite_network_match_the_reference(pass_of_lite: Recorded) -> None:
    check(pass_of_lite, "lite")


def test_every_stage_and_the_logits_of_the_large_network_match_the_reference(pass_of_large: Recorded) -> None:
    check(pass_of_large, "large")


def test_weights_of_the_older_order_of_tiles_match_the_reference_when_they_are_converted(
    picture: torch.Tensor,
) -> None:
    with torch.device("meta"):
        network = lite_network()
    network.load_state_dict(convert_lite_of_older_order(published_state_dict("lite")), assign=True)

    with torch.inference_mode():
        logits = network.eval()(picture)

    assert worst(logits, golden("forward_lite_older_order")["logits"]) < LOGIT_TOLERANCE


def test_the_two_orders_of_tiles_are_far_apart(pass_of_lite: Recorded) -> None:
    other = golden("forward_lite_older_order")["logits"]

    assert np.abs(pass_of_lite.logits.numpy() - other).mean() > 0.3


def test_parity_would_notice_a_resize_with_other_corners(
    lite: BiRefNet, picture: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(birefnet, "resize_to_corners", resize_by_area)

    recorded = run(lite, picture)

    with pytest.raises(AssertionError):
        check(recorded, "lite")


# From picture to picture


def test_the_networks_input_is_what_the_authors_see_but_for_their_rounding_to_bytes() -> None:
    chain = golden("pipeline_lite")
    image = torch.from_numpy(chain["image_rgb"].astype(np.float32) / 255).permute(2, 0, 1)[None]

    x = to_input(image, (256, 256))

    bytes_of_ours = ((x * IMAGENET_STD + IMAGENET_MEAN) * 255)[0].permute(1, 2, 0).numpy()
    # Pillow rounds to a byte after each of its two passes, along the rows and along the columns.
    assert np.abs(bytes_of_ours - chain["resized_pil_bilinear"]).max() < 1.01
    assert np.abs(bytes_of_ours - chain["resized_pil_bilinear"]).mean() < 0.35


def test_a_picture_gets_the_matte_that_the_authors_benchmark_gives_it(lite: BiRefNet) -> None:
    chain = golden("pipeline_lite")
    segmenter = segmenter_of(lite, side_px=256, placement=Placement("cpu"))

    alpha = segmenter(chain["image_rgb"] / np.float32(255)).alpha

    more = alpha * 255 - chain["mask_b_torch_bilinear_ac"]
    assert np.abs(more).max() < 3
    assert 0.3 < more.mean() < 0.7  # theirs is cut off to whole numbers, not rounded
