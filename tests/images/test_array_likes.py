"""Tensors and arrays of other libraries as images."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch

from dis_core.errors import NoImage
from dis_core.images.reading import as_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


class KnowsArray:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        del dtype, copy
        return PIXELS


class KnowsOnlyDLPack:
    def __dlpack__(self, **options: Any) -> object:
        return PIXELS.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


class OnAGraphicsCard(KnowsOnlyDLPack):
    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)


@pytest.mark.parametrize(
    "source",
    [
        torch.from_numpy(PIXELS),
        torch.from_numpy(PIXELS).permute(2, 0, 1),
        torch.from_numpy(PIXELS).permute(2, 0, 1).float().div(255).requires_grad_(),
        torch.from_numpy(PIXELS).permute(2, 0, 1).double().div(255),
        KnowsArray(),
        KnowsOnlyDLPack(),
    ],
    ids=["HWC", "CHW", "float with a gradient", "double", "__array__", "DLPack"],
)
def test_arrays_of_other_libraries_are_taken(source: Any) -> None:
    picture = as_picture(source).eight_bits()

    assert np.array_equal(picture.pixels, PIXELS)


def test_a_gray_tensor_is_gray() -> None:
    picture = as_picture(torch.zeros(5, 7))

    assert picture.pixels.shape == (5, 7, 1)


def test_a_tensor_of_bfloat16_is_taken() -> None:
    picture = as_picture(torch.ones(3, 5, 7, dtype=torch.bfloat16))

    assert picture.pixels.min() == 65535


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (torch.zeros(2, 3, 8, 8), "batch"),
        (np.zeros((3, 20, 30), np.uint8), "channels first"),
        (torch.zeros(5, 8, 8), "not an image"),
        (OnAGraphicsCard(), "not in the processor's memory"),
    ],
    ids=["batch", "CHW array", "5 channels", "on a card"],
)
def test_what_cannot_be_an_image_is_refused_in_words(source: Any, words: str) -> None:
    with pytest.raises(NoImage, match=words):
        as_picture(source)


def test_open_files_and_all_kinds_of_bytes_are_taken() -> None:
    data = as_picture(PIXELS).to_bytes("png")

    for source in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        assert np.array_equal(as_picture(source).pixels, PIXELS)
