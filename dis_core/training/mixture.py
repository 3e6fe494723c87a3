"""Mixing several sources of samples, and composites of a folder's subjects and backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch

from dis_core.training.augmentation import augmented, recolored
from dis_core.training.blur import blurred
from dis_core.training.compositing import SECOND_SUBJECT, Cutout, background_of, composite, cut_out
from dis_core.training.degradation import degraded
from dis_core.training.sample import Sample
from dis_core.training.samples import Source, Triple, read_sample
from dis_core.training.teacher import SURE

BEHIND = 0.2
"""Share of backdrops that keep their own subject, out of focus: the subject is what is sharp and in front."""
OUT_OF_FOCUS = 0.35
TRIES = 20
"""How many photographs to try for a subject or a background; nearly all have both."""


@dataclass(frozen=True)
class Mixed:
    """Samples of several sources in given shares; the sample's number decides which source it comes from."""

    sources: Sequence[Source]
    shares: Sequence[float]
    seed: int

    def __call__(self, number: int, side_px: int) -> Sample:
        chance = float(np.random.default_rng((self.seed, number, 2)).random()) * sum(self.shares)
        for source, until in zip(self.sources, accumulate(self.shares), strict=True):
            if chance < until:
                return source(number, side_px)
        return self.sources[-1](number, side_px)


@dataclass(frozen=True)
class Composites:
    """Subjects of a folder's photographs on the backgrounds of its other photographs.

    Uses only photographs with fully trusted mattes, or all of them if there are none. The samples have no depth.
    """

    triples: Sequence[Triple]
    seed: int

    def __call__(self, number: int, side_px: int) -> Sample:
        rng = np.random.default_rng((self.seed, number, 3))
        sure = [triple for triple in self.triples if triple.confidence is None or triple.confidence >= SURE]
        usable = sure or self.triples
        backdrop = self.find_backdrop(usable, side_px, rng)
        cutouts = [self.find_cutout(usable, side_px, rng) for _ in range(2 if rng.random() < SECOND_SUBJECT else 1)]
        image, matte = composite(backdrop, [cutout for cutout in cutouts if cutout is not None], rng)
        return Sample(degraded(image, rng), matte, torch.zeros_like(matte), torch.ones_like(matte))

    def find_backdrop(self, triples: Sequence[Triple], side_px: int, rng: np.random.Generator) -> torch.Tensor:
        """A background (3, side, side), often out of focus; plain gray if no photograph has one."""
        for _ in range(TRIES):
            sample = augmented(read_sample(triples[int(rng.integers(len(triples)))], side_px), rng)
            unit = side_px / 256
            if rng.random() < BEHIND:
                return recolored(blurred(sample.image, float(np.exp(rng.uniform(0.5, 2.0))) * unit), rng)
            if (background := background_of(sample.image, sample.matte)) is not None:
                if rng.random() < OUT_OF_FOCUS:
                    background = blurred(background, float(np.exp(rng.uniform(-0.5, 2.0))) * unit)
                return recolored(background, rng)
        return torch.full((3, side_px, side_px), 0.5)

    def find_cutout(self, triples: Sequence[Triple], side_px: int, rng: np.random.Generator) -> Cutout | None:
        """A subject, or None if no photograph has one."""
        for _ in range(TRIES):
            sample = read_sample(triples[int(rng.integers(len(triples)))], side_px)
            if (cutout := cut_out(sample.image, sample.matte)) is not None:
                return cutout
        return None
