"""`dis-core parts`: which separate things are in a matte."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.cli.main import run
from dis_core.matte.parts import number_parts


def two_things(folder: Path) -> np.ndarray:
    """A large bright square, a small one with a soft edge, and a speck; also as matte.png."""
    matte = np.zeros((90, 120), np.uint8)
    matte[10:50, 10:60] = 255
    matte[60:80, 80:100] = 60
    matte[62:78, 82:98] = 255
    matte[5, 110] = 255
    Image.fromarray(matte).save(folder / "matte.png")
    return matte


def test_each_pixel_gets_the_number_of_its_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matte = two_things(tmp_path)

    assert run(["parts", str(tmp_path / "matte.png"), "-o", str(tmp_path / "parts.png"), "--json"]) == 0

    with Image.open(tmp_path / "parts.png") as image:
        numbers = np.asarray(image)
    assert json.loads(capsys.readouterr().out) == {
        "parts": [
            {"number": 1, "box": [10, 10, 50, 40], "area_px": 2000},
            {"number": 2, "box": [80, 60, 20, 20], "area_px": 256},
        ]
    }
    expected = np.zeros_like(matte)
    expected[10:50, 10:60] = 1
    expected[60:80, 80:100] = 2
    assert np.array_equal(numbers, expected)


def test_nothing_is_said_to_be_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "black.png")

    assert run(["parts", str(tmp_path / "black.png"), "-o", str(tmp_path / "parts.png")]) == 0

    assert "there is nothing in this matte" in capsys.readouterr().err


def test_more_parts_than_can_be_numbered_are_left_out_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matte = np.zeros((60, 60), np.uint8)
    matte[::3, ::3] = 255
    matte[:6, :6] = 255
    Image.fromarray(matte).save(tmp_path / "many.png")

    assert run(["parts", str(tmp_path / "many.png"), "-o", str(tmp_path / "parts.png"), "--json"]) == 0

    shown = capsys.readouterr()
    assert "only the 255 largest are numbered" in shown.err
    assert len(json.loads(shown.out)["parts"]) == 255
    with Image.open(tmp_path / "parts.png") as image:
        assert np.asarray(image)[0, 0] == 1


@pytest.mark.parametrize(("name", "told"), [("missing.png", "there is no file"), ("colors.png", "is in color")])
def test_what_is_no_matte_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, told: str) -> None:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "colors.png")

    assert run(["parts", str(tmp_path / name), "-o", str(tmp_path / "parts.png")]) == 1

    assert told in capsys.readouterr().err
    assert not (tmp_path / "parts.png").exists()


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    two_things(tmp_path)
    (tmp_path / "parts.png").write_bytes(b"mine")

    assert run(["parts", str(tmp_path / "matte.png"), "-o", str(tmp_path / "parts.png")]) == 1

    assert (tmp_path / "parts.png").read_bytes() == b"mine"


def test_numbers_count_down_in_size() -> None:
    alpha = np.zeros((40, 40), np.float32)
    alpha[2:6, 2:6] = 1
    alpha[10:30, 10:30] = 1

    numbers, areas = number_parts(alpha, 0.5)

    assert areas == [400, 16]
    assert numbers[3, 3] == 2
    assert numbers[20, 20] == 1
