"""Points and boxes with a model that takes none: a prompt network finds the thing, and the model makes it exact."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import dis_core
from dis_core import Box, Pipeline, Points
from dis_core.cli.main import run
from dis_core.errors import BadRequest, LicenseNotAccepted, UnknownModel, WeightsMissing
from dis_core.registry import manager as registry
from tests.fakes import bright_model, pointing_model
from tests.fakes.pointing_model import GUESSING

LEFT, RIGHT = Box(20, 20, 60, 100), Box(120, 30, 180, 90)
ON_LEFT, ON_RIGHT, BESIDE = Points([(40, 60)]), Points([(150, 60)]), Points([(90, 10)])


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, bright_models: None) -> Iterator[None]:
    """The network of `pointing_model` in the place of the built-in one, on this machine."""
    known = {**registry.models(), GUESSING.name: GUESSING}
    monkeypatch.setattr(registry, "models", lambda: known)
    pointing_model.loaded.clear()
    yield
    pointing_model.loaded.clear()


def picture(*boxes: Box, size: tuple[int, int] = (120, 200), color: tuple[int, int, int] = (255, 255, 255)) -> Any:
    """Black, with these boxes in a color."""
    image = np.zeros((*size, 3), np.uint8)
    for left, top, right, bottom in boxes or (LEFT, RIGHT):
        image[top:bottom, left:right] = color
    return image


def exact(*boxes: Box, size: tuple[int, int] = (120, 200)) -> NDArray[np.float32]:
    matte: NDArray[np.float32] = picture(*boxes, size=size)[..., 0].astype(np.float32) / np.float32(255)
    return matte


def segment(image: Any, prompt: Any, **options: Any) -> dis_core.Matte:
    return Pipeline("cpu").segment(image, model="bright", prompt=prompt, **options)


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        (ON_LEFT, [LEFT]),
        (ON_RIGHT, [RIGHT]),
        ([RIGHT, ON_LEFT], [LEFT, RIGHT]),
        (Box(110, 20, 190, 100), [RIGHT]),
        ([LEFT, RIGHT], [LEFT, RIGHT]),
    ],
)
def test_a_model_that_takes_no_prompt_finds_what_the_network_points_at(prompt: Any, found: list[Box]) -> None:
    matte = segment(picture(), prompt)

    assert np.array_equal(matte.alpha, exact(*found))
    assert matte.remarks == ()


@pytest.mark.usefixtures("network")
def test_a_point_where_there_is_nothing_finds_nothing_and_that_is_said() -> None:
    matte = segment(picture(), BESIDE)

    assert matte.alpha.max() == 0
    assert "sam-vit-base found nothing" in matte.remarks[0]


@pytest.mark.usefixtures("network")
def test_a_box_where_the_network_finds_nothing_is_used_by_itself_and_that_is_said() -> None:
    matte = segment(picture(), Box(20, 20, 160, 100))  # its middle is black

    assert matte.alpha[60, 40] == 1
    assert "only the box was used" in matte.remarks[0]


@pytest.mark.usefixtures("network")
def test_what_the_model_does_not_find_is_the_networks_outline_and_that_is_said() -> None:
    red = picture(LEFT, color=(255, 0, 0))

    matte = segment(red, ON_LEFT)

    assert ((matte.alpha >= 0.5) != (exact(LEFT) >= 0.5)).mean() < 0.01
    assert "outline of sam-vit-base" in matte.remarks[0]


@pytest.mark.usefixtures("network")
def test_of_things_that_hold_each_other_the_extent_says_which() -> None:
    mattes = {extent: segment(picture(), ON_RIGHT, extent=extent) for extent in ("small", "medium", "large")}

    assert pointing_model.loaded[-1].asked[-1][2] == "large"
    areas = [float(mattes[extent].alpha.sum()) for extent in ("small", "medium", "large")]
    assert areas[0] < 0.5 * areas[1] < 0.5 * areas[2] + 1
    assert areas[2] == 60 * 60


@pytest.mark.usefixtures("network")
def test_a_box_to_look_in_limits_both_networks() -> None:
    matte = segment(picture(), ON_RIGHT, roi=Box(100, 0, 160, 120))

    assert np.array_equal(matte.alpha, exact(Box(120, 30, 160, 90)))


@pytest.mark.usefixtures("network")
def test_only_what_is_around_the_thing_is_shown_to_the_model() -> None:
    segment(picture(), ON_LEFT)

    height, width = bright_model.loaded[-1].seen[0].shape[:2]
    assert height < 120
    assert width < 80


@pytest.mark.usefixtures("network")
def test_in_a_session_the_network_looks_once_and_so_does_the_model_while_its_crop_is_the_same() -> None:
    pipeline = Pipeline("cpu", model="bright")

    with pipeline.open(picture()) as session:
        for at in ((40, 60), (41, 62), (39, 50)):
            session.segment(prompt=Points([at]))
        looks_at_one_thing = len(bright_model.loaded[-1].seen)
        session.segment(prompt=ON_RIGHT)
        session.segment(prompt=ON_RIGHT, roi=Box(100, 0, 200, 120))

    assert pointing_model.loaded[-1].looks == 2  # the part in the box to look in is another picture
    assert looks_at_one_thing == 1
    assert pipeline.loaded == ("bright", "sam-vit-base")


@pytest.mark.usefixtures("network")
def test_a_further_prompt_on_the_same_image_looks_at_nothing_twice_without_a_session_too() -> None:
    pipeline = Pipeline("cpu", model="bright")

    mattes = [pipeline.segment(picture(), prompt=Points([at])) for at in ((40, 60), (41, 62))]
    looks = pointing_model.loaded[-1].looks, len(bright_model.loaded[-1].seen)
    other = pipeline.segment(picture(RIGHT), prompt=ON_RIGHT)

    assert looks == (1, 1)
    assert np.array_equal(mattes[0].alpha, mattes[1].alpha)
    assert np.array_equal(other.alpha, exact(RIGHT))
    assert pointing_model.loaded[-1].looks == 2


@pytest.mark.usefixtures("network")
def test_no_network_is_asked_if_the_user_wants_none_or_gives_no_prompt() -> None:
    matte = segment(picture(), LEFT, prompt_model="none")
    Pipeline("cpu").segment(picture(), model="bright")

    assert np.array_equal(matte.alpha, exact(LEFT))
    assert pointing_model.loaded == []


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("model", "options", "error", "words"),
    [
        ("bright", {"prompt": ON_LEFT, "prompt_model": "none"}, BadRequest, "needs a box"),
        ("bright", {"prompt": ON_LEFT, "prompt_model": "bright"}, UnknownModel, "no prompt model"),
        ("bright", {"prompt": ON_LEFT, "prompt_model": "sam"}, UnknownModel, "'sam'"),
        ("bright", {"prompt": ON_LEFT, "extent": "huge"}, BadRequest, "'huge'"),
        ("bright", {"extent": "large"}, BadRequest, "no prompt"),
        ("bright-where-told", {"prompt": ON_LEFT, "extent": "large"}, BadRequest, "takes prompts itself"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_loaded(
    model: str, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        Pipeline("cpu").segment(picture(), model=model, **options)

    assert not pointing_model.loaded
    assert not bright_model.loaded


@pytest.mark.usefixtures("network")
def test_a_network_whose_license_forbids_commercial_use_has_to_be_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = replace(GUESSING, commercial_use="no", license="CC-BY-NC-4.0")
    known = {**registry.models(), limited.name: limited}
    monkeypatch.setattr(registry, "models", lambda: known)

    with pytest.raises(LicenseNotAccepted, match="sam-vit-base"):
        segment(picture(), ON_LEFT)

    assert segment(picture(), ON_LEFT, accept_noncommercial=True).bounds() == LEFT


# Where the network is not on this machine


@pytest.mark.usefixtures("bright_models")
@pytest.mark.parametrize("options", [{"prompt": ON_LEFT}, {"prompt": LEFT, "extent": "small"}], ids=str)
def test_without_the_network_a_point_is_an_error_with_the_command_that_fetches_it(options: dict[str, Any]) -> None:
    with pytest.raises(WeightsMissing, match="sam-vit-base") as caught:
        Pipeline("cpu").segment(picture(), model="bright", **options)

    assert "dis-core fetch sam-vit-base   (375 MB, once)" in caught.value.hint
    assert bright_model.loaded == []


@pytest.mark.usefixtures("bright_models")
def test_the_command_says_so_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture()).save("a.png")

    assert run(["mask", "a.png", "-m", "bright", "--point", "40,60"]) == 1

    said = capsys.readouterr().err
    assert "dis-core fetch sam-vit-base" in said
    assert "--box" in said


# What programs are told


def entry(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, Any]:
    assert run(["models", "--json"]) == 0
    return next(model for model in json.loads(capsys.readouterr().out) if model["name"] == name)


@pytest.mark.usefixtures("bright_models")
def test_the_list_of_models_says_that_any_takes_a_box(capsys: pytest.CaptureFixture[str]) -> None:
    found = entry(capsys, "bright")

    assert (found["prompts"], found["accepts"], found["prompt_model"]) == ([], ["box"], "sam-vit-base")
    assert entry(capsys, "sam-vit-base")["present"] is False
    assert entry(capsys, "dis-sam")["prompt_model"] is None
    assert entry(capsys, "depth-tiny")["accepts"] == []


@pytest.mark.usefixtures("network")
def test_with_the_network_here_any_model_accepts_points(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(capsys, "bright")["accepts"] == ["box", "points"]
    assert dis_core.model_info("bright").accepts == ("box", "points")
