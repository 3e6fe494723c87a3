"""Bodies that are damaged in any way are refused in words, whatever reads them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message

from dis_core.server.answers import Refused
from dis_core.server.forms import Form, read_form
from dis_core.server.limits import Limits

WHOLE = (
    b'--b\r\nContent-Disposition: form-data; name="image_file"; filename="../x"\r\nContent-Type: a\r\n\r\nDATA\r\n'
    b'--b\r\nContent-Disposition: form-data; name="size"\r\n\r\nauto\r\n--b--\r\n'
)
KINDS = (
    *(b"multipart/form-data; boundary=b", b'multipart/form-data; boundary="b', b"multipart/form-data; boundary="),
    *(b"multipart/form-data;charset=utf-16; boundary=b", b"application/x-www-form-urlencoded", b"application/json"),
)


def read(kind: bytes, body: bytes, folder: Path) -> Form | Refused:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "headers": [(b"content-type", kind)], "method": "POST", "path": "/", "query_string": b""}
    try:
        return asyncio.run(read_form(Request(scope, receive), folder, Limits()))
    except Refused as refused:
        return refused


def damaged(source: random.Random) -> bytes:
    body = bytearray(WHOLE)
    for _ in range(source.randrange(1, 6)):
        place = source.randrange(len(body))
        if source.random() < 0.5:
            body[place] = source.randrange(256)
        else:
            del body[place : place + source.randrange(9)]
    return bytes(body)


def test_a_form_becomes_fields_and_files_under_names_of_our_own(tmp_path: Path) -> None:
    form = read(KINDS[0], WHOLE, tmp_path)

    assert isinstance(form, Form)
    assert form.fields == {"size": "auto"}
    assert form.files == {"image_file": tmp_path / "sent-0"}
    assert (tmp_path / "sent-0").read_bytes() == b"DATA"


# Starlette forgets the file of a part that has no end. Python closes it at once, which is all that is needed.
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_damaged_bodies_are_refused_with_a_status_of_the_clients(kind: bytes, tmp_path: Path) -> None:
    source = random.Random(5)  # noqa: S311 - it keeps no secret

    for number in range(150):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = read(kind, damaged(source), folder)

        assert isinstance(found, Form) or found.status in (400, 413, 415)
        assert {path.name for path in folder.iterdir()} <= {"sent-0", "sent-1"}
