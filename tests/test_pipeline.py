"""From a picture to a matte: which model runs, what it is shown, boxes, transparency, and one warm model."""

from __future__ import annotations

import dataclasses
import inspect
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import dis_core
from dis_core.errors import BadRequest, Cancelled, HubUnreachable, LicenseNotAccepted, OutOfMemory, UnknownModel
from dis_core.geometry import Box
from dis_core.pipeline import Pipeline
from dis_core.progress import ignore
from dis_core.prompts import SegmentOptions
from dis_core.protocols import NO_PROMPT, Effort, Prompt
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.registry import manager as registry
from dis_core.weights import store
from tests.fakes.bright_model import BRIGHT, BrightIsSubject, loaded

pytestmark = pytest.mark.usefixtures("bright_models")


def passes_of(segmenter: BrightIsSubject) -> Passes:
    return Passes(segmenter, "normal", "none", Effort(max_tiles=0))


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline("cpu")


def square(height: int, width: int, *, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A black image with a white box."""
    image = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = 255
    return image


def test_a_matte_knows_its_model_device_and_picture(pipeline: Pipeline) -> None:
    matte = pipeline.segment(square(20, 30, box=(5, 5, 10, 15)), model="bright")

    assert matte.model == f"bright@{dis_core.__version__}"
    assert matte.device == "cpu"
    assert matte.bounds() == (5, 5, 10, 15)
    assert matte.cutout().alpha is not None


def test_a_model_is_loaded_once_for_many_images_and_again_after_unloading(pipeline: Pipeline) -> None:
    for _ in range(3):
        pipeline.segment(square(4, 4, box=(1, 1, 2, 2)), model="bright")
    assert len(loaded) == 1

    pipeline.unload()
    pipeline.segment(square(4, 4, box=(1, 1, 2, 2)), model="bright")

    assert len(loaded) == 2


def test_weights_that_were_replaced_in_the_meantime_are_loaded_anew(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"first")
    monkeypatch.setattr(store, "embedded_path", lambda _: file)
    pipeline.segment(square(4, 4, box=(1, 1, 2, 2)), model="bright")
    new = tmp_path / "new"
    new.write_bytes(b"other")
    new.replace(file)

    pipeline.segment(square(4, 4, box=(1, 1, 2, 2)), model="bright")

    assert len(loaded) == 2


def test_what_is_loaded_can_be_told(pipeline: Pipeline) -> None:
    before = pipeline.loaded

    pipeline.segment(square(4, 4, box=(1, 1, 2, 2)), model="bright")

    assert [before, pipeline.loaded] == [(), ("bright",)]


def test_a_pipeline_that_forgets_its_fallback_warns_again(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    pipeline.segment(square(4, 4, box=(1, 1, 2, 2)))
    pipeline.forget_fallback()
    caplog.clear()

    pipeline.segment(square(4, 4, box=(1, 1, 2, 2)))

    assert "'dis-lite' instead" in caplog.text


def test_without_a_hub_the_embedded_draft_runs_and_says_so_once(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="dis_core"):
        mattes = [pipeline.segment(square(64, 64, box=(20, 20, 44, 44))) for _ in range(2)]

    assert all(matte.model.startswith("dis-lite@") for matte in mattes)
    assert len(caplog.records) == 1
    assert "dis-core fetch pdfnet" in caplog.text


def test_after_a_fallback_a_depth_map_is_no_reason_to_blame_the_embedded_model(pipeline: Pipeline) -> None:
    image = square(64, 64, box=(20, 20, 44, 44))
    pipeline.segment(image)

    with pytest.raises(HubUnreachable):
        pipeline.segment(image, depth=np.zeros((64, 64), np.float32))


def test_a_model_that_is_named_never_falls_back(pipeline: Pipeline) -> None:
    with pytest.raises(HubUnreachable):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="pdfnet")


def test_an_unknown_model_is_refused_with_the_names_that_exist(pipeline: Pipeline) -> None:
    with pytest.raises(UnknownModel) as caught:
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="pdfnett")

    assert "dis-lite" in caught.value.hint


def test_a_depth_model_makes_no_mattes(pipeline: Pipeline) -> None:
    with pytest.raises(UnknownModel, match="depth-tiny"):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="depth-tiny")


def test_a_noncommercial_depth_model_wants_to_be_accepted(pipeline: Pipeline) -> None:
    with pytest.raises(LicenseNotAccepted, match=r"CC-BY-NC-4\.0"):
        pipeline.segment(
            square(8, 8, box=(2, 2, 4, 4)), model="bright-with-depth", depth_model="depth-anything-v2-large"
        )


def test_the_users_depth_needs_no_depth_model(pipeline: Pipeline) -> None:
    depth = np.arange(64, dtype=np.float64).reshape(8, 8)

    pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright-with-depth", depth=depth)

    seen = loaded[0].prompts[0].depth
    assert seen is not None
    assert np.array_equal(seen, depth)


def test_what_is_transparent_is_shown_as_gray_and_is_no_part_of_the_result(pipeline: Pipeline) -> None:
    image = np.full((4, 6, 4), 255, np.uint8)
    image[:, :3, 3] = 0

    matte = pipeline.segment(image, model="bright")

    assert (loaded[0].seen[0][:, :3] == 0.5).all()
    assert (loaded[0].seen[0][:, 3:] == 1).all()
    assert matte.bounds() == (3, 0, 6, 4)


def test_nothing_outside_a_box_is_the_subject() -> None:
    image = np.zeros((100, 200, 3), np.float32)
    image[20:40, 20:40] = 1
    image[60:80, 150:170] = 1

    found, _ = passes_of(BrightIsSubject()).within(Box(10, 10, 60, 60), image, NO_PROMPT, ignore)

    assert found.alpha[20:40, 20:40].min() == 1
    assert found.alpha.sum() == 400


def test_a_small_subject_in_a_box_is_looked_at_again_from_near() -> None:
    image = np.zeros((400, 400, 3), np.float32)
    image[100:120, 100:140] = 1
    segmenter = BrightIsSubject()

    passes_of(segmenter).within(Box(50, 50, 350, 350), image, NO_PROMPT, ignore)

    assert [seen.shape[:2] for seen in segmenter.seen] == [(390, 390), (32, 52)]


def test_the_part_of_the_depth_that_belongs_to_a_box_goes_with_it() -> None:
    image = np.zeros((40, 40, 3), np.float32)
    depth = np.arange(1600, dtype=np.float32).reshape(40, 40)
    segmenter = BrightIsSubject()

    passes_of(segmenter).within(Box(10, 10, 30, 30), image, Prompt(depth), ignore)

    seen = segmenter.prompts[0].depth
    assert seen is not None
    assert np.array_equal(seen, depth[7:33, 7:33])


@pytest.mark.parametrize("box", [(200, 0, 300, 50), (10, 10, 10, 20), (-50, -50, 0, 0)])
def test_a_box_without_a_pixel_of_the_image_is_refused(pipeline: Pipeline, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(BadRequest, match=rf"\({box[0]}, {box[1]}\).*\({box[2]}, {box[3]}\)"):
        pipeline.segment(square(100, 200, box=(5, 5, 10, 10)), model="bright", roi=box)


@pytest.mark.parametrize("box", [(0, 0, 5), (0.0, 0.0, 5.5, 5.0), "abcd"])
def test_a_box_that_is_no_box_is_refused(pipeline: Pipeline, box: Any) -> None:
    with pytest.raises(BadRequest, match=re.escape(repr(box))):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright", roi=box)


@pytest.mark.parametrize(
    ("depth", "value"),
    [
        (np.zeros((10, 20)), "20 x 10 .* 8 x 8"),
        (np.float64(3), r"\(\)"),
        ("depth.png", "<U9"),
        (np.zeros((8, 8, 3)), r"\(8, 8, 3\)"),
    ],
)
def test_a_depth_that_does_not_fit_is_refused(pipeline: Pipeline, depth: Any, value: str) -> None:
    with pytest.raises(BadRequest, match=value):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright-with-depth", depth=depth)


def test_a_named_depth_model_never_falls_back_not_even_after_a_fallback(pipeline: Pipeline) -> None:
    image = square(64, 64, box=(20, 20, 44, 44))
    pipeline.segment(image)

    with pytest.raises(HubUnreachable):
        pipeline.segment(image, depth_model="depth-anything-v2-small")


def test_a_full_model_without_its_depth_model_falls_back_when_depth_is_needed(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {**registry.models(), "pdfnet": replace(BRIGHT, name="pdfnet", depth_model="depth-anything-v2-small")}
    monkeypatch.setattr(registry, "models", lambda: known)
    image = square(64, 64, box=(20, 20, 44, 44))

    with_depth = pipeline.segment(image, depth=np.zeros((64, 64)))
    without = pipeline.segment(image)

    assert with_depth.model.startswith("pdfnet@")
    assert without.model.startswith("dis-lite@")


def test_running_out_of_memory_while_loading_is_told_as_such(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("tests.fakes.bright_model.load", fail)

    with pytest.raises(OutOfMemory):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright")


def test_a_plugins_matte_model_that_forbids_commerce_wants_to_be_accepted(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {**registry.models(), "closed": replace(BRIGHT, name="closed", commercial_use="no")}
    monkeypatch.setattr(registry, "models", lambda: known)
    image = square(8, 8, box=(2, 2, 4, 4))

    with pytest.raises(LicenseNotAccepted):
        pipeline.segment(image, model="closed")

    assert pipeline.segment(image, model="closed", accept_noncommercial=True).bounds() == (2, 2, 4, 4)


def test_a_quality_that_does_not_exist_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(BadRequest, match="superb"):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright", quality="superb")  # type: ignore[arg-type]  # that is the test


def test_less_than_no_tiles_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(BadRequest, match="-1"):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright", max_tiles=-1)


def test_options_in_one_value_do_what_the_keyword_arguments_do(pipeline: Pipeline, tmp_path: Path) -> None:
    image = square(8, 8, box=(2, 2, 4, 4))
    Image.new("L", (8, 8), 100).save(tmp_path / "depth.png")
    options = SegmentOptions(model="bright-with-depth", roi=Box(3, 0, 8, 8), depth=tmp_path / "depth.png")

    matte = pipeline.segment_with(image, options)

    assert matte.bounds() == (3, 2, 4, 4)
    assert loaded[0].prompts[0].depth is not None


def test_every_option_is_a_keyword_argument_of_segment() -> None:
    fields = {field.name for field in dataclasses.fields(SegmentOptions)} - {"boxes", "points"} | {"prompt"}

    of_segment = set(inspect.signature(dis_core.segment).parameters) - {"image", "report"}
    of_pipeline = set(inspect.signature(Pipeline.segment).parameters) - {"self", "image", "report"}

    assert of_segment == fields
    assert of_pipeline == fields - {"device", "precision"}


def test_progress_rises_from_0_to_1_and_can_cancel(pipeline: Pipeline) -> None:
    told: list[float] = []

    def stop_at_segmenting(fraction: float, doing: str) -> None:
        told.append(fraction)
        if doing == "segmenting":
            raise Cancelled

    with pytest.raises(Cancelled):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright", report=stop_at_segmenting)

    assert told == sorted(told)
    assert pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright").bounds() == (2, 2, 4, 4)


def test_segment_takes_a_path_bytes_a_pil_image_and_an_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = square(12, 16, box=(3, 4, 9, 8))
    path = tmp_path / "image.png"
    Image.fromarray(array).save(path)

    mattes = [
        dis_core.segment(source, model="bright", device="cpu")
        for source in (path, str(path), path.read_bytes(), Image.fromarray(array), array)
    ]

    assert [matte.bounds() for matte in mattes] == [(3, 4, 9, 8)] * 5


def test_two_depth_models_are_two_models(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(registry.models()["depth-tiny"], name="other-depth")
    known = {**registry.models(), "other-depth": other}
    monkeypatch.setattr(registry, "models", lambda: known)
    image = square(8, 8, box=(2, 2, 4, 4))

    pipeline.segment(image, model="bright-with-depth")
    pipeline.segment(image, model="bright-with-depth", depth_model="other-depth")
    pipeline.segment(image, model="bright-with-depth", depth_model="other-depth")

    assert len(loaded) == 2


def test_half_precision_is_refused_where_it_was_not_found_right(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = replace(BRIGHT, name="coarse", half_precision=False)
    monkeypatch.setattr(registry, "models", lambda: {"coarse": coarse, "bright": BRIGHT})
    pipeline.placement = replace(pipeline.placement, dtype="float16")

    with pytest.raises(BadRequest, match="coarse"):
        pipeline.segment(square(4, 4, box=(1, 1, 2, 2)), model="coarse")

    assert pipeline.segment(square(4, 4, box=(1, 1, 2, 2)), model="bright").bounds() == (1, 1, 2, 2)


@pytest.mark.parametrize("given", [{"depth": np.zeros((8, 8), np.float32)}, {"depth_model": "depth-tiny"}])
def test_a_model_that_does_not_look_at_depth_refuses_it(pipeline: Pipeline, given: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="bright"):
        pipeline.segment(square(8, 8, box=(2, 2, 4, 4)), model="bright", **given)
