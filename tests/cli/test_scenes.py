"""`dis-core scenes` from what is typed to what lies on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.cli.main import run
from dis_core.images.reading import read_picture
from dis_core.scenes.export import contact_sheet, tile_of
from dis_core.scenes.scene import make_fine_scene, make_scene


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def scenes(*arguments: str) -> int:
    return run(["scenes", "--size", "32", *arguments])


def test_a_sheet_shows_image_alpha_and_depth_of_each_scene_two_to_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert scenes("sheet.png", "--count", "3", "--first-seed", "7") == 0

    sheet = read_picture(Path("sheet.png")).pixels
    scene = make_scene(8, (32, 32))
    assert sheet.shape == (64, 192, 3)
    assert sheet[:32, 96:128] == pytest.approx(scene.image * 255, abs=0.51)
    assert sheet[:32, 128:160, 1] == pytest.approx(scene.alpha * 255, abs=0.51)
    assert sheet[:32, 160:, 2] == pytest.approx(scene.depth * 255, abs=0.51)
    assert sheet[32:, 96:].max() == 0
    assert capsys.readouterr().out == "sheet.png\n"


def test_large_scenes_are_reduced_on_the_sheet_and_views_do_not_mix() -> None:
    scene = make_scene(3, (300, 300))

    tile = tile_of(scene)

    assert tile.shape == (150, 450, 3)
    halved = scene.alpha.reshape(150, 2, 150, 2).mean(axis=(1, 3)) * 255
    assert tile[:, 150:300, 0] == pytest.approx(halved, abs=1.1)


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="tile"):
        contact_sheet([])


def test_a_sheet_that_is_there_stays_unless_it_may_be_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sheet.png").write_bytes(b"mine")

    assert scenes("sheet.png", "--count", "1") == 1

    assert "--overwrite" in capsys.readouterr().err
    assert Path("sheet.png").read_bytes() == b"mine"
    assert scenes("sheet.png", "--count", "1", "--overwrite") == 0
    assert read_picture(Path("sheet.png")).size == (32, 192)


def test_a_folder_is_laid_out_for_training() -> None:
    assert scenes("--folder", "set", "--count", "2", "--first-seed", "40") == 0

    names = ["scene-32-00000040.png", "scene-32-00000041.png"]
    assert sorted(path.name for path in Path("set").iterdir()) == ["depth", "images", "masks"]
    assert all(sorted(path.name for path in folder.iterdir()) == names for folder in Path("set").iterdir())
    scene = make_scene(41, (32, 32))
    image, mask, depth = (np.asarray(Image.open(Path("set", kind, names[1]))) for kind in ("images", "masks", "depth"))
    assert image == pytest.approx(scene.image * 255, abs=0.51)
    assert mask == pytest.approx(scene.alpha * 255, abs=0.51)
    assert depth == pytest.approx(scene.depth * 65535, abs=0.51)


def test_scenes_that_are_there_are_left_alone_and_missing_ones_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    scenes("--folder", "set", "--count", "2")
    kept, lost = (Path("set", "masks", f"scene-32-0000000{seed}.png") for seed in (0, 1))
    content = lost.read_bytes()
    kept.write_bytes(b"mine")
    lost.unlink()

    assert scenes("--folder", "set", "--count", "3") == 0

    assert kept.read_bytes() == b"mine"
    assert lost.read_bytes() == content
    assert Path("set", "images", "scene-32-00000002.png").exists()
    assert "kept: 1" in capsys.readouterr().err


def test_overwrite_replaces_what_is_in_the_folder() -> None:
    mask = Path("set", "masks", "scene-32-00000000.png")
    scenes("--folder", "set", "--count", "1")
    content = mask.read_bytes()
    mask.write_bytes(b"mine")

    assert scenes("--folder", "set", "--count", "1", "--overwrite") == 0

    assert mask.read_bytes() == content


def test_fine_scenes_have_names_of_their_own() -> None:
    assert scenes("--folder", "set", "--count", "1", "--fine") == 0

    mask = np.asarray(Image.open(Path("set", "masks", "fine-32-00000000.png")))
    assert mask == pytest.approx(make_fine_scene(0, (32, 32)).alpha * 255, abs=0.51)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--folder"),
        (("sheet.gif",), ".gif"),
        (("nowhere/sheet.png",), "nowhere"),
        (("sheet.png", "--count", "101"), "not 101"),
        (("sheet.png", "--count", "0"), "--count"),
        (("sheet.png", "--first-seed", "-1"), "--first-seed"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_made(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scenes(*arguments) == 1

    assert said in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_a_folder_that_is_a_file_is_an_error_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    Path("set").write_bytes(b"mine")

    assert scenes("--folder", "set", "--count", "1") == 1

    assert "dis-core: " in capsys.readouterr().err
    assert Path("set").read_bytes() == b"mine"


def test_programs_are_told_progress_and_results_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert scenes("sheet.png", "--folder", "set", "--count", "2", "--progress", "json") == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["fraction"] for event in events if event["event"] == "progress"] == [0, 0.5]
    results = [event for event in events if event["event"] == "result"]
    assert [(event["output"], event["scenes"]) for event in results] == [("sheet.png", 2), ("set", 2)]
