"""The losses against numbers recorded from the authors' own code; see golden/PROVENANCE.md."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch

from dis_core.training.losses import (
    deep_supervision,
    edge_strength,
    integrity_prior_loss,
    output_loss,
    scale_invariant_loss,
    ssim_loss,
    structure_loss,
)
from tests.recipes.pdfnet import GOLDEN, loss_logits, network_inputs

RECORDED = json.loads((GOLDEN / "losses.json").read_text())["functions"]["r2025_10"]

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
LOSSES: dict[str, Loss] = {
    "structure_loss": lambda logits, mask, _depth: structure_loss(logits, mask),
    "ssim_loss": lambda logits, mask, _depth: ssim_loss(logits, mask),
    "integrity_prior_loss": integrity_prior_loss,
    "silog_loss": lambda logits, _mask, depth: scale_invariant_loss(logits.sigmoid(), depth),
}
MIXES_THE_BATCH = ("integrity_prior_loss", "silog_loss")
"""The authors take these over a batch as one; ours are per image, so only single images can be compared."""


@pytest.fixture(scope="module")
def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, masks and depths of two images, the depths scaled over both together as they were recorded."""
    _, depths, masks = zip(*(network_inputs(256, seed) for seed in (0, 2)), strict=True)
    depth = torch.cat(depths)
    return loss_logits(256, 2), torch.cat(masks), (depth - depth.min()) / (depth.max() - depth.min())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("image", [0, 1])
def test_each_loss_of_each_image_matches_the_reference(
    name: str, image: int, case: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    one = [part[image : image + 1] for part in case]

    loss = LOSSES[name](*one).item()

    assert loss == pytest.approx(RECORDED["logits256_per_item"][name][image], rel=2e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_a_batch_is_the_mean_of_its_images(
    name: str, case: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    alone = [LOSSES[name](*(part[i : i + 1] for part in case)).item() for i in (0, 1)]

    together = LOSSES[name](*case).item()

    assert together == pytest.approx(sum(alone) / 2, rel=1e-5)
    if name not in MIXES_THE_BATCH:
        assert together == pytest.approx(RECORDED["logits256"][name], rel=2e-5)


@pytest.mark.parametrize("name", ["structure_loss", "ssim_loss"])
def test_the_gradient_of_a_batch_has_the_length_of_the_reference(
    name: str, case: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    logits = case[0].clone().requires_grad_()

    LOSSES[name](logits, *case[1:]).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it

    assert logits.grad is not None
    assert logits.grad.norm().item() == pytest.approx(RECORDED["logits256"][f"{name}_grad_l2"], rel=1e-3)


@pytest.mark.parametrize("name", ["structure_loss", "ssim_loss"])
def test_an_empty_mask_costs_what_it_costs_in_the_reference(
    name: str, case: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    logits, mask, depth = case

    loss = LOSSES[name](logits, torch.zeros_like(mask), depth).item()

    assert loss == pytest.approx(RECORDED["logits256_empty_mask"][name], rel=2e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("factor", [1.0, 1000.0])
def test_an_empty_mask_or_saturated_logits_give_finite_losses_and_gradients(
    name: str, factor: float, case: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> None:
    logits = (case[0] * factor).requires_grad_()

    loss = LOSSES[name](logits, torch.zeros_like(case[1]), case[2])
    loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it

    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_deep_supervision_counts_the_first_output_once_and_the_others_half(
    case: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    logits, mask, depth = case
    side = logits[:, :, ::4, ::4]

    total = deep_supervision([logits, side, side], mask, depth)

    assert total.item() == pytest.approx(
        (output_loss(logits, mask, depth) + output_loss(side, mask, depth)).item(), rel=1e-6
    )


def test_edges_of_a_flat_depth_are_nothing_and_of_a_ramp_are_even() -> None:
    ramp = torch.linspace(0, 1, 11).repeat(11, 1)[None, None]

    edges = edge_strength(ramp)

    assert torch.allclose(edges[:, :, 1:-1, 1:-1], torch.tensor(0.8), atol=1e-6)  # 8 times the step of 0.1
    assert edge_strength(torch.zeros(1, 1, 5, 5)).max() == 0
