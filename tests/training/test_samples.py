"""What a network is trained on: the right files, the same every time, and the mask still on the subject."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from dis_core.errors import BadRequest, NoImage
from dis_core.training import augmentation
from dis_core.training.sample import Sample
from dis_core.training.samples import (
    FIRST_TRAINING_SEED,
    Batches,
    Folder,
    InOrder,
    Scenes,
    find_triples,
)

SIDE_PX = 64


def write_sample(folder: Path, name: str, *, depth: bool = True) -> None:
    """A bright square, somewhere, in an image whose red is its mask and whose green is its depth."""
    rng = np.random.default_rng(sum(map(ord, name)))
    mask = np.zeros((90, 120), np.uint8)
    top, left = rng.integers(0, 40, 2)
    mask[top : top + 40, left : left + 50] = 255
    relief = np.broadcast_to(np.linspace(0, 255, 120, dtype=np.uint8), mask.shape)
    planes = {"images": np.stack([mask, relief, np.zeros_like(mask)], 2), "masks": mask}
    if depth:
        planes["depth"] = np.ascontiguousarray(relief)
    for kind, plane in planes.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(plane).save(folder / kind / f"{name}.png")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        write_sample(tmp_path, name)
    return tmp_path


def test_scenes_to_train_on_are_none_of_those_to_evaluate_on() -> None:
    trained_on, evaluated_on = Scenes()(0, SIDE_PX), Scenes(0)(0, SIDE_PX)

    assert not torch.equal(trained_on.image, evaluated_on.image)
    assert torch.equal(trained_on.image, Scenes(0)(FIRST_TRAINING_SEED, SIDE_PX).image)


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_come_in_one_order_however_many_workers_make_them(workers: int) -> None:
    alone = list(islice(Batches(Scenes(), first=2, batch_size=2, side_px=32), 4))

    loader = DataLoader(Batches(Scenes(), first=2, batch_size=2, side_px=32), batch_size=None, num_workers=workers)
    together = list(islice(loader, 4))

    for one, other in zip(alone, together, strict=True):
        assert isinstance(one, Sample)
        assert isinstance(other, Sample)
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert isinstance(alone[0], Sample)
    assert torch.equal(alone[0].image[1], Scenes()(5, 32).image)


def test_what_is_wrong_with_a_sample_comes_in_words_from_a_worker_too(data: Path) -> None:
    triples = find_triples(data)
    (data / "images" / "b.png").write_bytes(b"no image")
    batches = Batches(Folder(triples, seed=0), first=0, batch_size=3, side_px=32)

    (problem,) = DataLoader(batches, batch_size=None, num_workers=1)

    assert isinstance(problem, NoImage)
    assert "b.png" in problem.message


def test_a_mask_of_another_size_than_its_image_is_refused(data: Path) -> None:
    Image.new("L", (80, 120)).save(data / "masks" / "b.png")

    with pytest.raises(BadRequest, match=r"80 x 120 .*120 x 90"):
        InOrder(find_triples(data))(1, SIDE_PX)


def test_a_folder_gives_each_of_its_samples_once_per_round(data: Path) -> None:
    triples = find_triples(data)
    folder = Folder(triples, seed=3)

    rounds = [[int(1000 * folder(3 * r + i, SIDE_PX).matte.sum()) for i in range(3)] for r in range(2)]

    assert [triple.name for triple in triples] == ["a", "b", "c"]
    assert all(len(set(round_)) == 3 for round_ in rounds)
    assert rounds[0] != rounds[1]


def test_a_sample_of_a_folder_is_the_same_whenever_it_is_asked_for(data: Path) -> None:
    triples = find_triples(data)

    first, again, other_seed = (
        Folder(triples, 3)(7, SIDE_PX),
        Folder(triples, 3)(7, SIDE_PX),
        Folder(triples, 4)(7, SIDE_PX),
    )

    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.image, other_seed.image)


def test_images_masks_and_depth_are_read_as_they_are(data: Path) -> None:
    sample = InOrder(find_triples(data))(1, SIDE_PX)

    assert [tuple(plane.shape) for plane in sample] == [
        (3, SIDE_PX, SIDE_PX),
        *[(1, SIDE_PX, SIDE_PX)] * 3,
    ]
    assert (sample.trust == 1).all()
    assert torch.allclose(sample.image[:1], sample.matte, atol=2 / 255)
    assert torch.allclose(sample.image[1:2], sample.depth, atol=2 / 255)


def test_depth_is_optional(tmp_path: Path) -> None:
    write_sample(tmp_path, "a", depth=True)
    write_sample(tmp_path, "b", depth=False)

    assert [triple.depth is None for triple in find_triples(tmp_path)] == [False, True]


def remove_masks(folder: Path) -> None:
    for file in (folder / "masks").iterdir():
        file.unlink()


def remove_mask_folder(folder: Path) -> None:
    remove_masks(folder)
    (folder / "masks").rmdir()


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda folder: (folder / "masks" / "b.png").unlink(), BadRequest, "b has no mask"),
        (lambda folder: (folder / "images" / "c.png").unlink(), BadRequest, "c has no image"),
        (remove_masks, NoImage, "masks"),
        (remove_mask_folder, BadRequest, "'masks'"),
    ],
)
def test_an_incomplete_folder_is_refused_in_words(
    data: Path, damage: Callable[[Path], None], error: type[Exception], words: str
) -> None:
    damage(data)

    with pytest.raises(error, match=words):
        find_triples(data)


@pytest.mark.parametrize("seed", range(12))
def test_image_mask_and_depth_are_moved_alike(data: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = InOrder(find_triples(data))(0, SIDE_PX)
    same = Sample(torch.cat([sample.matte, sample.depth, sample.depth]), sample.matte, sample.depth, sample.trust)
    monkeypatch.setattr(augmentation, "recolored", lambda image, _: image)

    moved = augmentation.augmented(same, np.random.default_rng(seed))

    assert torch.allclose(moved.image[:1], moved.matte, atol=1e-6)
    assert torch.allclose(moved.image[1:2], moved.depth, atol=1e-6)


def test_samples_are_moved_and_colored_in_many_ways(data: Path) -> None:
    sample = InOrder(find_triples(data))(0, SIDE_PX)

    altered = [augmentation.augmented(sample, np.random.default_rng(seed)) for seed in range(40)]

    assert len({round(float(a.matte.sum()), 2) for a in altered}) > 20
    assert any(torch.equal(a.image[0], a.image[1]) for a in altered), "none of forty was gray"
    assert all(float(plane.min()) >= 0 and float(plane.max()) <= 1 for a in altered for plane in a)
