"""Looking at a result on Krita's canvas before it is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dis_core.jobs.adjusting import Adjustment, HeldMatte
from tests.hosts.krita_program import KritaProgram
from tests.hosts.pictures import DUST, SQUARE, KritaPicture, Pixels, dark_with, plane

EDGES = {"grow_px": 4, "feather_px": 3}


@pytest.fixture
def picture(krita: KritaProgram, tmp_path: Path, request: pytest.FixtureRequest) -> KritaPicture:
    """A picture whose subject is looked at."""
    picture = KritaPicture(krita, tmp_path, request.node.name)
    picture.show(dark_with(SQUARE))
    krita.call("show_docker")
    assert krita.call("look") == []
    return picture


def adjusted(**edges: Any) -> Pixels:
    """What dis-core makes of the square."""
    held = HeldMatte(np.divide(plane(SQUARE), 255, dtype=np.float32))
    return held.adjusted(Adjustment(Path("matte.pgm"), **edges)).pixels[..., 0].astype(np.uint8)


def without_dust(pixels: Pixels) -> Pixels:
    return np.where(pixels > DUST, pixels, np.uint8(0))


def canvas_of(picture: KritaPicture) -> Pixels:
    path = picture.folder / "canvas.png"
    picture.krita.call("save_canvas", path=str(path))
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def near(shown: Pixels, color: tuple[int, int, int]) -> int:
    """How many pixels have about that color."""
    return int(np.count_nonzero((np.abs(shown.astype(int) - color) < 12).all(axis=2)))


BRIGHT, BACKDROP = (250, 240, 200), (20, 40, 90)


def test_a_look_changes_nothing_and_canceling_leaves_nothing(picture: KritaPicture) -> None:
    before = picture.pixels("Photo")
    assert picture.krita.call("look_state") == [True, 1, "normal"]
    assert picture.krita.call("docker_fits")

    said = picture.krita.call("look_and_wait", button="dis_cancel")

    assert picture.krita.call("look_state") == [False, 0, None]
    assert said["folders"] == []
    assert picture.krita.call("docker_fits")
    assert not picture.has_selection()
    assert picture.call("layers") == [["Photo", "paintlayer"]]
    assert np.array_equal(picture.pixels("Photo"), before)


def test_other_edges_come_without_the_network_and_are_exactly_what_dis_core_makes(picture: KritaPicture) -> None:
    picture.krita.call("look_otherwise", **EDGES)
    picture.krita.call("look_otherwise", grow_px=-2)

    said = picture.krita.call("look_and_wait", button="dis_take_select")

    assert len(said["arguments"]) == 1  # one run of the network
    assert np.array_equal(picture.selection(), without_dust(adjusted(grow=-2, feather=3)))
    assert picture.krita.call("look_state") == [False, 0, None]
    picture.call("undo")
    assert not picture.has_selection()


def test_a_mask_is_one_step(picture: KritaPicture) -> None:
    picture.krita.call("look_otherwise", **EDGES)

    picture.krita.call("look_and_wait", button="dis_take_mask")

    assert picture.call("layers") == [["Photo", "paintlayer"], ["Subject", "transparencymask"]]
    picture.call("undo")
    assert picture.call("layers") == [["Photo", "paintlayer"]]


def test_a_cut_layer_gets_the_edge_and_the_colors_that_were_asked_for(picture: KritaPicture) -> None:
    picture.krita.call("look_otherwise", feather_px=6)
    picture.krita.call("set_now", colors="original")

    picture.krita.call("look_and_wait", button="dis_take_cut")

    cut = picture.pixels("Subject")
    assert np.array_equal(cut[..., 3], adjusted(feather=6))
    soft = (cut[..., 3] > DUST) & (cut[..., 3] < 255)
    assert soft.any()
    assert np.array_equal(cut[soft][:, :3], dark_with(SQUARE)[soft][:, :3])
    picture.call("undo")
    assert picture.call("layers") == [["Photo", "paintlayer"]]


def test_a_masked_copy_is_the_layer_with_a_mask_in_one_step(picture: KritaPicture) -> None:
    picture.krita.call("look_otherwise", grow_px=3)

    picture.krita.call("look_and_wait", button="dis_take_layer")

    layers = picture.call("layers")
    assert layers == [["Photo", "paintlayer"], ["Subject", "paintlayer"], ["Subject", "transparencymask"]]
    assert np.array_equal(picture.pixels("Subject")[..., :3], dark_with(SQUARE)[..., :3])
    assert not picture.has_selection()
    picture.krita.call("set_property", name=picture.name, layer="Photo", Visible=False)
    with Image.open(picture.shown()) as image:
        assert np.array_equal(np.asarray(image.convert("RGBA"))[..., 3] > 127, adjusted(grow=3) > 127)
    picture.krita.call("set_property", name=picture.name, layer="Photo", Visible=True)
    picture.call("undo")
    assert picture.call("layers") == [["Photo", "paintlayer"]]


def test_finer_is_one_more_run_at_the_next_quality(picture: KritaPicture) -> None:
    picture.krita.call("click", button="dis_finer")
    picture.krita.call("wait_for_another_look")

    assert picture.krita.call("look_state") == [True, 1, "best"]
    arguments = picture.krita.call("report")["arguments"]
    assert len(arguments) == 2
    assert arguments[1][arguments[1].index("--quality") + 1] == "best"
    assert "--bits" in arguments[1]
    picture.krita.call("look_and_wait", button="dis_cancel")


def test_the_overlay_follows_the_view(picture: KritaPicture) -> None:
    picture.krita.call("set_now", shown="black")
    views: list[dict[str, Any]] = [
        {"zoom": 1.0, "scroll": (0, 0), "rotation": 0, "mirror": False},
        {"zoom": 3.0, "scroll": (40, -30), "rotation": 0, "mirror": False},
        {"zoom": 2.0, "scroll": (0, 0), "rotation": 30, "mirror": True},
    ]
    seen = []
    for view in views:
        picture.krita.call("view_as", dpi=72, **view)
        seen.append(canvas_of(picture))
    picture.krita.call("look_and_wait", button="dis_cancel")

    for view, shown in zip(views, seen, strict=True):
        picture.krita.call("view_as", dpi=72, **view)
        bare = canvas_of(picture)
        around = 2 * (SQUARE[2] + SQUARE[3]) * view["zoom"]  # the edge may be off by two pixels
        assert near(bare, BACKDROP) > 5000 * view["zoom"]
        assert near(shown, BACKDROP) < 2 * around
        assert abs(near(shown, BRIGHT) - near(bare, BRIGHT)) < 2 * around
    picture.krita.call("view_as", zoom=1.0, dpi=72, scroll=(0, 0), rotation=0, mirror=False)


def test_each_way_to_look_shows_the_subject_and_something_else_around_it(picture: KritaPicture) -> None:
    seen = {}
    for shown in ("red", "black", "white", "checkers", "edge"):
        picture.krita.call("set_now", shown=shown)
        seen[shown] = canvas_of(picture)

    picture.krita.call("look_and_wait", button="dis_cancel")

    bare = canvas_of(picture)
    for shown, pixels in seen.items():
        assert near(pixels, BRIGHT) > 0.8 * near(bare, BRIGHT), shown
        kept = near(pixels, BACKDROP) / near(bare, BACKDROP)
        assert (0.9 < kept < 1) if shown == "edge" else kept < 0.05, shown


def test_the_menu_gives_a_selection_at_once_even_if_results_are_looked_at(picture: KritaPicture) -> None:
    picture.run(preview="on")

    assert np.array_equal(picture.selection(), plane(SQUARE))
    assert picture.krita.call("look_state") == [False, 0, None]


def test_a_closed_image_ends_the_look(picture: KritaPicture) -> None:
    picture.call("close")

    assert picture.krita.call("wait_for_no_look") is True
    assert picture.krita.call("report")["folders"] == []


def test_reset_brings_back_what_was_at_first(krita: KritaProgram) -> None:
    krita.call("show_docker")
    krita.call("set_settings", mode="add", grow_px=7, colors="original", declined="pdfnet")

    krita.call("click", button="dis_reset")

    kept = krita.call("kept_settings")
    assert (kept["mode"], kept["grow_px"], kept["colors"], kept["declined"]) == ("replace", "0", "clean", "pdfnet")
