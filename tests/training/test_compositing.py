"""Composites: the subject with its own colors, where it may stand, and a matte that fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dis_core.training.compositing import (
    Borders,
    Cutout,
    background_of,
    composite,
    cut_out,
    mirrored_borders,
    placed,
)

SIDE_PX = 64
RED, GREEN = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])


def red_square(top: int = 16, left: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """A red square of 24 x 24 with half-covered edges before green."""
    matte = torch.zeros(1, SIDE_PX, SIDE_PX)
    matte[:, top : top + 24, left : left + 24] = 0.5
    matte[:, top + 1 : top + 23, left + 1 : left + 23] = 1.0
    image = matte * RED[:, None, None] + (1 - matte) * GREEN[:, None, None]
    return image, matte


def cutout_with(borders: Borders) -> Cutout:
    return Cutout(torch.ones(3, 20, 30), torch.ones(1, 20, 30), borders)


def test_a_subject_is_cut_out_without_the_color_behind_it() -> None:
    cutout = cut_out(*red_square())

    assert cutout is not None
    assert cutout.cut_off == Borders(top=False, bottom=False, left=False, right=False)
    assert float(cutout.colors[1][cutout.alpha[0] > 0].max()) < 0.1, "there is green left in the edges"


def test_a_subject_at_the_border_is_known_to_be_cut_off_there() -> None:
    cutout = cut_out(*red_square(top=0, left=SIDE_PX - 24))

    assert cutout is not None
    assert cutout.cut_off == Borders(top=True, bottom=False, left=False, right=True)


def test_where_there_is_hardly_a_subject_nothing_is_cut_out() -> None:
    image, matte = red_square()

    assert cut_out(image, torch.zeros_like(matte)) is None


def test_a_background_has_no_trace_of_its_subject() -> None:
    background = background_of(*red_square())

    assert background is not None
    assert float(background[0].max()) < 0.05
    assert float(background[1].min()) > 0.9


def test_a_picture_that_is_all_subject_has_no_background() -> None:
    image, matte = red_square()

    assert background_of(image, torch.ones_like(matte)) is None


@pytest.mark.parametrize("seed", range(8))
def test_a_subject_that_was_cut_off_stands_at_that_border(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cutout = cutout_with(Borders(top=False, bottom=True, left=False, right=False))

    _, alpha = placed(cutout, SIDE_PX, rng, share=(0.3, 0.6))

    assert alpha.shape == (1, SIDE_PX, SIDE_PX)
    assert (alpha[0, -1] > 0.9).any()


@pytest.mark.parametrize("seed", range(4))
def test_a_subject_that_was_cut_off_on_both_sides_reaches_across(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cutout = cutout_with(Borders(top=False, bottom=False, left=True, right=True))

    _, alpha = placed(cutout, SIDE_PX, rng, share=(0.3, 0.6))

    assert (alpha[0].max(0).values > 0.9).all()


def test_borders_are_mirrored_with_the_subject() -> None:
    borders = Borders(top=True, bottom=False, left=True, right=False)

    assert mirrored_borders(borders) == Borders(top=True, bottom=False, left=False, right=True)


@pytest.mark.parametrize("seed", range(6))
def test_a_composites_matte_lies_on_its_subject(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cutout = cut_out(*red_square())
    assert cutout is not None
    backdrop = torch.full((3, SIDE_PX, SIDE_PX), 0.5)

    image, matte = composite(backdrop, [cutout], rng)

    changed = (image - backdrop).abs().amax(0) > 0.25
    assert image.shape == (3, SIDE_PX, SIDE_PX)
    assert 0 <= float(matte.min()) <= float(matte.max()) <= 1
    beside = changed & (matte[0] < 0.05)
    assert beside.sum() <= 0.2 * changed.sum(), "what stands out is the subject, but for its shadow"


def test_without_subjects_the_backdrop_stays_as_it_is() -> None:
    backdrop = torch.rand(3, SIDE_PX, SIDE_PX)

    image, matte = composite(backdrop, [], np.random.default_rng(0))

    assert torch.equal(image, backdrop)
    assert not matte.any()
