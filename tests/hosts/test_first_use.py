"""From an editor in which nothing was ever chosen to a selection, by what shows on the screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.hosts.conftest import home_with_plugin
from tests.hosts.first_use import MATTE, NAME, SIZE, use_gimp_first, use_krita_first
from tests.hosts.gimp_program import prepare_gimp_home
from tests.hosts.gimp_screen import gimp_on_screen
from tests.hosts.krita_program import running_krita

if TYPE_CHECKING:
    from pathlib import Path


def assert_selected(path: Path) -> None:
    selected = np.frombuffer(path.read_bytes(), np.uint8).reshape(SIZE[::-1]) > 127
    with Image.open(MATTE) as image:
        subject = np.asarray(image) > 127
    assert (selected & subject).sum() > 0.8 * (selected | subject).sum()


def test_one_click_in_a_fresh_krita_selects_the_subject(krita_is_here: None, tmp_path: Path) -> None:
    home = home_with_plugin(tmp_path / "home")
    with running_krita(home, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1") as krita:
        use_krita_first(krita, tmp_path)

        krita.call("save_selected", name=NAME, path=str(tmp_path / "selected"))

    assert_selected(tmp_path / "selected")


@pytest.mark.skipif(
    "DIS_TEST_GIMP_CHROOT" not in os.environ, reason="CI has no time for another GIMP; .ci/newer-editors runs this"
)
def test_a_menu_and_a_button_in_a_fresh_gimp_select_the_subject(gimp_is_here: None, tmp_path: Path) -> None:
    home = prepare_gimp_home(tmp_path / "home")
    with gimp_on_screen(home) as window:
        use_gimp_first(window, tmp_path)

        window.gimp.call("save_selection", name=NAME, path=str(tmp_path / "selected"))

    assert_selected(tmp_path / "selected")
