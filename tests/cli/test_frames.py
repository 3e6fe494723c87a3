"""`--frames all`: animations in, animations out."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes.bright_squares import bright_cutout, bright_square

pytestmark = pytest.mark.usefixtures("bright_models")


def animation(path: Path, **options: Any) -> Path:
    """Three frames with a white square that moves to the right, and a half-bright one that is not the subject."""
    frames = [Image.fromarray(np.roll(bright_square(), 5 * number, axis=1)) for number in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0, **options)
    return path


def alphas(path: Path) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    with Image.open(path) as image:
        planes = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            planes.append(np.array(image.convert("RGBA"))[..., 3])
    return planes


@pytest.mark.parametrize(
    ("name", "options"),
    [("walk.gif", {}), ("walk.webp", {"lossless": True}), ("walk.png", {}), ("walk.apng", {"format": "PNG"})],
)
def test_every_frame_is_cut_out_into_an_animation_of_the_same_kind(
    name: str, options: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = animation(tmp_path / name, **options)

    status = bright_cutout(str(source), "--frames", "all")

    assert status == 0
    result = tmp_path / f"walk-cutout{Path(name).suffix.replace('.apng', '.png')}"
    for number, alpha in enumerate(alphas(result)):
        assert (alpha == np.roll(bright_square(), 5 * number, axis=1)[..., 0]).all()
    assert len(alphas(result)) == 3
    assert "all 3 frames were done" in capsys.readouterr().err


def test_without_it_the_first_frame_is_cut_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = animation(tmp_path / "walk.gif")

    assert bright_cutout(str(source)) == 0

    assert len(alphas(tmp_path / "walk-cutout.png")) == 1
    assert "only the first of 3 frames" in capsys.readouterr().err


def test_another_kind_of_animation_can_be_asked_for(tmp_path: Path) -> None:
    source = animation(tmp_path / "walk.gif")

    assert bright_cutout(str(source), "--frames", "all", "-o", str(tmp_path / "out.webp")) == 0
    assert bright_cutout(str(source), "--frames", "all", "--format", "png") == 0

    assert len(alphas(tmp_path / "out.webp")) == 3
    assert len(alphas(tmp_path / "walk-cutout.png")) == 3


def test_a_gif_can_be_named_as_the_result(tmp_path: Path) -> None:
    source = animation(tmp_path / "walk.webp", lossless=True)

    assert bright_cutout(str(source), "--frames", "all", "-o", str(tmp_path / "out.gif")) == 0

    assert len(alphas(tmp_path / "out.gif")) == 3


def test_stills_beside_animations_stay_stills(tmp_path: Path) -> None:
    animation(tmp_path / "walk.gif")
    Image.fromarray(bright_square()).save(tmp_path / "still.png")
    Image.fromarray(bright_square()).save(tmp_path / "photo.jpg", quality=100)

    assert bright_cutout(str(tmp_path), "--frames", "all") == 0

    assert sorted(path.name for path in tmp_path.glob("*-cutout.*")) == [
        "photo-cutout.png",
        "still-cutout.png",
        "walk-cutout.gif",
    ]
    assert len(alphas(tmp_path / "still-cutout.png")) == 1


def test_a_result_that_is_there_is_left_alone(tmp_path: Path) -> None:
    source = animation(tmp_path / "walk.gif")
    (tmp_path / "walk-cutout.gif").write_bytes(b"mine")

    assert bright_cutout(str(source), "--frames", "all") == 1

    assert (tmp_path / "walk-cutout.gif").read_bytes() == b"mine"


def test_standard_input_to_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    source = animation(tmp_path / "walk.gif")

    class Input:
        buffer = io.BytesIO(source.read_bytes())

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdin", Input())

    assert bright_cutout("-", "--frames", "all", "-o", str(tmp_path / "out.png")) == 0

    assert len(alphas(tmp_path / "out.png")) == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--crop"], "--crop does not work with --frames all"),
        (["--size", "50x50"], "does not work with --frames all"),
        (["--save-depth"], "depth maps do not work with --frames all"),
        (["--format", "tiff"], "TIFF holds no animation"),
    ],
)
def test_what_does_not_go_together_is_refused_before_the_work(
    options: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = animation(tmp_path / "walk.gif")

    assert bright_cutout(str(source), "--frames", "all", *options) == 1

    assert expected in capsys.readouterr().err


def test_a_still_that_is_to_become_a_gif_is_refused_with_a_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "photo.jpg"
    Image.fromarray(bright_square()).save(source)

    assert bright_cutout(str(source), "--frames", "all", "-o", str(tmp_path / "out.gif")) == 1

    said = capsys.readouterr().err
    assert "is not an animation" in said
    assert "--frames all" in said


def test_programs_are_told_of_each_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = animation(tmp_path / "walk.gif")

    assert bright_cutout(str(source), "--frames", "all", "--progress", "json") == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any("frame 2 of 3" in str(event) for event in events)
