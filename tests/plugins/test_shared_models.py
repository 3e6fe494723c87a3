"""What the plug-ins of all editors make of the models that there are, and what they offer where one is missing."""

from __future__ import annotations

import errno
import json
from dataclasses import replace

import pytest
from shared.events import Failed, failure_of
from shared.models import Model, better_than, choose, parse_models, those_here_first
from shared.program import Program
from shared.remedies import (
    COPY,
    DOWNLOAD,
    Remedy,
    after_download,
    offer_better,
    remedy_for,
    without_model,
    without_program,
)
from shared.settings import AUTOMATIC, LIST_ARGUMENTS

from dis_core.cli.main import group

FULL = Model("full", "the full one", "MIT", "yes", embedded=False, missing_bytes=411_000_000)
EMBEDDED = Model("tiny", "an embedded one", "MIT", "yes", embedded=True, missing_bytes=0)
PROGRAM = Program(("/my tools/python", "-m", "dis_core"))

LISTED = json.dumps(
    [
        {"name": "full", "task": "matte", "present": False, "size_bytes": 400, "needed": ["depth", "part"]},
        {"name": "tiny", "task": "matte", "present": True, "size_bytes": 7, "embedded": True, "aliases": ["old"]},
        {"name": "odd", "task": "matte", "present": False, "size_bytes": None},
        {"name": "depth", "task": "depth", "present": False, "size_bytes": 100},
        {"name": "part", "task": "part", "present": False, "size_bytes": 30},
    ]
).encode()


def test_a_model_counts_as_ready_only_with_all_that_it_needs() -> None:
    full, tiny, odd = parse_models(LISTED)

    assert (full.missing_bytes, tiny.missing_bytes) == (530, 0)
    assert tiny.is_ready
    assert not odd.is_ready


def test_a_model_is_found_by_the_name_that_it_had_before() -> None:
    _, tiny, _ = models = parse_models(LISTED)

    assert choose("old", models) == tiny


def test_what_dis_core_lists_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    group.main(list(LIST_ARGUMENTS), standalone_mode=False)

    models = parse_models(capsys.readouterr().out.encode())

    assert [model.name for model in models if model.is_ready] == ["dis-lite"]
    assert choose(AUTOMATIC, models) == choose("dis-lite", models)
    assert "commercial use: conditional" in models[0].terms()


def test_a_model_says_whether_it_is_told_and_one_that_takes_no_box_is_left_out() -> None:
    listed = [
        {"name": "free", "task": "matte", "present": True},
        {"name": "told", "task": "matte", "present": True, "prompts": ["box", "points"]},
        {"name": "pointed at", "task": "matte", "present": True, "prompts": ["points"]},
        {"name": "a part", "task": "part", "present": True},
    ]

    models = parse_models(json.dumps(listed).encode())

    assert [(model.name, model.needs_selection) for model in models] == [("free", False), ("told", True)]
    assert choose(AUTOMATIC, models[::-1]) == models[0]


PAGE = "https://x.org"
BY_HAND = {"name": "hand", "task": "matte", "present": False, "size_bytes": 9_000_000, "homepage": PAGE}
PART = {"name": "part", "task": "part", "present": False, "size_bytes": 5_000_000}


def listed_first(*entries: dict[str, object]) -> Model:
    """The first model of a list."""
    return parse_models(json.dumps(entries).encode())[0]


def test_a_file_that_no_program_can_fetch_is_fetched_by_hand() -> None:
    model = listed_first(BY_HAND)

    remedy = without_model(model, [model, EMBEDDED], PROGRAM)

    assert not model.is_ready
    assert model.label() == "hand (manual download)"
    assert remedy.action == COPY
    assert PAGE in remedy.text
    assert "downloads" not in remedy.text
    assert "tiny" in remedy.text


def test_a_file_that_was_fetched_by_hand_is_handed_to_the_dis_core_of_the_plug_in() -> None:
    model = listed_first(BY_HAND)

    remedy = without_model(model, [model], PROGRAM)

    assert remedy.value == "'/my tools/python' -m dis_core fetch hand --from FILE"


def test_beside_a_file_by_hand_it_is_said_how_much_is_downloaded() -> None:
    model = listed_first({**BY_HAND, "needed": ["part"]}, PART)

    remedy = without_model(model, [model], PROGRAM)

    assert remedy.action == COPY
    assert "5 MB" in remedy.text


def test_what_is_missing_beside_a_file_that_is_here_is_downloaded() -> None:
    model = listed_first({**BY_HAND, "present": True, "needed": ["part"]}, PART)

    remedy = without_model(model, [model], PROGRAM)

    assert (remedy.action, remedy.button) == (DOWNLOAD, "Download hand, 5 MB")


NEEDY = {"name": "needy", "task": "matte", "present": True, "needed": ["part"]}
INSTALL = "pip install 'dis-core[more]'"


@pytest.mark.parametrize(
    ("model", "part"),
    [
        ({"install_command": INSTALL}, {"install_command": None}),
        ({"install_command": None}, {"install_command": INSTALL}),
        ({"install_command": INSTALL}, {"install_command": INSTALL}),
        ({"install_command": INSTALL, "present": False, "homepage": PAGE}, {}),
    ],
    ids=["itself", "its part", "both", "and a file by hand"],
)
def test_a_model_whose_packages_are_not_installed_is_never_downloaded(
    model: dict[str, object], part: dict[str, object]
) -> None:
    needy = listed_first({**NEEDY, **model}, {**PART, **part})

    remedy = without_model(needy, [needy, EMBEDDED], PROGRAM)

    assert not needy.is_ready
    assert needy.label() == "needy (needs a package)"
    assert (remedy.action, remedy.button, remedy.value) == (COPY, "Copy the command", f"{INSTALL}\n")
    assert "needs a package" in remedy.text
    assert "tiny" in remedy.text


