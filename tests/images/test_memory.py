"""What reading and cutting out take, in bytes for each pixel; the docs say the same."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture
from dis_core.matte.matte import Matte
from tests.fakes.image_files import saved

SIDE_PX = 3000


def peak_per_pixel(work: Callable[[], object]) -> float:
    """The most that numpy and Python had at once; what Pillow has beside it, 4 bytes, is not counted."""
    tracemalloc.start()
    work()
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak_bytes / SIDE_PX**2


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_reading_takes_little_more_than_the_pixels(kind: str) -> None:
    data = saved(Image.new("RGB", (SIDE_PX, SIDE_PX), "teal"), kind)

    read_picture(saved(Image.new("RGB", (9, 9)), kind))  # so that modules are loaded

    assert peak_per_pixel(lambda: read_picture(data)) < 4.5  # 3 for pixels, 6 if they are there twice


def test_cutting_out_takes_little_more_than_the_result() -> None:
    alpha = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    alpha[100:-100, 100:-100] = 1
    matte = Matte(alpha, "x", picture=Picture(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)))

    Matte(alpha[:9, :9], "x", picture=Picture(np.zeros((9, 9, 3), np.uint8))).cutout()  # so that modules are loaded

    # 3 for pixels, 4 for alpha; 16 if intermediate planes are there at once
    assert peak_per_pixel(matte.cutout) < 11
