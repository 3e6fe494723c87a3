"""What the plug-ins ask `dis-core adjust` for, and how they read its answers."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image
from shared.adjusting import Answer, AnswerReader, adjust_arguments, look_request, request_line, result_request
from shared.events import Failed
from shared.settings import Settings

from dis_core.cli.main import run


def test_what_is_asked_for_is_understood_and_the_answers_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matte, image = tmp_path / "matte.png", tmp_path / "image.png"
    Image.new("L", (60, 40), 200).save(matte)
    Image.new("RGB", (60, 40), "red").save(image)
    settings = Settings(grow_px=-2, feather_px=3, threshold_percent=40, result="cut", colors="original")
    requests = [
        look_request(settings, str(tmp_path / "look.pgm"), (10, 0, 40, 40), (20, 20)),
        result_request(settings, str(tmp_path / "cut.png")),
        look_request(settings, str(tmp_path / "look.gif"), (0, 0, 60, 40), (60, 40)),
    ]
    lines = b"".join(request_line(request, number) for number, request in enumerate(requests, start=1))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))

    assert run(adjust_arguments(str(matte), str(image))) == 0

    answers = AnswerReader().feed(capsys.readouterr().out.encode())
    assert answers[:2] == [Answer(1), Answer(2)]
    assert answers[2].failed is not None
    assert answers[2].failed.code == "BadRequest"
    with Image.open(tmp_path / "look.pgm") as look, Image.open(tmp_path / "cut.png") as cut:
        assert (look.size, cut.size, cut.mode) == ((20, 20), (60, 40), "RGBA")


def test_only_a_cut_is_asked_for_with_colors() -> None:
    assert result_request(Settings(result="mask", colors="original"), "a.pgm")["colors"] is None
    assert result_request(Settings(result="cut"), "a.png")["colors"] == "clean"


def test_why_it_could_not_begin_is_kept() -> None:
    reader = AnswerReader()

    answers = reader.feed(
        json.dumps({"event": "error", "code": "NoImage", "message": "no", "hint": ""}).encode() + b"\n"
    )

    assert answers == []
    assert reader.failed == Failed("NoImage", "no", "")


@pytest.mark.parametrize("noise", [b"not json\n", b"[1]\n", b'{"event": "result", "number": "x"}\n', b"\xff\xfe\n"])
def test_other_output_is_left_alone(noise: bytes) -> None:
    assert AnswerReader().feed(noise + b'{"event": "result", "number": 3}\n') == [Answer(3)]
