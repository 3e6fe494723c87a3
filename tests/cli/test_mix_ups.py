"""Habits from other programs: the command that was meant is named, and nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dis_core.cli.patterns import arguments_of, expand_patterns
from tests.fakes.bright_squares import bright_cutout

pytestmark = pytest.mark.usefixtures("bright_models")


@pytest.mark.parametrize(
    ("inputs", "meant"),
    [
        (["a.png", "out.png"], "-o out.png"),
        (["a.png", "new/out.webp"], "-o new/out.webp"),
        (["b.jpg", "out.jpg"], "-o out.png"),
        (["b.jpg", "out"], "-o out.png"),
        (["deeper", "cutouts"], "-o cutouts"),
    ],
)
def test_a_second_input_that_does_not_exist_is_taken_for_an_output(
    inputs: list[str], meant: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))

    assert bright_cutout(*inputs) == 1

    said = capsys.readouterr().err
    assert f"there is no file {inputs[1]}" in said
    assert f"did you mean {meant}?" in said
    assert sorted(folder.rglob("*")) == before


def test_a_missing_first_input_is_no_reason_to_ask_about_the_second(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bright_cutout("missing.png", "also-missing.png") == 1

    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("inputs", [["a.png", "b.jpg"], ["deeper"]])
@pytest.mark.parametrize("name", ["one.png", "new/one.jpg"])
def test_several_results_make_no_folder_with_the_name_of_an_image(
    inputs: list[str], name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bright_cutout(*inputs, "-o", name) == 1

    assert "several results need a folder" in capsys.readouterr().err
    assert not Path(name).parent.joinpath(Path(name).name).exists()


@pytest.mark.parametrize("output", ["odd.png/", "folder.v2"])
def test_a_folder_may_have_any_name_if_it_is_written_as_one(output: str, folder: Path) -> None:
    assert bright_cutout("a.png", "b.jpg", "-o", output) == 0

    assert sorted(path.name for path in Path(output).iterdir()) == ["a-cutout.png", "b-cutout.png"]


def test_a_folder_that_is_called_like_an_image_is_used(folder: Path) -> None:
    Path("odd.png").mkdir()

    assert bright_cutout("a.png", "b.jpg", "-o", "odd.png") == 0


def cutout_to(stdout: Path | int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`dis-core cutout` as a shell runs it, with its standard output in a file or in a pipe."""
    command = [sys.executable, "-m", "dis_core", "cutout", "-m", "dis-lite", "--device", "cpu", *arguments]
    if isinstance(stdout, int):
        return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    with stdout.open("wb") as file:
        return subprocess.run(command, stdout=file, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("arguments", [["a.png"], ["a.png", "-o", "b.png"], [".", "-o", "out"]])
def test_an_image_file_as_standard_output_does_not_get_a_path(arguments: list[str], folder: Path) -> None:
    result = cutout_to(folder / "out.png", *arguments)

    assert result.returncode == 1
    assert "add -o -" in result.stderr
    assert Path("out.png").read_bytes() == b""
    assert not Path("a-cutout.png").exists()


def test_an_image_file_as_standard_output_gets_the_image_when_asked(folder: Path) -> None:
    result = cutout_to(folder / "out.png", "a.png", "-o", "-")

    assert result.returncode == 0, result.stderr
    assert Path("out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("is_pipe", [True, False])
def test_paths_go_to_pipes_and_to_other_files(is_pipe: bool, folder: Path) -> None:
    result = cutout_to(subprocess.PIPE if is_pipe else folder / "list.txt", "a.png")

    assert result.returncode == 0, result.stderr
    assert (result.stdout if is_pipe else Path("list.txt").read_text()) == "a-cutout.png\n"


def test_patterns_become_the_names_that_they_stand_for(folder: Path) -> None:
    Path("b2.jpg").touch()

    assert expand_patterns(["cutout", "*.jpg", "-o", "out"]) == ["cutout", "b.jpg", "b2.jpg", "-o", "out"]
    assert expand_patterns(["deeper/?.jpg"]) == [str(Path("deeper/a.jpg"))]


def test_a_pattern_without_a_match_and_brackets_stay_as_they_are(folder: Path) -> None:
    Path("a1.png").touch()

    assert expand_patterns(["*.gif", "a[1].png", "--bgcolor=*"]) == ["*.gif", "a[1].png", "--bgcolor=*"]


@pytest.mark.parametrize(("system", "expected"), [("nt", ["b.jpg"]), ("posix", ["*.jpg"])])
def test_only_windows_leaves_patterns_to_programs(
    system: str, expected: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dis_core.cli.patterns.os", type("os", (), {"name": system}))

    assert arguments_of(["*.jpg"]) == expected


def test_the_command_expands_what_the_shell_left(folder: Path) -> None:
    program = """
import os, sys, types
import dis_core.cli.patterns as patterns
import dis_core.__main__ as program
patterns.os = types.SimpleNamespace(name="nt")
sys.argv = ["dis-core", "cutout", "-m", "dis-lite", "--device", "cpu", "?.*"]
program.main()
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ})

    assert Path("a-cutout.png").exists()
    assert Path("b-cutout.png").exists()


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="needs devices that are files")
def test_a_device_is_refused_for_what_it_is_and_not_for_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bright_cutout("a.png", "-o", "/dev/null") == 1

    assert "/dev/null is a device" in capsys.readouterr().err
