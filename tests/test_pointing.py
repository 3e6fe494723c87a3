"""A box with the embedded model, on photographs: of two subjects side by side it finds the one in the box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dis_core import Box, Pipeline

PHOTOS = Path(__file__).parent / "photos"
HEIGHT_PX = 400


def photo(name: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A photograph and the matte of its subject, made alike in height."""
    image = Image.open(PHOTOS / "images" / f"{name}.jpg").convert("RGB")
    matte = Image.open(PHOTOS / "masks" / f"{name}.png").convert("L")
    size = round(image.width * HEIGHT_PX / image.height), HEIGHT_PX
    return np.asarray(image.resize(size)), np.asarray(matte.resize(size), np.float32) / np.float32(255)


def agreement(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Intersection over union of what is at least half."""
    a, b = one >= 0.5, other >= 0.5
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline("cpu", model="dis-lite")


@pytest.mark.parametrize("slack_px", [-6, 20], ids="{} px around it".format)
def test_of_two_subjects_side_by_side_the_one_in_the_box_is_found(pipeline: Pipeline, slack_px: int) -> None:
    (panda, panda_matte), (macaw, macaw_matte) = photo("panda"), photo("macaw")
    both = np.concatenate([panda, macaw], axis=1)
    wanted = np.concatenate([panda_matte, np.zeros_like(macaw_matte)], axis=1)
    rows, columns = np.nonzero(wanted > 0.5)
    box = Box(
        int(columns.min()) - slack_px,
        int(rows.min()) - slack_px,
        int(columns.max()) + 1 + slack_px,
        int(rows.max()) + 1 + slack_px,
    )

    without = pipeline.segment(both)
    found = pipeline.segment(both, prompt=box)

    assert agreement(without.alpha, wanted) < 0.5  # it takes the macaw
    assert agreement(found.alpha, wanted) > 0.9
    assert found.alpha[:, panda.shape[1] + 30 :].max() == 0
