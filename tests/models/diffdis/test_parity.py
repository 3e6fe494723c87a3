"""Our DiffDIS, in small, against numbers recorded from the authors' own code; see golden/PROVENANCE.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dis_core.models.diffdis import network as diffdis
from dis_core.models.diffdis.checkpoint import convert, convert_autoencoder
from dis_core.models.diffdis.network import ALPHA_BAR, DiffDIS, of_both_tasks
from dis_core.models.diffdis.segmenter import DiffDISSegmenter, to_input
from dis_core.models.resample import resize_by_area, resize_to_corners
from dis_core.models.square import flipped_and_scaled
from dis_core.models.tensors import to_tensor
from dis_core.protocols import Placement
from tests.recipes.diffdis import GOLDEN, MANIFEST, tiny_network

TOLERANCE = 1e-4
LATENT_TOLERANCE = 1e-3
"""On the mask's latents, whose standard deviation is 21."""

Golden = dict[str, NDArray[Any]]


class Call(NamedTuple):
    """One call of a module: its first argument, and what it answered."""

    given: torch.Tensor
    result: Any  # a tensor, or a tuple of them


@pytest.fixture(scope="module")
def network() -> DiffDIS:
    return tiny_network()


@pytest.fixture(scope="module")
def golden() -> Golden:
    return read("tiny_128")


@pytest.fixture(scope="module")
def calls(network: DiffDIS, golden: Golden) -> dict[str, Call]:
    """What happened inside, by the names of modules, in one pass over the recorded picture."""
    found: dict[str, Call] = {}

    def noting(name: str) -> Callable[..., None]:
        def note(_module: nn.Module, given: tuple[Any, ...], named: dict[str, Any], result: Any) -> None:
            found[name] = Call(given[0] if given else named["hidden_states"], result)

        return note

    handles = [
        module.register_forward_hook(noting(name), with_kwargs=True)
        for name, module in network.denoiser.named_modules()
    ]
    with torch.inference_mode():
        network.denoised(torch.from_numpy(golden["x"]), torch.from_numpy(golden["noise"]))
    for handle in handles:
        handle.remove()
    return found


def read(name: str) -> Golden:
    with np.load(GOLDEN / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive}


def photo_of(golden: Golden) -> NDArray[np.float32]:
    photo: NDArray[np.float32] = golden["image_rgb"].astype(np.float32) / np.float32(255)
    return photo


def worst(ours: torch.Tensor, theirs: NDArray[Any]) -> float:
    assert tuple(ours.shape) == theirs.shape
    return float(np.abs(ours.numpy() - theirs).max())


def test_latents_of_the_picture_match_the_reference_at_every_size(
    network: DiffDIS, calls: dict[str, Call], golden: Golden
) -> None:
    for level in (1, 2, 3):
        picture = torch.from_numpy(golden["x"])
        side = 128 >> level
        with torch.inference_mode():
            latent = network.latent_of(resize_by_area(picture, (side, side)))
        assert worst(of_both_tasks(latent), golden[f"rgb_latent_level{level}"]) < TOLERANCE
    assert worst(calls["unet.conv_in"].given, golden["unet_input"]) < TOLERANCE


def test_the_step_and_the_two_tasks_are_told_as_in_the_reference(calls: dict[str, Call], golden: Golden) -> None:
    told = calls["unet.class_embedding"]

    assert worst(told.given, golden["bde"]) < 1e-6
    assert worst(told.result, golden["class_emb"]) < TOLERANCE
    assert worst(calls["unet.time_embedding"].result.expand(2, -1), golden["time_emb"]) < TOLERANCE


def test_skips_carry_the_picture_and_the_descent_goes_on_without_it(calls: dict[str, Call], golden: Golden) -> None:
    for level in range(3):
        onward, skips = calls[f"unet.down_blocks.{level}"].result
        assert worst(onward, golden[f"down{level}_out"]) < TOLERANCE
        assert skips[-1] is onward
        assert worst(calls[f"injections.{level}"].result, golden[f"skip_after_swci{level}"]) < TOLERANCE
    assert worst(calls["unet.down_blocks.0"].result[1][-1], golden["down0_skip_before"]) < TOLERANCE
    assert worst(calls["unet.down_blocks.3"].result[0], golden["down3_out"]) < TOLERANCE


def test_mask_and_edge_look_at_each_other_as_in_the_reference(calls: dict[str, Call], golden: Golden) -> None:
    block = "unet.mid_block.attentions.0.transformer_blocks.0"

    assert worst(calls[f"{block}.norm_between"].given, golden["mid_tb_after_self"]) < TOLERANCE
    assert worst(calls[f"{block}.between"].result, golden["mid_attn3_out"]) < TOLERANCE
    assert worst(calls[f"{block}.norm2"].given, golden["mid_tb_after_attn3"]) < TOLERANCE
    assert worst(calls[block].result, golden["mid_tb_out"]) < TOLERANCE
    assert worst(calls["unet.mid_block"].result, golden["mid_out"]) < TOLERANCE


