"""Hints are worded for Python where they are raised, and for the terminal where they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from dis_core.cli.hints import with_options
from dis_core.cli.main import run

pytestmark = pytest.mark.usefixtures("bright_models")


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("use another name, or `overwrite=True`", "use another name, or --overwrite"),
        ('try `quality="draft"` or `max_tiles=0`', "try --quality draft or --max-tiles 0"),
        ("leave out `depth_model`", "leave out --depth-model"),
        ("use `roi=Box(1, 2, 3, 4)`", "use --roi 10,20,300,400"),
        ("the nearest is `side_px=512`", "the nearest is --side 512"),
        ("run: dis-core fetch pdfnet", "run: dis-core fetch pdfnet"),
        ("", ""),
    ],
)
def test_arguments_in_a_hint_become_options(hint: str, shown: str) -> None:
    assert with_options(hint) == shown


def test_a_result_that_exists_is_refused_with_the_option_that_replaces_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a-mask.png").write_text("precious")

    assert run(["mask", "-m", "bright", "a.png"]) == 1

    assert "--overwrite" in capsys.readouterr().err


def test_a_program_is_given_the_hint_in_options_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mask", "-m", "bright-where-told", "a.png", "--progress", "json"]) == 1

    assert "--box 10,20,300,400" in capsys.readouterr().out
