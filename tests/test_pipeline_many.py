"""Many images, several models, and a pipeline that is told its model once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import dis_core
from dis_core.errors import BadRequest, DeviceUnavailable, NoImage, UnknownModel
from dis_core.matte.matte import Matte
from dis_core.pipeline import Pipeline
from tests.fakes.bright_model import loaded

pytestmark = pytest.mark.usefixtures("bright_models")


def gray(level: int) -> NDArray[np.uint8]:
    return np.full((6, 8, 3), level, np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three photographs, the second of which is damaged."""
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for path in (paths[0], paths[2]):
        Image.fromarray(gray(255)).save(path)
    paths[1].write_bytes(b"no image")
    return paths


def test_a_pipeline_is_told_its_model_once() -> None:
    pipeline = Pipeline("cpu", model="bright")

    assert pipeline.segment(gray(255)).model.startswith("bright@")
    assert pipeline(gray(255)).model.startswith("bright@")
    assert pipeline.segment(gray(255), model="bright-where-told", prompt=(0, 0, 4, 4)).model.startswith("bright-where")


def test_an_unknown_model_is_refused_at_once() -> None:
    with pytest.raises(UnknownModel):
        Pipeline("cpu", model="brihgt")


def test_a_model_in_the_place_of_the_device_is_understood() -> None:
    with pytest.raises(DeviceUnavailable) as caught:
        Pipeline("pdfnet-tiny")

    assert caught.value.hint == "use `Pipeline(model='pdfnet-tiny')`"


def test_loading_ahead_leaves_nothing_to_load() -> None:
    pipeline = Pipeline("cpu", model="bright")

    pipeline.load()

    assert pipeline.loaded == ("bright",)
    pipeline.segment(gray(255))
    assert len(loaded) == 1


def test_leaving_the_block_unloads() -> None:
    with Pipeline("cpu", model="bright") as pipeline:
        pipeline.load()

    assert pipeline.loaded == ()


def test_two_models_in_turn_are_loaded_once_each_if_two_are_kept() -> None:
    pipeline = Pipeline("cpu", keep=2)

    for _ in range(3):
        pipeline.segment(gray(255), model="bright")
        pipeline.segment(gray(255), model="bright-where-told", prompt=(0, 0, 4, 4))

    assert len(loaded) == 2
    assert pipeline.loaded == ("bright", "bright-where-told")


def test_no_more_models_are_kept_than_was_said_and_the_oldest_goes_first() -> None:
    pipeline = Pipeline("cpu", keep=2)
    pipeline.segment(gray(255), model="bright")
    pipeline.segment(gray(255), model="bright-where-told", prompt=(0, 0, 4, 4))
    pipeline.segment(gray(255), model="bright")

    pipeline.segment(gray(255), model="dis-lite")

    assert pipeline.loaded == ("bright", "dis-lite")


def test_keeping_no_model_is_refused() -> None:
    with pytest.raises(BadRequest):
        Pipeline("cpu", keep=0)


def test_many_images_come_back_in_order_with_what_they_were_given_as() -> None:
    images = [gray(0), gray(255), gray(0)]

    found = list(Pipeline("cpu", model="bright").segment_many(images))

    assert [image is given for (image, _), given in zip(found, images, strict=True)] == [True] * 3
    assert [float(matte.alpha.mean()) for _, matte in found] == [0, 1, 0]


def test_an_error_is_raised_in_its_place(photos: list[Path]) -> None:
    many = Pipeline("cpu", model="bright").segment_many(photos)

    assert next(many)[0] == photos[0]
    with pytest.raises(NoImage):
        next(many)


def test_an_error_can_be_skipped_with_a_warning(photos: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    found = list(Pipeline("cpu", model="bright").segment_many(photos, on_error="skip"))

    assert [path for path, _ in found] == [photos[0], photos[2]]
    assert "b.png is skipped" in caplog.text


def test_an_error_can_be_an_item(photos: list[Path]) -> None:
    found = list(Pipeline("cpu", model="bright").segment_many(photos, on_error="yield"))

    assert [type(result) for _, result in found] == [Matte, NoImage, Matte]


def test_no_more_than_one_image_is_read_ahead() -> None:
    asked: list[int] = []

    def images() -> Iterator[NDArray[np.uint8]]:
        for number in range(5):
            asked.append(number)
            yield gray(255)

    many = Pipeline("cpu", model="bright").segment_many(images())
    next(many)

    assert asked == [0, 1]


def test_a_pipeline_can_be_used_by_several_threads() -> None:
    pipeline = Pipeline("cpu", model="bright")
    results: dict[int, Any] = {}

    def work(number: int) -> None:
        results[number] = pipeline.segment(gray(255 if number % 2 else 0)).alpha.mean()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == {number: number % 2 for number in range(6)}
    assert len(loaded) == 1


def test_models_can_be_listed_and_looked_up() -> None:
    assert "dis-lite" in dis_core.list_models()
    assert "depth-tiny" not in dis_core.list_models()
    assert set(dis_core.list_models("birefnet*")) >= {"birefnet", "birefnet-lite"}
    assert all(name.startswith("birefnet") for name in dis_core.list_models("birefnet*"))

    here, there = dis_core.model_info("pdfnet-tiny"), dis_core.model_info("dis-sam")

    assert (here.name, here.is_here, here.download_bytes) == ("dis-lite", True, None)
    assert there.prompts == ("box", "points")
