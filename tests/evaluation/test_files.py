"""Folders of mattes: matched by name, read from whatever files they are in, measured by several processes."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dis_core.errors import BadRequest, Cancelled, NoImage, OutOfMemory
from dis_core.evaluation.metrics import measure
from dis_core.evaluation.pairs import Pair, match_files, read_matte, with_images
from dis_core.evaluation.scores import CURVE_KEY, MEASURES, Scores
from dis_core.evaluation.sheet import caption, difference_colors, draw_sheet
from dis_core.evaluation.tables import csv_table, json_document, text_table
from dis_core.evaluation.workers import measure_files
from tests.fakes.image_files import deep_png, saved, tiff


def square(left: int, *, size: tuple[int, int] = (30, 40)) -> NDArray[np.uint8]:
    """Black, with a white box of 10 x 10 pixels."""
    gray = np.zeros(size, np.uint8)
    gray[10:20, left : left + 10] = 255
    return gray


def write(path: Path, gray: NDArray[Any] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(square(10) if gray is None else gray).save(path)
    return path


def write_pairs(folder: Path, count: int) -> list[Pair]:
    """Each prediction is one pixel farther beside its truth than the one before."""
    return [
        Pair(
            f"{number}",
            write(folder / "found" / f"{number}.png", square(10 + number)),
            write(folder / "true" / f"{number}.png"),
        )
        for number in range(count)
    ]


def match(folder: Path, **options: Any) -> list[tuple[str, str, str]]:
    """(name, prediction, truth) of the folders "found" and "true"."""
    settings = {"recursive": False, **options}
    pairs = match_files(folder / "found", folder / "true", **settings).pairs
    found, true = folder / "found", folder / "true"
    return [
        (pair.name, pair.prediction.relative_to(found).as_posix(), pair.truth.relative_to(true).as_posix())
        for pair in pairs
    ]


def test_files_belong_together_by_name_whatever_their_endings(tmp_path: Path) -> None:
    for name in ("found/b.jpg", "found/a.v2-mask.png", "true/a.v2.tif", "true/b-mask.png"):
        write(tmp_path / name)

    assert match(tmp_path) == [("a.v2", "a.v2-mask.png", "a.v2.tif"), ("b", "b.jpg", "b-mask.png")]


def test_folders_inside_are_matched_too_if_asked_for(tmp_path: Path) -> None:
    for name in ("found/a.png", "found/x/a.png", "true/a.png", "true/x/a.png", "true/.hidden/c.png", "true/.d.png"):
        write(tmp_path / name)

    assert match(tmp_path) == [("a", "a.png", "a.png")]
    assert match(tmp_path, recursive=True) == [("a", "a.png", "a.png"), ("x/a", "x/a.png", "x/a.png")]


def test_beside_its_image_a_mask_is_the_matte_and_the_image_the_image(tmp_path: Path) -> None:
    for name in ("found/a.jpg", "found/a-mask.png", "true/a.png"):
        write(tmp_path / name)

    assert match(tmp_path) == [("a", "a-mask.png", "a.png")]
    assert match(tmp_path, kind="images") == [("a", "a.jpg", "a.png")]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("found/a.jpg", "found/a.png", "true/a.png"):
        write(tmp_path / name)

    with pytest.raises(BadRequest, match=r"a\.png.*a\.jpg"):
        match(tmp_path)


def test_two_files_are_a_pair_whatever_they_are_called(tmp_path: Path) -> None:
    found, true = write(tmp_path / "found.png"), write(tmp_path / "true.png")

    matching = match_files(found, true, recursive=False)

    assert matching.pairs == [Pair("found", found, true)]


def test_a_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "true" / "a.png")

    with pytest.raises(BadRequest, match=r"a\.png.*true"):
        match_files(write(tmp_path / "a.png"), tmp_path / "true", recursive=False)


def test_folders_of_different_sets_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "found" / "a.png")
    write(tmp_path / "true" / "b.png")

    with pytest.raises(BadRequest, match=r"a\.png.*b\.png"):
        match(tmp_path)


def test_a_folder_that_is_empty_or_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path / "true" / "a.png")

    with pytest.raises(NoImage, match=r"found.*No such"):
        match(tmp_path)

    (tmp_path / "found").mkdir()
    with pytest.raises(NoImage, match=r"found\n"):
        match(tmp_path)


def test_images_are_found_for_the_pairs_that_have_one(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path, 2)
    image = write(tmp_path / "images" / "1.jpg")

    seen = with_images(pairs, tmp_path / "images", recursive=False)

    assert [pair.image for pair in seen] == [None, image]


def test_sixteen_bits_of_a_matte_are_kept(tmp_path: Path) -> None:
    gray = np.array([[0, 1, 32768, 65535]], np.uint16)
    for name, data in (("a.png", deep_png(gray)), ("a.tif", tiff(gray))):
        (tmp_path / name).write_bytes(data)

        matte = read_matte(tmp_path / name)

        assert matte.dtype == np.float32
        assert matte == pytest.approx(gray / 65535, abs=1e-7)


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
def test_a_matte_is_read_from_any_kind_of_gray(mode: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(square(10)).convert(mode), "png"))

    assert np.array_equal(read_matte(tmp_path / "a.png"), square(10) / 255)


def test_transparency_is_the_matte_where_there_is_any(tmp_path: Path) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    write(tmp_path / "cutout.png", np.dstack([colors, square(10)]))

    assert np.array_equal(read_matte(tmp_path / "cutout.png"), square(10) / 255)


def test_an_opaque_alpha_leaves_the_gray_values(tmp_path: Path) -> None:
    gray = square(10)
    write(tmp_path / "a.png", np.dstack([gray, gray, gray, np.full_like(gray, 255)]))

    assert np.array_equal(read_matte(tmp_path / "a.png"), gray / 255)


def test_a_photograph_is_no_matte(tmp_path: Path) -> None:
    colors = np.zeros((30, 40, 3), np.uint8)
    colors[3, 3] = (200, 100, 50)
    path = write(tmp_path / "a.png", colors)

    with pytest.raises(BadRequest, match=r"a\.png.*color"):
        read_matte(path)


def test_a_jpeg_of_a_gray_matte_in_rgb_is_a_matte(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(Image.fromarray(square(10)).convert("RGB"), "jpeg", quality=50))

    assert read_matte(tmp_path / "a.jpg") == pytest.approx(square(10) / 255, abs=0.2)


def test_different_sizes_are_refused_by_name(tmp_path: Path) -> None:
    pair = Pair("a", write(tmp_path / "a.png"), write(tmp_path / "b.png", square(10, size=(31, 40))))

    with pytest.raises(BadRequest, match=r"a\.png.*40 x 30.*b\.png.*40 x 31"):
        measure_files([pair])


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path, 5)

    several = measure_files(pairs, workers=2, boundary_px=2)

    assert several == measure_files(pairs, workers=1, boundary_px=2)
    assert [scores.iou for scores in several] == pytest.approx(
        [(10 - number) / (10 + number) for number in range(5)], abs=1e-12
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_goes_up_from_nothing(workers: int, tmp_path: Path) -> None:
    told: list[float] = []

    def note(fraction: float, doing: str) -> None:
        told.append(fraction)

    measure_files(write_pairs(tmp_path, 4), workers=workers, report=note)

    assert told[0] == 0
    assert told == sorted(told)


def test_a_bad_file_ends_it_and_leaves_no_process(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path, 6)
    pairs[3].truth.write_bytes(b"no image")

    with pytest.raises(NoImage, match=r"3\.png"):
        measure_files(pairs, workers=2)

    assert not multiprocessing.active_children()


def test_stopping_takes_effect_at_once_and_leaves_no_process(tmp_path: Path) -> None:
    large = np.random.default_rng(0).integers(0, 256, (2500, 2500), dtype=np.uint8)
    pair = Pair("a", write(tmp_path / "a.png", large), write(tmp_path / "b.png", large))
    asked_s: list[float] = []

    def stop(fraction: float, doing: str) -> None:
        if any(child.is_alive() for child in multiprocessing.active_children()):
            asked_s.append(time.monotonic())
            raise Cancelled

    with pytest.raises(Cancelled):
        measure_files([pair] * 30, workers=2, report=stop)

    # Thirty such pairs take minutes.
    assert time.monotonic() - asked_s[0] < 15
    assert not multiprocessing.active_children()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill that cannot be caught")
def test_a_process_that_is_killed_is_an_error_and_no_endless_wait(tmp_path: Path) -> None:
    def kill(fraction: float, doing: str) -> None:
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(OutOfMemory, match="memory"):
        measure_files(write_pairs(tmp_path, 4), workers=2, report=kill)


@pytest.fixture
def measured(tmp_path: Path) -> tuple[list[Pair], list[Scores]]:
    pairs = write_pairs(tmp_path, 3)
    return pairs, measure_files(pairs, workers=1)


def test_csv_has_a_row_for_each_image_and_one_for_the_mean(measured: tuple[list[Pair], list[Scores]]) -> None:
    pairs, scores = measured

    rows = list(csv.DictReader(csv_table(pairs, scores).decode().splitlines()))

    assert [row["name"] for row in rows] == ["0", "1", "2", "mean"]
    assert list(rows[0]) == ["name", *(one.key for one in MEASURES), CURVE_KEY]
    assert float(rows[2]["iou"]) == pytest.approx(8 / 12, abs=1e-6)
    assert float(rows[3]["iou"]) == pytest.approx((1 + 9 / 11 + 8 / 12) / 3, abs=1e-6)
    assert [row[CURVE_KEY] == "" for row in rows] == [True, True, True, False]


def test_json_has_the_same_and_the_definitions(measured: tuple[list[Pair], list[Scores]]) -> None:
    pairs, scores = measured

    document = json.loads(json_document(pairs, scores, boundary_px=2))

    assert document["count"] == 3
    assert document["images"][1]["name"] == "1"
    assert document["images"][1]["iou"] == pytest.approx(9 / 11, abs=1e-6)
    assert document["mean"]["iou"] == pytest.approx((1 + 9 / 11 + 8 / 12) / 3, abs=1e-6)
    assert set(document["definitions"]) == set(document["mean"])
    assert "2 pixels" in document["definitions"]["boundary_iou"]


def test_the_table_shows_the_worst_first_the_mean_and_every_definition(
    measured: tuple[list[Pair], list[Scores]],
) -> None:
    pairs, scores = measured
    by_iou = next(one for one in MEASURES if one.key == "iou")

    lines = text_table(pairs, scores, by=by_iou, worst=2, boundary_px=None).splitlines()

    assert lines[0] == "The worst 2 of 3 by IoU, and the mean:"
    assert [line.split()[0] for line in lines[3:6]] == ["2", "1", "mean"]
    assert lines[3].split()[7] == "0.667"
    told = "\n".join(lines)
    assert all(f"\n{one.title}: " in told for one in MEASURES)
    assert "max F of the mean curve: " in told


def test_names_that_a_terminal_could_not_show_are_shown_harmlessly(
    measured: tuple[list[Pair], list[Scores]],
) -> None:
    (pair, *_), (one, *_) = measured
    odd = Pair("a\x1b[31m\n" + "b" * 40, pair.prediction, pair.truth)

    told = text_table([odd], [one], by=MEASURES[0], worst=1, boundary_px=None)

    assert "\x1b" not in told
    assert told.splitlines()[3].startswith("..." + "b" * 25)
    assert "\n" not in caption(odd, one)


def test_the_difference_is_red_where_there_is_too_much_and_blue_where_something_is_missing() -> None:
    prediction, truth = np.array([[1, 1, 0, 0]], np.float32), np.array([[1, 0, 1, 0]], np.float32)

    agreed, too_much, missing, nothing = difference_colors(prediction, truth)[0].astype(int)

    assert len(set(agreed)) == 1
    assert agreed[0] > 50
    assert too_much[0] > 2 * max(too_much[1:])
    assert missing[2] > max(missing[:2]) + 50
    assert list(nothing) == [0, 0, 0]


def test_the_sheet_shows_truth_prediction_and_difference_side_by_side(tmp_path: Path) -> None:
    pair = write_pairs(tmp_path, 6)[5]
    scores = measure(read_matte(pair.prediction), read_matte(pair.truth))
    image = write(tmp_path / "image.png", np.full((30, 40, 3), (10, 200, 30), np.uint8))

    without = np.asarray(draw_sheet([pair], [scores]))
    with_image = np.asarray(draw_sheet([Pair(pair.name, pair.prediction, pair.truth, image)], [scores]))

    # The box of the truth is at (10, 10) and that of the prediction at (15, 10) of cells that begin below two lines.
    top, lefts = 40, [8, 336, 664]
    seen = [[tuple(without[top + 15, left + x]) for x in (12, 22)] for left in lefts]
    assert seen[0] == [(255, 255, 255), (0, 0, 0)]
    assert seen[1] == [(0, 0, 0), (255, 255, 255)]
    assert seen[2] == [(60, 140, 255), (255, 60, 40)]
    assert with_image.shape[1] == without.shape[1] + 328
    assert tuple(with_image[top + 15, 20]) == (10, 200, 30)
    assert np.array_equal(with_image[top:, 336:], without[top:, 8:])
    assert len(np.unique(without[20:40].reshape(-1, 3), axis=0)) > 2  # the caption
