"""`dis-core adjust`: other edges for a matte that is held, exactly as `mask` and `cutout` make them."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dis_core.cli.main import run
from dis_core.jobs.adjusting import Adjustment, HeldMatte
from tests.fakes.fake_hub import CHECKOUT

FLOWER = str(CHECKOUT / "examples" / "flower.jpg")
EDGES: list[dict[str, Any]] = [
    {},
    {"grow": -3, "feather": 4},
    {"threshold": 0.3},
    {"threshold": 0.7, "grow": 5, "feather": 2},
]


@pytest.fixture(scope="module")
def matte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The matte of a flower, which is soft, with 16 bits."""
    path = tmp_path_factory.mktemp("matte") / "matte.png"
    assert run(["mask", FLOWER, "-o", str(path), "--model", "dis-lite", "--bits", "16"]) == 0
    return path


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Ask the command for all of these, and return its answers."""

    def asked(arguments: list[str], *requests: object) -> list[dict[str, Any]]:
        lines = [request if isinstance(request, str) else json.dumps(request) for request in requests]
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
        run(["adjust", *arguments])
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return asked


def options(edges: dict[str, Any]) -> list[str]:
    return [f"--{name}={value}" for name, value in edges.items()]


@pytest.mark.parametrize("edges", EDGES)
def test_the_whole_matte_is_what_mask_makes_with_the_same_options(
    ask: Any, matte: Path, tmp_path: Path, edges: dict[str, Any]
) -> None:
    told = ask([str(matte)], {"output": str(tmp_path / "adjusted.png"), "number": 7, **edges})

    assert run(["mask", FLOWER, "-o", str(tmp_path / "mask.png"), "--model", "dis-lite", *options(edges)]) == 0
    assert (tmp_path / "adjusted.png").read_bytes() == (tmp_path / "mask.png").read_bytes()
    assert told[0] == {"event": "ready", "size": [640, 427]}
    assert (told[1]["event"], told[1]["number"], told[1]["size"]) == ("result", 7, [640, 427])


@pytest.mark.parametrize("colors", ["clean", "original"])
def test_a_cutout_is_what_cutout_makes_with_the_same_options(
    ask: Any, matte: Path, tmp_path: Path, colors: str
) -> None:
    edges = {"grow": -1, "feather": 2}

    ask([str(matte), "--image", FLOWER], {"output": str(tmp_path / "adjusted.png"), "colors": colors, **edges})

    made = ["-o", str(tmp_path / "cutout.png"), "--model", "dis-lite", "--colors", colors]
    assert run(["cutout", FLOWER, *made, *options(edges)]) == 0
    with Image.open(tmp_path / "adjusted.png") as adjusted, Image.open(tmp_path / "cutout.png") as cutout:
        assert np.array_equal(np.asarray(adjusted), np.asarray(cutout))


def test_a_cutout_is_not_more_opaque_than_its_image() -> None:
    from dis_core.images.picture import Picture

    own = np.full((9, 9), 0.5, np.float32)
    own[:, :4] = 0
    picture = Picture(np.full((9, 9, 3), 100, np.uint8), own)
    visible = own.copy()

    cutout = HeldMatte(visible, picture).adjusted(Adjustment(Path("cut.png"), colors="original", grow=2))

    assert cutout.alpha is not None
    np.testing.assert_allclose(cutout.alpha, own, atol=1 / 255)


def test_a_part_at_full_size_is_that_part(ask: Any, matte: Path, tmp_path: Path) -> None:
    edges = {"grow": 4, "feather": 6}
    whole, part = tmp_path / "whole.pgm", tmp_path / "part.pgm"

    ask([str(matte)], {"output": str(whole), **edges}, {"output": str(part), "box": [150, 90, 220, 200], **edges})

    with Image.open(whole) as all_of_it, Image.open(part) as shown:
        assert np.array_equal(np.asarray(all_of_it)[90:290, 150:370], np.asarray(shown))


@pytest.mark.parametrize("edges", EDGES)
def test_a_small_look_is_about_what_the_whole_is_when_it_is_made_small(
    ask: Any, matte: Path, tmp_path: Path, edges: dict[str, Any]
) -> None:
    whole, look = tmp_path / "whole.pgm", tmp_path / "look.pgm"
    box = [40, 20, 600, 400]

    ask([str(matte)], {"output": str(whole), **edges}, {"output": str(look), "box": box, "size": [240, 160], **edges})

    with Image.open(whole) as all_of_it, Image.open(look) as shown:
        small = all_of_it.resize((240, 160), Image.Resampling.BOX, box=(40, 20, 640, 420))
        apart = np.abs(np.asarray(small, np.float32) - np.asarray(shown, np.float32))
    assert apart.mean() < 1
    assert np.count_nonzero(apart > 64) < 60  # of 38400


@pytest.mark.parametrize(
    ("request_line", "words"),
    [
        ("nonsense", "not a JSON object on one line"),
        ({"grow": 1}, "output is missing"),
        ({"output": "a.jpg"}, "cannot be written as a.jpg"),
        ({"output": "a.pgm", "grow": 101}, "cannot move by 101"),
        ({"output": "a.pgm", "threshold": 0}, "the threshold is 0.0"),
        ({"output": "a.pgm", "box": [600, 0, 41, 10]}, "is not inside of 640 x 427"),
        ({"output": "a.pgm", "size": [641, 10]}, "does not fit a box of 640 x 427"),
        ({"output": "a.png", "colors": "clean"}, "no image to cut the subject out of"),
        ({"output": "/nowhere/at/all.pgm"}, "all.pgm"),
    ],
)
def test_what_cannot_be_done_is_said_and_the_next_one_is_done(
    ask: Any, matte: Path, tmp_path: Path, request_line: object, words: str
) -> None:
    _, told, after = ask([str(matte)], request_line, {"output": str(tmp_path / "next.pgm"), "number": 2})

    assert told["event"] == "error"
    assert words in told["message"]
    assert after["event"] == "result"
    assert (tmp_path / "next.pgm").exists()


def test_what_is_no_matte_is_said_as_an_event(ask: Any, tmp_path: Path) -> None:
    (told,) = ask([str(tmp_path / "missing.png")])

    assert (told["event"], told["code"]) == ("error", "NoImage")


def test_an_image_of_another_size_is_refused(ask: Any, matte: Path, tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "other.png")

    (told,) = ask([str(matte), "--image", str(tmp_path / "other.png")])

    assert told["message"] == "the image is 30 x 20 pixels, but the matte is 640 x 427"


def test_a_look_at_four_megapixels_takes_a_fifth_of_a_second() -> None:
    y, x = np.mgrid[:1744, :2312].astype(np.float32)
    held = HeldMatte(np.clip((620 - np.hypot(x - 1156, y - 872)) / 20, 0, 1))
    held.adjusted(Adjustment(Path("look.pgm"), size=(1156, 872)))

    started = time.process_time()
    held.adjusted(Adjustment(Path("look.pgm"), size=(1156, 872), threshold=0.4, grow=-8, feather=12))

    assert time.process_time() - started < 0.2


def test_parts_are_left_out_before_the_edges_change(ask: Any, tmp_path: Path) -> None:
    plane = np.zeros((60, 90), np.uint8)
    plane[10:40, 10:40] = plane[10:30, 60:80] = 255
    matte = tmp_path / "two.png"
    Image.fromarray(plane).save(matte)
    path = tmp_path / "rest.png"

    told = ask([str(matte)], {"output": str(path), "without": [2], "grow": 2})

    left = plane.copy()
    left[:, 50:] = 0
    grown = HeldMatte(left / np.float32(255)).adjusted(Adjustment(path, grow=2)).pixels
    assert [event["event"] for event in told] == ["ready", "result"]
    assert np.array_equal(np.asarray(Image.open(path)), grown[..., 0])
