"""What a request sends: fields, and files that are kept in a private folder, from any of three kinds of body."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import shutil
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote_plus

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from dis_core.server.answers import Refused
from dis_core.server.limits import Limits

BASE_64: Final = "_b64"
"""The end of the name of a field that holds a file."""

MOST_FILES: Final = 4

MOST_LETTERS: Final = 20_000
"""Of a field that holds no file: room for hundreds of points, which still fit into a message between processes."""

LONGEST_NAME: Final = 100
"""Of a field or a file: more letters than any name that is known, and few enough to look for one that is close."""

MOST_JSON_SIGNS: Final = 10_000
"""How many of `[{,` a JSON body may have: each is an object in memory, many times as large as its text."""

BASE_64_ESCAPES: Final = {
    b"+": b" ",
    b"%2B": b"+",
    b"%2F": b"/",
    b"%3D": b"=",
    b"%3A": b":",
    b"%3B": b";",
    b"%2C": b",",
    b"%0D": b"",
    b"%0A": b"",
}
"""What stands in an encoded form for the letters of base 64, and for those that a browser puts before it."""

MULTIPART, URL_ENCODED, JSON = "multipart/form-data", "application/x-www-form-urlencoded", "application/json"


@dataclass
class Form:
    """The fields by name, and the files by name, which lie in a folder under names of our own."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)


async def read_form(request: Request, folder: Path, limits: Limits) -> Form:
    """Read the body. Raises Refused for another kind of body, and for too many or too large parts.

    What grows with the body is done in a thread, and in one pass, so that nobody else waits for it.
    """
    kind = _kind(request.headers.get("content-type", ""))
    items: Iterable[tuple[str, str | UploadFile]]
    if kind == JSON:
        items = await asyncio.to_thread(_of_json, await request.body())
    elif kind == URL_ENCODED:
        items = await asyncio.to_thread(_of_url_encoded, await request.body(), limits)
    else:
        items = await _of_multipart(request, limits)
    try:
        return await asyncio.to_thread(_kept, items, folder, limits)
    finally:
        await request.close()


def _kind(content_type: str) -> str:
    """One of the three kinds of body, in UTF-8: some of Python's other codecs take the square of the time."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (MULTIPART, URL_ENCODED, JSON):
        raise Refused(
            415, "unsupported_media_type", f"a body of type {kind[:60]!r} is not read", f"send {MULTIPART} or {JSON}"
        )
    charset = parse_options_header(content_type)[1].get(b"charset", b"utf-8")
    if charset.lower() not in (b"utf-8", b"utf8"):
        raise Refused(415, "unsupported_media_type", f"the charset {charset[:60]!r} is not read", "send UTF-8")
    return kind


async def _of_multipart(request: Request, limits: Limits) -> list[tuple[str, str | UploadFile]]:
    most = limits.file_bytes * 4 // 3 + 100
    try:
        form = await request.form(max_files=MOST_FILES, max_fields=limits.parts, max_part_size=most)
    except (MultiPartException, FormParserError) as error:  # the latter from older versions of Starlette
        raise Refused(400, "invalid_form", "the form is damaged or has too many parts", str(error)[:200]) from None
    except HTTPException as error:
        raise Refused(400, "invalid_form", "the form is damaged or has too many parts", error.detail) from None
    return form.multi_items()


def _of_url_encoded(body: bytes, limits: Limits) -> list[tuple[str, str | UploadFile]]:
    """The fields, of which only the short ones are decoded letter by letter: millions of escapes take seconds."""
    pairs = [pair.partition(b"=") for pair in body.split(b"&", limits.parts) if pair]
    if len(pairs) > limits.parts:
        raise Refused(400, "invalid_form", "the form is damaged or has too many parts", f"at most {limits.parts}")
    named = [(_unescaped(name, LONGEST_NAME), value) for name, _, value in pairs]
    return [(name, _field_text(name, value)) for name, value in named]


def _field_text(name: str, value: bytes) -> str:
    if not name.endswith(BASE_64):
        return _unescaped(value, MOST_LETTERS)
    for escape, letter in BASE_64_ESCAPES.items():
        value = value.replace(escape, letter).replace(escape.lower(), letter)
    return value.decode("latin-1")


def _unescaped(text: bytes, most: int) -> str:
    """The text, or the beginning of one that will be refused because it is too long."""
    return unquote_plus(text[: 3 * 4 * (most + 1)].decode("latin-1"))


def _of_json(body: bytes) -> list[tuple[str, str | UploadFile]]:
    if sum(map(body.count, (b"[", b"{", b","))) > MOST_JSON_SIGNS:
        raise Refused(400, "invalid_json", "the body has too many lists, objects or fields", "send fewer")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise Refused(400, "invalid_json", "the body is not a JSON object")
    return [(name, _as_text(value)) for name, value in parsed.items() if value is not None]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _kept(items: Iterable[tuple[str, str | UploadFile]], folder: Path, limits: Limits) -> Form:
    form = Form()
    for name, value in items:
        if len(name) > LONGEST_NAME:
            raise Refused(400, "unknown_parameter", f"no parameter is called {name[:60]!r}...", "see /openapi.json")
        plain = name.removesuffix(BASE_64)
        if name in form.fields or plain in form.files:
            raise Refused(400, "invalid_parameters", f"{name[:60]!r} is given twice")
        if isinstance(value, UploadFile):
            if (value.size or 0) > limits.file_bytes:
                raise too_large(limits)
            form.files[name] = folder / f"sent-{len(form.files)}"
            with form.files[name].open("xb") as file:
                shutil.copyfileobj(value.file, file)
        elif name != plain and value:
            form.files[plain] = folder / f"sent-{len(form.files)}"
            form.files[plain].write_bytes(_decoded(name, value, limits))
        elif name == plain:
            if len(value) > MOST_LETTERS:
                raise Refused(400, "invalid_parameters", f"{name[:60]!r} is far too long", "files are sent as files")
            form.fields[name] = value
    return form


def _decoded(name: str, text: str, limits: Limits) -> bytes:
    """A file that was sent as text, with or without what a browser puts before it."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        data = base64.b64decode(text.encode("ascii").translate(None, string.whitespace.encode()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "invalid_parameters", f"{name[:60]!r} is not base 64") from None
    if len(data) > limits.file_bytes:
        raise too_large(limits)
    return data


def too_large(limits: Limits) -> Refused:
    """The answer to a file that is larger than what is accepted."""
    return Refused(413, "file_too_large", f"a file is larger than {limits.file_bytes / 1e6:g} MB", "send a smaller one")


def refuse_unknown(form: Form, known: Mapping[str, object] | Iterable[str]) -> None:
    """Raises Refused if there is a field or a file that nobody would look at."""
    from dis_core.errors import did_you_mean

    names = list(known)
    for name in (*form.fields, *form.files):
        if name not in names:
            short, hint = name[:60], f"there are: {', '.join(sorted(names))}"
            raise Refused(400, "unknown_parameter", f"unknown parameter {short!r}{did_you_mean(short, names)}", hint)
