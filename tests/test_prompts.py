"""Saying which subject is meant, from Python and from the command line: what reaches the model, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import dis_core
from dis_core import Box, Points
from dis_core.cli.main import run
from dis_core.errors import BadRequest
from dis_core.images.reading import read_picture
from dis_core.pipeline import Pipeline
from dis_core.progress import ignore
from dis_core.protocols import Effort, Prompt, Segmentation
from dis_core.refinement.coarse_to_fine import Passes
from dis_core.registry import manager as registry
from tests.fakes.bright_model import BRIGHT_WHERE_TOLD, BrightIsSubject, BrightWhereTold, loaded

BOXES_ONLY = replace(BRIGHT_WHERE_TOLD, name="boxes-only", prompts=("box",))
LEFT, RIGHT = Box(10, 10, 30, 30), Box(70, 20, 90, 50)
MODEL = "bright-where-told"


@pytest.fixture(autouse=True)
def prompted_models(bright_models: None, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**registry.models(), "boxes-only": BOXES_ONLY}
    monkeypatch.setattr(registry, "models", lambda: known)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline("cpu")


def picture() -> NDArray[np.uint8]:
    """Black, with two white boxes, LEFT and RIGHT."""
    image = np.zeros((60, 100, 3), np.uint8)
    for left, top, right, bottom in (LEFT, RIGHT):
        image[top:bottom, left:right] = 255
    return image


# From Python


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        (Box(5, 5, 35, 35), LEFT),
        ((5, 5, 35, 35), LEFT),
        (Points([(80, 35)]), Box(70, 25, 90, 46)),  # what lies within 10 pixels
        ([Box(5, 5, 35, 35), Box(60, 0, 100, 60)], Box(10, 10, 90, 50)),
        ([Box(5, 5, 35, 35), Points(background=[(10, 20)])], Box(11, 10, 30, 30)),
    ],
)
def test_the_subject_is_what_the_prompt_says(pipeline: Pipeline, prompt: Any, found: Box) -> None:
    matte = pipeline.segment(picture(), model=MODEL, prompt=prompt)

    assert matte.bounds() == found


def test_the_quick_way_takes_prompts_too() -> None:
    assert dis_core.segment(picture(), model=MODEL, device="cpu", prompt=RIGHT).bounds() == RIGHT


def test_a_model_that_takes_no_prompt_is_shown_what_is_around_the_box_and_keeps_what_lies_in_it(
    pipeline: Pipeline,
) -> None:
    matte = pipeline.segment(picture(), model="bright", prompt=Box(8, 8, 32, 32))

    assert matte.bounds() == LEFT
    assert matte.remarks == ()
    assert [image.shape[:2] for image in loaded[0].seen[:1]] == [(32, 32)]
    assert not any(prompt.names_a_place for prompt in loaded[0].prompts)


def test_each_box_is_one_object_for_a_model_that_takes_no_prompt_too(pipeline: Pipeline) -> None:
    matte = pipeline.segment(picture(), model="bright", prompt=[LEFT, RIGHT])

    assert np.array_equal(matte.alpha, picture()[..., 0] / np.float32(255))


def test_a_box_to_look_in_limits_what_a_box_finds(pipeline: Pipeline) -> None:
    matte = pipeline.segment(picture(), model="bright", prompt=[LEFT, RIGHT], roi=Box(80, 0, 100, 60))

    assert matte.bounds() == Box(80, 20, 90, 50)


def test_what_goes_on_beyond_the_box_is_cut_there_and_the_matte_says_so(pipeline: Pipeline) -> None:
    wide = np.zeros((60, 100, 3), np.uint8)
    wide[20:40, 10:90] = 255

    matte = pipeline.segment(wide, model="bright", prompt=Box(5, 15, 45, 45))

    assert matte.bounds() == Box(10, 20, 45, 40)
    assert "larger box" in matte.remarks[0]


def test_points_in_a_box_tell_a_model_that_takes_none_which_things_are_meant(pipeline: Pipeline) -> None:
    whole = Box(0, 0, 100, 60)

    matte = pipeline.segment(picture(), model="bright", prompt=[whole, Points(background=[(80, 30)])])

    assert matte.bounds() == LEFT


def test_the_users_depth_is_cut_to_what_is_around_the_box(pipeline: Pipeline) -> None:
    depth = np.tile(np.arange(100, dtype=np.float32), (60, 1))

    matte = pipeline.segment(picture(), model="bright-with-depth", prompt=RIGHT, depth=depth)

    seen = loaded[0].prompts[0].depth
    assert seen is not None
    assert seen[0, 0] == 66  # the box starts at 70, and the margin is 15 % of its height
    assert matte.depth is not None
    assert matte.depth.shape == (60, 100)
    assert matte.depth[:, :60].max() == 0


def test_a_model_for_boxes_refuses_points_and_names_one_that_takes_them(pipeline: Pipeline) -> None:
    with pytest.raises(BadRequest, match="boxes-only") as caught:
        pipeline.segment(picture(), model="boxes-only", prompt=[LEFT, Points([(80, 35)])])

    assert "boxes-only" not in caught.value.hint
    assert MODEL in caught.value.hint


@pytest.mark.parametrize("model", [MODEL, "dis-sam"])
def test_a_model_that_wants_to_be_told_says_so_before_anything_is_fetched_or_loaded(
    pipeline: Pipeline, model: str
) -> None:
    with pytest.raises(BadRequest, match=model) as caught:
        pipeline.segment(picture(), model=model)

    assert "`prompt=" in caught.value.hint
    assert loaded == []


@pytest.mark.parametrize(
    ("prompt", "value"),
    [(Box(200, 0, 300, 9), "(200, 0) to (300, 9)"), (Points([(5, 70)]), "(5, 70)"), ([], "[]")],
)
def test_what_does_not_fit_the_image_is_refused(pipeline: Pipeline, prompt: Any, value: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(value)):
        pipeline.segment(picture(), model=MODEL, prompt=prompt)


# Within a box to look in


def test_a_prompt_moves_with_the_part_that_is_looked_at(pipeline: Pipeline) -> None:
    matte = pipeline.segment(picture(), model=MODEL, prompt=[Box(60, 0, 100, 60), Points([(20, 20)])], roi=RIGHT)

    assert matte.bounds() == RIGHT


def test_a_prompt_outside_of_the_part_that_is_looked_at_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(BadRequest, match="70, 20, 90, 50"):
        pipeline.segment(picture(), model=MODEL, prompt=LEFT, roi=RIGHT)


# Closer looks at small subjects


def small_white_box() -> NDArray[np.float32]:
    image = np.zeros((6000, 100, 3), np.float32)
    image[1000:1400, 20:60] = 1
    return image


def test_a_closer_look_is_told_the_same_place() -> None:
    segmenter = BrightWhereTold()
    prompt = Prompt(boxes=(Box(0, 900, 100, 1500),))

    found, refinement = Passes(segmenter, "normal", "tiles", Effort(0)).over(small_white_box(), prompt, ignore)

    assert refinement.closer_look == "taken"
    assert segmenter.prompts[1].boxes == (Box(0, 0, 100, 520),)  # from 60 pixels above the subject on
    assert found.alpha.sum() == 400 * 40


def test_a_closer_look_that_would_have_nothing_to_go_by_is_not_taken() -> None:
    class Elsewhere(BrightWhereTold):
        """Finds the bright box wherever it is told to look."""

        def __call__(self, image: NDArray[np.float32], **more: Any) -> Segmentation:
            return BrightIsSubject.__call__(self, image, **more)

    segmenter = Elsewhere()
    prompt = Prompt(boxes=(Box(0, 4000, 100, 4500),))

    found, refinement = Passes(segmenter, "normal", "tiles", Effort(0)).over(small_white_box(), prompt, ignore)

    assert len(segmenter.prompts) == 1
    assert refinement.closer_look == "rejected"
    assert found.alpha.sum() == pytest.approx(400 * 40)


# The command line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture()).save(tmp_path / "a.png")
    return tmp_path


def found_in(folder: Path) -> NDArray[np.bool_]:
    white: NDArray[np.bool_] = read_picture(folder / "a-mask.png").pixels[..., 0] > 127
    return white


def test_boxes_are_given_as_corner_and_size_and_may_be_several(folder: Path) -> None:
    assert run(["mask", "a.png", "-m", MODEL, "--box", "5,5,30,30", "--box", "60,0,40,60"]) == 0

    assert found_in(folder).sum() == 20 * 20 + 20 * 30


def test_points_may_be_on_the_background(folder: Path) -> None:
    options = ["--point", "20,20", "--point", "80.5,35", "--point", "20,12,background"]

    assert run(["mask", "a.png", "-m", MODEL, *options]) == 0

    (matte,) = (segmenter.prompts[0] for segmenter in loaded)
    assert matte.points == Points(((20.0, 20.0), (80.5, 35.0)), ((20.0, 12.0),))
    assert not found_in(folder)[12, 20]
    assert found_in(folder)[35, 80]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-m", MODEL], "--box 10,20,300,400"),
        (["-m", MODEL, "--box", "5,5,30"], "'5,5,30'"),
        (["-m", MODEL, "--point", "5"], "'5'"),
        (["-m", MODEL, "--point", "5,nan"], "'5,nan'"),
        (["-m", MODEL, "--point", "5,6,7"], "'5,6,7'"),
        (["-m", MODEL, "--point", "5,6,behind"], "'5,6,behind'"),
        (["-m", MODEL, "--point", "5,6,background"], "background"),
        (["-m", MODEL, "--box", "500,5,30,30"], "(500, 5) to (530, 35)"),
        (["-m", "bright", "--point", "5,5"], "--box 10,20,300,400"),
    ],
)
def test_a_bad_prompt_is_one_clear_line(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert run(["mask", "a.png", *options]) == 1

    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert not (folder / "a-mask.png").exists()
