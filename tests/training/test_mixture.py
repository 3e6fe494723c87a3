"""Samples of several sources, and a folder's composites: in their shares, and the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from dis_core.training.degradation import degraded
from dis_core.training.mixture import Composites, Mixed
from dis_core.training.sample import Sample
from dis_core.training.samples import find_triples

SIDE_PX = 48


class OneColor:
    """A source of samples that are all of one gray."""

    def __init__(self, gray: float) -> None:
        self.gray = gray

    def __call__(self, number: int, side_px: int) -> Sample:
        plane = torch.full((1, side_px, side_px), self.gray)
        return Sample(plane.repeat(3, 1, 1), plane, plane, torch.ones_like(plane))


def write_photograph(folder: Path, name: str) -> None:
    """A subject in the middle of other colors."""
    rng = np.random.default_rng(sum(map(ord, name)))
    mask = np.zeros((60, 80), np.uint8)
    mask[20:45, 25:60] = 255
    image = np.where(mask[..., None] > 0, rng.integers(128, 255, 3), rng.integers(0, 128, 3)).astype(np.uint8)
    for kind, plane in {"images": image, "masks": mask}.items():
        (folder / kind).mkdir(exist_ok=True)
        Image.fromarray(plane).save(folder / kind / f"{name}.png")


def test_sources_come_in_their_shares_and_a_sample_depends_on_its_number_alone() -> None:
    mixed = Mixed([OneColor(0.0), OneColor(1.0)], [0.25, 0.75], seed=3)

    grays = [float(mixed(number, 2).matte[0, 0, 0]) for number in range(400)]

    assert 0.7 < np.mean(grays) < 0.8
    assert grays[17] == float(mixed(17, 2).matte[0, 0, 0])


def test_a_composite_is_a_subject_before_another_background(tmp_path: Path) -> None:
    for name in "abc":
        write_photograph(tmp_path, name)
    source = Composites(find_triples(tmp_path), seed=0)

    samples = [source(number, SIDE_PX) for number in range(6)]

    assert all(plane.shape[1:] == (SIDE_PX, SIDE_PX) for sample in samples for plane in sample)
    assert all(torch.isfinite(plane).all() for sample in samples for plane in sample)
    assert sum(float(sample.matte.mean()) > 0.01 for sample in samples) >= 5
    assert torch.equal(samples[2].image, source(2, SIDE_PX).image)


def test_degraded_pictures_keep_their_size_and_range_and_mostly_what_they_show() -> None:
    image = torch.zeros(3, SIDE_PX, SIDE_PX)
    image[:, :, SIDE_PX // 2 :] = 1.0

    for seed in range(30):
        worse = degraded(image, np.random.default_rng(seed))

        assert worse.shape == image.shape
        assert 0 <= float(worse.min()) <= float(worse.max()) <= 1
        assert float((worse - image).abs().mean()) < 0.15
