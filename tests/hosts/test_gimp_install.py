"""From an account without dis-core to a selection, by the buttons of GIMP's dialogs, with pip but without a network."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.tiny_wheels import base_python, offline_environment, write_tiny_wheels
from tests.hosts.gimp_pictures import SELECT, GimpPicture
from tests.hosts.gimp_program import gimp_environment, in_chroot, running_gimp, unpack_archive
from tests.hosts.gimp_screen import Screen
from tests.hosts.krita_program import PATIENCE, screen
from tests.hosts.pictures import flower

OFFER, DIALOG = "^Select Subject: dis-core$", "^Select Subject$"
INSTALL_S = 280.0 * PATIENCE

pytestmark = pytest.mark.timeout(900 * PATIENCE)  # a busy machine takes long for an installation


@pytest.fixture(scope="module")
def fresh(gimp_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A GIMP with the unpacked plug-in, on an account without dis-core."""
    python = Path(base_python()).parents[1]
    if python == Path("/usr"):
        pytest.skip("GIMP's Debian has another Python at the place of the tests' Python")
    folder = tmp_path_factory.mktemp("gimp-install")
    home = unpack_archive(folder / "home", folder)
    packages = [Path(path) for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    environment = offline_environment(write_tiny_wheels(folder / "wheels"))
    with screen() as display:
        manager = subprocess.Popen(in_chroot(["openbox"]), env=gimp_environment(home, DISPLAY=display), cwd="/")
        try:
            also = [python, *(path for path in packages if python not in path.parents)]
            with running_gimp(home, program="gimp", also=also, DISPLAY=display, **environment) as gimp:
                yield Screen(gimp, display)
        finally:
            manager.kill()
            manager.wait()


def titles(window: Screen) -> str:
    return window.do("sh", "-c", "for w in $(xdotool search --onlyvisible --name .); do xdotool getwindowname $w; done")


def wait_for_title(window: Screen, title: str) -> None:
    """Wait for a window as long as an installation takes."""
    ends = time.monotonic() + INSTALL_S
    while title not in titles(window).splitlines():
        assert time.monotonic() < ends, titles(window)
        time.sleep(1)


def left_in(window: Screen) -> list[str]:
    folder = window.gimp.home / ".local" / "share" / "dis-core" / "program"
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def test_one_button_installs_what_selects_at_once_and_another_removes_it(fresh: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(fresh.gimp, tmp_path, "first")
    canvas.show(flower())
    answer = fresh.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive")
    offer = fresh.wait_for_window(OFFER)
    fresh.picture(tmp_path / "offer.png")

    fresh.press(offer, "Return")

    time.sleep(3)
    fresh.picture(tmp_path / "installing.png")
    wait_for_title(fresh, "Select Subject")
    fresh.picture(tmp_path / "dialog.png")
    fresh.answer(DIALOG, "Return")
    told = fresh.gimp.receive(answer, patience_s=INSTALL_S)
    assert told["status"] == "success", told
    assert np.count_nonzero(canvas.selection() > 127) > 1000
    assert left_in(fresh)[1] == "installed.json"
    answer = fresh.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive")

    fresh.press(fresh.wait_for_window(DIALOG), "alt+x")

    manage = fresh.wait_for_window(OFFER)
    fresh.picture(tmp_path / "manage.png")
    fresh.press(manage, "alt+v")
    time.sleep(1)
    fresh.picture(tmp_path / "removal.png")
    fresh.press(manage, "Return")
    ends = time.monotonic() + INSTALL_S
    while left_in(fresh):
        assert time.monotonic() < ends, left_in(fresh)
        time.sleep(0.5)
    fresh.picture(tmp_path / "removed.png")
    fresh.answer(OFFER, "Return")
    assert fresh.gimp.receive(answer)["status"] == "cancel"
