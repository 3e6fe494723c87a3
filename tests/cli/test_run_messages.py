"""`dis-core cutout` and `dis-core mask`: what people and programs are told, and what stops a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image

from dis_core.cli.main import run
from dis_core.cli.results import show_result
from dis_core.images.picture import Picture
from dis_core.jobs.job import Job, JobResult, MaskStyle
from dis_core.matte.matte import Matte
from dis_core.pipeline import Pipeline
from dis_core.prompts import SegmentOptions
from tests.fakes.bright_squares import bright_cutout, bright_square
from tests.fakes.fake_hub import clean_environment, unused_address

pytestmark = pytest.mark.usefixtures("bright_models")

FLOWER = Path(__file__).parents[2] / "examples" / "flower.jpg"


def test_a_bad_file_does_not_keep_the_others_from_their_results(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.jpg").write_bytes(Path("b.jpg").read_bytes()[:300])

    assert bright_cutout(".") == 1

    assert Path("a-cutout.png").exists()
    assert Path("b-cutout.png").exists()
    last_lines = capsys.readouterr().err.splitlines()[-2:]
    assert "broken.jpg" in last_lines[0]
    assert "1 of 3 failed" in last_lines[1]


def test_a_name_that_is_no_text_is_told_byte_for_byte(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    name = os.fsdecode(b"odd-\xff.png")
    Path(name).write_bytes(Path("a.png").read_bytes())

    assert bright_cutout(name, "b.jpg") == 0

    assert capfdbinary.readouterr().out == b"odd-\xff-cutout.png\nb-cutout.png\n"


def test_what_concerns_all_images_is_said_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cutout", ".", "-m", "u2net"]) == 1

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_running_out_of_memory_with_one_image_leaves_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gray = Matte.gray

    def too_large(matte: Matte, *, bits: Literal[8, 16] = 8) -> Picture:
        if matte.picture is not None and matte.picture.name.endswith("a.png"):
            raise MemoryError
        return gray(matte, bits=bits)

    monkeypatch.setattr(Matte, "gray", too_large)

    assert run(["mask", "-m", "bright", "a.png", "b.jpg"]) == 1

    assert Path("b-mask.png").exists()
    assert "a.png: there is not enough memory" in capsys.readouterr().err


def test_a_program_is_told_of_an_error_before_the_first_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bright_cutout("a.png", "--progress", "json", "--device", "cuda:97") == 1

    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["code"]) == ("error", "DeviceUnavailable")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_standard_output_is_no_bug(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        child = subprocess.run(
            [sys.executable, "-m", "dis_core", "cutout", "a.png", "-m", "dis-lite"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(folder, unused_address()),
            timeout=120,
        )

    assert child.returncode == 1
    assert child.stderr.splitlines()[-1].startswith("dis-core: cannot write to standard output")


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell closes the streams")
def test_closed_streams_are_no_bug(folder: Path) -> None:
    command = f"{sys.executable} -m dis_core cutout a.png -m dis-lite <&- >&- 2>&-"

    done = subprocess.run(command, shell=True, env=clean_environment(folder, unused_address()), timeout=120)  # noqa: S602

    assert done.returncode == 0
    assert Path("a-cutout.png").exists()


def test_an_image_without_a_subject_is_said_to_have_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (20, 20)).save("black.png")

    assert bright_cutout("black.png", "--crop") == 0

    assert "no subject was found" in capsys.readouterr().err


def test_what_a_file_could_not_give_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [Image.fromarray(bright_square()).convert("P") for _ in range(3)]
    frames[1].paste(128, (0, 0, 9, 9))
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])

    assert run(["mask", "-m", "bright", "moving.gif"]) == 0

    assert "only the first of" in capsys.readouterr().err


def test_programs_get_one_json_object_per_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    assert bright_cutout("a.png", "broken.png", "--progress", "json") == 1

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    results = [event for event in events if event["event"] == "result"]
    errors = [event for event in events if event["event"] == "error"]
    assert fractions == sorted(fractions)
    assert [(event["input"], event["output"], event["device"]) for event in results] == [
        ("a.png", "a-cutout.png", "cpu")
    ]
    assert [(event.get("input"), event["code"]) for event in errors] == [("broken.png", "NoImage"), (None, "Error")]


def test_an_unknown_refiner_is_refused_before_any_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bright_cutout("a.png", "--refine", "slow") == 1

    told = capsys.readouterr().err
    assert "'slow'" in told
    assert "none, fast, matting, larger, tiles, auto" in told
    assert not Path("a-cutout.png").exists()


def test_how_a_matte_was_refined_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Image.open(FLOWER) as image:
        image.resize((1280, 854)).save("large.png")

    assert (
        run(["mask", "-m", "dis-lite", "large.png", "--refine", "tiles", "--max-tiles", "3", "--progress", "json"]) == 0
    )

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = events[-1]["refinement"]
    assert told["method"] == "tiles"
    assert told["levels"] == 3
    assert told["tiles_run"] == 3
    assert told["tiles_over_limit"] > 0
    assert 0 < told["seconds"] < events[-1]["seconds"]
    assert any("--max-tiles 3" in remark for remark in events[-1]["remarks"])
    assert any(event["doing"].startswith("refining level 2 of 3, tile ") for event in events[:-1])


@pytest.mark.parametrize(
    ("refine", "words"),
    [("none", "s\n"), ("tiles", "tiles"), ("auto", "a larger look and edges (auto: tiles would take long on the CPU)")],
)
def test_a_person_is_told_of_tiles_only_if_there_were_some(
    folder: Path, capsys: pytest.CaptureFixture[str], refine: str, words: str
) -> None:
    with Image.open(FLOWER) as image:
        image.resize((900, 600)).save("large.png")

    assert run(["mask", "-m", "dis-lite", "large.png", "--refine", refine]) == 0

    assert words in capsys.readouterr().err.splitlines(keepends=True)[-1]


def test_ctrl_c_stops_cleanly(folder: Path) -> None:
    for number in range(40):
        Image.fromarray(bright_square(600, 800)).save(f"many-{number:02}.png")
    child = subprocess.Popen(
        [sys.executable, "-m", "dis_core", "cutout", ".", "-m", "dis-lite", "-o", "out", "--progress", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The interrupt may fall between the opening of a file and its `with`: then the collector closes the file, which
        # Python mentions only where warnings are errors.
        env=clean_environment(folder, unused_address(), PYTHONWARNINGS="error,ignore::ResourceWarning"),
    )
    assert child.stdout is not None

    for line in child.stdout:
        if json.loads(line)["event"] == "result":
            break
    os.kill(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=60)

    assert child.returncode == 130
    assert errors.splitlines()[-1].startswith("dis-core: stopped")
    assert "Traceback" not in errors
    written = list(Path("out").iterdir())
    assert 0 < len(written) < 42
    for path in written:
        assert path.suffix == ".png"
        with Image.open(path) as image:
            image.load()


def test_that_no_depth_map_could_be_saved_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cutout", "-m", "bright", "a.png", "--save-depth"]) == 0

    assert "no depth map was saved" in capsys.readouterr().err
    assert not (folder / "a-cutout-depth.png").exists()


def test_loading_is_told_apart_from_the_time_of_an_image(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load = Pipeline._load

    def load_slowly(*arguments: Any) -> Any:
        time.sleep(0 if arguments[0]._loaded else 0.5)
        return load(*arguments)

    monkeypatch.setattr(Pipeline, "_load", load_slowly)

    assert bright_cutout("a.png", "b.jpg", "--progress", "json") == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first, second = (event for event in events if event["event"] == "result")
    assert first["loading_seconds"] >= 0.5 > second["loading_seconds"]


@pytest.mark.parametrize(("loading_s", "expected"), [(3.0, "in 1.0 s, after loading for 3.0 s\n"), (0.0, "in 4.0 s\n")])
def test_a_person_is_told_of_loading_if_there_was_any(
    loading_s: float, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(Path("a.png"), Path("out.png"), "png", MaskStyle(), SegmentOptions())

    show_result(job, JobResult("bright@1", "cpu", loading_s=loading_s), 4.0, "none")

    assert capsys.readouterr().err.endswith(f"done by bright on cpu {expected}")


def test_a_failure_names_its_image_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.png").touch()

    assert bright_cutout(".", "-o", "out") == 1

    assert "dis-core: empty.png is empty" in capsys.readouterr().err
