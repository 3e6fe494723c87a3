"""From a Krita in which nothing was ever chosen to a selection, by what shows on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hosts.conftest import QUICK, home_with_plugin, write_command
from tests.hosts.first_use import NAME, assert_selected, use_krita_first
from tests.hosts.krita_program import QUIT_S, running_krita

if TYPE_CHECKING:
    from pathlib import Path


def test_one_click_in_a_fresh_krita_selects_the_subject(krita_is_here: None, tmp_path: Path) -> None:
    home = home_with_plugin(tmp_path / "home")
    with running_krita(home, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1") as krita:
        use_krita_first(krita, tmp_path)

        krita.call("save_selected", name=NAME, path=str(tmp_path / "selected"))

    assert_selected(tmp_path / "selected")


def test_the_docker_shows_the_first_time_and_once_closed_stays_so(krita_is_here: None, tmp_path: Path) -> None:
    home = home_with_plugin(tmp_path / "home")
    write_command(home, QUICK)
    with running_krita(home, HF_HUB_OFFLINE="1") as krita:
        assert krita.call("docker_is_open")
        krita.call("hide_docker")
        krita.call("quit_krita")
        krita.process.wait(timeout=QUIT_S)

    with running_krita(home, HF_HUB_OFFLINE="1") as krita:
        assert not krita.call("docker_is_open")
