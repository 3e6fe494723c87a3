"""How long jobs took before: what is kept, and what is expected of the next one."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dis_core.environment import data_folder
from dis_core.geometry import Box
from dis_core.jobs.job import Job, MaskStyle
from dis_core.jobs.timings import FILE_NAME, MOST_KEPT, Work, expected_s, remember, size_in_header, work_of
from dis_core.prompts import SegmentOptions

KIND = "isnet auto float normal auto mask"


def test_nothing_is_expected_before_the_first_time() -> None:
    assert expected_s(Work(KIND, 24.0)) is None


def test_the_median_of_images_of_about_this_size_is_expected() -> None:
    for seconds in (8.0, 30.0, 7.0):
        remember(Work(KIND, 24.0), seconds)

    assert expected_s(Work(KIND, 22.0)) == 8.0
    assert expected_s(Work("isnet auto float best auto mask", 24.0)) is None


@pytest.mark.parametrize(("megapixels", "seconds"), [(0.5, 2.0), (6.5, 4.0), (24.0, 12.0)])
def test_other_sizes_lie_between_those_that_are_known(megapixels: float, seconds: float) -> None:
    remember(Work(KIND, 1.0), 2.0)
    remember(Work(KIND, 12.0), 6.0)

    assert expected_s(Work(KIND, megapixels)) == pytest.approx(seconds)


def test_only_the_last_times_are_kept() -> None:
    for number in range(MOST_KEPT + 5):
        remember(Work(KIND, 24.0), 100.0 - number)

    newest = [100.0 - number for number in range(5, MOST_KEPT + 5)]
    assert expected_s(Work(KIND, 24.0)) == sorted(newest)[MOST_KEPT // 2]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff", b"[" * 100_000, b'{"%s": [[24, "x"], [24, NaN], [-1, 2], 7, [24, 1e400]]}', b'{"%s": 5}'],
)
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(content: bytes) -> None:
    data_folder().mkdir(parents=True)
    (data_folder() / FILE_NAME).write_bytes(content.replace(b"%s", KIND.encode()))

    assert expected_s(Work(KIND, 24.0)) is None
    remember(Work(KIND, 24.0), 5.0)
    assert expected_s(Work(KIND, 24.0)) == 5.0


def test_without_a_folder_to_keep_them_in_nothing_is_remembered() -> None:
    data_folder().parent.mkdir(parents=True)
    data_folder().write_bytes(b"a file in the place of the folder")

    remember(Work(KIND, 24.0), 5.0)

    assert expected_s(Work(KIND, 24.0)) is None


def test_the_size_of_bitmaps_and_png_files_is_read_from_their_beginning(tmp_path: Path) -> None:
    for ending in ("bmp", "png", "jpg"):
        Image.new("RGB", (30, 20)).save(tmp_path / f"image.{ending}")

    assert size_in_header(tmp_path / "image.bmp") == (30, 20)
    assert size_in_header(tmp_path / "image.png") == (30, 20)
    assert size_in_header(tmp_path / "image.jpg") is None
    assert size_in_header(tmp_path / "missing.png") is None
    assert size_in_header(tmp_path) is None


def test_a_box_to_look_in_counts_with_what_of_it_is_in_the_image(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 1000)).save(tmp_path / "image.bmp")
    whole = Job(tmp_path / "image.bmp", tmp_path / "mask.png", "png", MaskStyle(), SegmentOptions(model="isnet"))
    part = Job(
        tmp_path / "image.bmp",
        tmp_path / "mask.png",
        "png",
        MaskStyle(),
        SegmentOptions(model="isnet", roi=Box(1000, 0, 9000, 1000)),
    )

    works = work_of(whole), work_of(part)

    assert [None if work is None else work.megapixels for work in works] == [2.0, 1.0]
