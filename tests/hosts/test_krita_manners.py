"""The plug-in in a Krita that speaks another language, used by keyboard alone and by a screen reader."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared.po_file import read_entries

from tests.fakes.fake_hub import CHECKOUT
from tests.hosts.conftest import QUICK, home_with_plugin, write_command
from tests.hosts.krita_program import KritaProgram, running_krita
from tests.hosts.pictures import SQUARE, KritaPicture, dark_with

LANGUAGES = ("de", "zh_CN")
Spoken = tuple[KritaProgram, dict[str, str]]
USUAL_NAMES = ["Find Subject", "Pick on Canvas", "Search in", "Where", "Make", "Combine", "Model", "Quality", "Grow"]


@pytest.fixture(scope="module", params=LANGUAGES)
def spoken(
    krita_is_here: None, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Spoken]:
    """A Krita in another language, and that language's words by the English ones."""
    home = home_with_plugin(tmp_path_factory.mktemp("manners") / "home")
    write_command(home, QUICK)
    # For the glyphs, where a person wants to look at the picture; the test does without.
    if fonts := os.environ.get("DIS_TEST_FONTS"):
        shutil.copytree(fonts, home / ".fonts")
    catalog = CHECKOUT / "plugins" / "shared" / "translations" / f"{request.param}.po"
    entries = read_entries(catalog.read_text(encoding="utf-8"))
    words = {entry.english: entry.translations[0] for entry in entries}
    # As Krita's own choice of a language does it, which goes before the system's.
    (home / "config" / "klanguageoverridesrc").write_text(f"[Language]\nkrita={request.param}\n", encoding="utf-8")
    shared = os.environ.get(
        "DIS_TEST_DATA_DIRS", "/usr/local/share:/usr/share"
    )  # Krita's catalogs, which CI does not have
    with running_krita(home, HF_HUB_OFFLINE="1", LANG="C.UTF-8", XDG_DATA_DIRS=shared) as krita:
        yield krita, words


def test_menus_and_docker_are_in_kritas_language(spoken: Spoken, tmp_path: Path) -> None:
    krita, words = spoken
    KritaPicture(krita, tmp_path, "words").show(dark_with(SQUARE))

    krita.call("show_docker")
    krita.call("show_all_of_docker")

    shown = krita.call("docker_words")
    krita.screenshot(tmp_path / "docker.png")
    assert shown["title"] == words["Select Subject"]
    assert {words[name] for name in USUAL_NAMES} <= set(shown["words"])
    assert {words["Whole image"], words["Intersect"], words["Best (slow)"]} <= set(shown["lists"])
    assert krita.call("action_words", action="dis_mask_subject") == [
        words["Mask Subject"],
        words["Find the subject and add a transparency mask of it to the layer"],
    ]


def test_nothing_is_cut_off_where_words_are_long(spoken: Spoken, tmp_path: Path) -> None:
    krita, _words = spoken
    KritaPicture(krita, tmp_path, "width").show(dark_with(SQUARE))

    krita.call("show_docker")
    krita.call("show_all_of_docker")

    room = krita.call("cut_off_words")
    assert room["cut"] == []
    assert room["scrolled"] == 0


def test_messages_and_layers_are_in_kritas_language(spoken: Spoken, tmp_path: Path) -> None:
    krita, words = spoken
    picture = KritaPicture(krita, tmp_path, "said")
    picture.show(dark_with(SQUARE))

    told = krita.call("run", action="dis_cut_subject", name="said")["messages"]

    made = words["Subject cut to a new layer"]
    assert told == [words["{made} by {model}"].format(made=made, model="bright")]
    assert [words["Subject"], "paintlayer"] in picture.call("layers")


def press(krita: KritaProgram, *keys: str) -> None:
    command = ["xdotool", "key", "--delay", "100", *keys]
    subprocess.run(command, env=krita.on_screen(), check=True, timeout=60)


def test_every_control_has_a_name_for_screen_readers(spoken: Spoken) -> None:
    krita, _words = spoken
    krita.call("show_docker")
    krita.call("show_all_of_docker")

    assert krita.call("unnamed_controls") == []


def test_tab_goes_through_the_docker_from_top_to_bottom_and_back(spoken: Spoken, tmp_path: Path) -> None:
    krita, words = spoken
    KritaPicture(krita, tmp_path, "order").show(dark_with(SQUARE))
    krita.call("show_docker")
    krita.call("show_all_of_docker")
    krita.call("go_to_docker")
    names = krita.call("control_names")

    press(krita, *["Tab"] * (len(names) - 1))
    last = krita.call("focused")[0]
    press(krita, *["shift+Tab"] * (len(names) - 1))

    assert names[0] == words["Find Subject"]
    assert {words[name] for name in USUAL_NAMES} <= set(names)
    assert last == names[-1]
    assert krita.call("focused")[0] == names[0]
    assert krita.call("is_docker_shown")  # for Krita, Tab hides it


def test_the_keyboard_alone_finds_the_subject(spoken: Spoken, tmp_path: Path) -> None:
    krita, words = spoken
    KritaPicture(krita, tmp_path, "keys").show(dark_with(SQUARE))
    krita.call("show_docker")
    krita.call("show_all_of_docker")
    krita.call("set_settings", result="select", model="bright")
    krita.call("go_to_docker")
    assert krita.call("focused")[0] == words["Find Subject"]

    press(krita, "Return")

    made = words["Subject selected"]
    told = krita.call("wait_for_message")["messages"]
    assert told == [words["{made} by {model}"].format(made=made, model="bright")]
    krita.call("go_to_docker")
    press(krita, "Escape")
    assert krita.call("focused")[1]  # the canvas
