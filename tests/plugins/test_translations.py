"""Both translations of the plug-ins are complete, and no text of theirs stays out of them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared import core_words, words
from shared.po_file import read_entries

from scripts.translations import CHECKOUT, MARKS, PLUGINS, texts_in_code

TRANSLATIONS = sorted(Path(words.FOLDER).glob("*.po"))
HOW = "run `python -m scripts.translations`, then fill in what is empty in plugins/shared/translations"
PROSE = re.compile(r"[A-Za-z]{2,}[,:;.”]? [a-zA-Z“{(]|^[A-Z][a-z]+[:.]*$|\([a-z]{3,}")
"""Two words and more, or one that begins with a capital."""

NOT_FOR_PEOPLE = {
    *("Gtk", "Gdk", "Gegl", "Gimp", "model {}", "the dis-core authors"),
    *("Select", "sRGB built-in", "sRGB IEC61966-2.1"),
    *("look again", "update plug-in", "no subject was found"),
    *("Krita", "Flatpak", "Snap", "Busy", "Cancelled", "dis-core {}, {}"),
    *("Refused", "Crashed", "Unwritable", "Unreadable", "Bug"),
    "color: white; background: rgba(0, 0, 0, 170); border-radius: 6px; padding: 6px 12px",
    *("{} comes before msgid", "python3 -m pip install {requirement}\npython3 -m dis_core plugin install {editor}\n"),
}
"""Names in the editors' own code, codes of errors, commands."""

OTHER_PROCESS = (
    "environment_work",
    "guarded",
    "make_environment",
    "own_folder",
    "package_install",
    "pip_words",
    "pythons",
)
"""Files of the installer that run as a process of its own. They speak English as dis-core does; see core_words.py."""

PROGRAMS = re.compile(r"^\s*(import|from) ", re.MULTILINE)
GIMPS_OWN = {"en": "ochrls", "de": "ochzgs", "zh_CN": "ochrls"}
"""Letters in GIMP's own dialogs: OK, Cancel, Help, Reset, Load Saved Settings, Save Settings."""


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of the literals in a file that no function for translating is given, without docstrings."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            children = [part for part in children if not isinstance(part, ast.Constant)]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(parts)
            children = [part for part in children if not isinstance(part, ast.Constant)]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        if isinstance(node, (ast.FunctionDef, ast.AnnAssign, ast.arg)):
            children = [
                part for part in children if part not in (getattr(node, "annotation", 0), getattr(node, "returns", 0))
            ]
        waiting += children


def test_no_text_for_people_is_left_untranslated_in_the_code() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{line}: {text!r}"
        for path in sorted(PLUGINS.rglob("*.py"))
        if path.stem not in OTHER_PROCESS
        for line, text in literals(path)
        if PROSE.search(text.replace("_", "").replace("&", ""))
        if text not in NOT_FOR_PEOPLE and not PROGRAMS.search(text) and "msgid" not in text
    ]

    assert not found, "wrap them in _(), plural() or later(); see plugins/shared/words.py"


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_has_each_text_of_the_code_and_no_other(path: Path) -> None:
    entries = read_entries(path.read_text(encoding="utf-8"))[1:]

    there = [(entry.english, entry.plural) for entry in entries]
    wanted = [(said.english, said.plural) for said in texts_in_code()]
    assert Counter(there) == Counter(wanted), HOW
    assert [entry.english for entry in entries if not entry.is_translated] == [], HOW


def test_german_and_simplified_chinese_are_among_the_translations() -> None:
    assert {"de", "zh_CN"} <= {path.stem for path in TRANSLATIONS}


def letters(texts: list[str]) -> list[str]:
    return [text[text.index("_") + 1].lower() for text in texts if "_" in text]


@pytest.mark.parametrize("language", ["en", *(path.stem for path in TRANSLATIONS)])
def test_each_letter_reaches_one_control_of_gimps_dialog(language: str) -> None:
    in_dialog = [
        said.english
        for said in texts_in_code()
        if "/gimp/" in said.file
        and "install_dialog" not in said.file
        and re.search(r"_[A-Za-z]", said.english)
        and "{" not in said.english
        if not said.english.endswith(("...", "_Last Time")) and said.english != "_Cancel"  # menus; another dialog
    ]
    shown = in_dialog
    if language != "en":
        path = Path(words.FOLDER) / f"{language}.po"
        known = {entry.english: entry.translations for entry in read_entries(path.read_text(encoding="utf-8"))}
        shown = [known[english][0] for english in in_dialog]

    assert len(in_dialog) > 10
    assert all("_" in text for text in shown)
    used = Counter([*letters(shown), *GIMPS_OWN.get(language, "")])
    assert [text for text in shown if used[letters([text])[0]] > 1] == []


@pytest.fixture(scope="module")
def said_by_dis_core() -> list[str]:
    """The texts in dis-core's code, with {} for values; those inside of values stand alone."""
    paths = [*(CHECKOUT / "dis_core").rglob("*.py"), *(PLUGINS / "shared" / f"{name}.py" for name in OTHER_PROCESS)]
    return [text for path in paths for _line, text in literals(path)]


@pytest.mark.parametrize("text", core_words.DOING)
def test_what_the_plug_ins_know_of_dis_cores_words_is_still_said(text: str, said_by_dis_core: list[str]) -> None:
    """Otherwise a change there would be seen by nobody but by who reads German."""
    # Where a value follows, what comes after it may be a text of its own.
    beginning = re.split(r"\{\w+\}", text)[0].rstrip()

    assert any(said.startswith(beginning) for said in said_by_dis_core) or beginning in said_by_dis_core


def test_what_dis_core_is_doing_is_said_in_the_editors_language() -> None:
    words.speak(["de"])
    try:
        assert core_words.in_words("tile 3 of 12") == "Kachel 3 von 12"
        assert (
            core_words.in_words("refining level 2 of 3, tile 3 of 12")
            == "Stufe 2 von 3 wird verfeinert, Kachel 3 von 12"
        )
        assert core_words.in_words("refining, a larger look") == "wird verfeinert, mit größerem Blick"
        assert core_words.in_words("downloading pdfnet: 3 of 510 MB") == "pdfnet wird heruntergeladen: 3 von 510 MB"
        assert core_words.in_words("something new") == "something new"
        assert core_words.error_in_words("OutOfMemory", "CUDA ran out") == (
            "der Speicher reicht für dieses Bild mit diesem Modell nicht: CUDA ran out"
        )
        assert core_words.error_in_words("Other", "odd") == "odd"
    finally:
        words.speak([])
