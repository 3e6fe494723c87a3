"""What the plug-ins say in other languages: choosing one, texts with values and numbers, and the translations."""

from __future__ import annotations

import string
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from shared import words
from shared.po_file import Entry, catalog, read_entries
from shared.words import _, choose_translation, later, plural, speak

from dis_core.editors import gimp, krita

TRANSLATIONS = sorted(Path(words.FOLDER).glob("*.po"))
NAMES = ("de", "pt_BR", "zh_CN")
POLISH = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\n"

#: somewhere.py
msgid "{count} layer of “{name}”"
msgid_plural "{count} layers of “{name}”"
msgstr[0] "{count} warstwa „{name}”"
msgstr[1] "{count} warstwy „{name}”"
msgstr[2] "{count} warstw „{name}”"

msgid "a \"quoted\" text "
"on two lines\n"
"and a third"
msgstr ""
"ten \"tekst\"\n"
"w dwóch liniach"

msgid "not yet"
msgstr ""

#, fuzzy
msgid "doubtful"
msgstr "wątpliwe"
#~ msgid "gone"
#~ msgstr "nie ma"
"""


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    yield
    speak([])


@pytest.fixture
def polish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pl.po").write_text(POLISH, encoding="utf-8")
    monkeypatch.setattr(words, "FOLDER", str(tmp_path))
    speak(["pl_PL.UTF-8"])


@pytest.mark.parametrize(
    ("languages", "chosen"),
    [
        (["de_DE.UTF-8", "de_DE", "de", "C"], "de"),
        (["de-AT", "de"], "de"),
        (["zh-Hans-CN", "zh-CN", "zh"], "zh_CN"),
        (["zh_SG"], "zh_CN"),
        (["zh_TW", "de"], "de"),
        (["zh-Hant-HK"], ""),
        (["en_US", "de"], ""),
        (["C"], ""),
        (["fr", "pt-BR"], "pt_BR"),
        (["sr@latin", "de@euro"], "de"),
        ([""], ""),
        ([], ""),
    ],
)
def test_the_first_language_with_a_translation_is_used(languages: list[str], chosen: str) -> None:
    assert choose_translation(languages, NAMES) == chosen


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 warstwa „A”"), (3, "3 warstwy „A”"), (5, "5 warstw „A”"), (22, "22 warstwy „A”")]
)
def test_numbers_follow_the_languages_own_rule(polish: None, count: int, said: str) -> None:
    assert plural("{count} layer of “{name}”", "{count} layers of “{name}”", count, name="A") == said


def test_texts_over_several_lines_are_found(polish: None) -> None:
    assert _('a "quoted" text on two lines\nand a third') == 'ten "tekst"\nw dwóch liniach'


@pytest.mark.parametrize("english", ["not yet", "doubtful", "gone", "never heard of", ""])
def test_what_has_no_translation_stays_english(polish: None, english: str) -> None:
    assert _(english) == english


def test_before_the_language_is_known_everything_is_english() -> None:
    assert _("{name} is empty", name="Sky") == "Sky is empty"
    assert plural("{count} layer", "{count} layers", 2) == "2 layers"
    assert later("Mask") == "Mask"


def test_braces_in_a_value_stay_as_they_are() -> None:
    assert _("{name} is empty", name="{name} {0}") == "{name} {0} is empty"


def test_a_slip_in_a_translations_braces_shows_the_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "de.po").write_text('msgid "{name} is empty"\nmsgstr "{nam} ist leer"\n', encoding="utf-8")
    monkeypatch.setattr(words, "FOLDER", str(tmp_path))

    speak(["de"])

    assert _("{name} is empty", name="Sky") == "Sky is empty"


@pytest.mark.parametrize(
    "content", [b'msgstr "x"\n', b'msgid "\xff"\n', b'msgid ""\nmsgstr "Plural-Forms: nplurals=x; plural=y;\\n"\n']
)
def test_a_broken_file_leaves_the_plug_in_in_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / "de.po").write_bytes(content)
    monkeypatch.setattr(words, "FOLDER", str(tmp_path))

    speak(["de"])

    assert _("Mask") == "Mask"


def test_a_folder_without_translations_leaves_the_plug_in_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "FOLDER", "/nowhere")

    speak(["de"])

    assert _("Mask") == "Mask"


def entries_of(path: Path) -> list[Entry]:
    return read_entries(path.read_text(encoding="utf-8"))


def fields_of(text: str) -> set[str]:
    return {name for _text, name, _format, _conversion in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_has_the_same_values_as_the_english(path: Path) -> None:
    for entry in entries_of(path)[1:]:
        for translation in filter(None, entry.translations):
            # A form for one may spell the number out, or leave it to the word.
            free = {"count"} if entry.plural else set()
            wanted = fields_of(entry.english) | fields_of(entry.plural)
            assert fields_of(translation) | free == wanted | free, entry.english


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_has_all_plural_forms_of_its_language(path: Path) -> None:
    entries = entries_of(path)
    header = entries[0].translations[0]
    forms = int(header.partition("nplurals=")[2].partition(";")[0])

    assert catalog(entries).info()["content-type"] == "text/plain; charset=UTF-8"
    assert [entry.english for entry in entries if entry.plural and len(entry.translations) != forms] == []


@pytest.mark.parametrize("build", [krita.archive, gimp.archive], ids=["krita", "gimp"])
def test_the_translations_are_in_the_archives(build: object) -> None:
    assert callable(build)
    with zipfile.ZipFile(BytesIO(build())) as archive:
        packed = [Path(name).name for name in archive.namelist() if "/shared/translations/" in name]

    assert [path.name for path in TRANSLATIONS] == [name for name in packed if name.endswith(".po")]
    assert TRANSLATIONS
