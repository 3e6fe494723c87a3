"""`dis-core cutout`, `mask` and `evaluate`: no result takes the place of an input, however its path is spelled."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dis_core.cli.main import run
from tests.fakes.bright_model import loaded
from tests.fakes.bright_squares import bright_cutout, bright_square
from tests.fakes.case_blind_disk import ignore_case

pytestmark = pytest.mark.usefixtures("bright_models")


@pytest.fixture
def blind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of images, on a disk that ignores case."""
    ignore_case(monkeypatch, folder)
    return folder


def names_in(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_an_image_is_kept_from_its_result_in_another_case(blind: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("a.png").read_bytes()

    assert bright_cutout("a.png", "-o", "A.PNG", "--overwrite") == 1

    assert "A.PNG is also one of the inputs" in capsys.readouterr().err
    assert Path("a.png").read_bytes() == before
    assert names_in() == ["a.png", "b.jpg", "deeper"]


def test_an_image_is_kept_from_its_result_in_a_folder_of_another_case(blind: Path) -> None:
    Image.fromarray(bright_square()).save("deeper/c.png")

    assert bright_cutout("deeper/c.png", "-o", "DEEPER/C.png", "--overwrite") == 1

    assert names_in() == ["a.png", "b.jpg", "deeper"]


def test_an_image_is_kept_from_a_result_under_its_other_name(folder: Path) -> None:
    Path("A.png").hardlink_to("a.png")

    assert bright_cutout("a.png", "-o", "A.png", "--overwrite") == 1

    assert Path("A.png").samefile("a.png")


def test_a_new_name_in_another_case_is_fine_where_case_counts(folder: Path) -> None:
    Image.fromarray(bright_square()).save("Other.png")
    if Path("other.png").exists():
        pytest.skip("this disk ignores case")

    assert bright_cutout("Other.png", "-o", "other.png") == 0

    assert not Path("other.png").samefile("Other.png")


@pytest.mark.parametrize("option", ["--depth", "--bgimage"])
def test_what_else_is_read_is_kept_too(blind: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (60, 40), 9).save("given.png")
    before = Path("given.png").read_bytes()

    assert bright_cutout("a.png", option, "given.png", "-o", "GIVEN.png", "--overwrite") == 1

    assert "GIVEN.png is also one of the inputs" in capsys.readouterr().err
    assert Path("given.png").read_bytes() == before


def test_a_depth_map_is_kept_from_the_one_that_is_saved(blind: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (60, 40), 9).save("foo-depth.png")

    options = ["--depth", "foo-depth.png", "-o", "FOO.png", "--save-depth", "--overwrite"]
    assert bright_cutout("a.png", *options) == 1

    assert "FOO-depth.png is also one of the inputs" in capsys.readouterr().err
    assert not Path("FOO.png").exists()


def test_results_in_a_folder_of_images_never_take_the_place_of_an_image(blind: Path) -> None:
    Image.fromarray(bright_square()).save("A-CUTOUT.png")
    before = Path("A-CUTOUT.png").read_bytes()

    assert bright_cutout("a.png", "A-CUTOUT.png", "--overwrite") == 0

    assert Path("A-CUTOUT.png").read_bytes() == before
    assert Path("a-png-cutout.png").exists()


def test_one_image_in_two_spellings_is_one_image(blind: Path) -> None:
    assert bright_cutout("a.png", "b.jpg", "-o", "out", "--overwrite") == 0
    loaded[-1].seen.clear()

    assert bright_cutout("a.png", "A.png", "-o", "again", "--overwrite") == 0

    assert names_in("again") == ["a-cutout.png"]


def test_an_image_with_two_names_is_done_under_both(folder: Path) -> None:
    Path("same.png").hardlink_to("a.png")

    assert bright_cutout(".", "-o", "out") == 0

    assert names_in("out") == ["a-cutout.png", "b-cutout.png", "same-cutout.png"]


@pytest.mark.parametrize("output", [[], ["-o", "out"]])
def test_names_that_differ_in_case_only_give_results_that_differ_in_more(folder: Path, output: list[str]) -> None:
    Image.fromarray(bright_square()).save("A.webp")

    for _ in range(2):  # the second time the results are there already
        assert bright_cutout("a.png", "A.webp", *output, "--overwrite") == 0

    results = [name for name in names_in(output[-1] if output else ".") if "cutout" in name]
    assert sorted(name.casefold() for name in results) == ["a-cutout.png", "a-webp-cutout.png"]


def test_results_in_the_searched_folder_are_no_images_in_any_spelling(blind: Path) -> None:
    assert bright_cutout("-r", ".", "-o", "out") == 0

    assert bright_cutout("-r", ".", "-o", "OUT", "--overwrite") == 0

    assert not list(Path().rglob("*cutout-cutout*"))


def test_scores_never_take_the_place_of_what_is_measured(blind: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("found", "true"):
        Path(name).mkdir()
        Image.new("L", (60, 40), 9).save(f"{name}/a.png")
    before = Path("true/a.png").read_bytes()

    assert run(["evaluate", "found", "true", "--sheet", "TRUE/a.png", "--overwrite"]) == 1

    assert "also one of the inputs" in capsys.readouterr().err
    assert Path("true/a.png").read_bytes() == before


def test_predictions_never_take_the_place_of_images(blind: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("images", "true"):
        Path(name).mkdir()
        Image.new("L", (60, 40), 9).save(f"{name}/a.png")
    before = Path("images/a.png").read_bytes()

    options = ["-m", "bright", "--device", "cpu", "--save-predictions", "IMAGES", "--overwrite"]
    assert run(["evaluate", "images", "true", *options]) == 1

    assert "which is an input" in capsys.readouterr().err
    assert Path("images/a.png").read_bytes() == before
