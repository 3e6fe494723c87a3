"""`dis-core evaluate` from what is typed to what is told."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dis_core.cli.commands.evaluate import evaluate as command
from dis_core.cli.commands.evaluate import refuse_unmatched
from dis_core.cli.main import run
from dis_core.errors import BadRequest
from dis_core.evaluation.pairs import Matching
from dis_core.evaluation.scores import MEASURES
from dis_core.registry import manager as registry
from tests.fakes.bright_model import BRIGHT, loaded
from tests.fakes.fake_hub import clean_environment, unused_address

pytestmark = pytest.mark.usefixtures("bright_models")


def square(left: int) -> NDArray[np.uint8]:
    """Black, with a white box of 20 x 20 pixels."""
    gray = np.zeros((40, 60), np.uint8)
    gray[10:30, left : left + 20] = 255
    return gray


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: two images whose subject is bright, their truths, and a good and a bad prediction."""
    monkeypatch.chdir(tmp_path)
    for name, picture in {
        "images/a.png": square(10),
        "images/b.png": square(10),
        "true/a.png": square(10),
        "true/b.png": square(15),
        "found/a.png": square(10),
        "found/b.png": square(30),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image = Image.fromarray(picture)
        (image.convert("RGB") if name.startswith("images") else image).save(tmp_path / name)
    return tmp_path


def evaluate(*arguments: str) -> int:
    return run(["evaluate", "--workers", "1", *arguments])


def written(path: str) -> Any:
    return json.loads(Path(path).read_bytes())


def test_a_table_with_the_mean_and_the_definition_of_max_f_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("found", "true") == 0

    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert [line.split()[0] for line in lines[3:6]] == ["b", "a", "mean"]
    assert lines[3].split()[7] == f"{5 / 35:.3f}"
    assert lines[5].split()[9] == f"{(1 + 5 / 35) / 2:.3f}"
    assert "best of 256 thresholds of each image; then the mean over images" in told.out
    assert told.err == ""


def test_csv_json_and_the_sheet_are_written(folder: Path) -> None:
    assert evaluate("found", "true", "--csv", "s.csv", "--json", "s.json", "--sheet", "s.png", "--worst", "1") == 0

    rows = list(csv.DictReader(Path("s.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == ["a", "b", "mean"]
    assert written("s.json")["mean"]["iou"] == pytest.approx(float(rows[2]["iou"]), abs=1e-6)
    with Image.open("s.png") as sheet:
        assert sheet.size == (3 * 328 + 8, 20 + 268 + 8)


def test_the_sheet_shows_the_images_if_they_are_named(folder: Path) -> None:
    assert evaluate("found", "true", "--sheet", "s.jpg", "--images", "images") == 0

    with Image.open("s.jpg") as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width == 4 * 328 + 8


def test_the_worst_are_chosen_by_the_measure_that_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("found", "true", "--worst-by", "mae", "--worst", "1") == 0

    told = capsys.readouterr().out.splitlines()
    assert told[0] == "The worst 1 of 2 by MAE, and the mean:"
    assert told[3].split()[0] == "b"


def test_every_measure_can_say_what_is_worst() -> None:
    (option,) = (parameter for parameter in command.params if parameter.name == "worst_by")

    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == [measure.key for measure in MEASURES]


def test_several_processes_tell_the_same(folder: Path) -> None:
    assert evaluate("found", "true", "--json", "one.json") == 0

    assert run(["evaluate", "found", "true", "--json", "two.json", "--workers", "2"]) == 0

    assert written("two.json") == written("one.json")


def test_a_model_that_has_to_be_told_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told_what = replace(BRIGHT, name="told", prompts=("box",))
    monkeypatch.setattr(registry, "models", lambda: {"told": told_what})

    assert evaluate("images", "true", "--model", "told") == 1

    assert "told needs a prompt" in capsys.readouterr().err


def test_a_missing_prediction_is_an_error_that_names_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "found" / "a.png").unlink()

    assert evaluate("found", "true", "--csv", "s.csv") == 1

    told = capsys.readouterr()
    assert "true/a.png" in told.err.replace(os.sep, "/")
    assert told.out == ""
    assert not Path("s.csv").exists()


def test_the_first_files_without_a_partner_are_named(tmp_path: Path) -> None:
    names = [tmp_path / f"lone{number}.png" for number in range(5)]

    with pytest.raises(BadRequest, match=r"prediction.*lone0\.png, .*lone1\.png, .*lone2\.png and 2 more") as failure:
        refuse_unmatched(Matching([], without_truth=[], without_prediction=names))

    assert "--allow-missing" in failure.value.hint


def test_a_prediction_without_a_truth_is_an_error_that_names_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "true" / "a.png").unlink()

    assert evaluate("found", "true") == 1

    assert "found/a.png" in capsys.readouterr().err.replace(os.sep, "/")


def test_missing_files_are_left_out_if_that_is_allowed_and_it_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "found" / "a.png").unlink()

    assert evaluate("found", "true", "--allow-missing") == 0

    told = capsys.readouterr()
    assert "left out: 1" in told.err
    assert "mean of 1" in told.out


def test_other_sizes_are_an_error_that_names_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(square(10)[:30]).save("found/b.png")

    assert evaluate("found", "true") == 1

    told = capsys.readouterr().err
    assert "b.png" in told
    assert "60 x 30" in told


def test_a_model_makes_the_predictions_first(folder: Path) -> None:
    assert evaluate("images", "true", "--model", "bright", "--device", "cpu", "--json", "s.json") == 0

    images = written("s.json")["images"]
    assert [image["iou"] for image in images] == pytest.approx([1, 15 / 25], abs=1e-6)
    assert sorted(path.name for path in folder.iterdir()) == ["found", "images", "s.json", "true"]


def test_predictions_that_are_kept_have_the_same_scores_again(folder: Path) -> None:
    assert evaluate("images", "true", "--model", "bright", "--save-predictions", "kept/here", "--json", "one.json") == 0

    assert evaluate("kept/here", "true", "--json", "two.json") == 0

    assert sorted(path.name for path in Path("kept/here").iterdir()) == ["a.png", "b.png"]
    assert written("two.json")["mean"] == written("one.json")["mean"]


def test_a_tree_of_images_keeps_its_tree(folder: Path) -> None:
    for name in ("images", "true"):
        (folder / name / "deeper").mkdir()
        (folder / name / "a.png").rename(folder / name / "deeper" / "a.png")

    assert evaluate("images", "true", "-r", "--model", "bright", "--save-predictions", "kept") == 0

    assert Path("kept/deeper/a.png").is_file()


@pytest.mark.parametrize("place", ["images", "true"])
def test_no_prediction_replaces_what_is_read(place: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}

    assert evaluate("images", "true", "--model", "bright", "--save-predictions", place, "--overwrite") == 1

    assert "which is an input" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before


def test_predictions_that_are_there_are_not_replaced_unasked(folder: Path) -> None:
    before = Path("found/a.png").read_bytes()
    asked = ("images", "true", "--model", "bright", "--save-predictions", "found")

    assert evaluate(*asked) == 1
    assert Path("found/b.png").read_bytes() != Path("images/b.png").read_bytes()
    assert Path("found/a.png").read_bytes() == before

    assert evaluate(*asked, "--overwrite", "--json", "s.json") == 0
    assert written("s.json")["images"][1]["iou"] == pytest.approx(15 / 25, abs=1e-6)


@pytest.mark.parametrize("option", ["--csv", "--json", "--sheet"])
def test_results_that_are_there_are_noticed_before_the_work(
    option: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("s.png").write_text("mine")

    assert evaluate("found", "true", option, "s.png") == 1

    told = capsys.readouterr()
    assert "s.png" in told.err
    assert told.out == ""
    assert Path("s.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--save-predictions", "kept"), "without --model"),
        (("--quality", "best"), "without --model"),
        (("--refine", "fast"), "without --model"),
        (("--model", "bright", "--images", "images"), "--images"),
        (("--sheet", "s.gif"), "s.gif"),
        (("--csv", "s.x", "--json", "s.x"), "different files"),
        (("--csv", "nowhere/s.csv"), "nowhere"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: tuple[str, ...], complaint: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("found", "true", *arguments) == 1

    assert complaint in capsys.readouterr().err


def test_boundary_iou_can_be_measured_at_a_distance_in_pixels(folder: Path) -> None:
    for distance in ("1", "5"):
        assert evaluate("found", "true", "--boundary-px", distance, "--json", f"{distance}.json") == 0

    one, five = written("1.json"), written("5.json")
    # Boxes of 20 x 20 share 5 columns. Of rings 1 pixel wide (76 pixels each) these hold two rows of both; of rings
    # 5 pixels wide (300 each) all of both.
    assert one["images"][1]["boundary_iou"] == pytest.approx(10 / (76 + 76 - 10), abs=1e-6)
    assert five["images"][1]["boundary_iou"] == pytest.approx(100 / (300 + 300 - 100), abs=1e-6)
    assert "1 pixel from" in one["definitions"]["boundary_iou"]


def test_stretching_is_done_on_demand(folder: Path) -> None:
    for name in ("a", "b"):
        Image.fromarray(np.rint(square(10) * 0.4).astype(np.uint8)).save(f"found/{name}.png")

    assert evaluate("found", "true", "--json", "as-is.json") == 0
    assert evaluate("found", "true", "--json", "stretched.json", "--stretch") == 0

    assert written("as-is.json")["images"][0]["iou"] == 0
    assert written("stretched.json")["images"][0]["iou"] == 1


def test_for_programs_the_means_are_one_event(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("found", "true", "--progress", "json") == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["event"] == "result"
    assert events[-1]["images"] == 2
    assert events[-1]["mean"]["iou"] == pytest.approx((1 + 5 / 35) / 2, abs=1e-6)


def test_without_the_extra_the_error_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "py_sod_metrics", None)

    assert evaluate("images", "true", "--model", "bright") == 1

    assert "pip install 'dis-core[evaluation]'" in capsys.readouterr().err
    assert not loaded  # nothing was predicted in vain


def test_ctrl_c_stops_cleanly(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500), dtype=np.uint8)
    for name in ("found", "true"):
        Image.fromarray(noise).save(folder / name / "a.png")
        for number in range(60):
            (folder / name / f"{number:02}.png").hardlink_to(folder / name / "a.png")
    command = [sys.executable, "-m", "dis_core", "evaluate", "found", "true", "--workers", "2"]
    child = subprocess.Popen(
        [*command, "--progress", "json", "--csv", "s.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A terminal sends the interrupt to all processes of the group.
        start_new_session=True,
        env=clean_environment(folder, unused_address(), PYTHONWARNINGS="error,ignore::ResourceWarning"),
    )
    assert child.stdout is not None

    for line in child.stdout:
        if json.loads(line)["fraction"] > 0:
            break
    os.killpg(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=60)  # its end is that of the last process that holds the pipes

    assert child.returncode == 130
    assert errors.splitlines()[-1].startswith("dis-core: stopped")
    assert "Traceback" not in errors
    assert not Path("s.csv").exists()
