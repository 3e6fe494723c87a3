"""What goes wrong, and what is stopped, leaves Krita's pictures as they were and nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.hosts.conftest import QUICK, home_with_plugin, write_command
from tests.hosts.krita_program import PATIENCE, KritaProgram, running_krita, starting_host
from tests.hosts.pictures import SQUARE, KritaPicture, dark_with, plane

BEFORE = (5, 5, 20, 20)
PATIENCE_S = 10.0 * PATIENCE


@pytest.fixture
def picture(krita: KritaProgram, tmp_path: Path, request: pytest.FixtureRequest) -> KritaPicture:
    """A picture with something selected."""
    picture = KritaPicture(krita, tmp_path, request.node.name)
    picture.show(dark_with(SQUARE))
    picture.select(plane(BEFORE))
    return picture


@pytest.fixture
def other_command(krita: KritaProgram) -> Iterator[None]:
    """The test changes how dis-core is started; afterwards it is as before."""
    yield
    write_command(krita.home, QUICK)
    krita.call("forget_models")


def start_endless_run(picture: KritaPicture, action: str = "dis_select_subject") -> int:
    """The process identifier of a dis-core that works until it is stopped."""
    picture.krita.call("start", action=action, model="endless")
    pid: int = picture.krita.call("wait_until_working")
    return pid


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text(encoding="utf-8")


def assert_untouched(picture: KritaPicture, pid: int | None = None) -> None:
    ends = time.monotonic() + PATIENCE_S
    while pid is not None and is_running(pid) and time.monotonic() < ends:
        time.sleep(0.02)
    report = picture.krita.call("report")
    assert pid is None or not is_running(pid)
    assert not report["busy"]
    assert not report["folders"]
    assert not report["modal"]
    assert np.array_equal(picture.selection(), plane(BEFORE))
    assert picture.call("layers") == [["Photo", "paintlayer"]]


@pytest.mark.parametrize("action", ["dis_select_subject", "dis_mask_subject", "dis_cut_subject"])
def test_stopping_ends_the_child_and_changes_nothing(picture: KritaPicture, action: str) -> None:
    pid = start_endless_run(picture, action)

    picture.krita.call("click", button="dis_stop")

    assert picture.krita.call("wait_for_message")["messages"] == ["Stopped. Nothing was changed"]
    assert_untouched(picture, pid)


@pytest.mark.parametrize("action", ["dis_select_subject", "dis_cut_subject"])
def test_a_stop_within_a_call_of_krita_stops(picture: KritaPicture, action: str) -> None:
    report = picture.krita.call("stop_within_a_call", action=action, during="reading")

    assert report["messages"] == ["Stopped. Nothing was changed"]
    assert_untouched(picture)


def test_a_stop_in_the_last_call_before_the_change_stops(picture: KritaPicture) -> None:
    report = picture.krita.call(
        "stop_within_a_call", action="dis_cut_subject", during="closing the scratch document", region="everywhere"
    )

    assert report["messages"] == ["Stopped. Nothing was changed"]
    assert_untouched(picture)


def test_a_second_start_is_refused_and_the_first_goes_on(picture: KritaPicture) -> None:
    pid = start_endless_run(picture)

    report = picture.krita.call("trigger", action="dis_mask_subject")

    assert report["messages"] == ["The last run is not finished. Stop it first, or wait"]
    assert report["busy"]
    assert is_running(pid)
    picture.krita.call("stop")
    assert_untouched(picture, pid)


def test_a_child_that_is_killed_is_told_of(picture: KritaPicture) -> None:
    pid = start_endless_run(picture)

    os.kill(pid, signal.SIGKILL)

    report = picture.krita.call("wait_for_message")
    assert report["messages"] == ["Dis-core was stopped while it was working"]
    assert "perhaps because memory ran out" in report["explained"][0]
    assert_untouched(picture, pid)


def test_a_picture_that_is_closed_meanwhile_takes_its_result_along(krita: KritaProgram, tmp_path: Path) -> None:
    picture = KritaPicture(krita, tmp_path, "closing")
    picture.show(dark_with(SQUARE))
    krita.call("start", action="dis_select_subject")

    picture.call("close")

    assert krita.call("wait_for_message")["messages"] == ["The image has been closed in the meantime"]
    assert not krita.call("report")["folders"]


def test_a_picture_that_changes_its_size_meanwhile_is_left_alone(picture: KritaPicture) -> None:
    picture.krita.call("start", action="dis_select_subject")

    picture.call("crop", box=[0, 0, 60, 60])

    messages = picture.krita.call("wait_for_message")["messages"]
    assert messages == ["The size of the image has changed. Please try again"]


def test_a_layer_that_is_removed_meanwhile_gets_no_mask(picture: KritaPicture) -> None:
    picture.call(
        "add_layer", layer="Short-lived", kind="paintlayer", pixels=picture.file(dark_with(SQUARE)), box=(0, 0, 120, 80)
    )
    picture.krita.call("start", action="dis_mask_subject")
    picture.krita.call("wait_until_it_reads")

    picture.call("remove_layer", layer="Short-lived")

    assert picture.krita.call("wait_for_message")["messages"] == ["The layer has been removed in the meantime"]
    assert_untouched(picture)


def test_a_result_is_set_in_its_own_picture_also_if_another_one_is_active_by_then(
    krita: KritaProgram, tmp_path: Path
) -> None:
    picture, other = KritaPicture(krita, tmp_path, "own"), KritaPicture(krita, tmp_path, "other")
    picture.show(dark_with(SQUARE))
    krita.call("start", action="dis_select_subject")
    other.show(dark_with())

    krita.call("wait_for_message")

    assert np.array_equal(picture.selection(), plane(SQUARE))
    assert not other.has_selection()
    assert other.call("is_active")
    krita.call("bring_to_front", name="own")
    picture.call("undo")
    assert not picture.has_selection()


@pytest.mark.usefixtures("other_command")
@pytest.mark.parametrize("command", ["/nowhere/python3", "/etc/passwd"], ids=["gone", "no program"])
def test_without_dis_core_there_is_one_button_that_installs_it(picture: KritaPicture, command: str) -> None:
    write_command(picture.krita.home, {"command": [command, "-m", "dis_core"]})

    ran = picture.run()

    ((words, button, _),) = ran["remedies"]
    assert words.startswith("The program that finds the subject, dis-core, is not installed yet.")
    assert button.startswith("Install dis-core, ")
    assert_untouched(picture)


@pytest.mark.usefixtures("other_command")
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["/bin/sh", "-c", "echo 'no such option' >&2; exit 3"], "stopped unexpectedly (3): no such option"),
        (["/bin/true"], "it lists no models, so it may be of another version"),
    ],
)
def test_a_dis_core_that_does_not_work_is_told_of(picture: KritaPicture, command: list[str], words: str) -> None:
    picture.krita.call("list_models")  # so that none is being listed
    write_command(picture.krita.home, {"command": command})
    picture.krita.call("forget_models")

    ran = picture.run()

    ((said, button, _),) = ran["remedies"]
    assert words in said
    assert button == "Copy the commands"
    picture.krita.call("click", button="dis_fix")
    assert "plugin install krita" in picture.krita.call("clipboard")
    assert_untouched(picture)


def test_a_model_that_is_not_there_is_offered_with_its_size(picture: KritaPicture) -> None:
    ran = picture.run(model="absent")

    ((words, button, model),) = ran["remedies"]
    assert button == "Download absent, 2 MB"
    assert model == "absent"
    assert "License: MIT AND Apache-2.0, commercial use: yes" in words
    assert_untouched(picture)


def test_a_model_that_has_to_be_fetched_by_hand_offers_the_command(picture: KritaPicture) -> None:
    ran = picture.run(model="by-hand")

    ((words, button, command),) = ran["remedies"]
    assert "Get its file from https://example.org/model" in words
    assert button == "Copy the command"
    assert "2 MB" in words
    assert command == " ".join([*starting_host(QUICK["command"]), "fetch by-hand --from FILE"])
    assert_untouched(picture)


def test_a_model_that_needs_a_package_offers_the_command_that_brings_it(picture: KritaPicture) -> None:
    ran = picture.run(model="needy")

    ((words, button, command),) = ran["remedies"]
    assert words.startswith("The model needy needs a package that is not installed.")
    assert button == "Copy the command"
    assert command == "pip install 'dis-core[more]'\n"
    assert_untouched(picture)


def test_a_full_disk_is_told_of_and_is_no_bug(krita_is_here: None, tmp_path: Path) -> None:
    home = home_with_plugin(tmp_path / "home")
    write_command(home, QUICK)
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with running_krita(home, HF_HUB_OFFLINE="1", TMPDIR=str(small)) as krita:
            picture = KritaPicture(krita, tmp_path, "full")
            picture.show(dark_with(SQUARE, width=1600, height=1000))

            report = picture.run()

            assert report["messages"] == [f"The disk with {small} is full, where the pixels go meanwhile"]
            assert "make room there" in report["explained"][0]
            assert not report["busy"]
            assert not list(small.glob("dis-core-krita-*"))
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_model_that_nobody_knows_is_told_of(picture: KritaPicture) -> None:
    ran = picture.run(model="u2net")

    assert ran["messages"] == ["Unknown model “u2net”. Choose another one under “Model”"]
    assert_untouched(picture)


def test_without_a_picture_there_are_words_and_quitting_leaves_no_child(krita_is_here: None, tmp_path: Path) -> None:
    home = home_with_plugin(tmp_path / "home")
    write_command(home, QUICK)
    with running_krita(home, HF_HUB_OFFLINE="1") as krita:
        picture = KritaPicture(krita, tmp_path, "quitting")
        picture.show(dark_with(SQUARE))
        pid = start_endless_run(picture)
        folders = krita.call("report")["folders"]

        krita.call("quit_krita")

        assert krita.process.wait(timeout=30) == 0
    assert len(folders) == 1
    assert not Path(folders[0]).exists()
    assert not is_running(pid)
