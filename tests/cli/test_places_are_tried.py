"""`dis-core cutout` and others: the place for results is tried before the work, and a full disk ends it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core import files, places
from dis_core.cli.main import run
from dis_core.errors import OutputFailed
from dis_core.images import picture as pictures
from dis_core.places import Trial
from tests.fakes.bright_model import loaded
from tests.fakes.bright_squares import bright_cutout, bright_square
from tests.fakes.fake_hub import clean_environment, unused_address
from tests.fakes.locked_folders import can_lock_folders, run_python

pytestmark = pytest.mark.usefixtures("bright_models")

LONG = "x" * 300


def told_once(capsys: pytest.CaptureFixture[str], words: str) -> None:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert words in lines[0]
    assert not loaded


def test_a_file_in_the_way_of_the_folder_is_found_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_bytes(b"precious")

    assert bright_cutout(".", "-o", "file/out") == 1

    told_once(capsys, "file is not a folder")
    assert Path("file").read_bytes() == b"precious"


def test_a_folder_name_that_is_too_long_is_found_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bright_cutout("a.png", "-o", f"new/{LONG}/out.png") == 1

    told_once(capsys, "could not be written: File name too long")
    assert not Path("new").exists()


def test_a_file_name_that_is_too_long_is_found_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bright_cutout("a.png", "-o", f"{LONG}.png") == 1

    told_once(capsys, "choose a shorter name")


def test_a_name_that_is_too_long_with_its_suffix_costs_only_its_image(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = f"{'x' * 250}.png"
    shutil.copy("a.png", long)

    assert bright_cutout(".", "--progress", "json") == 1

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["input"] for event in events if event["event"] == "error" and "input" in event] == [long]
    assert Path("a-cutout.png").exists()
    assert Path("b-cutout.png").exists()


@can_lock_folders
def test_a_read_only_folder_is_found_before_the_work(folder: Path) -> None:
    Path("locked").mkdir(mode=0o500)

    child = run_python(
        *("-m", "dis_core", "cutout", "a.png", "b.jpg", "-m", "dis-lite", "-o", "locked/out", "--progress", "json"),
        environment=clean_environment(folder, unused_address()),
    )

    assert child.returncode == 1
    assert child.stderr.splitlines() == [
        "dis-core: locked could not be written: Permission denied (choose a folder that you may write to)"
    ]
    assert [json.loads(line)["event"] for line in child.stdout.splitlines()] == ["error"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no /dev/null")
@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_a_device_is_refused_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert bright_cutout("a.png", "-o", os.devnull, "--format", "png", *options) == 1

    told_once(capsys, "/dev/null is a device")
    assert not Path(os.devnull).is_file()


def test_nothing_is_left_of_a_trial(folder: Path) -> None:
    before = sorted(folder.rglob("*"))

    Trial().refuse_unwritable(folder / "new" / "out.png", overwrite=False)

    assert sorted(folder.rglob("*")) == before


def test_each_folder_is_tried_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Path] = []
    find = places._problem_with

    def find_and_note(place: Path) -> OutputFailed | None:
        tried.append(place)
        return find(place)

    monkeypatch.setattr(places, "_problem_with", find_and_note)

    assert bright_cutout("a.png", "b.jpg", "-o", "out") == 0

    assert tried == [Path()]


def test_a_side_that_is_too_long_for_webp_is_found_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (16384, 2)).save("long.png")

    assert bright_cutout("long.png", "-o", "out.webp") == 1

    told_once(capsys, "WebP allows at most 16383")


def test_a_result_that_is_cropped_may_fit_although_its_image_would_not(folder: Path) -> None:
    wide = np.zeros((40, 16384, 3), np.uint8)
    wide[:, :60] = bright_square()
    Image.fromarray(wide).save("wide.png")

    assert bright_cutout("wide.png", "--crop", "-o", "out.webp") == 0

    with Image.open("out.webp") as result:
        assert result.size == (20, 20)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_the_first_full_disk_ends_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    Path("0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for name in ("c.png", "d.png", "e.png"):
        Path(name).write_bytes(Path("a.png").read_bytes())
    monkeypatch.setattr("dis_core.files._sync", fail)

    assert bright_cutout("-r", ".", "-o", "out") == 1

    assert len(loaded[-1].seen) <= 2  # the model looks at the next image while a result is written
    told = capsys.readouterr().err.splitlines()
    assert "0.png" in told[-2]  # what failed before is not forgotten
    assert os.strerror(number) in told[-1]
    assert not Path("out").exists()


def test_another_failure_of_a_disk_costs_only_its_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = files.write_atomically

    def fail_once(path: Path, data: bytes, *, overwrite: bool = False) -> None:
        if path.name.startswith("a-"):
            raise OutputFailed(f"{path} could not be written")
        write(path, data, overwrite=overwrite)

    monkeypatch.setattr(pictures, "write_atomically", fail_once)

    assert bright_cutout(".") == 1

    assert Path("b-cutout.png").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["scenes", "--folder", "file/made", "--count", "1"],
        ["scenes", f"{LONG}.png", "--count", "1"],
        ["train", "file/run", "--steps", "1"],
    ],
    ids=["scenes", "sheet", "train"],
)
def test_other_commands_try_their_places_too(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    Path("file").write_bytes(b"precious")

    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    # In this order: who imports the training while scenes are replaced keeps the replacement.
    monkeypatch.setattr("dis_core.training.setup.make_learner", work)
    monkeypatch.setattr("dis_core.scenes.scene.make_scene", work)

    assert run(arguments) == 1

    assert "file" in capsys.readouterr().err.lower()


def test_scores_are_not_measured_where_they_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("found", "true"):
        Path(name).mkdir()
        Image.new("L", (60, 40), 9).save(f"{name}/a.png")

    assert run(["evaluate", "found", "true", "--csv", f"{LONG}.csv"]) == 1

    assert "File name too long" in capsys.readouterr().err
