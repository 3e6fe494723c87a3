"""The dialog of the plug-in in a real GIMP 3, on a screen that nobody sees."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.hosts.conftest import QUICK
from tests.hosts.gimp_pictures import SELECT, Canvas
from tests.hosts.gimp_program import (
    GimpProgram,
    gimp_environment,
    in_chroot,
    prepare_gimp_home,
    running_gimp,
)
from tests.hosts.krita_program import screen
from tests.hosts.pictures import dark_with, plane

BOX = (150, 100, 200, 150)
PATIENCE_S = 90


class Screen:
    """A GIMP with windows, and hands for its keyboard."""

    def __init__(self, gimp: GimpProgram, display: str) -> None:
        self.gimp, self.display = gimp, display

    def do(self, *command: str) -> str:
        """Run a program of GIMP's Debian on the screen; what it prints."""
        done = subprocess.run(
            in_chroot(list(command)),
            env=gimp_environment(self.gimp.home, DISPLAY=self.display),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            cwd="/",
        )
        assert done.returncode == 0, (command, done.stderr, self.gimp.log())
        return done.stdout.strip()

    def wait_for_window(self, name: str) -> str:
        """The first window of that name, as soon as it is there."""
        return self.do("xdotool", "search", "--sync", "--onlyvisible", "--name", name).splitlines()[0]

    def press(self, window: str, *keys: str) -> None:
        self.do("xdotool", "windowactivate", "--sync", window, "key", "--delay", "200", *keys)

    def take_picture(self, path: Path) -> None:
        self.do("scrot", "-o", str(path))


@pytest.fixture(scope="module")
def window(gimp_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    home = prepare_gimp_home(tmp_path_factory.mktemp("gimp-window") / "home", QUICK)
    with screen() as display:
        manager = subprocess.Popen(in_chroot(["openbox"]), env=gimp_environment(home, DISPLAY=display), cwd="/")
        try:
            with running_gimp(home, program="gimp", DISPLAY=display) as gimp:
                yield Screen(gimp, display)
        finally:
            manager.kill()
            manager.wait()


def test_the_dialog_runs_with_what_it_shows_and_one_undo_takes_it_back(window: Screen, tmp_path: Path) -> None:
    canvas = Canvas(window.gimp, tmp_path, "window")
    canvas.show(dark_with(BOX, width=500, height=350))
    canvas.call("open_window")
    main = window.wait_for_window("GNU Image Manipulation Program|GIMP")

    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive", model="bright")
    dialog = window.wait_for_window("Select Subject")
    window.take_picture(tmp_path / "dialog.png")
    window.press(dialog, "Return")
    told = window.gimp.receive(answer)

    assert told["status"] == "success", told
    assert np.array_equal(canvas.selection(), plane(BOX, width=500, height=350))
    window.take_picture(tmp_path / "selection.png")
    window.press(main, "ctrl+z")
    assert canvas.call("selection_is_empty")


def test_what_the_dialog_was_left_with_is_used_again(window: Screen, tmp_path: Path) -> None:
    canvas = Canvas(window.gimp, tmp_path, "again")
    canvas.show(dark_with(BOX, width=500, height=350))
    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive", model="bright", grow=0)
    window.press(window.wait_for_window("Select Subject"), "Return")
    assert window.gimp.receive(answer)["status"] == "success"
    canvas.select(np.zeros((350, 500), np.uint8))

    again = window.gimp.call("run", name=canvas.name, procedure=SELECT, run_mode="with_last_vals")

    # Without the last values it would be the best model, which is not here.
    assert again["status"] == "success", again
    assert np.array_equal(canvas.selection(), plane(BOX, width=500, height=350))


def test_escape_in_the_dialog_cancels(window: Screen, tmp_path: Path) -> None:
    canvas = Canvas(window.gimp, tmp_path, "escape")
    canvas.show(dark_with(BOX, width=500, height=350))

    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive", model="bright")
    window.press(window.wait_for_window("Select Subject"), "Escape")

    assert window.gimp.receive(answer)["status"] == "cancel"
    assert canvas.call("selection_is_empty")
