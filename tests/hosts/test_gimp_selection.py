"""Select Subject in a real GIMP 3: what is selected, and how it combines with what was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.matte.edges import reshape_edges
from tests.hosts.conftest import QUICK
from tests.hosts.gimp_pictures import SELECT, GimpPicture
from tests.hosts.gimp_program import GimpProgram, write_gimp_command
from tests.hosts.pictures import DUST, SQUARE, Pixels, dark_with, flower, plane

LEFT, RIGHT = (10, 10, 20, 20), (80, 40, 25, 30)
PRECISIONS = (
    "u8-linear", "u8-non-linear", "u8-perceptual", "u16-linear", "u16-non-linear", "u32-non-linear", "half-linear",
    "float-linear", "float-non-linear", "double-perceptual",
)  # fmt: skip


@pytest.fixture
def canvas(gimp: GimpProgram, tmp_path: Path, request: pytest.FixtureRequest) -> GimpPicture:
    return GimpPicture(gimp, tmp_path, request.node.name)


def masked_by_the_command(image: Pixels, folder: Path) -> Pixels:
    """What `dis-core mask` writes for B, G, R, A pixels, without dust."""
    seen, mask = folder / "seen.png", folder / "mask.png"
    Image.fromarray(image[..., [2, 1, 0, 3]]).save(seen)
    command = [sys.executable, "-m", "dis_core", "mask", str(seen), "-o", str(mask), "-m", "dis-lite"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with Image.open(mask) as opened:
        gray = np.asarray(opened)
    return np.where(gray <= DUST, 0, gray).astype(np.uint8)


def test_gimp_selects_what_dis_core_mask_makes_of_the_same_pixels(canvas: GimpPicture, tmp_path: Path) -> None:
    canvas.show(flower())

    canvas.run(model="dis-lite")

    selected = canvas.selection()
    assert np.array_equal(selected, masked_by_the_command(flower(), tmp_path))
    assert np.count_nonzero((selected > 0) & (selected < 255)) > 0


@pytest.mark.parametrize(
    ("base", "alpha", "precision"),
    [
        *(("rgb", True, precision) for precision in PRECISIONS),
        ("rgb", False, "u8-non-linear"),
        ("rgb", False, "float-linear"),
        ("gray", True, "u8-non-linear"),
        ("gray", False, "u16-linear"),
    ],
)
def test_every_precision_is_seen_as_gimp_shows_it_and_selected_exactly(
    canvas: GimpPicture, base: str, alpha: bool, precision: str
) -> None:
    canvas.show(flower(), base=base, precision=precision, alpha=alpha)

    canvas.run(feather=2)

    seen = canvas.pixels("Photo")[..., :3] / np.float32(255)
    found = (seen.mean(axis=2) > 0.5).astype(np.float32)
    expected = np.rint(reshape_edges(found, feather_px=2) * 255).astype(np.uint8)
    expected[expected <= DUST] = 0
    assert np.array_equal(canvas.selection(), expected)


def test_an_indexed_picture_is_seen_in_its_palettes_colors(canvas: GimpPicture) -> None:
    canvas.show(dark_with(SQUARE), base="indexed")

    canvas.run()

    assert np.array_equal(canvas.selection(), plane(SQUARE))


@pytest.mark.parametrize(("offset", "size"), [((20, 10), (60, 50)), ((-25, -15), (100, 70)), ((-30, -20), (200, 160))])
@pytest.mark.parametrize("source", ["layer", "picture"])
def test_a_layer_is_selected_where_it_lies_in_gimp(
    canvas: GimpPicture, offset: tuple[int, int], size: tuple[int, int], source: str
) -> None:
    x, y = offset
    middle = (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2)
    canvas.show(dark_with(middle, width=size[0], height=size[1]), box=(x, y, *size), width=120, height=80)

    canvas.run(source=source)

    left, top = max(x + middle[0], 0), max(y + middle[1], 0)
    right, bottom = x + middle[0] + middle[2], y + middle[1] + middle[3]
    assert np.array_equal(canvas.selection(), plane((left, top, right - left, bottom - top)))


@pytest.mark.parametrize("mode", ["replace", "add", "subtract", "intersect"])
@pytest.mark.parametrize("precision", ["u8-non-linear", "float-linear"])
def test_modes_combine_soft_edges_with_gimps_selection(canvas: GimpPicture, mode: str, precision: str) -> None:
    canvas.show(dark_with(SQUARE), precision=precision)
    ramp = np.repeat(np.linspace(0, 255, 120).astype(np.uint8)[None], 80, axis=0)
    canvas.select(ramp)

    canvas.run(mode=mode, feather=6)

    soft = reshape_edges((plane(SQUARE) / np.float32(255)).astype(np.float32), feather_px=6)
    new = np.rint(soft * 255).astype(int)
    new[new <= DUST] = 0
    old = ramp.astype(int)
    expected = {
        "replace": new,
        "add": np.minimum(old + new, 255),
        "subtract": np.maximum(old - new, 0),
        "intersect": np.minimum(old, new),
    }[mode]
    assert np.array_equal(canvas.selection(), expected)


@pytest.mark.parametrize(("region", "found"), [("selection", (RIGHT,)), ("everywhere", (LEFT, RIGHT))])
def test_a_selection_says_where_to_look_in_gimp(
    canvas: GimpPicture, region: str, found: tuple[tuple[int, int, int, int], ...]
) -> None:
    canvas.show(dark_with(LEFT, RIGHT))
    canvas.select(plane((82, 42, 10, 10), (95, 60, 8, 8)))

    canvas.run(region=region)

    assert np.array_equal(canvas.selection(), plane(*found))


def test_a_model_that_is_told_cuts_out_what_gimps_selection_is_around(canvas: GimpPicture) -> None:
    canvas.show(dark_with(LEFT, RIGHT))
    canvas.select(plane((85, 45, 10, 12)))

    canvas.run(model="bright-where-told")

    assert np.array_equal(canvas.selection(), plane((85, 45, 10, 12)))


def test_a_model_that_is_told_cuts_out_what_gimps_sample_points_are_on(canvas: GimpPicture) -> None:
    canvas.show(dark_with((10, 10, 15, 15), (80, 40, 15, 15)))
    canvas.call("add_sample_point", x=87, y=47)

    canvas.run(model="bright-where-told")

    assert np.array_equal(canvas.selection(), plane((80, 40, 15, 15)))


def test_intersecting_with_a_small_layer_clears_what_lies_around_it(canvas: GimpPicture) -> None:
    canvas.show(dark_with((5, 5, 20, 20), width=40, height=40), box=(0, 0, 40, 40), width=120, height=80)
    canvas.select(plane((10, 10, 100, 60)))

    canvas.run(mode="intersect", region="everywhere")

    assert np.array_equal(canvas.selection(), plane((10, 10, 15, 15)))


def test_edges_are_moved_in_gimp(canvas: GimpPicture) -> None:
    canvas.show(dark_with(SQUARE))

    canvas.run(grow=-4)

    expected = reshape_edges((plane(SQUARE) / np.float32(255)).astype(np.float32), grow_px=-4)
    expected_bytes = np.rint(expected * 255).astype(np.uint8)
    expected_bytes[expected_bytes <= DUST] = 0
    assert np.array_equal(canvas.selection(), expected_bytes)


def test_a_group_is_seen_as_it_looks(canvas: GimpPicture) -> None:
    canvas.show(dark_with())
    canvas.call("add_group", group="Group")
    canvas.add_layer("Low", dark_with(width=60, height=60), 30, 10, group="Group")
    canvas.add_layer("High", dark_with((0, 0, 20, 20), width=20, height=20), 50, 30, group="Group")

    canvas.run(layers=["Group"])

    assert np.array_equal(canvas.selection(), plane((50, 30, 20, 20)))


def test_text_is_selected(canvas: GimpPicture) -> None:
    canvas.show(dark_with())
    canvas.call("add_text", text="dis", size=40)

    canvas.run(layers=["Text"])

    assert np.count_nonzero(canvas.selection()) > 100


def test_with_a_layer_mask_chosen_its_layer_is_meant(canvas: GimpPicture) -> None:
    canvas.show(dark_with(SQUARE))
    canvas.call("add_mask", layer="Photo")

    canvas.run(on_mask=True)

    assert np.array_equal(canvas.selection(), plane(SQUARE))


TIMED = 'begun=$(date +%s%N); "$@"; status=$?; echo $(($(date +%s%N) - begun)) >>"$0"; exit $status'
"""A shell's words: run a command, and write into a file how many nanoseconds it took."""


def test_24_megapixels_take_little_time_besides_dis_core(canvas: GimpPicture, tmp_path: Path) -> None:
    square, times = (1500, 1000, 3000, 2000), tmp_path / "times"
    canvas.show(dark_with(square, width=6000, height=4000), alpha=False)
    timed = ["/bin/bash", "-c", TIMED, str(times), *QUICK["command"]]
    write_gimp_command(canvas.gimp.home, {**QUICK, "command": timed})
    try:
        answer = canvas.call("run", procedure=SELECT, model="bright")
    finally:
        write_gimp_command(canvas.gimp.home, QUICK)

    assert answer["status"] == "success", answer
    assert np.array_equal(canvas.selection(), plane(square, width=6000, height=4000))
    inside_s = sum(map(int, times.read_text().split())) / 1e9
    outside_s = answer["seconds"] - inside_s
    print(f"outside of dis-core {outside_s:.2f} s, in dis-core {inside_s:.2f} s")  # noqa: T201
    assert outside_s < max(1.5, 0.4 * inside_s)  # on a busy machine, both take longer
