"""Keeps the translations of the editors' plug-ins in step with what their code says.

`python -m scripts.translations` puts new texts into `plugins/shared/translations/*.po`, with nothing below them yet,
takes out those that the code does not say any more, and prints what is not translated. `python -m scripts.translations
fr` starts another language. Texts are in the code as `_("...")`, `plural("...", "...", count)` and `later("...")`.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
PLUGINS = CHECKOUT / "plugins"
FOLDER = PLUGINS / "shared" / "translations"
sys.path.insert(0, str(PLUGINS))

from shared.po_file import Entry, read_entries  # noqa: E402 - the path comes first

MARKS = {"_": 1, "later": 1, "plural": 2}
"""By function: how many English texts it is given."""

HEADER = "Language: {language}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
HEADER += "Content-Transfer-Encoding: 8bit\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
COMMENT = "# Select Subject for Krita and GIMP. CONTRIBUTING.md says how to translate.\n"


@dataclass(frozen=True)
class Said:
    """A text in the code: the English, the same for several if it has a number, and the file with it."""

    english: str
    plural: str
    file: str


def texts_in_code() -> list[Said]:
    """All the texts of both plug-ins, each once, by file and line. Raises ValueError at one that has no fixed words."""
    found: dict[tuple[str, str], Said] = {}
    for path in sorted(PLUGINS.rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            if isinstance(call.func, ast.Name) and call.func.id in MARKS:
                for said in _said(call.func.id, call, path.relative_to(CHECKOUT).as_posix()):
                    found.setdefault((said.english, said.plural), said)
    return list(found.values())


def _said(function: str, call: ast.Call, file: str) -> Iterator[Said]:
    texts = [part.value for part in call.args[: MARKS[function]] if isinstance(part, ast.Constant)]
    if len(texts) == MARKS[function]:
        yield Said(str(texts[0]), str(texts[1]) if len(texts) > 1 else "", file)
    elif function != "_" or any(isinstance(part, ast.JoinedStr) for part in call.args[:1]):
        raise ValueError(f"{file}:{call.lineno}: values go into texts by name, as in _('{{name}} is empty', name=...)")


def updated(text: str, language: str) -> str:
    """The content of a .po file with just the texts that are in the code; `text` is empty for a new one."""
    known = {(entry.english, entry.plural): entry for entry in read_entries(text)}
    header = known.get(("", ""), Entry("", (HEADER.format(language=language),)))
    blocks = [COMMENT + _block(header)]
    for said in texts_in_code():
        missing = Entry(said.english, ("", "") if said.plural else ("",), said.plural)
        entry = known.get((said.english, said.plural), missing)
        if entry.plural and not entry.is_translated:
            entry = replace(entry, translations=("",) * _forms(header))
        blocks.append(f"#: {said.file}\n" + _block(entry))
    return "\n".join(blocks)


def _forms(header: Entry) -> int:
    """How many plural forms the language has."""
    return int(header.translations[0].partition("nplurals=")[2].partition(";")[0])


def _block(entry: Entry) -> str:
    lines = [_line("msgid", entry.english)]
    if not entry.plural:
        return "".join([*lines, _line("msgstr", entry.translations[0])])
    lines.append(_line("msgid_plural", entry.plural))
    return "".join([*lines, *(_line(f"msgstr[{number}]", form) for number, form in enumerate(entry.translations))])


def _line(keyword: str, text: str) -> str:
    parts = text.splitlines(keepends=True)
    first = [""] if len(parts) > 1 else []
    return f"{keyword} " + "\n".join(json.dumps(part, ensure_ascii=False) for part in [*first, *(parts or [""])]) + "\n"


def untranslated(path: Path) -> list[str]:
    """The texts that a .po file has nothing for."""
    return [entry.english for entry in read_entries(path.read_text(encoding="utf-8")) if not entry.is_translated]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", nargs="*", help="another language, such as fr or pt_BR")
    for language in parser.parse_args().language:
        (FOLDER / f"{language}.po").touch()
    left = 0
    for path in sorted(FOLDER.glob("*.po")):
        path.write_text(updated(path.read_text(encoding="utf-8"), path.stem), encoding="utf-8", newline="\n")
        missing = untranslated(path)
        left += len(missing)
        print(f"{path.relative_to(CHECKOUT)}: {len(missing)} without a translation")
        for english in missing:
            print(f"    {json.dumps(english, ensure_ascii=False)}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
