"""Mistakes that a new user makes in Python, and the words that answer them."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dis_core
from dis_core import DisError, Pipeline, SegmentOptions
from dis_core.errors import BadRequest, DeviceUnavailable, NoImage, UnknownModel
from dis_core.registry import manager as registry
from tests.fakes.bright_model import loaded
from tests.fakes.fake_hub import FakeHub
from tests.fakes.small_network import SMALL

pytestmark = pytest.mark.usefixtures("bright_models")

ROOT = Path(__file__).parents[1]
IMAGE = np.zeros((6, 8, 3), np.uint8)
NO_DEVICE: Any = None
TYPO: Any = "sikp"


def segment(**given: Any) -> object:
    return Pipeline("cpu", model="bright").segment(IMAGE, **given)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda: segment(model="brihgt"), "unknown model 'brihgt'; did you mean bright?"),
        (lambda: Pipeline(model="birefnet-lit"), "unknown model 'birefnet-lit'; did you mean birefnet-lite?"),
        (lambda: dis_core.model_info("isnt"), "unknown model 'isnt'; did you mean isnet?"),
        (lambda: segment(quality="nromal"), "unknown quality 'nromal'; did you mean normal?"),
        (lambda: segment(refine="tile"), "unknown refiner 'tile'; did you mean tiles?"),
        (lambda: segment(refine="atuo"), "unknown refiner 'atuo'; did you mean auto?"),
        (lambda: segment(exposure="orignal"), "unknown exposure 'orignal'; did you mean original?"),
        (lambda: Pipeline("cud"), "unknown device 'cud'; did you mean cuda?"),
        (lambda: Pipeline("gpu"), "unknown device 'gpu'; did you mean cuda?"),
        (lambda: Pipeline("CPU"), "unknown device 'CPU'; did you mean cpu?"),
        (lambda: Pipeline(NO_DEVICE), "unknown device None"),
        (lambda: Pipeline("cpu", precision="hlaf"), "unknown precision 'hlaf'; did you mean half?"),  # type: ignore[arg-type]
        (lambda: segment().to_bytes("jpg"), "unknown format 'jpg'; did you mean jpeg?"),  # type: ignore[attr-defined]
        (lambda: segment().to_bytes("PNG"), "unknown format 'PNG'; did you mean png?"),  # type: ignore[attr-defined]
        (lambda: segment().gray(bits=12), "a gray picture has 8 or 16 bits, not 12"),  # type: ignore[attr-defined]
        (lambda: segment().cutout(colors="orignal"), "unknown value of colors 'orignal'; did you mean original?"),  # type: ignore[attr-defined]
    ],
)
def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(mistake: Callable[[], object], words: str) -> None:
    with pytest.raises(DisError) as caught:
        mistake()

    assert isinstance(caught.value, (BadRequest, DeviceUnavailable, UnknownModel))
    assert caught.value.message == words
    assert caught.value.hint


def test_a_name_that_is_close_to_none_gets_the_list_alone() -> None:
    with pytest.raises(BadRequest) as caught:
        segment(quality="xyz")

    assert (caught.value.message, caught.value.hint) == ("unknown quality 'xyz'", "choose one of: draft, normal, best")


def test_python_itself_suggests_mistyped_names_of_the_package() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import dis_core; dis_core.segmnt"], capture_output=True, text=True, check=False
    )

    assert "Did you mean: 'segment'?" in shown.stderr


@pytest.mark.parametrize("background", ["sunset.jpg", Path("photos/sunset.PNG")], ids=str)
def test_the_path_of_a_background_is_told_to_be_read_first(background: Any) -> None:
    with pytest.raises(BadRequest, match="is a file, not a color") as caught:
        Pipeline("cpu", model="bright").segment(IMAGE).cutout(background=background)

    assert "read_picture" in caught.value.hint


@pytest.mark.parametrize(
    "background", [(1.0, 1.0, 1.0), (0, 0, 256), (0, 0), 255, IMAGE, "whit"], ids=lambda value: type(value).__name__
)
def test_what_is_no_color_is_refused(background: Any) -> None:
    with pytest.raises(BadRequest, match="unknown color"):
        Pipeline("cpu", model="bright").segment(IMAGE).cutout(background=background)


def test_a_color_of_numpys_numbers_is_one() -> None:
    color: Any = np.array([255, 0, 0])

    on_red = Pipeline("cpu", model="bright").segment(IMAGE).cutout(background=color)

    assert np.unique(on_red.pixels.reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]


# Many images


@pytest.mark.parametrize(
    "one", ["photo.jpg", b"bytes", Path("photo.jpg"), Image.new("L", (2, 2))], ids=["str", "bytes", "path", "picture"]
)
def test_one_image_in_place_of_many_is_refused_at_once(one: Any) -> None:
    with pytest.raises(BadRequest, match="takes several images, not one") as caught:
        Pipeline("cpu", model="bright").segment_many(one)

    assert "`segment` for one" in caught.value.hint


def test_wrong_options_for_many_images_are_refused_before_the_first_and_never_skipped() -> None:
    pipeline = Pipeline("cpu", model="bright")

    with pytest.raises(BadRequest, match="tiels"):
        pipeline.segment_many([IMAGE], SegmentOptions(refine="tiels"), on_error="skip")
    with pytest.raises(BadRequest, match="did you mean skip"):
        pipeline.segment_many([IMAGE], on_error=TYPO)


def test_a_list_in_place_of_one_image_is_told_where_lists_are_taken() -> None:
    with pytest.raises(TypeError, match="for several images use segment_many"):
        Pipeline("cpu", model="bright").segment([IMAGE, IMAGE])  # type: ignore[arg-type]


# Files


def test_a_file_that_was_opened_as_text_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(IMAGE).save(path)

    with path.open(encoding="utf-8") as file, pytest.raises(NoImage, match="was opened as text") as caught:
        dis_core.segment(file, model="bright")  # type: ignore[arg-type]

    assert '`open(path, "rb")`' in caught.value.hint


def test_a_closed_file_is_refused_in_words() -> None:
    file = io.BytesIO(b"x")
    file.close()

    with pytest.raises(NoImage, match="was closed"):
        dis_core.segment(file, model="bright")


def test_an_address_is_not_fetched_and_the_hint_says_so() -> None:
    with pytest.raises(FileNotFoundError, match="addresses are not fetched"):
        dis_core.segment("https://example.com/photo.jpg", model="bright")


def test_an_array_is_no_file_to_read() -> None:
    with pytest.raises(TypeError, match="must be a path, bytes or an open binary file, not ndarray"):
        dis_core.read_picture(IMAGE)  # type: ignore[arg-type]


# Downloads


def test_no_download_begins_in_silence(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(registry, "models", lambda: {"pdfnet": SMALL})
    monkeypatch.setattr("dis_core.pipeline.load_segmenter", lambda *_: None)
    pipeline = Pipeline("cpu")  # and the model is forgotten
    told: list[str] = []

    with caplog.at_level(logging.WARNING):
        pipeline.load(report=lambda _fraction, doing: told.append(doing))

    assert [record.getMessage() for record in caplog.records] == [
        "downloading small: 0.2 MB from someone/small, once (license MIT, commercial use: yes)"
    ]
    assert any(doing.startswith("downloading small") for doing in told)


def test_it_is_seen_in_programs_that_set_up_no_logging() -> None:
    program = (
        "from dis_core.weights.store import warn_of_download\n"
        "from tests.fakes.small_network import SMALL\n"
        "warn_of_download(SMALL, 9)"
    )

    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert shown.stderr.startswith("downloading small: ")


# What it looks like


def test_a_pipeline_describes_itself_in_a_line() -> None:
    pipeline = Pipeline("cpu", model="bright")

    before = repr(pipeline)
    pipeline.load()

    assert [before, repr(pipeline)] == [
        "<Pipeline on cpu with bright: nothing loaded>",
        "<Pipeline on cpu with bright: bright loaded>",
    ]
    assert len(loaded) == 1
