"""The preview in the dialog of the plug-in for GIMP 3, with clicks and keys on a screen that nobody sees."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from tests.hosts.gimp_pictures import CUT, MASK, SELECT, GimpPicture
from tests.hosts.gimp_program import processes_with, wait_for_process, wait_until_none
from tests.hosts.gimp_screen import PATIENCE_S, Screen
from tests.hosts.pictures import Box, Pixels, dark_with, plane

LEFT, RIGHT, LOW = (50, 60, 120, 150), (300, 100, 90, 90), (200, 250, 60, 50)
DARK = (20, 40, 90)
"""The color of `dark_with` as red, green and blue."""


class Preview:
    """The dialog of one call, and hands for the mouse in its preview."""

    def __init__(self, window: Screen, canvas: GimpPicture, procedure: str, title: str, **arguments: object) -> None:
        self.window, self.canvas, self.title = window, canvas, title
        self.runs = 0
        for left in window.gimp.home.rglob("*plug-in-dis-*.last"):
            left.unlink()  # or the dialog would show what the last one was left with, and not the arguments
        self.answer = window.gimp.send(
            "run", name=canvas.name, procedure=procedure, run_mode="interactive", **arguments
        )
        self.dialog = window.wait_for_window(title)
        self.corner, self.zoom = self.find_picture()

    def find_picture(self) -> tuple[tuple[int, int], float]:
        """Where the picture begins on the screen, and how large it is shown, as soon as it is."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            shown = self.window.picture(self.canvas.folder / "preview.png")
            rows, columns = np.nonzero((shown == DARK).all(axis=2))
            if len(rows) > 1000:
                return (int(columns.min()), int(rows.min())), (columns.max() + 1 - columns.min()) / self.canvas.size[1]
            time.sleep(0.2)
        raise AssertionError("the preview does not show the picture")

    def find(self) -> None:
        self.window.press(self.dialog, "alt+j")
        self.wait()

    def wait(self) -> None:
        """Wait until the next thing that is looked for is found, and its parts are numbered."""
        self.runs += 1
        folder, ends = self.canvas.gimp.home / "tmp", time.monotonic() + PATIENCE_S
        while not list(folder.glob(f"dis-core-gimp-*/parts-{self.runs}.png")):
            assert time.monotonic() < ends, self.canvas.gimp.log()
            time.sleep(0.05)
        wait_until_none(" parts ", self.canvas.gimp.home)
        time.sleep(0.5)  # until it has been read

    def place(self, x: float, y: float) -> tuple[str, str]:
        return str(round(self.corner[0] + x * self.zoom)), str(round(self.corner[1] + y * self.zoom))

    def click(self, box: Box) -> None:
        """Click into the middle of a box of the picture."""
        middle = self.place(box[0] + box[2] / 2, box[1] + box[3] / 2)
        self.window.do("xdotool", "mousemove", *middle, "click", "1")

    def drag(self, box: Box) -> None:
        x, y, width, height = box
        start, halfway, end = (
            self.place(x, y),
            self.place(x + width / 2, y + height / 2),
            self.place(x + width, y + height),
        )
        move = [part for place in (halfway, end, end) for part in ("mousemove", *place, "sleep", "0.1")]
        self.window.do("xdotool", "mousemove", *start, "mousedown", "1", *move, "mouseup", "1")

    def confirm(self) -> None:
        self.window.answer(self.title, "alt+o")
        told = self.window.gimp.receive(self.answer)
        assert told["status"] == "success", told


def show(window: Screen, folder: Path, name: str) -> GimpPicture:
    canvas = GimpPicture(window.gimp, folder, name)
    canvas.show(dark_with(LEFT, RIGHT, LOW, width=500, height=350))
    return canvas


def squares(*boxes: Box) -> Pixels:
    return plane(*boxes, width=500, height=350)


def test_a_click_on_a_part_drops_it_and_ok_takes_exactly_the_rest(window: Screen, tmp_path: Path) -> None:
    canvas = show(window, tmp_path, "parts")
    preview = Preview(window, canvas, SELECT, "Select Subject", model="bright", grow=0, feather=0)
    preview.find()
    window.picture(tmp_path / "found.png")

    preview.click(RIGHT)
    preview.click(LEFT)
    window.press(preview.dialog, "BackSpace")
    window.picture(tmp_path / "dropped.png")
    preview.confirm()

    assert np.array_equal(canvas.selection(), squares(LEFT, LOW))
    assert not list((window.gimp.home / "tmp").glob("dis-core-gimp-*"))


def test_a_box_that_is_drawn_finds_what_is_in_it(window: Screen, tmp_path: Path) -> None:
    canvas = show(window, tmp_path, "box")
    preview = Preview(window, canvas, MASK, "Mask Subject", model="bright", grow=0, feather=0)

    preview.drag((280, 80, 150, 140))
    preview.wait()
    window.picture(tmp_path / "box.png")
    preview.confirm()

    mask = canvas.mask()
    assert mask is not None
    assert np.array_equal(mask.reshape(canvas.size), squares(RIGHT))


def test_grow_acts_on_what_is_found_and_a_cut_takes_it_without_another_run(window: Screen, tmp_path: Path) -> None:
    canvas = show(window, tmp_path, "grow")
    preview = Preview(window, canvas, CUT, "Cut Subject to New Layer", model="bright", grow=0, feather=0, size="source")
    preview.find()
    preview.click(RIGHT)

    window.press(preview.dialog, "alt+g", "ctrl+a", "3", "Tab")
    window.settled(tmp_path / "grown.png")
    runs = list((window.gimp.home / "tmp").glob("dis-core-gimp-*/matte-*.png"))
    preview.confirm()

    expected = squares(*((x - 3, y - 3, width + 6, height + 6) for x, y, width, height in (LEFT, LOW)))
    solid = canvas.pixels("Subject")[..., 3] > 127
    assert (solid != (expected > 0)).sum() <= 8 * 3  # the corners are round
    assert len(runs) == 1


def test_escape_while_it_is_looked_for_ends_the_work_and_changes_nothing(window: Screen, tmp_path: Path) -> None:
    canvas = show(window, tmp_path, "stopped")
    preview = Preview(window, canvas, CUT, "Cut Subject to New Layer", model="endless", grow=0, feather=0)
    window.press(preview.dialog, "alt+j")
    wait_for_process("--model endless", window.gimp.home)

    window.answer(preview.title, "Escape")

    assert window.gimp.receive(preview.answer)["status"] == "cancel"
    assert not processes_with("--model endless", window.gimp.home)
    assert not list((window.gimp.home / "tmp").glob("dis-core-gimp-*"))
    assert canvas.layers() == ["Photo"]
    assert canvas.call("selection_is_empty")
