"""The plug-in where Krita is drawn otherwise: by OpenGL, in double resolution, in light colors; and with a pen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.hosts.conftest import QUICK, home_with_plugin, write_command
from tests.hosts.krita_program import KritaProgram, running_krita
from tests.hosts.pictures import KritaPicture, dark_with, plane
from tests.hosts.test_krita_picking import click, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEFT, RIGHT = (40, 60, 80, 90), (180, 70, 90, 60)
SIZE = {"width": 300, "height": 200}
OPENGL = "[General]\ncanvasState=OPENGL_SUCCESS\nOpenGLRenderer=auto\n"
LIGHT = "[theme]\nTheme=Krita bright\n"


@pytest.fixture(scope="module")
def other_krita(krita_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KritaProgram]:
    """A Krita with OpenGL, light colors and two pixels of the screen for each of its own."""
    home = home_with_plugin(tmp_path_factory.mktemp("krita-displays") / "home")
    write_command(home, QUICK)
    (home / "config" / "kritadisplayrc").write_text(OPENGL, encoding="utf-8")
    with (home / "config" / "kritarc").open("a", encoding="utf-8") as settings:
        settings.write(LIGHT)
    with running_krita(home, HF_HUB_OFFLINE="1", QT_SCALE_FACTOR="2", LIBGL_ALWAYS_SOFTWARE="1") as program:
        yield program


def test_with_opengl_light_colors_and_double_resolution_a_click_takes_the_part_below_it(
    other_krita: KritaProgram, tmp_path: Path
) -> None:
    picture = KritaPicture(other_krita, tmp_path, "opengl")
    picture.show(dark_with(LEFT, RIGHT, **SIZE))
    other_krita.call("show_docker")
    assert picture.run()["messages"] == ["Subject selected by bright"]
    canvas, ratio, lightness = other_krita.call("window_facts")
    assert (canvas, ratio) == ("KisOpenGLCanvas2", 2.0)
    assert lightness > 128
    place = other_krita.call("image_place", x=LEFT[0] + 5, y=LEFT[1] + 5)
    other_krita.call("pick_on_canvas")

    click(picture, place)

    wait_for(picture, plane(RIGHT, **SIZE))
    other_krita.screenshot(tmp_path / "opengl.png")
    other_krita.call("stop_picking")
    assert np.array_equal(picture.pixels("Photo"), dark_with(LEFT, RIGHT, **SIZE))


def test_a_pen_picks_parts_too(krita: KritaProgram, tmp_path: Path) -> None:
    picture = KritaPicture(krita, tmp_path, "pen")
    picture.show(dark_with(LEFT, RIGHT, **SIZE))
    krita.call("show_docker")
    picture.run()
    x, y = krita.call("image_place", x=LEFT[0] + 20, y=LEFT[1] + 20)
    krita.call("pick_on_canvas")

    krita.call("draw_with_pen", x=x, y=y)

    wait_for(picture, plane(RIGHT, **SIZE))
    krita.call("stop_picking")
    assert np.array_equal(picture.pixels("Photo"), dark_with(LEFT, RIGHT, **SIZE))
