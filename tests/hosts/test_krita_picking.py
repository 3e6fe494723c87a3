"""Picking things on Krita's canvas: boxes, clicks and keys."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tests.hosts.krita_program import PATIENCE, KritaProgram
from tests.hosts.pictures import KritaPicture, Pixels, dark_with, plane

LEFT, RIGHT = (40, 60, 80, 90), (180, 70, 90, 60)
SIZE = {"width": 300, "height": 200}
PATIENCE_S = 60.0 * PATIENCE


@pytest.fixture
def picture(krita: KritaProgram, tmp_path: Path, request: pytest.FixtureRequest) -> KritaPicture:
    picture = KritaPicture(krita, tmp_path, request.node.name)
    picture.show(dark_with(LEFT, RIGHT, **SIZE))
    krita.call("show_docker")
    picture.run()
    return picture


def click(picture: KritaPicture, place: list[int]) -> None:
    command = ["xdotool", "mousemove", str(place[0]), str(place[1]), "click", "1"]
    subprocess.run(command, env=picture.krita.on_screen(), check=True, timeout=30)


def drag(picture: KritaPicture, start: tuple[int, int], end: tuple[int, int], *, holding: str = "") -> None:
    """Draw a box on the screen, with a key held."""
    middle = [str((one + other) // 2) for one, other in zip(start, end, strict=True)]
    command = ["xdotool", *(["keydown", holding] if holding else [])]
    command += ["mousemove", *map(str, start), "mousedown", "1", "mousemove", *middle]
    command += ["mousemove", *map(str, end), "mouseup", "1", *(["keyup", holding] if holding else [])]
    subprocess.run(command, env=picture.krita.on_screen(), check=True, timeout=30)


def press_key(picture: KritaPicture, name: str) -> None:
    subprocess.run(["xdotool", "key", name], env=picture.krita.on_screen(), check=True, timeout=30)
    picture.krita.call("wait_until_picked")


def box_told(picture: KritaPicture) -> list[int]:
    """The box that dis-core was told of last."""
    arguments = picture.krita.call("report")["arguments"][-1]
    return [int(number) for number in arguments[arguments.index("--box") + 1].split(",")]


def wait_for(picture: KritaPicture, expected: Pixels) -> None:
    ends = time.monotonic() + PATIENCE_S
    while (selected := picture.selection_if_any()) is None or not np.array_equal(selected, expected):
        assert time.monotonic() < ends, picture.krita.call("report")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("zoom", "dpi", "scroll", "rotation", "mirror"),
    [
        (1.0, 72, (0, 0), 0, False),
        (2.0, 72, (50, -30), 0, False),
        (0.5, 72, (0, 0), 0, True),
        (1.5, 300, (-40, 25), 0, False),
        (1.5, 72, (20, 10), 20, True),
        (1.0, 300, (0, 30), -60, False),
    ],
)
def test_a_click_drops_a_part_another_one_brings_it_back_and_nothing_is_painted(
    picture: KritaPicture, zoom: float, dpi: int, scroll: tuple[int, int], rotation: int, mirror: bool
) -> None:
    picture.krita.call("view_as", zoom=zoom, dpi=dpi, scroll=scroll, rotation=rotation, mirror=mirror)
    left, right = picture.krita.call("bright_places")
    if mirror:
        left, right = right, left
    picture.krita.call("pick_on_canvas")

    click(picture, left)
    wait_for(picture, plane(RIGHT, **SIZE))
    click(picture, right)
    click(picture, left)

    wait_for(picture, plane(LEFT, **SIZE))
    picture.krita.call("stop_picking")
    assert picture.krita.call("is_picking") == [False, False]
    assert np.array_equal(picture.pixels("Photo"), dark_with(LEFT, RIGHT, **SIZE))


def test_each_click_is_one_undo_step(picture: KritaPicture) -> None:
    picture.krita.call("view_as", zoom=1.0, dpi=72, scroll=(0, 0), rotation=0, mirror=False)
    left, right = picture.krita.call("bright_places")
    picture.krita.call("pick_on_canvas")
    click(picture, left)
    wait_for(picture, plane(RIGHT, **SIZE))
    click(picture, left)
    wait_for(picture, plane(LEFT, RIGHT, **SIZE))
    click(picture, right)
    wait_for(picture, plane(LEFT, **SIZE))

    for expected in (plane(LEFT, RIGHT, **SIZE), plane(RIGHT, **SIZE), plane(LEFT, RIGHT, **SIZE)):
        picture.call("undo")
        assert np.array_equal(picture.selection(), expected)
    picture.krita.call("stop_picking")


def test_afterwards_clicks_are_the_brushs_again(picture: KritaPicture) -> None:
    picture.krita.call("view_as", zoom=1.0, dpi=72, scroll=(0, 0), rotation=0, mirror=False)
    left, _ = picture.krita.call("bright_places")
    picture.krita.call("pick_on_canvas")
    picture.krita.call("stop_picking")

    click(picture, left)

    ends = time.monotonic() + PATIENCE_S
    while np.array_equal(picture.pixels("Photo"), dark_with(LEFT, RIGHT, **SIZE)):
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert np.array_equal(picture.selection(), plane(LEFT, RIGHT, **SIZE))


@pytest.mark.parametrize(
    ("zoom", "dpi", "scroll", "mirror"),
    [(1.0, 72, (0, 0), False), (2.0, 300, (50, -30), True)],
)
def test_a_box_is_searched_within_a_pixel_and_what_is_there_is_added_or_taken_away(
    picture: KritaPicture, zoom: float, dpi: int, scroll: tuple[int, int], mirror: bool
) -> None:
    picture.call("undo")
    picture.krita.call("view_as", zoom=zoom, dpi=dpi, scroll=scroll, rotation=0, mirror=mirror)
    left, right = picture.krita.call("bright_extent", split=0.45 if mirror else 0.55)
    if mirror:
        left, right = right, left
    picture.krita.call("pick_on_canvas")

    drag(picture, (left[0], left[1]), (left[2], left[3]))
    drag(picture, (right[2], right[3]), (right[0], right[1]))  # it waits for its turn
    wait_for(picture, plane(LEFT, RIGHT, **SIZE))
    assert np.abs(np.subtract(box_told(picture), RIGHT)).max() <= 1
    drag(picture, (left[0], left[1]), (left[2], left[3]), holding="ctrl")
    wait_for(picture, plane(RIGHT, **SIZE))
    assert np.abs(np.subtract(box_told(picture), LEFT)).max() <= 1

    picture.krita.call("wait_until_picked")
    picture.krita.call("stop_picking")
    assert np.array_equal(picture.pixels("Photo"), dark_with(LEFT, RIGHT, **SIZE))


def test_keys_take_steps_back_and_end_the_picking(picture: KritaPicture) -> None:
    picture.krita.call("view_as", zoom=1.0, dpi=72, scroll=(0, 0), rotation=0, mirror=False)
    left, _ = picture.krita.call("bright_extent", split=0.55)
    picture.krita.call("pick_on_canvas")
    drag(picture, (left[0] - 9, left[1] - 9), (left[2] + 9, left[3] + 9), holding="ctrl")
    wait_for(picture, plane(RIGHT, **SIZE))
    picture.krita.call("wait_until_picked")

    press_key(picture, "BackSpace")
    assert np.array_equal(picture.selection(), plane(LEFT, RIGHT, **SIZE))
    press_key(picture, "BackSpace")  # what was selected before is none of its steps
    assert np.array_equal(picture.selection(), plane(LEFT, RIGHT, **SIZE))
    press_key(picture, "Return")

    assert picture.krita.call("is_picking") == [False, False]
    assert np.array_equal(picture.pixels("Photo"), dark_with(LEFT, RIGHT, **SIZE))


def test_a_click_beside_all_things_asks_for_a_box(picture: KritaPicture) -> None:
    picture.krita.call("view_as", zoom=1.0, dpi=72, scroll=(0, 0), rotation=0, mirror=False)
    left, _ = picture.krita.call("bright_extent", split=0.55)
    picture.krita.call("pick_on_canvas")

    click(picture, [left[0] - 20, left[1]])

    assert picture.krita.call("wait_until_picked") == "Nothing is selected here. Drag a box around it"
    press_key(picture, "Escape")
    assert picture.krita.call("is_picking") == [False, False]


def test_another_image_ends_the_picking(picture: KritaPicture, tmp_path: Path) -> None:
    picture.krita.call("pick_on_canvas")

    KritaPicture(picture.krita, tmp_path, "another").show(dark_with(LEFT, **SIZE))

    picture.krita.call("wait_until_picked")
    assert picture.krita.call("is_picking") == [False, False]


def test_a_pen_draws_boxes_too_and_paints_nothing(picture: KritaPicture) -> None:
    picture.krita.call("view_as", zoom=1.0, dpi=72, scroll=(0, 0), rotation=0, mirror=False)
    left, _ = picture.krita.call("bright_extent", split=0.55)
    picture.krita.call("pick_on_canvas")

    picture.krita.call("box_with_pen", start=[left[0] - 9, left[1] - 9], end=[left[2] + 9, left[3] + 9], holding="ctrl")

    wait_for(picture, plane(RIGHT, **SIZE))
    picture.krita.call("wait_until_picked")
    picture.krita.call("stop_picking")
    assert np.array_equal(picture.pixels("Photo"), dark_with(LEFT, RIGHT, **SIZE))


def test_hiding_the_docker_ends_the_picking(picture: KritaPicture) -> None:
    picture.krita.call("pick_on_canvas")

    picture.krita.call("hide_docker")

    assert picture.krita.call("is_picking") == [False, False]


def test_another_run_ends_the_picking(picture: KritaPicture) -> None:
    picture.krita.call("pick_on_canvas")

    picture.run()

    assert picture.krita.call("is_picking") == [False, False]
