"""From a GIMP in which nothing was ever chosen to a selection, by what shows on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hosts.first_use import NAME, assert_selected, use_gimp_first
from tests.hosts.gimp_program import prepare_gimp_home
from tests.hosts.gimp_screen import gimp_on_screen

if TYPE_CHECKING:
    from pathlib import Path


def test_a_menu_and_a_button_in_a_fresh_gimp_select_the_subject(gimp_is_here: None, tmp_path: Path) -> None:
    home = prepare_gimp_home(tmp_path / "home")
    with gimp_on_screen(home) as window:
        use_gimp_first(window, tmp_path)

        window.gimp.call("save_selection", name=NAME, path=str(tmp_path / "selected"))

    assert_selected(tmp_path / "selected")