def test_the_ascent_matches_the_reference(calls: dict[str, Call], golden: Golden) -> None:
    assert worst(calls["unet.up_blocks.0"].result, golden["up0_out"]) < TOLERANCE
    assert worst(calls["unet.up_blocks.3"].result, golden["up3_out"]) < TOLERANCE
    assert worst(calls[""].result, golden["noise_pred"]) < TOLERANCE


def test_mask_and_edge_match_the_reference(network: DiffDIS, golden: Golden) -> None:
    picture, noise = torch.from_numpy(golden["x"]), torch.from_numpy(golden["noise"])

    with torch.inference_mode():
        latents = network.denoised(picture, noise)
        drawn = network.drawn(latents)
        mask = network(picture, noise)

    assert worst(latents, golden["x0_latent"]) < LATENT_TOLERANCE
    assert worst(drawn[:1], golden["mask"]) < TOLERANCE
    assert worst(drawn[1:], golden["edge"]) < TOLERANCE
    torch.testing.assert_close(mask, drawn[:1], rtol=0, atol=1e-6)


def test_two_pictures_at_once_match_the_reference(network: DiffDIS) -> None:
    golden = read("tiny_batch2")
    picture, noise = torch.from_numpy(golden["x"]), torch.from_numpy(golden["noise"])

    with torch.inference_mode():
        latents = network.denoised(picture, noise)
        masks = network(picture, noise)

    assert worst(latents, golden["x0"]) < LATENT_TOLERANCE
    assert worst(masks, golden["mask"]) < TOLERANCE


def test_a_picture_becomes_the_matte_of_the_reference_over_its_six_views(network: DiffDIS) -> None:
    golden = read("tiny_pipeline_tta_256")
    noises = iter([torch.from_numpy(golden[f"noise{view}"]) for view in range(6)])
    segmenter = DiffDISSegmenter(
        network, side_px=256, placement=Placement("cpu"), draw_noise=lambda shape: next(noises).view(shape)
    )

    found = segmenter(photo_of(golden), quality="best")

    # They round the picture and cut the matte off to whole numbers of 255.
    assert np.abs(found.alpha * 255 - golden["mask_uint8"]).max() < 2.5
    assert np.abs(found.alpha * 255 - golden["mask_uint8"]).mean() < 0.7


def test_each_of_the_six_views_matches_the_reference(network: DiffDIS) -> None:
    golden = read("tiny_pipeline_tta_256")
    picture = to_input(to_tensor(photo_of(golden)), (256, 256))
    total = torch.zeros(1, 1, 256, 256)

    for number, ((view,), undo) in enumerate(flipped_and_scaled(picture, multiple_px=64)):
        with torch.inference_mode():
            mask = undo(network(view, torch.from_numpy(golden[f"noise{number}"])))
        assert worst(mask[:, :, ::4, ::4], golden[f"pass{number}_mask_sub4"]) < 2 / 255
        total += mask

    assert worst(total[:, :, ::2, ::2] / 6, golden["mask_mean_sub2"]) < 2 / 255


def test_what_is_left_of_the_picture_at_the_last_step_follows_from_the_schedule() -> None:
    schedule = MANIFEST["scheduler"]
    assert schedule["beta_schedule"] == "scaled_linear"
    roots = np.linspace(schedule["beta_start"] ** 0.5, schedule["beta_end"] ** 0.5, schedule["num_train_timesteps"])

    left = float(np.prod(1 - roots**2))

    assert math.isclose(left, ALPHA_BAR, rel_tol=1e-5)
    assert math.isclose(1 / math.sqrt(ALPHA_BAR), 14.6488194, rel_tol=1e-7)


def test_the_published_names_and_shapes_fill_the_full_network_and_none_is_left_over() -> None:
    with torch.device("meta"):
        denoiser = {f"unet.{key}": torch.empty(shape) for key, shape in MANIFEST["unet"]["keys"].items()}
        autoencoder = {key: torch.empty(shape) for key, shape in MANIFEST["vae"]["keys"].items()}
        prompt = torch.empty(1, 2, 1024)

    converted = convert({**denoiser, "positive": prompt})

    assert len(denoiser) == 730
    assert len(converted) == 731
    assert sum(value.numel() for key, value in converted.items() if "num_batches" not in key) > 912e6
    assert convert_autoencoder(autoencoder).keys() == autoencoder.keys()


@pytest.mark.parametrize("tidied", ["resize_by_area", "of_both_tasks", "MASK_TASK", "ALPHA_BAR"])
def test_parity_would_notice_other_arithmetic(
    network: DiffDIS, golden: Golden, monkeypatch: pytest.MonkeyPatch, tidied: str
) -> None:
    other = {
        "resize_by_area": resize_to_corners,
        "of_both_tasks": lambda x: x.repeat_interleave(2, 0) if len(x) > 1 else torch.cat([x, x.roll(1, -1)]),
        "MASK_TASK": diffdis.EDGE_TASK,
        "ALPHA_BAR": 0.0047,
    }
    monkeypatch.setattr(diffdis, tidied, other[tidied])

    with torch.inference_mode():
        latents = network.denoised(torch.from_numpy(golden["x"]), torch.from_numpy(golden["noise"]))

    assert worst(latents, golden["x0_latent"]) > 10 * LATENT_TOLERANCE
