"""The first use of each plug-in, by what a newcomer sees and clicks: for tests, and for the docs' pictures."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.fakes.fake_hub import CHECKOUT
from tests.hosts.krita_program import seen_by_krita

if TYPE_CHECKING:
    from tests.hosts.gimp_screen import Screen
    from tests.hosts.krita_program import KritaProgram

PHOTO = CHECKOUT / "tests" / "photos" / "images" / "macaw.jpg"
MATTE = CHECKOUT / "tests" / "photos" / "masks" / "macaw.png"
NAME = "photo"
SIZE = (800, 620)


def use_krita_first(krita: KritaProgram, folder: Path) -> list[Path]:
    """Open the photograph and click *Find Subject*; the screen before, at work and with the selection."""
    krita.call("open_photo", name=NAME, path=seen_by_krita(PHOTO))
    shots = [krita.screenshot(folder / "krita-open.png")]
    krita.call("note_runs")
    click(krita, *krita.call("place_of", button="dis_start"))
    krita.call("wait_for_progress")
    shots.append(krita.screenshot(folder / "krita-finding.png"))
    krita.call("wait_for_result")
    time.sleep(7)  # until the message over the canvas has gone
    return [*shots, krita.screenshot(folder / "krita-found.png")]


def click(krita: KritaProgram, x: int, y: int) -> None:
    command = ["xdotool", "mousemove", str(x), str(y), "click", "1"]
    subprocess.run(command, env=krita.on_screen(), check=True, timeout=60)


def use_gimp_first(window: Screen, folder: Path) -> list[Path]:
    """Open the photograph, choose *Select > Subject* and confirm; the screen with menu, dialog and selection."""
    gimp = window.gimp
    gimp.call("open_photo", name=NAME, path=f"/host{PHOTO}")
    main = window.wait_for_window(f"{SIZE[0]}x{SIZE[1]}")
    window.settled(folder / "gimp-open.png")
    window.press(main, "alt+s")
    shots = [folder / "gimp-menu.png", folder / "gimp-dialog.png", folder / "gimp-found.png"]
    window.settled(shots[0])
    window.do("xdotool", "key", "j")
    dialog = window.wait_for_window("Select Subject")
    while not list((gimp.home / "tmp").glob("dis-core-gimp-*/parts-1.png")):
        window.press(dialog, "alt+j")  # it does nothing before the preview shows the photograph
        time.sleep(3)
    time.sleep(2)  # until it has been read
    window.picture(shots[1])
    window.answer("Select Subject", "alt+o")
    while gimp.call("selection_is_empty", name=NAME):
        time.sleep(0.2)
    window.picture(shots[2])
    return shots


def assert_selected(path: Path) -> None:
    """Whether what was saved as a byte for each pixel is nearly the photograph's subject."""
    selected = np.frombuffer(path.read_bytes(), np.uint8).reshape(SIZE[::-1]) > 127
    with Image.open(MATTE) as image:
        subject = np.asarray(image) > 127
    assert (selected & subject).sum() > 0.8 * (selected | subject).sum()
