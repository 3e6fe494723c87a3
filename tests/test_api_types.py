"""The public names as a type checker and `typing.get_type_hints` see them."""

from __future__ import annotations

import subprocess
import sys
import typing
from pathlib import Path

import pytest

import dis_core

PROGRAM = """\
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import dis_core
from dis_core import Box, ImageLike, Matte, Picture, Quality, Report


def cut(image: ImageLike, quality: Quality, report: Report) -> Picture:
    matte: Matte = dis_core.segment(image, quality=quality, roi=Box(0, 0, 10, 10), report=report)
    matte.threshold(0.4).grow(2).feather(3).save(Path("mask.png"), bits=16)
    return matte.cutout(background="white", crop=True, margin_px=4)


def click(image: ImageLike, boxes: list[Box]) -> list[Matte]:
    with dis_core.Pipeline(model="dis-sam") as pipeline, pipeline.open(image) as session:
        return [session.segment(prompt=box, report=dis_core.CancelToken(show)) for box in boxes]


def show(fraction: float, doing: str) -> None:
    print(fraction, doing)


alpha: NDArray[np.float32] = dis_core.segment("photo.jpg", model="dis-lite").alpha
data: bytes = cut(np.zeros((4, 4, 3), np.uint8), "best", show).to_bytes("jpeg")
try:
    cut(b"", "normal", show)
except dis_core.DisError as error:
    words: str = error.message + error.hint
"""


@pytest.mark.parametrize(
    "function",
    [
        dis_core.segment,
        dis_core.read_picture,
        dis_core.Pipeline.__init__,
        dis_core.Pipeline.segment,
        dis_core.Pipeline.segment_many,
        dis_core.Pipeline.segment_with,
        dis_core.Pipeline.open,
        dis_core.Session.segment,
        dis_core.SegmentOptions,
        dis_core.CancelToken.__call__,
        dis_core.list_models,
        dis_core.model_info,
        dis_core.ModelInfo,
        dis_core.Matte.cutout,
        dis_core.Matte.save,
        dis_core.Picture.save,
        dis_core.Matte,
        dis_core.Picture,
    ],
    ids=lambda function: function.__qualname__,
)
def test_type_hints_can_be_resolved_at_run_time(function: typing.Any) -> None:
    hints = typing.get_type_hints(function)

    assert hints


@pytest.mark.parametrize(
    "checker", [["mypy", "--strict"], ["basedpyright", "--level", "error"]], ids=["mypy", "pyright"]
)
def test_a_users_program_passes_a_strict_type_checker(checker: list[str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", *checker, str(program)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
