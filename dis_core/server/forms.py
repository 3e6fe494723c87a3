"""What a request sends: fields, and files that are kept in a private folder, from any of three kinds of body."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from python_multipart.exceptions import FormParserError
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

MULTIPART, URL_ENCODED, JSON = "multipart/form-data", "application/x-www-form-urlencoded", "application/json"


@dataclass
class Form:
    """The fields by name, and the files by name, which lie in a folder under names of our own."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)


async def read_form(request: Request, folder: Path, limits: Limits) -> Form:
    """Read the body. Raises Refused for another kind of body, and for too many or too large parts."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == JSON:
        items = _of_json(await request.body())
    elif kind in (MULTIPART, URL_ENCODED):
        items = await _of_form(request, limits)
    else:
        raise Refused(
            415, "unsupported_media_type", f"a body of type {kind[:60]!r} is not read", f"send {MULTIPART} or {JSON}"
        )
    try:
        return await asyncio.to_thread(_kept, items, folder, limits)
    finally:
        await request.close()


async def _of_form(request: Request, limits: Limits) -> list[tuple[str, str | UploadFile]]:
    most = limits.file_bytes * 4 // 3 + 100
    try:
        form = await request.form(max_files=MOST_FILES, max_fields=limits.parts, max_part_size=most)
    except (MultiPartException, FormParserError) as error:  # the latter from older versions of Starlette
        raise Refused(400, "invalid_form", "the form is damaged or has too many parts", str(error)[:200]) from None
    except HTTPException as error:
        raise Refused(400, "invalid_form", "the form is damaged or has too many parts", error.detail) from None
    return form.multi_items()


def _of_json(body: bytes) -> list[tuple[str, str | UploadFile]]:
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
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "invalid_parameters", f"{name} is not base 64") from None
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
            hint = f"there are: {', '.join(sorted(names))}"
            raise Refused(400, "unknown_parameter", f"unknown parameter {name[:60]!r}{did_you_mean(name, names)}", hint)
