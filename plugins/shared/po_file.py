"""Reads .po files, which translators know: an English text, and below it the same in another language."""

from __future__ import annotations

import gettext
import io
import json
import re
import struct
from dataclasses import dataclass
from typing import Sequence

_QUOTED = r'"(?:[^"\\\n]|\\.)*"'
_KEYWORD = re.compile(
    rf"^(?:(#,.*\bfuzzy\b.*)|(msgid|msgid_plural|msgstr(?:\[\d+\])?)\s+({_QUOTED}(?:\s*{_QUOTED})*))", re.M
)
_MAGIC = 0x950412DE


@dataclass(frozen=True)
class Entry:
    """One text and its translations: one, or with `plural`, English for several, one for each form of the language.

    The entry of the empty text holds facts about the file, a line each.
    """

    english: str
    translations: tuple[str, ...]
    plural: str = ""

    @property
    def is_translated(self) -> bool:
        return bool(self.translations) and all(self.translations)


def read_entries(text: str) -> list[Entry]:
    """The entries of a .po file, without those that are marked as fuzzy: they wait for a translator.

    Raises ValueError.
    """
    found: list[dict[str, str]] = []
    fuzzy = False
    for mark, keyword, quoted in _KEYWORD.findall(text):
        if mark:
            fuzzy = True
            continue
        if keyword == "msgid":
            found.append({"fuzzy": "yes"} if fuzzy else {})
            fuzzy = False
        if not found:
            raise ValueError(f"{keyword} comes before msgid")
        found[-1][keyword] = "".join(map(json.loads, re.findall(_QUOTED, quoted)))
    return [_entry(fields) for fields in found if "fuzzy" not in fields]


def _entry(fields: dict[str, str]) -> Entry:
    forms = sorted(name for name in fields if name.startswith("msgstr"))
    return Entry(fields["msgid"], tuple(fields[name] for name in forms), fields.get("msgid_plural", ""))


def catalog(entries: Sequence[Entry]) -> gettext.NullTranslations:
    """The translations as Python's own library takes them; texts without a translation stay English.

    Raises ValueError if the file's rule for plural forms cannot be read.
    """
    pairs = {
        "\0".join([entry.english, entry.plural] if entry.plural else [entry.english]): "\0".join(entry.translations)
        for entry in entries
        if entry.is_translated
    }
    return gettext.GNUTranslations(io.BytesIO(_compiled(pairs)))


def _compiled(pairs: dict[str, str]) -> bytes:
    """The same as a .mo file, for which Python has a reader that works out plural forms."""
    encoded = sorted((english.encode(), translation.encode()) for english, translation in pairs.items())
    start = 28 + 16 * len(encoded)
    tables, content = ([], []), bytearray()  # type: tuple[list[int], list[int]], bytearray
    for number in (0, 1):
        for pair in encoded:
            tables[number].extend((len(pair[number]), start + len(content)))
            content += pair[number] + b"\0"
    header = (_MAGIC, 0, len(encoded), 28, 28 + 8 * len(encoded), 0, start)
    return struct.pack(f"<7I{4 * len(encoded)}I", *header, *tables[0], *tables[1]) + bytes(content)
