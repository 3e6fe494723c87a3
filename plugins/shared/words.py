"""What the plug-ins say, in the editor's language. English is in the code, every other one in `translations`.

`_("No image is open")` is the text in that language, `_("The layer “{name}” is empty", name=...)` one with a value in
it, and `plural` one with a number. Tables and constants are made before the language is known: their texts are marked
with `later`, and go through `_` where they are shown.
"""

from __future__ import annotations

import gettext
import os
from typing import Iterable, Sequence

from .po_file import catalog, read_entries

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "translations")
ENGLISH = ("en", "c", "posix")
TRADITIONAL = ("hant", "tw", "hk", "mo")
"""Chinese with other characters, which readers of the simplified ones should not be given, nor the other way round."""

_spoken: gettext.NullTranslations = gettext.NullTranslations()


def speak(languages: Sequence[str]) -> None:
    """Use the first of these languages that there is a translation for; English counts as one.

    They are named as in locales ("de_DE.UTF-8") or as in Qt ("zh-Hans-CN").
    """
    global _spoken
    _spoken = gettext.NullTranslations()
    try:
        name = choose_translation(languages, [name[:-3] for name in os.listdir(FOLDER) if name.endswith(".po")])
        if name:
            with open(os.path.join(FOLDER, f"{name}.po"), encoding="utf-8") as file:
                _spoken = catalog(read_entries(file.read()))
    except (OSError, ValueError):
        return  # somebody has broken the file: English words are better than no plug-in


def is_english() -> bool:
    """Whether the words are the ones in the code."""
    return not isinstance(_spoken, gettext.GNUTranslations)


def choose_translation(languages: Iterable[str], translations: Sequence[str]) -> str:
    """The name of the translation for the first of the languages that has one; empty for English."""
    for language in languages:
        base, *parts = language.partition(".")[0].partition("@")[0].replace("-", "_").lower().split("_")
        if base in ENGLISH:
            return ""
        wanted = "zh_cn" if base == "zh" and not set(parts) & set(TRADITIONAL) else "_".join([base, *parts[-1:]])
        for name in translations:
            if name.lower() in (wanted, base):
                return name
    return ""


def _(english: str, **values: object) -> str:
    """A text in the editor's language, with values in place of the names in braces."""
    translated = _spoken.gettext(english) if english else ""
    return _filled(translated, english, values) if values else translated


def plural(one: str, several: str, count: int, **values: object) -> str:
    """The text for that many of something, with `count` and other values in place of the names in braces."""
    english = one if count == 1 else several
    return _filled(_spoken.ngettext(one, several, count), english, {"count": count, **values})


def later(english: str) -> str:
    """The text itself. It marks one that is translated where it is shown, by `_`."""
    return english


def _filled(translated: str, english: str, values: dict[str, object]) -> str:
    try:
        return translated.format(**values)
    except (AttributeError, LookupError, ValueError):
        return english.format(**values)  # a translator's slip in the braces
