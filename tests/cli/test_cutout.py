"""`dis-core cutout` and `dis-core mask` from what is typed to what lies on the disk."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dis_core.cli.main import run
from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture
from dis_core.matte.matte import Matte
from dis_core.registry import manager as registry
from tests.fakes.bright_model import BRIGHT, BRIGHT_WITH_DEPTH, loaded
from tests.fakes.fake_hub import clean_environment, unused_address

FLOWER = Path(__file__).parents[2] / "examples" / "flower.jpg"


@pytest.fixture(autouse=True)
def bright_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = {**registry.models(), "bright": BRIGHT, "bright-with-depth": BRIGHT_WITH_DEPTH}
    monkeypatch.setattr(registry, "models", lambda: known)
    yield
    loaded.clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a.png, b.jpg and deeper/a.jpg, each black with a white square."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deeper").mkdir()
    for name in ("a.png", "b.jpg", "deeper/a.jpg"):
        Image.fromarray(square()).save(tmp_path / name, quality=100)
    return tmp_path


def square(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    """Black, with a white box from (20, 10) to (40, 30)."""
    image = np.zeros((height, width, 3), np.uint8)
    image[10:30, 20:40] = 255
    return image


def cutout(*arguments: str) -> int:
    return run(["cutout", "--model", "bright", "--device", "cpu", *arguments])


def test_a_cutout_lies_beside_its_image_and_says_what_made_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cutout("a.png") == 0

    told = capsys.readouterr()
    assert told.out == "a-cutout.png\n"
    assert "a.png: done by bright on cpu in" in told.err
    with Image.open("a-cutout.png") as image:
        assert image.mode == "RGBA"
        pixels = np.asarray(image)
    assert (pixels[10:30, 20:40] == 255).all()
    assert pixels[..., 3].sum() == 20 * 20 * 255


def test_a_mask_is_gray_and_white_where_the_subject_is(folder: Path) -> None:
    assert run(["mask", "--model", "bright", "a.png", "--bits", "16"]) == 0

    matte = read_picture(folder / "a-mask.png")
    assert matte.pixels.dtype == np.uint16
    assert (matte.pixels[..., 0] == np.where(square()[..., 0] > 0, 65535, 0)).all()


def test_the_images_themselves_are_left_as_they_were(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}

    assert cutout(".", "--recursive", "--overwrite") == 0

    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_folder_keeps_its_tree(folder: Path) -> None:
    assert cutout(".", "-r", "-o", "out") == 0

    written = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*.png"))
    assert written == ["a-cutout.png", "b-cutout.png", "deeper/a-cutout.png"]


def test_a_folder_alone_is_not_searched_deeper(folder: Path) -> None:
    assert cutout(".", "-o", "out") == 0

    assert not (folder / "out" / "deeper").exists()


def test_names_never_collide(folder: Path) -> None:
    Image.fromarray(square()).save("a.webp")

    assert cutout("a.png", "a.webp", "deeper/a.jpg", "-o", "out") == 0

    assert sorted(path.name for path in Path("out").iterdir()) == [
        "a-cutout.png",
        "a-jpg-cutout.png",
        "a-webp-cutout.png",
    ]


def test_results_of_an_earlier_run_are_no_images_and_are_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cutout(".") == 0
    first = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    assert cutout(".") == 0

    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == first
    assert "2 results are there already" in capsys.readouterr().err


def test_results_of_any_command_are_no_images_of_a_folder(folder: Path) -> None:
    Image.fromarray(square()).save("a.webp")
    Image.fromarray(square()).save("face-mask.jpg")
    assert run(["mask", "-m", "bright", "."]) == 0
    assert cutout("-r", ".", "-o", "out") == 0

    assert cutout("-r", ".", "-o", "out", "--overwrite") == 0

    assert sorted(path.name for path in Path("out").iterdir()) == [
        "a-cutout.png",
        "a-webp-cutout.png",
        "b-cutout.png",
        "deeper",
        "face-mask-cutout.png",
    ]


def test_a_result_is_overwritten_only_when_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a-cutout.png").write_text("precious")

    assert cutout("a.png") == 1
    assert Path("a-cutout.png").read_text() == "precious"
    assert "exists already" in capsys.readouterr().err

    assert cutout("a.png", "--overwrite") == 0
    assert Path("a-cutout.png").read_bytes().startswith(b"\x89PNG")


def test_a_bad_file_does_not_keep_the_others_from_their_results(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.jpg").write_bytes(Path("b.jpg").read_bytes()[:300])

    assert cutout(".") == 1

    assert Path("a-cutout.png").exists()
    assert Path("b-cutout.png").exists()
    last_lines = capsys.readouterr().err.splitlines()[-2:]
    assert "broken.jpg" in last_lines[0]
    assert "1 of 3 failed" in last_lines[1]


@pytest.mark.parametrize(("name", "magic"), [("x.png", b"\x89PNG"), ("x.webp", b"RIFF"), ("x.tif", b"II*\0")])
def test_the_ending_chooses_the_format(folder: Path, name: str, magic: bytes) -> None:
    assert cutout("a.png", "-o", name) == 0

    assert Path(name).read_bytes().startswith(magic)


def test_a_name_without_an_ending_takes_the_format_that_is_named(folder: Path) -> None:
    assert cutout("a.png", "-o", "result", "--format", "webp") == 0

    assert Path("result").read_bytes().startswith(b"RIFF")


def test_standard_input_goes_to_standard_output(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("a.png").read_bytes())))
    monkeypatch.setattr(sys, "stdout", out)

    assert cutout("-", "--format", "webp") == 0

    written = out.buffer
    assert isinstance(written, io.BytesIO)
    with Image.open(io.BytesIO(written.getvalue())) as image:
        assert (image.format, image.mode) == ("WEBP", "RGBA")


def test_a_background_color_fills_what_was_cut_away(folder: Path) -> None:
    assert cutout("a.png", "--bgcolor", "#102030") == 0

    with Image.open("a-cutout.png") as image:
        assert image.mode == "RGB"
        assert image.getpixel((0, 0)) == (16, 32, 48)
        assert image.getpixel((30, 20)) == (255, 255, 255)


def test_a_background_image_fills_what_was_cut_away(folder: Path) -> None:
    Image.new("RGB", (7, 5), (200, 100, 50)).save("behind.png")

    assert cutout("a.png", "--bgimage", "behind.png") == 0

    with Image.open("a-cutout.png") as image:
        assert image.getpixel((0, 0)) == (200, 100, 50)


def test_a_crop_leaves_the_subject_and_its_margin(folder: Path) -> None:
    assert cutout("a.png", "--crop", "--crop-margin", "3") == 0

    with Image.open("a-cutout.png") as image:
        assert image.size == (26, 26)


def test_a_box_is_x_y_width_and_height(folder: Path) -> None:
    assert cutout("a.png", "--roi", "0,0,30,40", "--crop") == 0

    with Image.open("a-cutout.png") as image:
        assert image.size == (10, 20)


@pytest.mark.parametrize("grow", [-4, 3])
def test_the_edge_is_moved_by_pixels_of_the_image(folder: Path, grow: int) -> None:
    assert run(["mask", "--model", "bright", "a.png", "--grow", str(grow)]) == 0

    row = read_picture(folder / "a-mask.png").pixels[20, :, 0]
    assert (np.flatnonzero(row == 255) == np.arange(20 - grow, 40 + grow)).all()


def test_a_cutout_gets_the_same_edge_as_a_mask(folder: Path) -> None:
    edges = ["--model", "bright", "a.png", "--grow", "-3", "--feather", "4"]

    assert run(["mask", *edges]) == 0
    assert run(["cutout", *edges]) == 0

    mask, alpha = read_picture(folder / "a-mask.png").pixels[..., 0], read_picture(folder / "a-cutout.png").alpha
    assert alpha is not None
    assert np.abs(mask / np.float32(255) - alpha).max() < 1e-6
    assert 0 < alpha[20, 23] < 1


def test_a_mask_can_grow_beyond_what_is_visible(folder: Path) -> None:
    layer = np.dstack([np.full((40, 60, 3), 255, np.uint8), square()[..., 0]])
    Image.fromarray(layer).save("layer.png")

    assert run(["mask", "--model", "bright", "layer.png", "--grow", "5"]) == 0

    row = read_picture(folder / "layer-mask.png").pixels[20, :, 0]
    assert (np.flatnonzero(row == 255) == np.arange(15, 45)).all()


def test_no_depth_map_goes_where_an_image_is(folder: Path) -> None:
    Path("a-cutout-depth.png").write_bytes(Path("b.jpg").read_bytes())
    before = Path("a-cutout-depth.png").read_bytes()

    assert run(["cutout", "-m", "bright", "a.png", "a-cutout-depth.png", "--save-depth", "--overwrite"]) == 0

    assert Path("a-cutout-depth.png").read_bytes() == before
    assert Path("a-png-cutout.png").exists()


def test_no_result_goes_where_the_users_depth_map_is(folder: Path) -> None:
    Image.new("L", (60, 40), 9).save("foo-depth.png")
    before = Path("foo-depth.png").read_bytes()
    options = ["--depth", "foo-depth.png", "-o", "foo.png", "--save-depth", "--overwrite"]

    assert run(["cutout", "-m", "bright", "a.png", *options]) == 1

    assert Path("foo-depth.png").read_bytes() == before


def test_a_depth_map_that_is_there_is_found_before_any_work(folder: Path) -> None:
    Path("a-cutout-depth.png").write_text("precious")

    assert run(["cutout", "-m", "bright", "a.png", "--save-depth"]) == 1

    assert not Path("a-cutout.png").exists()
    assert Path("a-cutout-depth.png").read_text() == "precious"
    assert not loaded


def test_one_folder_in_two_spellings_is_one_folder(folder: Path) -> None:
    Image.fromarray(square()).save("a.webp")
    Path("link").symlink_to(".")

    assert cutout("a.png", "deeper/../a.webp", "link/b.jpg", "b.jpg", "--overwrite") == 0

    written = sorted(path.name for path in folder.glob("*-cutout.png"))
    assert written == ["a-cutout.png", "a-webp-cutout.png", "b-cutout.png"]


def test_a_folder_that_cannot_be_read_is_a_failure(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def locked(path: str | os.PathLike[str]) -> object:
        if Path(path).name == "deeper":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)

    assert cutout(".", "-r", "-o", "out") == 1

    assert Path("out/a-cutout.png").exists()
    assert "deeper cannot be read: Permission denied" in capsys.readouterr().err


def test_a_name_that_is_no_text_is_told_byte_for_byte(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    name = os.fsdecode(b"odd-\xff.png")
    Path(name).write_bytes(Path("a.png").read_bytes())

    assert cutout(name, "b.jpg") == 0

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
    assert "a.png: there is too little memory" in capsys.readouterr().err


def test_a_program_is_told_of_an_error_before_the_first_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cutout("a.png", "--progress", "json", "--device", "cuda:97") == 1

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
    assert child.stderr.splitlines()[-1].startswith("dis-core: standard output could not be written")


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell closes the streams")
def test_closed_streams_are_no_bug(folder: Path) -> None:
    command = f"{sys.executable} -m dis_core cutout a.png -m dis-lite <&- >&- 2>&-"

    done = subprocess.run(command, shell=True, env=clean_environment(folder, unused_address()), timeout=120)  # noqa: S602

    assert done.returncode == 0
    assert Path("a-cutout.png").exists()


def test_the_depth_that_was_used_can_be_kept(folder: Path) -> None:
    depth = np.repeat(np.linspace(0, 65535, 60).astype(np.uint16)[None], 40, axis=0)
    Image.fromarray(depth).save("depth.png")

    assert run(["cutout", "-m", "bright-with-depth", "a.png", "--depth", "depth.png", "--save-depth"]) == 0

    assert loaded[-1].prompts[0].depth is not None
    kept = read_picture(folder / "a-cutout-depth.png")
    assert kept.pixels.dtype == np.uint16


def test_an_image_without_a_subject_is_said_to_have_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (20, 20)).save("black.png")

    assert cutout("black.png", "--crop") == 0

    assert "no subject was found" in capsys.readouterr().err


def test_what_a_file_could_not_give_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [Image.fromarray(square()).convert("P") for _ in range(3)]
    frames[1].paste(128, (0, 0, 9, 9))
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])

    assert run(["mask", "-m", "bright", "moving.gif"]) == 0

    assert "only the first of" in capsys.readouterr().err


def test_programs_get_one_json_object_per_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    assert cutout("a.png", "broken.png", "--progress", "json") == 1

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
    assert cutout("a.png", "--refine", "slow") == 1

    told = capsys.readouterr().err
    assert "no refiner is called 'slow'" in told
    assert "none, fast, tiles, auto" in told
    assert not Path("a-cutout.png").exists()


def test_how_a_matte_was_refined_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Image.open(FLOWER) as image:
        image.resize((1280, 854)).save("large.png")

    assert run(["mask", "-m", "dis-lite", "large.png", "--max-tiles", "3", "--progress", "json"]) == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = events[-1]["refinement"]
    assert told["method"] == "tiles"
    assert told["levels"] == 2
    assert told["tiles_run"] == 3
    assert told["tiles_over_limit"] > 0
    assert 0 < told["seconds"] < events[-1]["seconds"]
    assert any("--max-tiles allows 3" in remark for remark in events[-1]["remarks"])
    assert any(event["doing"].startswith("refining level 1 of 2, tile ") for event in events[:-1])


@pytest.mark.parametrize(("refine", "words"), [("none", "s\n"), ("tiles", "tiles")])
def test_a_person_is_told_of_tiles_only_if_there_were_some(
    folder: Path, capsys: pytest.CaptureFixture[str], refine: str, words: str
) -> None:
    with Image.open(FLOWER) as image:
        image.resize((900, 600)).save("large.png")

    assert run(["mask", "-m", "dis-lite", "large.png", "--refine", refine]) == 0

    assert words in capsys.readouterr().err.splitlines(keepends=True)[-1]


def test_ctrl_c_stops_cleanly(folder: Path) -> None:
    for number in range(40):
        Image.fromarray(square(600, 800)).save(f"many-{number:02}.png")
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

    assert "no depth map was written, because this model does not look at depth" in capsys.readouterr().err
    assert not (folder / "a-cutout-depth.png").exists()
