"""`dis-core cutout` and `dis-core mask`: where results go, and what they never overwrite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from dis_core.cli.main import run
from tests.fakes.bright_model import loaded
from tests.fakes.bright_squares import bright_cutout, bright_square

pytestmark = pytest.mark.usefixtures("bright_models")


def test_the_images_themselves_are_left_as_they_were(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}

    assert bright_cutout(".", "--recursive", "--overwrite") == 0

    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_folder_keeps_its_tree(folder: Path) -> None:
    assert bright_cutout(".", "-r", "-o", "out") == 0

    written = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*.png"))
    assert written == ["a-cutout.png", "b-cutout.png", "deeper/a-cutout.png"]


def test_a_folder_alone_is_not_searched_deeper(folder: Path) -> None:
    assert bright_cutout(".", "-o", "out") == 0

    assert not (folder / "out" / "deeper").exists()


def test_names_never_collide(folder: Path) -> None:
    Image.fromarray(bright_square()).save("a.webp")

    assert bright_cutout("a.png", "a.webp", "deeper/a.jpg", "-o", "out") == 0

    assert sorted(path.name for path in Path("out").iterdir()) == [
        "a-cutout.png",
        "a-jpg-cutout.png",
        "a-webp-cutout.png",
    ]


def test_results_of_an_earlier_run_are_no_images_and_are_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bright_cutout(".") == 0
    first = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    assert bright_cutout(".") == 0

    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == first
    assert "skipping 2 images" in capsys.readouterr().err


def test_results_of_any_command_are_no_images_of_a_folder(folder: Path) -> None:
    Image.fromarray(bright_square()).save("a.webp")
    Image.fromarray(bright_square()).save("face-mask.jpg")
    assert run(["mask", "-m", "bright", "."]) == 0
    assert bright_cutout("-r", ".", "-o", "out") == 0

    assert bright_cutout("-r", ".", "-o", "out", "--overwrite") == 0

    assert sorted(path.name for path in Path("out").iterdir()) == [
        "a-cutout.png",
        "a-webp-cutout.png",
        "b-cutout.png",
        "deeper",
        "face-mask-cutout.png",
    ]


def test_a_result_is_overwritten_only_when_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a-cutout.png").write_text("precious")

    assert bright_cutout("a.png") == 1
    assert Path("a-cutout.png").read_text() == "precious"
    assert "a-cutout.png already exists" in capsys.readouterr().err

    assert bright_cutout("a.png", "--overwrite") == 0
    assert Path("a-cutout.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "magic"), [("x.png", b"\x89PNG"), ("x.webp", b"RIFF"), ("x.tif", b"II*\0")])
def test_the_ending_chooses_the_format(folder: Path, name: str, magic: bytes) -> None:
    assert bright_cutout("a.png", "-o", name) == 0

    assert Path(name).read_bytes().startswith(magic)


def test_a_name_without_an_ending_takes_the_format_that_is_named(folder: Path) -> None:
    assert bright_cutout("a.png", "-o", "result", "--format", "webp") == 0

    assert Path("result").read_bytes().startswith(b"RIFF")


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


SAVING_DEPTH = ["one", "--model", "bright-with-depth", "--device", "cpu", "--depth", "near.png", "--save-depth"]


@pytest.fixture
def with_depth(folder: Path) -> Path:
    """The folder, with a folder `one` in it of a single image, and near.png, which is that image's depth map."""
    Path("one").mkdir()
    Path("a.png").rename("one/a.png")
    Image.linear_gradient("L").resize((60, 40)).save("near.png")
    return folder


def test_a_run_that_was_stopped_after_the_depth_map_makes_the_result(
    with_depth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cutout", *SAVING_DEPTH]) == 0
    depth = Path("one/a-cutout-depth.png").read_bytes()
    Path("one/a-cutout.png").unlink()
    capsys.readouterr()

    assert run(["cutout", *SAVING_DEPTH]) == 0

    assert Path("one/a-cutout.png").exists()
    assert Path("one/a-cutout-depth.png").read_bytes() == depth
    assert "was kept" not in capsys.readouterr().err


def test_another_depth_map_in_the_place_is_kept_and_does_not_cost_the_result(
    with_depth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("one/a-cutout-depth.png").write_text("precious")

    assert run(["cutout", *SAVING_DEPTH]) == 0

    assert Path("one/a-cutout.png").exists()
    assert Path("one/a-cutout-depth.png").read_text() == "precious"
    assert (
        "a-cutout-depth.png was there already and was kept; to replace it, use --overwrite" in capsys.readouterr().err
    )


def test_an_image_without_its_depth_map_is_done_once_its_result_is_there(
    with_depth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("one/a-cutout.png").write_text("precious")

    assert run(["cutout", *SAVING_DEPTH]) == 0

    assert Path("one/a-cutout.png").read_text() == "precious"
    assert not Path("one/a-cutout-depth.png").exists()
    assert "skipping 1 images" in capsys.readouterr().err


def test_one_folder_in_two_spellings_is_one_folder(folder: Path) -> None:
    Image.fromarray(bright_square()).save("a.webp")
    Path("link").symlink_to(".")

    assert bright_cutout("a.png", "deeper/../a.webp", "link/b.jpg", "b.jpg", "--overwrite") == 0

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

    assert bright_cutout(".", "-r", "-o", "out") == 1

    assert Path("out/a-cutout.png").exists()
    assert "deeper: Permission denied" in capsys.readouterr().err
