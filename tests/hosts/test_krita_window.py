"""The plug-in in Krita's window: menus, docker, settings, a download; and Krita's own importer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import dis_core
from dis_core.editors.find import find_editors
from tests.fakes.fake_hub import run_fake_hub, unused_address
from tests.hosts.conftest import QUICK, QUICK_ENVIRONMENT, home_with_plugin, write_command
from tests.hosts.krita_program import (
    KritaProgram,
    chroot_folder,
    import_archive,
    krita_version,
    running_krita,
)
from tests.hosts.pictures import SQUARE, KritaPicture, dark_with, flower, plane

EMBEDDED = Path(dis_core.__file__).parent / "embedded"


@pytest.fixture
def picture(krita: KritaProgram, tmp_path: Path, request: pytest.FixtureRequest) -> KritaPicture:
    return KritaPicture(krita, tmp_path, request.node.name)


@pytest.mark.parametrize("action", ["dis_select_subject", "dis_mask_subject", "dis_cut_subject"])
def test_each_action_is_in_the_select_menu_and_among_the_scripts(krita: KritaProgram, action: str) -> None:
    assert sorted(krita.call("menus_with", action=action)) == ["Select", "scripts"]


def test_select_subject_has_a_shortcut(krita: KritaProgram) -> None:
    assert krita.call("shortcut", action="dis_select_subject") == "Ctrl+Alt+Shift+S"


def test_the_docker_shows_and_remembers_the_settings(krita: KritaProgram) -> None:
    krita.call("show_docker")

    krita.call("set_settings", source="picture", mode="add", model="dis-lite", grow_px=-3, feather_px=2, keep_min=7)

    shown = krita.call("docker_shows")
    assert "Whole image" in shown["boxes"]
    assert "Add" in shown["boxes"]
    assert "dis-lite: quick" in shown["boxes"]
    assert sorted(shown["numbers"]) == [-3, 0, 2, 7]
    kept = krita.call("kept_settings")
    assert (kept["source"], kept["mode"], kept["model"], kept["grow_px"]) == ("picture", "add", "dis-lite", "-3")
    assert kept["keep_min"] == "7"


def test_the_dockers_button_runs_with_its_settings(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.krita.call("show_docker")
    picture.krita.call("set_settings", result="mask", model="bright")
    picture.krita.call("click", button="dis_start")

    picture.krita.call("wait_for_message")

    assert picture.call("layers") == [["Photo", "paintlayer"], ["Subject", "transparencymask"]]


def test_progress_is_shown_in_the_docker_and_in_the_status_bar(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.krita.call("show_docker")
    picture.krita.call("start", action="dis_select_subject", model="endless")

    picture.krita.call("wait_until_working")

    shown = picture.krita.call("shown_progress")
    picture.krita.call("stop")
    assert shown == ["Subject: working endlessly", "Working endlessly"]
    assert picture.krita.call("shown_progress") == []


def test_how_long_it_will_still_take_is_shown_once_it_is_known(picture: KritaPicture) -> None:
    picture.show(dark_with(SQUARE))
    picture.krita.call("show_docker")
    known = picture.krita.home / "data" / "dis-core" / "timings.json"
    known.parent.mkdir(exist_ok=True)
    known.write_text(json.dumps({"endless auto full normal auto mask": [[0.0096, 600.0]]}), encoding="utf-8")
    picture.krita.call("start", action="dis_select_subject", model="endless")

    picture.krita.call("wait_until_working")

    shown = picture.krita.call("shown_progress")
    picture.krita.call("stop")
    assert shown == ["Subject: working endlessly, about 10 min left", "Working endlessly, about 10 min left"]


def test_a_download_brings_the_model_and_then_it_runs(krita_is_here: None, tmp_path: Path) -> None:
    home = home_with_plugin(tmp_path / "home")
    with run_fake_hub() as hub:
        hub.files["someone/absent/model.safetensors"] = (EMBEDDED / "dis-lite.safetensors").read_bytes()
        write_command(home, {**QUICK, "environment": {**QUICK_ENVIRONMENT, "HF_ENDPOINT": hub.url}})
        with running_krita(home) as krita:
            picture = KritaPicture(krita, tmp_path, "download")
            picture.show(dark_with(SQUARE))
            assert picture.run(model="absent")["remedies"]

            krita.call("click", button="dis_fix")

            assert krita.call("wait_for_message")["messages"] == ["The model absent is ready to use"]
            picture.run(model="absent")
            selected = picture.selection()
    assert hub.downloads()
    assert np.array_equal(selected, plane(SQUARE))


def test_the_first_click_of_all_selects_and_offers_what_has_better_edges(picture: KritaPicture) -> None:
    picture.show(flower())
    picture.krita.call("show_docker")

    ran = picture.run(**picture.krita.call("default_settings"))

    assert ran["messages"][0].startswith("Subject selected by dis-lite")
    assert np.count_nonzero(picture.selection() > 127) > 1000
    words, buttons = picture.krita.call("help_shown")
    assert words.startswith("Better edges: pdfnet.")
    assert buttons == ["Download pdfnet, 510 MB", "Not now"]


def test_a_declined_offer_is_not_made_again(picture: KritaPicture) -> None:
    picture.show(flower())
    picture.krita.call("show_docker")
    picture.run(model="")

    picture.krita.call("click", button="dis_decline")

    assert picture.krita.call("help_shown") is None
    declined = picture.krita.call("kept_settings")["declined"]
    assert declined == "pdfnet"
    assert not picture.run(model="", declined=declined)["remedies"]


def test_a_download_goes_on_while_one_works_and_can_be_paused(krita_is_here: None, tmp_path: Path) -> None:
    home = home_with_plugin(tmp_path / "home")
    with run_fake_hub() as hub:
        content = (EMBEDDED / "dis-lite.safetensors").read_bytes()
        hub.files["someone/absent/model.safetensors"] = content
        hub.faults.bytes_per_s = len(content) // 20
        write_command(home, {**QUICK, "environment": {**QUICK_ENVIRONMENT, "HF_ENDPOINT": hub.url}})
        with running_krita(home) as krita:
            picture = KritaPicture(krita, tmp_path, "paused")
            picture.show(dark_with(SQUARE))
            krita.call("show_docker")
            picture.run(model="absent")
            krita.call("click", button="dis_fix")
            krita.call("wait_for_download", part=0.05)

            assert picture.run()["messages"] == ["Subject selected by bright"]

            krita.call("click", button="dis_pause")
            words, buttons = krita.call("help_shown")
            assert words == "The download of absent is paused. What is here already is kept."
            assert buttons == ["Continue"]
            hub.faults.bytes_per_s = None
            krita.call("click", button="dis_fix")
            assert krita.call("wait_for_message")["messages"] == ["The model absent is ready to use"]
    assert any(request.start for request in hub.downloads())  # not from the beginning again


def test_a_download_that_fails_says_so_and_can_be_tried_again(krita_is_here: None, tmp_path: Path) -> None:
    home = home_with_plugin(tmp_path / "home")
    write_command(home, {**QUICK, "environment": {**QUICK_ENVIRONMENT, "HF_ENDPOINT": unused_address()}})
    with running_krita(home) as krita:
        picture = KritaPicture(krita, tmp_path, "offline")
        picture.show(dark_with(SQUARE))
        krita.call("show_docker")
        picture.run(model="absent")

        krita.call("click", button="dis_fix")

        assert krita.call("wait_for_message")["messages"] == ["absent was not downloaded"]
        words, buttons = krita.call("help_shown")
    assert words.startswith("absent was not downloaded.")
    assert words.endswith("Check the connection to the internet, then try again.")
    assert buttons == ["Try again"]


@pytest.mark.skipif(chroot_folder() is not None, reason="it looks for this system's Krita")
def test_doctor_knows_which_krita_is_here(krita_is_here: None) -> None:
    found = [editor.version for editor in find_editors() if editor.where == shutil.which("krita")]

    assert found == [krita_version()]


def test_krita_imports_the_archive_itself(krita_is_here: None, tmp_path: Path) -> None:
    home = tmp_path / "home"
    import_archive(home, tmp_path)
    write_command(home, QUICK)  # it would be looked for on the path, and the checkout is not there
    with running_krita(home, HF_HUB_OFFLINE="1") as krita:
        picture = KritaPicture(krita, tmp_path, "imported")
        picture.show(dark_with(SQUARE))
        picture.run()
        assert np.array_equal(picture.selection(), plane(SQUARE))
        assert krita.call("shortcut", action="dis_select_subject") == "Ctrl+Alt+Shift+S"
