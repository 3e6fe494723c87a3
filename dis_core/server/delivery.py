"""Answers with files in them, which are removed as soon as they are sent or nobody wants them any more."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from dis_core.jobs.json_values import to_json_value
from dis_core.progress import Report
from dis_core.server.answers import Refused
from dis_core.server.work import Made, remove_folder

Answer = TypeVar("Answer")

CHUNK_BYTES: Final = 3 << 14
"""A multiple of 3, so that pieces of base 64 follow each other without padding."""


class OwnedFile(FileResponse):
    """A file that is sent, and then removed with its folder."""

    def __init__(self, made: Made, headers: dict[str, str]) -> None:
        super().__init__(made.folder / made.facts["file"], media_type=made.facts["media_type"], headers=headers)
        self._folder = made.folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        try:
            await super().__call__(scope, receive, send)
        finally:
            remove_folder(self._folder)


class OwnedStream(StreamingResponse):
    """A stream that is made of files, which are removed with their folder at the end."""

    def __init__(self, folder: Path, content: Iterator[bytes] | AsyncIterator[bytes], media_type: str) -> None:
        super().__init__(content, media_type=media_type)
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            remove_folder(self._folder)


async def unless_gone(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """What the work returns. It is cancelled when the client closes the connection; raises ClientDisconnect then."""
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def facts_for_programs(made: Made) -> dict[str, Any]:
    """The JSON that describes a result."""
    result, box = made.result, made.facts["foreground"]
    refinement = None if result.refinement is None else to_json_value(result.refinement)
    return {
        "width": made.facts["width"],
        "height": made.facts["height"],
        "foreground": None if box is None else dict(zip(("top", "left", "height", "width"), box, strict=True)),
        "model": result.model,
        "device": result.device,
        "refinement": refinement,
        "remarks": list(result.remarks),
    }


def removebg_headers(made: Made, kind: str) -> dict[str, str]:
    """What remove.bg says about a result in the headers of its answer."""
    top, left, height, width = made.facts["foreground"] or (0, 0, 0, 0)
    return {
        "X-Type": "other" if kind == "auto" else kind,
        "X-Width": str(made.facts["width"]),
        "X-Height": str(made.facts["height"]),
        "X-Foreground-Top": str(top),
        "X-Foreground-Left": str(left),
        "X-Foreground-Width": str(width),
        "X-Foreground-Height": str(height),
        "X-Credits-Charged": "0",
        "X-Model": made.result.model,
    }


def removebg_json(made: Made) -> dict[str, Any]:
    """What remove.bg answers to a client that wants JSON."""
    top, left, height, width = made.facts["foreground"] or (0, 0, 0, 0)
    data = base64.b64encode((made.folder / made.facts["file"]).read_bytes()).decode("ascii")
    return {
        "data": {
            "result_b64": data,
            "foreground_top": top,
            "foreground_left": left,
            "foreground_width": width,
            "foreground_height": height,
        }
    }


def parts_response(made: Made) -> Response:
    """All the files of a result and the facts about them, as multipart/form-data, which browsers and libraries read."""
    boundary = secrets.token_hex(16)
    return OwnedStream(made.folder, _parts(made, boundary), f"multipart/form-data; boundary={boundary}")


def _parts(made: Made, boundary: str) -> Iterator[bytes]:
    yield _part_head(boundary, "result", None, "application/json")
    yield json.dumps(facts_for_programs(made)).encode()
    for name, file, media_type in made.facts["parts"]:
        yield b"\r\n" + _part_head(boundary, name, f"{name}.{media_type.partition('/')[2]}", media_type)
        yield from _chunks(made.folder / file)
    yield f"\r\n--{boundary}--\r\n".encode()


def _part_head(boundary: str, name: str, file: str | None, media_type: str) -> bytes:
    named = f'form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
    return f"--{boundary}\r\nContent-Disposition: {named}\r\nContent-Type: {media_type}\r\n\r\n".encode()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


async def events_of(work: Callable[[Report], Coroutine[Any, Any, Made]]) -> AsyncIterator[bytes]:
    """The progress of work as server-sent events, and then its result, or why there is none.

    `work` gets a report. If the client closes the connection, the work is cancelled.
    """
    news: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()
    task = asyncio.ensure_future(work(lambda fraction, doing: news.put_nowait((fraction, doing))))
    task.add_done_callback(lambda _: news.put_nowait(None))
    try:
        while (item := await news.get()) is not None:
            yield _event("progress", {"fraction": round(item[0], 4), "doing": item[1]})
        try:
            made = task.result()
        except Refused as refused:
            yield _event("error", {"status": refused.status, **refused.body()})
            return
        for piece in _result_event(made):
            yield piece
    finally:
        task.cancel()
        if task.done() and not task.cancelled() and task.exception() is None:
            remove_folder(task.result().folder)


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _result_event(made: Made) -> Iterator[bytes]:
    """The last event, in pieces: the facts, and the file in base 64, which never lies in memory as a whole."""
    facts = {**facts_for_programs(made), "media_type": made.facts["media_type"]}
    yield f'event: result\ndata: {json.dumps(facts)[:-1]}, "data": "'.encode()
    for chunk in _chunks(made.folder / made.facts["file"]):
        yield base64.b64encode(chunk)
    yield b'"}\n\n'
