"""Mask Subject and Cut Subject to New Layer in a real Krita, and layers of all kinds as what is looked at."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from shared.matte import NOTHING_LEFT

from tests.fakes.fake_hub import clean_environment, unused_address
from tests.hosts.krita_program import KritaProgram
from tests.hosts.pictures import SQUARE, KritaPicture, Pixels, dark_with, plane

if TYPE_CHECKING:
    from pathlib import Path

OTHER = (80, 45, 30, 20)


@pytest.fixture
def picture(krita: KritaProgram, tmp_path: Path, request: pytest.FixtureRequest) -> KritaPicture:
    return KritaPicture(krita, tmp_path, request.node.name)


def alpha_shown(picture: KritaPicture) -> Pixels:
    with Image.open(picture.shown()) as image:
        return np.asarray(image.convert("RGBA"))[..., 3]


def test_a_mask_hides_all_but_the_subject_and_one_undo_takes_it_away(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.select(plane(OTHER))

    ran = picture.run("dis_mask_subject")

    assert ran["messages"] == ["Subject masked by bright"]
    assert picture.call("layers") == [["Photo", "paintlayer"], ["Subject", "transparencymask"]]
    assert np.array_equal(alpha_shown(picture), plane(SQUARE))
    assert np.array_equal(picture.pixels("Photo"), dark_with(SQUARE))
    assert np.array_equal(picture.selection(), plane(OTHER))
    picture.call("undo")
    assert picture.call("layers") == [["Photo", "paintlayer"]]
    assert (alpha_shown(picture) == 255).all()
    assert np.array_equal(picture.selection(), plane(OTHER))


def test_a_mask_keeps_soft_edges(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.run(feather_px=5)
    selected = picture.selection()

    picture.run("dis_mask_subject", feather_px=5)

    assert np.array_equal(picture.pixels("Subject")[..., 0], selected)
    assert len(np.unique(selected)) > 5


def test_a_locked_layer_is_not_masked_but_can_be_selected_from(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.call("set_property", layer="Photo", Locked=True)

    ran = picture.run("dis_mask_subject")

    assert ran["messages"] == ["The layer “Photo” is locked. Unlock it to add a mask"]
    assert picture.call("layers") == [["Photo", "paintlayer"]]
    picture.run()
    assert np.array_equal(picture.selection(), plane(SQUARE))


def gradient_with_soft_square() -> Pixels:
    """Dark and bright with a slope between them, and colors everywhere, so that cut-outs have edges to be cleaned."""
    image = dark_with(SQUARE).astype(int)
    y, x = np.mgrid[:80, :120]
    image[..., 0] = np.clip(image[..., 0] + x // 4, 0, 255)
    image[..., 1] = np.clip(image[..., 1] - y // 4, 0, 255)
    return image.astype(np.uint8)


def test_a_cut_out_is_what_dis_core_cuts_out_and_one_undo_takes_it_away(picture: KritaPicture, tmp_path: Path) -> None:
    picture.show(gradient_with_soft_square())
    Image.fromarray(gradient_with_soft_square()[..., [2, 1, 0]]).save(tmp_path / "seen.png")
    options = ["-m", "bright", "--feather", "6", "-o", str(tmp_path / "cut.png")]
    subprocess.run(
        [sys.executable, "-m", "tests.hosts.quick_dis_core", "cutout", str(tmp_path / "seen.png"), *options],
        env=clean_environment(tmp_path, unused_address()),
        check=True,
        capture_output=True,
        timeout=120,
    )
    with Image.open(tmp_path / "cut.png") as image:
        expected = np.asarray(image)

    ran = picture.run("dis_cut_subject", feather_px=6)

    assert ran["messages"] == ["Subject cut to a new layer by bright"]
    assert picture.call("layers") == [["Photo", "paintlayer"], ["Subject", "paintlayer"]]
    cut = picture.pixels("Subject")[..., [2, 1, 0, 3]]
    assert np.array_equal(cut[..., 3], expected[..., 3])
    assert np.array_equal(cut[cut[..., 3] > 0], expected[cut[..., 3] > 0])
    picture.call("undo")
    assert picture.call("layers") == [["Photo", "paintlayer"]]


@pytest.mark.parametrize(
    ("model", "depth", "dtype"),
    [("RGBA", "U16", "<u2"), ("RGBA", "F32", "<f4"), ("GRAYA", "U8", "u1"), ("CMYKA", "U8", "u1")],
)
@pytest.mark.parametrize("source", ["layer", "picture"])
def test_a_cut_out_has_the_pixels_of_its_source_at_their_own_depth(
    picture: KritaPicture, model: str, depth: str, dtype: str, source: str
) -> None:
    picture.show(gradient_with_soft_square(), model=model, depth=depth)
    photo = picture.pixels("Photo", dtype)

    picture.run("dis_cut_subject", source=source, feather_px=4)

    cut = picture.pixels("Subject", dtype)
    opaque = photo[0, 0, -1]
    x, y, width, height = SQUARE
    whole = np.s_[y + 4 : y + height - 4, x + 4 : x + width - 4]
    assert np.array_equal(cut[whole], photo[whole])
    row = cut[y + height // 2, x - 5 : x + 5, -1] / opaque
    assert row[0] == 0
    assert row[-1] == 1
    assert (np.diff(row) >= 0).all()
    assert len(np.unique(row)) > 6


@pytest.mark.parametrize(("depth", "dtype", "pixel_bytes"), [("U8", "u1", 4), ("F32", "<f4", 16)])
def test_a_cut_layer_holds_no_more_than_the_subject(
    picture: KritaPicture, depth: str, dtype: str, pixel_bytes: int
) -> None:
    # So large and so far apart that there are strips without anything of the subject before, between and behind.
    boxes = ((300, 150, 40, 30), (900, 1100, 50, 40))
    image = dark_with(*boxes, width=1200, height=1300)
    picture.show(image, box=(20, -10, 1200, 1300), width=1240, height=1300, depth=depth)
    photo = picture.pixels("Photo", dtype)

    picture.run("dis_cut_subject")

    cut = picture.pixels("Subject", dtype)
    expected = plane(*((x + 20, y - 10, wide, high) for x, y, wide, high in boxes), width=1240, height=1300) > 0
    assert np.array_equal(cut[..., -1] > 0, expected)
    assert np.array_equal(cut[expected], photo[expected])
    box, size_bytes = picture.krita.call("last_new_layer")
    assert box == [320, 140, 650, 990]
    assert size_bytes == 650 * 990 * pixel_bytes


def test_a_cut_out_of_a_transparent_layer_keeps_its_transparency(picture: KritaPicture) -> None:
    image = dark_with(SQUARE)
    image[..., 3] = np.where(np.arange(120) < 55, 255, 128)
    image[:30, :, 3] = 0
    picture.show(image)

    picture.run("dis_cut_subject", grow_px=3)

    alpha = picture.pixels("Subject")[..., 3]
    assert (alpha <= image[..., 3]).all()
    assert alpha[35, 45] == 255
    assert alpha[35, 65] == 128
    assert not alpha[:30].any()


def test_a_cut_out_intersected_with_the_selection_is_cut_off_there(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.select(plane((0, 0, 50, 80)))

    picture.run("dis_cut_subject", mode="intersect")

    x, y, _, height = SQUARE
    assert np.array_equal(picture.pixels("Subject")[..., 3], plane((x, y, 50 - x, height)))


def test_a_mask_of_nothing_is_refused_in_words(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.select(plane((90, 60, 10, 10)))

    ran = picture.run("dis_mask_subject", mode="intersect")

    assert ran["messages"] == [NOTHING_LEFT]
    assert picture.call("layers") == [["Photo", "paintlayer"]]


def test_a_cut_out_of_nothing_is_refused_in_words(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.select(plane((90, 60, 10, 10)))

    ran = picture.run("dis_cut_subject", mode="intersect")

    assert ran["messages"] == [NOTHING_LEFT]
    assert picture.call("layers") == [["Photo", "paintlayer"]]


def test_a_second_mask_says_that_the_first_one_still_counts(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.run("dis_mask_subject")

    ran = picture.run("dis_mask_subject")

    assert ran["messages"] == ["Subject masked by bright. The layer had a mask already, which still counts"]


@pytest.mark.parametrize("depth", ["F16", "F32"])
def test_a_cut_out_in_floating_point_takes_seconds_and_hears_clicks_meanwhile(
    picture: KritaPicture, depth: str
) -> None:
    square = (300, 250, 1400, 1000)
    picture.show(dark_with(square, width=2000, height=1500), depth=depth)
    picture.krita.call("show_docker")
    picture.krita.call("start", action="dis_cut_subject")
    x, y = picture.krita.call("wait_for_the_result_to_be_applied")
    clicked = time.time()

    subprocess.run(["xdotool", "mousemove", str(x), str(y), "click", "1"], env=picture.krita.on_screen(), check=True)

    picture.krita.call("wait_for_message")
    heard = picture.krita.call("clicked_at")
    assert heard
    assert heard[0] - clicked < 2.0  # and not after the run, as from within one long call
    assert time.time() - clicked < 30


def test_a_hidden_layer_is_seen(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.call("set_property", layer="Photo", Visible=False)

    picture.run()

    assert np.array_equal(picture.selection(), plane(SQUARE))


def test_the_whole_picture_is_what_is_visible(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.call(
        "add_layer", layer="Above", kind="paintlayer", pixels=picture.file(dark_with(OTHER)), box=(0, 0, 120, 80)
    )
    picture.call("activate", layer="Photo")

    picture.run(source="picture")

    assert np.array_equal(picture.selection(), plane(OTHER))


def test_with_a_mask_active_its_layer_is_meant(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.call("add_mask_of_all", layer="Photo")

    picture.run()

    assert np.array_equal(picture.selection(), plane(SQUARE))


@pytest.mark.parametrize("kind", ["group", "group passing through", "clone", "vector", "file"])
def test_a_layer_of_another_kind_is_seen_as_it_looks(picture: KritaPicture, kind: str, tmp_path: Path) -> None:
    picture.show(dark_with())
    if kind.startswith("group"):
        picture.call("add_layer", layer="Group", kind="group")
        pixels = picture.file(dark_with(SQUARE))
        picture.call("add_layer", layer="In it", kind="paintlayer", pixels=pixels, box=(0, 0, 120, 80), inside="Group")
        picture.call("set_property", layer="Group", PassThroughMode=kind.endswith("through"))
        picture.call("activate", layer="Group")
    elif kind == "clone":
        pixels = picture.file(dark_with(SQUARE))
        picture.call("add_layer", layer="Below", kind="paintlayer", pixels=pixels, box=(0, 0, 120, 80))
        picture.call("add_layer", layer="Clone", kind="clone", of="Below")
    elif kind == "vector":
        x, y, width, height = SQUARE
        # Krita takes 72 points to the inch, and these pictures have as many pixels.
        shape = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="#fafafa" stroke="none"/>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="120pt" height="80pt" viewBox="0 0 120 80">{shape}</svg>'
        picture.call("add_layer", layer="Vector", kind="vector", svg=svg)
    else:
        Image.fromarray(dark_with(SQUARE)[..., [2, 1, 0]]).save(tmp_path / "linked.png")
        picture.call("add_layer", layer="File", kind="file", path=str(tmp_path / "linked.png"))

    picture.run()

    selected = picture.selection()
    if kind == "vector":  # its edges are drawn smoothly
        assert np.abs((selected > 127).astype(int) - (plane(SQUARE) > 0)).sum() <= 2 * (SQUARE[2] + SQUARE[3])
    else:
        assert np.array_equal(selected, plane(SQUARE))


@pytest.mark.parametrize("action", ["dis_select_subject", "dis_mask_subject", "dis_cut_subject"])
def test_an_empty_layer_is_refused_in_words(picture: KritaPicture, action: str) -> None:
    picture.show(None, width=120, height=80)

    ran = picture.run(action)

    assert ran["messages"] == ["The layer “Photo” is empty"]
    assert picture.call("layers") == [["Photo", "paintlayer"]]


def test_a_transparent_picture_is_refused_in_words(picture: KritaPicture) -> None:
    picture.show(None, width=120, height=80)

    ran = picture.run(source="picture")

    assert ran["messages"] == ["There is nothing to search: all pixels are transparent"]


def test_a_layer_outside_of_the_picture_is_refused_in_words(picture: KritaPicture) -> None:
    picture.show(dark_with(), box=(500, 0, 120, 80), width=120, height=80)

    ran = picture.run()

    assert ran["messages"] == ["The layer “Photo” is outside the image"]


@pytest.mark.parametrize("source", ["layer", "picture"])
def test_the_frame_of_an_animation_that_shows_is_searched(picture: KritaPicture, tmp_path: Path, source: str) -> None:
    picture.show(dark_with())
    files = [tmp_path / "0.png", tmp_path / "1.png"]
    for file, box in zip(files, (SQUARE, OTHER), strict=True):
        Image.fromarray(dark_with(box)[..., [2, 1, 0, 3]]).save(file)
    picture.call("import_frames", paths=[str(file) for file in files], step=10)
    for frame, box in ((0, SQUARE), (10, OTHER), (0, SQUARE)):
        picture.call("show_frame", frame=frame)

        picture.run(source=source)

        assert np.array_equal(picture.selection(), plane(box)), frame
