"""Links among the paths of a command, and depth maps among its images: what is the same file, and what a result."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dis_core.cli.main import run
from tests.fakes.bright_model import loaded
from tests.fakes.bright_squares import bright_cutout, bright_square

pytestmark = pytest.mark.usefixtures("bright_models")


@pytest.mark.parametrize("output", ["link/a.png", "deeper/../a.png", "./a.png", "to-a.png"])
def test_an_image_is_not_replaced_by_its_result_whatever_it_is_called(
    folder: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    Path("link").symlink_to(".")
    Path("to-a.png").symlink_to("a.png")
    before = Path("a.png").read_bytes()

    assert bright_cutout("a.png", "-o", output, "--overwrite") == 1

    assert Path("a.png").read_bytes() == before
    assert "is also one of the inputs" in capsys.readouterr().err


def test_an_image_that_is_named_through_a_link_too_is_done_once(folder: Path) -> None:
    Path("link").symlink_to(".")

    assert bright_cutout("link/b.jpg", "b.jpg", "-o", "out") == 0

    assert [path.name for path in Path("out").iterdir()] == ["b-cutout.png"]


def test_results_that_are_reached_through_a_link_are_no_images(folder: Path) -> None:
    Path("link").symlink_to("deeper")

    assert bright_cutout(".", "-r", "-o", "link") == 0

    assert [len(model.seen) for model in loaded] == [2]  # a.png and b.jpg; the folder of results is not searched
    assert sorted(path.name for path in Path("deeper").iterdir()) == ["a-cutout.png", "a.jpg", "b-cutout.png"]


def test_no_result_goes_through_a_link_to_an_image_of_the_run(folder: Path) -> None:
    Image.fromarray(bright_square()).save("b-cutout.png")
    Path("link").symlink_to(".")
    before = Path("b-cutout.png").read_bytes()

    assert bright_cutout("link/b.jpg", "b-cutout.png", "--overwrite") == 0

    assert Path("b-cutout.png").read_bytes() == before


def test_depth_maps_of_an_earlier_run_are_no_images(folder: Path) -> None:
    for name in ("a-cutout.png", "a-cutout-depth.png", "b-mask-depth.png"):
        Image.new("L", (60, 40), 200).save(name)
    Image.fromarray(bright_square()).save("c-depth.png")

    assert run(["cutout", "-m", "bright", ".", "-o", "out"]) == 0

    assert sorted(path.name for path in Path("out").iterdir()) == [
        "a-cutout.png",
        "b-cutout.png",
        "c-depth-cutout.png",
    ]
