"""GIMP with what is around it: quitting while the plug-in works, and the browser that shows its help."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hosts.conftest import QUICK
from tests.hosts.gimp_pictures import SELECT, GimpPicture
from tests.hosts.gimp_program import (
    PATIENCE,
    prepare_gimp_home,
    wait_for_process,
    wait_until_none,
    write_gimp_command,
)
from tests.hosts.gimp_screen import Screen, gimp_on_screen
from tests.hosts.pictures import SQUARE, dark_with

if TYPE_CHECKING:
    from collections.abc import Iterator

BROWSER = """[Desktop Entry]
Type=Application
Name=Browser
Exec=/bin/sh -c "echo $1 >$HOME/opened" sh %u
MimeType=text/html;application/octet-stream;x-scheme-handler/file;
"""
OPENS = (
    "[Default Applications]\ntext/html=b.desktop\napplication/octet-stream=b.desktop\nx-scheme-handler/file=b.desktop\n"
)
PATIENCE_S = 120.0 * PATIENCE


@pytest.fixture(scope="module")
def window(gimp_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A GIMP of these tests alone: the last one ends it."""
    home = prepare_gimp_home(tmp_path_factory.mktemp("gimp-desktop") / "home", QUICK)
    for name, content in ((".local/share/applications/b.desktop", BROWSER), (".config/mimeapps.list", OPENS)):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content, encoding="utf-8")
    with gimp_on_screen(home) as shown:
        yield shown


def test_the_dialogs_help_is_about_the_plug_in(window: Screen, tmp_path: Path) -> None:
    canvas, opened = GimpPicture(window.gimp, tmp_path, "help"), window.gimp.home / "opened"
    canvas.show(dark_with(SQUARE))
    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive")
    dialog = window.wait_for_window("Select Subject")

    ends = time.monotonic() + PATIENCE_S
    while not opened.exists():
        assert time.monotonic() < ends, window.gimp.log()
        window.press(dialog, "alt+h")
        time.sleep(1)

    page = Path(opened.read_text().strip().removeprefix("file://"))
    window.answer("Select Subject", "Escape")
    assert window.gimp.receive(answer)["status"] == "cancel"
    assert "<h1>Select, mask and cut out the subject</h1>" in page.read_text(encoding="utf-8")


def test_a_gimp_that_is_quit_meanwhile_leaves_nothing_behind(window: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(window.gimp, tmp_path, "quitting")
    canvas.show(dark_with(SQUARE))
    canvas.call("open_window")
    main = window.wait_for_window("Untitled")
    canvas.call("clean")
    write_gimp_command(window.gimp.home, QUICK)
    window.gimp.send("run", name=canvas.name, procedure=SELECT, model="endless")
    wait_for_process("--model endless", window.gimp.home)

    window.press(main, "ctrl+q")

    assert window.gimp.process.wait(timeout=120) is not None
    wait_until_none("--model endless", window.gimp.home)
    wait_until_none("dis-select-subject.py", window.gimp.home)
    wait_until_none("dis-core-gimp-", window.gimp.home)  # what removes the folder
    assert not list((window.gimp.home / "tmp").glob("dis-core-gimp-*"))
