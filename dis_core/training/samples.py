"""Training samples by number, from drawn scenes or from a folder, as an endless series of batches.

A sample depends only on its number, so that a run that was killed continues with the same batches it would have had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from dis_core.errors import BadRequest, DisError
from dis_core.evaluation.pairs import files_by_name, read_matte
from dis_core.images.reading import read_picture
from dis_core.models.pdfnet.segmenter import scale_each_to_unit
from dis_core.models.resample import shrink_smoothly
from dis_core.models.tensors import to_tensor
from dis_core.scenes.scene import make_scene
from dis_core.training.augmentation import augmented
from dis_core.training.degradation import degraded
from dis_core.training.sample import Sample
from dis_core.training.teacher import CONFIDENCE_FILE, LEAST, SURE, read_confidence, trust_in

FIRST_TRAINING_SEED = 1_000_000
"""Scenes with lower seeds are only for evaluation, never for training."""


class Source(Protocol):
    """An endless series of samples."""

    def __call__(self, number: int, side_px: int) -> Sample:
        """Sample `number`, from 0 on, of `side_px` x `side_px`."""
        ...


@dataclass(frozen=True)
class Scenes:
    """Scenes drawn by this package, starting at `first_seed`."""

    first_seed: int = FIRST_TRAINING_SEED

    def __call__(self, number: int, side_px: int) -> Sample:
        scene = make_scene(self.first_seed + number, (side_px, side_px))
        image, alpha, depth = (to_tensor(plane)[0] for plane in (scene.image, scene.alpha, scene.depth))
        return Sample(image.contiguous(), alpha, depth, torch.ones_like(alpha))


@dataclass(frozen=True)
class Triple:
    """The files of one sample of a folder; `name` is the image's file name without its suffix.

    `confidence` in the mask is from 0 to 1, or None if a person made it or nothing is known about it.
    """

    name: str
    image: Path
    mask: Path
    depth: Path | None
    confidence: float | None = None


@dataclass(frozen=True)
class Folder:
    """Photographs with masks, shuffled again for every round and augmented each time."""

    triples: Sequence[Triple]
    seed: int

    def __call__(self, number: int, side_px: int) -> Sample:
        round_, place = divmod(number, len(self.triples))
        order = np.random.default_rng((self.seed, round_)).permutation(len(self.triples))
        rng = np.random.default_rng((self.seed, round_, place, 1))
        sample = augmented(read_sample(self.triples[order[place]], side_px), rng)
        return sample._replace(image=degraded(sample.image, rng))


@dataclass(frozen=True)
class InOrder:
    """Photographs with masks, in order and unchanged, for evaluation."""

    triples: Sequence[Triple]

    def __call__(self, number: int, side_px: int) -> Sample:
        return read_sample(self.triples[number], side_px)


def find_triples(folder: Path) -> list[Triple]:
    """The samples of a folder with the layout of DIS5K: `images`, `masks` and optionally `depth`, matched by name.

    Masks with too low a confidence in `confidence.jsonl` are left out.

    Raises BadRequest or NoImage if a folder is missing or empty, an image has no mask, or a mask has no image.
    """
    for name in ("images", "masks"):
        if not (folder / name).is_dir():
            raise BadRequest(
                f"{folder} has no folder {name!r}",
                hint="put training data into images/ and masks/, and depth maps, if you have them, into depth/",
            )
    images = files_by_name(folder / "images", recursive=True, kind="images")
    masks = files_by_name(folder / "masks", recursive=True, kind="mattes")
    if alone := sorted(images.keys() ^ masks.keys()):
        what = "mask" if alone[0] in images else "image"
        raise BadRequest(
            f"incomplete samples in {folder} ({len(alone)} in all): {alone[0]} has no {what}",
            hint="every image needs a mask with the same name",
        )
    depths: dict[str, Path] = {}
    if (folder / "depth").is_dir():
        depths = files_by_name(folder / "depth", recursive=True, kind="mattes")
    confidence = read_confidence(folder)
    triples = [
        Triple(name, image, masks[name], depths.get(name), None if confidence is None else confidence.get(name, SURE))
        for name, image in images.items()
    ]
    believed = [triple for triple in triples if triple.confidence is None or triple.confidence >= LEAST]
    if not believed:
        raise BadRequest(
            f"{folder / CONFIDENCE_FILE} gives every mask a confidence below {LEAST}",
            hint="raise the confidence of the good masks",
        )
    return believed


def read_sample(triple: Triple, side_px: int) -> Sample:
    """Read one sample, resized to a square; without a depth map, the depth is 0 everywhere.

    Raises NoImage for files that cannot be read, BadRequest if the mask and the image differ in size.
    """
    size = (side_px, side_px)
    colors, mask = read_picture(triple.image).srgb(), read_matte(triple.mask)
    if colors.shape[:2] != mask.shape:
        raise BadRequest(
            f"{triple.mask} is {mask.shape[1]} x {mask.shape[0]} pixels, but {triple.image} is "
            f"{colors.shape[1]} x {colors.shape[0]}",
            hint="resize the mask to the size of its image",
        )
    image, matte = (shrink_smoothly(to_tensor(plane), size)[0] for plane in (colors, mask))
    trust = torch.ones_like(matte) if triple.confidence is None else trust_in(matte, triple.confidence)
    if triple.depth is None:
        return Sample(image, matte, torch.zeros_like(matte), trust)
    depth = shrink_smoothly(to_tensor(read_matte(triple.depth)), size)
    return Sample(image, matte, scale_each_to_unit(depth)[0], trust)


class Batches(IterableDataset["Sample | DisError"]):
    """Batches from number `first` on, in the same order however many workers the loader has.

    An error in a sample is yielded in place of its batch: raised in a worker, it would arrive as a traceback.
    """

    def __init__(self, source: Source, *, first: int, batch_size: int, side_px: int) -> None:
        self.source = source
        self.first = first
        self.batch_size = batch_size
        self.side_px = side_px

    def __iter__(self) -> Iterator[Sample | DisError]:
        worker = get_worker_info()
        batch, stride = (self.first, 1) if worker is None else (self.first + worker.id, worker.num_workers)
        while True:
            numbers = range(batch * self.batch_size, (batch + 1) * self.batch_size)
            try:
                samples = [self.source(number, self.side_px) for number in numbers]
            except DisError as error:
                yield error
                return
            yield Sample(*(torch.stack(planes) for planes in zip(*samples, strict=True)))
            batch += stride
