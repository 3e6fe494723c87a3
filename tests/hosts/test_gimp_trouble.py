"""What goes wrong in GIMP 3 is told by GIMP, and changes nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.hosts.conftest import QUICK
from tests.hosts.gimp_pictures import CUT, MASK, PROCEDURES, SELECT, GimpPicture
from tests.hosts.gimp_program import GimpProgram, wait_for_process, wait_until_none, write_gimp_command
from tests.hosts.pictures import SQUARE, dark_with, plane

BEFORE = (3, 4, 50, 60)


@pytest.fixture
def canvas(gimp: GimpProgram, tmp_path: Path, request: pytest.FixtureRequest) -> GimpPicture:
    canvas = GimpPicture(gimp, tmp_path, request.node.name)
    canvas.show(dark_with(SQUARE))
    canvas.select(plane(BEFORE))
    return canvas


def assert_untouched(canvas: GimpPicture) -> None:
    assert canvas.layers() == ["Photo"]
    assert canvas.mask() is None
    assert np.array_equal(canvas.selection(), plane(BEFORE))


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_killed_by_gimp_the_plug_in_leaves_no_child_and_changes_nothing(canvas: GimpPicture, procedure: str) -> None:
    answer = canvas.gimp.send("run", name=canvas.name, procedure=procedure, model="endless")
    wait_for_process("--model endless", canvas.gimp.home)

    os.kill(wait_for_process("dis-select-subject.py", canvas.gimp.home), signal.SIGKILL)

    assert canvas.gimp.receive(answer)["status"] != "success"
    wait_until_none("--model endless", canvas.gimp.home)
    assert_untouched(canvas)
    wait_until_no_folder_is_left(canvas.gimp.home)


def wait_until_no_folder_is_left(home: Path) -> None:
    ends = time.monotonic() + 20
    while left := list((home / "tmp").glob("dis-core-gimp-*")):
        assert time.monotonic() < ends, left
        time.sleep(0.05)


def test_killed_while_it_reads_the_pixels_the_plug_in_leaves_no_folder(gimp: GimpProgram, tmp_path: Path) -> None:
    canvas = GimpPicture(gimp, tmp_path, "reading")
    canvas.show(dark_with(SQUARE, width=6000, height=4000))
    answer = gimp.send("run", name=canvas.name, procedure=SELECT, model="bright")
    ends = time.monotonic() + 60
    while not list((gimp.home / "tmp").glob("dis-core-gimp-*/picture.bmp")):
        assert time.monotonic() < ends
    os.kill(wait_for_process("dis-select-subject.py", gimp.home), signal.SIGKILL)

    assert gimp.receive(answer)["status"] != "success"

    wait_until_no_folder_is_left(gimp.home)
    gimp.call("delete", name=canvas.name)


def test_a_child_that_is_killed_is_told_of_in_gimp(canvas: GimpPicture) -> None:
    answer = canvas.gimp.send("run", name=canvas.name, procedure=SELECT, model="endless")

    os.kill(wait_for_process("--model endless", canvas.gimp.home), signal.SIGKILL)

    told = canvas.gimp.receive(answer)
    assert told["status"] == "execution-error"
    assert "was stopped while it was working" in told["message"]
    assert_untouched(canvas)


def test_what_a_killed_run_left_behind_is_removed_by_the_next(canvas: GimpPicture) -> None:
    left = canvas.gimp.home / "tmp" / "dis-core-gimp-999999999-abc"
    left.mkdir()

    canvas.run()

    assert not list((canvas.gimp.home / "tmp").glob("dis-core-gimp-*"))


def test_without_dis_core_gimp_says_what_to_type(canvas: GimpPicture) -> None:
    write_gimp_command(canvas.gimp.home, {"command": ["/nowhere/python"]})
    command = canvas.gimp.home / "gimp" / "plug-ins" / "dis-select-subject" / "command.json"
    command.unlink()
    try:
        told = canvas.refusal()
    finally:
        write_gimp_command(canvas.gimp.home, QUICK)

    assert "was not found" in told
    assert "dis_core plugin install gimp" in told
    assert_untouched(canvas)


def test_a_dis_core_that_does_not_work_is_told_of_in_gimp(canvas: GimpPicture) -> None:
    write_gimp_command(canvas.gimp.home, {"command": ["/bin/sh", "-c", "echo broken >&2; exit 3"]})
    try:
        told = canvas.refusal()
    finally:
        write_gimp_command(canvas.gimp.home, QUICK)

    assert "stopped unexpectedly (3): broken" in told
    assert "dis_core plugin install gimp" in told
    assert_untouched(canvas)


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_a_missing_model_is_told_of_with_its_size_and_the_command(canvas: GimpPicture, procedure: str) -> None:
    told = canvas.refusal(procedure, model="absent")

    assert "The model absent has not been downloaded yet. It is a single download of 2 MB" in told
    assert f"{sys.executable} -m tests.hosts.quick_dis_core fetch absent" in told
    assert_untouched(canvas)


def test_a_model_that_has_to_be_fetched_by_hand_is_told_of_with_its_page_and_the_command(canvas: GimpPicture) -> None:
    told = canvas.refusal(SELECT, model="by-hand")

    assert "https://example.org/model" in told
    assert "2 MB" in told
    assert f"{sys.executable} -m tests.hosts.quick_dis_core fetch by-hand --from FILE" in told
    assert_untouched(canvas)


def test_a_model_that_needs_a_package_is_told_of_with_the_command_that_brings_it(canvas: GimpPicture) -> None:
    told = canvas.refusal(SELECT, model="needy")

    assert "The model needy needs a package that is not installed. Run the command below in a terminal" in told
    assert told.endswith("\n\npip install 'dis-core[more]'")
    assert_untouched(canvas)


def test_a_model_that_nobody_knows_is_told_of_in_gimp(canvas: GimpPicture) -> None:
    assert canvas.refusal(model="nonsense") == "Unknown model “nonsense”. Choose another one under “Model”"
    assert_untouched(canvas)


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_an_empty_layer_is_refused_by_gimp_in_words(gimp: GimpProgram, tmp_path: Path, procedure: str) -> None:
    canvas = GimpPicture(gimp, tmp_path, f"empty-{procedure}")
    image = dark_with(SQUARE)
    image[..., 3] = 0
    canvas.show(image)

    assert "all pixels are transparent" in canvas.refusal(procedure)
    assert canvas.layers() == ["Photo"]


def test_where_no_subject_is_nothing_changes(gimp: GimpProgram, tmp_path: Path) -> None:
    canvas = GimpPicture(gimp, tmp_path, "nothing")
    canvas.show(dark_with())

    for procedure in PROCEDURES:
        assert canvas.refusal(procedure) == "No subject was found. Nothing was changed"
    assert canvas.layers() == ["Photo"]
    assert canvas.call("selection_is_empty")


def test_a_picture_without_layers_is_refused(gimp: GimpProgram, tmp_path: Path) -> None:
    canvas = GimpPicture(gimp, tmp_path, "no-layers")
    canvas.show(None, width=20, height=20)

    assert canvas.refusal(layers=[]).startswith("No layer is selected")
    assert canvas.refusal(layers=[], source="picture") == "The image has no layers"


def test_several_layers_are_refused_but_not_for_the_whole_picture(canvas: GimpPicture) -> None:
    canvas.add_layer("Other", dark_with(width=20, height=20), 0, 0)

    assert canvas.refusal(layers=["Photo", "Other"]).startswith("2 layers are selected")
    canvas.run(layers=["Photo", "Other"], source="picture", region="everywhere")

    assert np.array_equal(canvas.selection(), plane(SQUARE))


def test_a_layer_outside_of_the_picture_is_refused_by_gimp(gimp: GimpProgram, tmp_path: Path) -> None:
    canvas = GimpPicture(gimp, tmp_path, "outside")
    canvas.show(dark_with((5, 5, 20, 20), width=40, height=40), box=(200, 0, 40, 40), width=120, height=80)

    assert canvas.refusal() == "The layer “Photo” is outside the image"


def test_a_selection_away_from_the_layer_is_refused_by_gimp(gimp: GimpProgram, tmp_path: Path) -> None:
    canvas = GimpPicture(gimp, tmp_path, "away")
    canvas.show(dark_with((5, 5, 20, 20), width=40, height=40), box=(0, 0, 40, 40), width=120, height=80)
    canvas.select(plane((90, 60, 10, 10)))

    assert canvas.refusal(region="selection").startswith("The selection is outside the area to search")


def test_a_second_mask_is_refused(canvas: GimpPicture) -> None:
    canvas.call("add_mask", layer="Photo")

    assert "already has a mask" in canvas.refusal(MASK)


def test_a_floating_selection_is_refused(canvas: GimpPicture) -> None:
    canvas.call("float_selection", layer="Photo")

    assert "floating selection" in canvas.refusal(CUT)
