"""How far a teacher's mattes are believed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dis_core.errors import BadRequest
from dis_core.training.teacher import SURE, confidence_of, read_confidence, trust_in


def test_a_folder_without_the_file_is_believed() -> None:
    assert read_confidence(Path("nowhere")) is None


def test_confidence_is_read_as_it_is_or_made_of_what_the_teacher_agreed_on(tmp_path: Path) -> None:
    (tmp_path / "confidence.jsonl").write_text(
        '{"name": "a", "confidence": 0.4}\n{"name": "b", "agree": 0.99, "gray": 0.02, "area": 0.3}\n'
    )

    assert read_confidence(tmp_path) == {"a": 0.4, "b": SURE}


def test_less_agreement_more_gray_and_no_subject_are_believed_less() -> None:
    sure = {"agree": 0.95, "gray": 0.05, "area": 0.3}

    doubtful = [confidence_of({**sure, **other}) for other in ({"agree": 0.82}, {"gray": 0.2}, {"area": 0.001})]

    assert confidence_of(sure) == SURE
    assert 0 < doubtful[0] < SURE
    assert 0 < doubtful[1] < SURE
    assert doubtful[2] == 0


@pytest.mark.parametrize("line", ["nonsense", "{}", '{"name": "a"}', '{"name": "a", "confidence": "much"}'])
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "confidence.jsonl").write_text(f'{{"name": "b", "confidence": 1}}\n{line}\n')

    with pytest.raises(BadRequest, match="line 2 of"):
        read_confidence(tmp_path)


def test_a_sharp_edge_is_believed_and_a_wide_gray_place_is_not() -> None:
    matte = torch.zeros(1, 256, 256)
    matte[:, :, 64:] = 1.0
    matte[:, 128:, 128:] = 0.5

    trust = trust_in(matte, 0.8)

    assert trust[0, 60, 64] == pytest.approx(0.8)
    assert trust[0, 200, 200] < 0.1