def test_packages_of_several_models_take_several_commands() -> None:
    needy = listed_first({**NEEDY, "install_command": INSTALL}, {**PART, "install_command": "pip install one"})

    remedy = without_model(needy, [needy], PROGRAM)

    assert (remedy.button, remedy.value) == ("Copy the commands", f"{INSTALL}\npip install one\n")


@pytest.mark.parametrize(
    "remedy",
    [
        without_program("gimp", "nowhere"),
        without_model(listed_first(BY_HAND), [], PROGRAM),
        without_model(listed_first({**NEEDY, "install_command": INSTALL}), [], PROGRAM),
    ],
    ids=["program", "file", "package"],
)
def test_without_a_button_the_words_go_with_what_it_would_copy(remedy: Remedy) -> None:
    words = remedy.without_button()

    assert "button" in remedy.text
    assert "button" not in words
    assert " below in a terminal" in words
    assert words.endswith(f"\n\n{remedy.value.strip()}")


@pytest.mark.parametrize("listed", [b"", b"{", b"[1]", b"[{}]", b"\xff"])
def test_a_list_that_makes_no_sense_is_empty(listed: bytes) -> None:
    assert parse_models(listed) == []


def test_the_automatic_choice_is_the_best_that_is_here() -> None:
    here = replace(FULL, name="lean", missing_bytes=0)

    assert choose(AUTOMATIC, [FULL, EMBEDDED, here]) == here
    assert choose(AUTOMATIC, [FULL, EMBEDDED]) == EMBEDDED
    assert choose(AUTOMATIC, [replace(EMBEDDED, missing_bytes=1), FULL]) == FULL
    assert choose(AUTOMATIC, []) is None


def test_a_model_that_needs_a_selection_is_never_the_automatic_choice() -> None:
    assert choose(AUTOMATIC, [replace(FULL, missing_bytes=0, needs_selection=True), EMBEDDED]) == EMBEDDED


def test_any_model_can_be_chosen_by_name() -> None:
    assert choose("full", [EMBEDDED, FULL]) == FULL
    assert choose("other", [EMBEDDED, FULL]) is None


def test_a_better_model_is_offered_beside_the_embedded_only() -> None:
    assert better_than(EMBEDDED, [EMBEDDED, FULL]) == FULL
    assert better_than(EMBEDDED, [EMBEDDED, replace(FULL, missing_bytes=0)]) is None
    assert better_than(EMBEDDED, [EMBEDDED, replace(FULL, download_page=PAGE)]) is None
    assert better_than(replace(FULL, missing_bytes=0), [EMBEDDED, replace(FULL, name="other")]) is None


def test_the_offer_of_a_better_model_can_be_declined() -> None:
    offer = offer_better(FULL)

    assert (offer.action, offer.value, offer.button) == (DOWNLOAD, "full", "Download full, 411 MB")
    assert offer.decline == "Not now"


def test_models_that_are_here_come_first_in_lists() -> None:
    hand = listed_first(BY_HAND)

    assert those_here_first([FULL, hand, EMBEDDED]) == [EMBEDDED, FULL, hand]


def test_a_download_without_a_network_says_so_in_a_sentence() -> None:
    remedy = after_download(Failed("HubUnreachable", "ConnectError: [Errno -2]", "HF_ENDPOINT"), "full")

    assert (remedy.action, remedy.value) == (DOWNLOAD, "full")
    assert "Check the connection" in remedy.text
    assert "Errno" not in remedy.text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "DiskFull"),
        (PermissionError(errno.EACCES, "Permission denied", "folder"), "Unwritable"),
        (KeyError("x"), "Bug"),
    ],
)
def test_a_full_disk_is_no_bug_of_the_plug_in(error: Exception, code: str) -> None:
    failed = failure_of(error)

    assert failed.code == code
    assert ("bug" in failed.sentence()) == (code == "Bug")


def test_a_missing_model_is_offered_with_size_license_and_what_else_there_is() -> None:
    remedy = without_model(FULL, [FULL, EMBEDDED], PROGRAM)

    assert (remedy.action, remedy.value, remedy.button) == (DOWNLOAD, "full", "Download full, 411 MB")
    assert "License: MIT" in remedy.text
    assert "tiny" in remedy.text


@pytest.mark.parametrize("code", ["WeightsMissing", "HubUnreachable", "WeightsCorrupt"])
def test_weights_can_be_mended_by_a_click(code: str) -> None:
    remedy = remedy_for(Failed(code, "gone"), FULL, [FULL], PROGRAM)

    assert remedy is not None
    assert remedy.action == DOWNLOAD


def test_what_no_click_can_mend_gets_no_button() -> None:
    assert remedy_for(Failed("OutOfMemory", "too large"), FULL, [FULL], PROGRAM) is None
    assert remedy_for(Failed("WeightsMissing", "gone"), EMBEDDED, [EMBEDDED], PROGRAM) is None


def test_without_dis_core_the_commands_are_for_this_editor() -> None:
    remedy = without_program("krita", "nowhere")

    assert remedy.action == COPY
    assert "plugin install krita" in remedy.value
