"""Bodies that are damaged in any way are refused in words, whatever reads them."""

from __future__ import annotations

import asyncio
import base64
import random
import time
import tracemalloc
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.types import Message

from dis_core.server.answers import Refused
from dis_core.server.forms import Form, read_form, refuse_unknown
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


def seconds_blocked(kind: bytes, body: bytes, folder: Path) -> tuple[float, Form | Refused]:
    """The longest time for which nothing else could run while a body was read."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def reading() -> Form | Refused:
        scope = {"type": "http", "headers": [(b"content-type", kind)], "method": "POST", "path": "/"}
        try:
            return await read_form(Request(scope, receive), folder, Limits())
        except Refused as refused:
            return refused

    async def measured() -> tuple[float, Form | Refused]:
        longest, task = 0.0, asyncio.create_task(reading())
        while not task.done():
            started = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - started)
        return longest, task.result()

    return asyncio.run(measured())


PART = b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n%s\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"application/x-www-form-urlencoded", b"a=" + b"%ff" * 4_000_000),
        (b"application/x-www-form-urlencoded", b"a" + b"%ff" * 4_000_000),
        (b"application/x-www-form-urlencoded", b"a_b64=" + b"%ff" * 4_000_000),
        (b"application/json", b'{"a":[' + b"{}," * 4_000_000 + b"1]}"),
        (b"application/json", b'{"a_b64":"' + b"ab " * 6_000_000 + b'!"}'),
        (b"multipart/form-data; charset=punycode; boundary=b", PART % (b"z" * 150_000)),
    ],
    ids=["escapes", "escapes in a name", "escapes in base 64", "objects", "spaces in base 64", "a slow codec"],
)
def test_no_body_keeps_others_waiting_or_takes_much_memory(kind: bytes, body: bytes, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        blocked_s, found = seconds_blocked(kind, body, tmp_path)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert isinstance(found, Refused)
    assert found.status in (400, 415)
    assert blocked_s < 1
    assert most_bytes < 150_000_000


@pytest.mark.parametrize("kind", [b"application/x-www-form-urlencoded", b"application/json", KINDS[0]], ids=str)
def test_long_names_are_refused_before_anything_looks_at_them(kind: bytes, tmp_path: Path) -> None:
    name = b"n" * 4000
    whole = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\nx\r\n--b--\r\n' % name
    bodies = {KINDS[0]: whole, b"application/json": b'{"%s": "x"}' % name}

    found = read(kind, bodies.get(kind, name + b"=x"), tmp_path)

    assert isinstance(found, Refused)
    assert (found.status, found.code) == (400, "unknown_parameter")
    assert len(found.title) < 120


def test_a_name_that_is_nearly_too_long_is_cut_before_close_ones_are_looked_for() -> None:
    with pytest.raises(Refused) as refused:
        refuse_unknown(Form({"x" * 60 + "y" * 40: "1"}), ["x" * 30])

    assert "did you mean" in refused.value.title


@pytest.mark.parametrize("charset", [b"undefined", b"utf-16", b"punycode", b"zip", b'"utf-7"'], ids=str)
@pytest.mark.parametrize("kind", [b"application/json", b"multipart/form-data; boundary=b"], ids=str)
def test_other_charsets_are_refused(kind: bytes, charset: bytes, tmp_path: Path) -> None:
    found = read(kind + b"; charset=" + charset, WHOLE, tmp_path)

    assert isinstance(found, Refused)
    assert (found.status, found.code) == (415, "unsupported_media_type")


def test_an_encoded_form_is_read_with_its_escapes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20
    prefixed = "data:image/png;base64," + base64.encodebytes(data).decode()
    body = urlencode({"image_file_b64": prefixed, "bg_color": "a b+c/\u00fc&=", "size": ""}).encode()

    form = read(b"application/x-www-form-urlencoded; charset=UTF-8", body, tmp_path)

    assert isinstance(form, Form), form.title
    assert form.files["image_file"].read_bytes() == data
    assert form.fields == {"bg_color": "a b+c/\u00fc&=", "size": ""}
