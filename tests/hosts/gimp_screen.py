"""A GIMP with windows for its tests, on a screen that nobody sees."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.hosts.gimp_program import PATIENCE, GimpProgram, gimp_environment, in_chroot, running_gimp
from tests.hosts.krita_program import screen
from tests.hosts.pictures import Pixels

PATIENCE_S = 90 * PATIENCE


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

    def windows(self, name: str) -> list[str]:
        """The windows of that name that show now; none if one has closed while it was looked for."""
        search = f"xdotool search --onlyvisible --name {shlex.quote(name)} || true"
        return self.do("sh", "-c", search).splitlines()

    def wait_for_window(self, name: str) -> str:
        """The first window of that name, as soon as it is there."""
        ends = time.monotonic() + PATIENCE_S
        while not (found := self.windows(name)):
            assert time.monotonic() < ends, (name, self.gimp.log())
            time.sleep(0.2)
        return found[0]

    def press(self, window: str, *keys: str) -> None:
        self.do("xdotool", "windowactivate", "--sync", window, "key", "--delay", "200", *keys)

    def answer(self, name: str, key: str) -> None:
        """Press a key in the window of that name until it closes: the first may go to a window that has just opened."""
        window = self.wait_for_window(name)
        for _ in range(5):
            try:
                self.press(window, key)
            except AssertionError as error:
                if "BadWindow" in str(error):
                    return  # it has closed since it was looked for
                raise
            ends = time.monotonic() + 5
            while time.monotonic() < ends:
                if window not in self.windows("."):
                    return
                time.sleep(0.2)
        raise AssertionError(f"{name} does not close")

    def choose_model(self, *keys: str) -> None:
        """Choose in the dialog's list of models; GIMP opens it with the values used last, and ignores arguments."""
        dialog = self.wait_for_window("Select Subject")
        self.press(dialog, "alt+d", "space")
        time.sleep(2)  # the list is no window that could be waited for
        self.do("xdotool", "key", "--delay", "200", *keys)
        time.sleep(1)
        self.do("xdotool", "key", "Return")

    def picture(self, path: Path) -> Pixels:
        """What the screen shows, (height, width, 3), also kept as a file."""
        self.do("scrot", "-o", str(path))
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))

    def settled(self, path: Path) -> Pixels:
        """`picture`, as soon as it has not changed for a second."""
        ends, before = time.monotonic() + PATIENCE_S, self.picture(path)
        while time.monotonic() < ends:
            time.sleep(1)
            now = self.picture(path)
            if np.array_equal(now, before):
                return now
            before = now
        raise AssertionError("the screen does not come to rest")


@contextlib.contextmanager
def gimp_on_screen(home: Path) -> Iterator[Screen]:
    """GIMP with windows in a home that `prepare_gimp_home` has made."""
    with screen() as display:
        manager = subprocess.Popen(in_chroot(["openbox"]), env=gimp_environment(home, DISPLAY=display), cwd="/")
        try:
            with running_gimp(home, program="gimp", DISPLAY=display) as gimp:
                yield Screen(gimp, display)
        finally:
            manager.kill()
            manager.wait()
