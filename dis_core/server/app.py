"""The server as an ASGI application: which address does what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dis_core.__version__ import __version__
from dis_core.progress import Report, ignore
from dis_core.prompts import DEFAULTS, SegmentOptions
from dis_core.server import addresses, models, removebg, segment
from dis_core.server.answers import Refused
from dis_core.server.delivery import (
    OwnedFile,
    OwnedStream,
    events_of,
    facts_for_programs,
    parts_response,
    removebg_headers,
    removebg_json,
    unless_gone,
)
from dis_core.server.forms import Form, read_form
from dis_core.server.guards import Guard
from dis_core.server.limits import DEFAULT_LIMITS, Limits
from dis_core.server.openapi import describe_api
from dis_core.server.removebg import RemoveBgRequest
from dis_core.server.segment import SegmentRequest
from dis_core.server.work import Made, Work, remove_folder

PAGE: Final = Path(__file__).parent / "page"

FETCHES: Final = 8
"""How many images are fetched from addresses at a time."""

EVENT_STREAM: Final = "text/event-stream"


@dataclass(frozen=True)
class Settings:
    """What whoever runs the server decides.

    `options` are for all requests: the model when none is named, the device, whether weights for noncommercial use may
    run. `hosts` are names by which the server is called, `url_hosts` those from which it fetches images.
    """

    options: SegmentOptions = DEFAULTS
    token: str | None = None
    hosts: Collection[str] = ()
    url_hosts: Collection[str] = ()
    limits: Limits = field(default=DEFAULT_LIMITS)


def make_app(settings: Settings) -> ASGIApp:
    """The application. Its processes run from its lifespan's start to the end."""
    server = Server(settings)
    guarded = Guard(server.router, hosts=settings.hosts, token=settings.token, limits=settings.limits)
    return _Counted(guarded, server.work)


class Server:
    """The addresses and what they do."""

    def __init__(self, settings: Settings) -> None:
        self.work = Work(settings.options, settings.limits)
        self._settings = settings
        # Of their own: hosts that do not answer would keep the threads from those who read bodies.
        self._fetching = ThreadPoolExecutor(FETCHES, thread_name_prefix="fetch")
        self.router = Router(
            [
                Route("/", self._file("page.html", "text/html")),
                Route("/page.js", self._file("page.js", "text/javascript")),
                Route("/page.css", self._file("page.css", "text/css")),
                Route("/healthz", self.health),
                Route("/metrics", self.metrics),
                Route("/openapi.json", self.openapi),
                Route("/v1/models", self.models),
                Route("/v1/segment", self.segment, methods=["POST"]),
                Route("/v1.0/removebg", self.removebg, methods=["POST"]),
            ],
            default=_not_found,
            redirect_slashes=False,
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Router) -> AsyncIterator[None]:
        async with self.work.running():
            yield
        self._fetching.shutdown(wait=False, cancel_futures=True)

    def _file(self, name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
        content = (PAGE / name).read_bytes()

        async def send(_request: Request) -> Response:
            return Response(content, media_type=media_type)

        return send

    async def health(self, _request: Request) -> Response:
        """Whether the server is alive."""
        return JSONResponse({"status": "ok", "version": __version__})

    async def metrics(self, _request: Request) -> Response:
        """Numbers for Prometheus."""
        queue, starts = self.work.queue, self.work.network.child.starts
        text = self.work.metrics.text(waiting=queue.inside, most_waiting=queue.most, starts=starts)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def openapi(self, _request: Request) -> Response:
        """This interface for programs."""
        return JSONResponse(describe_api(self._settings.limits))

    async def models(self, _request: Request) -> Response:
        """The models, and which of them a request may name."""
        own = self.work.options
        found = await asyncio.to_thread(
            models.list_models, own.model or "", accept_noncommercial=own.accept_noncommercial
        )
        return JSONResponse({"models": found})

    async def removebg(self, request: Request) -> Response:
        """A cutout for clients of remove.bg."""
        with self.work.folder() as folder:
            form = await self._form(request, folder)
            asked = removebg.parse_request(form)
            made = await unless_gone(request, self._removebg(folder, form, asked))
            headers = removebg_headers(made, asked.type)
            if "application/json" not in request.headers.get("accept", ""):
                return OwnedFile(made, headers)
            content = await asyncio.to_thread(removebg_json, made)
            remove_folder(folder)
            return JSONResponse(content, headers=headers)

    async def _removebg(self, folder: Path, form: Form, asked: RemoveBgRequest) -> Made:
        with self.work.queue.place():
            sent = form.files.get("image_file") or await self._fetched(asked.image_url, folder / "fetched")
            behind = asked.style.background_file
            if asked.background_url is not None:
                behind = await self._fetched(asked.background_url, folder / "fetched-background")
            async with self.work.decoded:
                return await self._removebg_of(sent, behind, folder, asked)

    async def _removebg_of(self, sent: Path, behind: Path | None, folder: Path, asked: RemoveBgRequest) -> Made:
        image, style = await self.work.read(sent, reduce_to=asked.reduce_to), asked.style
        if behind is not None:
            style = replace(style, background_file=(await self.work.read(behind)).pixels)
        roi = None if asked.roi is None else removebg.box_of(asked.roi, image.original_size, image.size)
        options = self.work.with_defaults(SegmentOptions(roi=roi))
        return await self.work.cut_out(folder, image, options, style, ignore)

    async def _fetched(self, url: str | None, destination: Path) -> Path:
        if url is None:
            raise Refused(400, "missing_source", "no image given", "send image_file, image_file_b64 or image_url")
        hosts = {host.lower() for host in self._settings.url_hosts}
        fetch = partial(addresses.fetch, url, destination, hosts=hosts, limits=self._settings.limits)
        await asyncio.get_running_loop().run_in_executor(self._fetching, fetch)
        return destination

    async def segment(self, request: Request) -> Response:
        """A result with all the options that there are; its progress too, for a client that accepts events."""
        with self.work.folder() as folder:
            form = await self._form(request, folder)
            asked = segment.parse_request(form)
            options = await asyncio.to_thread(self.work.with_defaults, asked.options)
            asked = replace(asked, options=options)
            if EVENT_STREAM in request.headers.get("accept", ""):
                if asked.style.kind == "all":
                    raise Refused(400, "invalid_parameters", "events carry one file, not all", "ask for one result")
                self.work.queue.refuse_if_full()
                events = events_of(lambda report: self._segment(folder, form, asked, report))
                return OwnedStream(folder, events, EVENT_STREAM)
            made = await unless_gone(request, self._segment(folder, form, asked, ignore))
            if asked.style.kind == "all":
                return parts_response(made)
            facts = facts_for_programs(made)
            return OwnedFile(made, {"X-Model": made.result.model, "X-Remarks": _in_header(facts["remarks"])})

    async def _segment(self, folder: Path, form: Form, asked: SegmentRequest, report: Report) -> Made:
        try:
            with self.work.queue.place():
                report(0.0, "waiting" if self.work.decoded.locked() else "reading")
                async with self.work.decoded:
                    image = await self.work.read(form.files["image"])
                    return await self.work.cut_out(folder, image, asked.options, asked.style, report)
        except BaseException:
            remove_folder(folder)  # nobody else does where progress is sent
            raise

    async def _form(self, request: Request, folder: Path) -> Form:
        with self.work.uploads.place(request.client.host if request.client else ""):
            return await read_form(request, folder, self._settings.limits)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await Refused(404, "not_found", "there is nothing at this address", "see /openapi.json").response()(
        scope, receive, send
    )


def _in_header(remarks: list[str]) -> str:
    """Remarks as one line that a header can hold."""
    line = "; ".join(remarks).encode("ascii", "replace").decode("ascii")
    return "".join(letter if letter.isprintable() else " " for letter in line)[:1000]


class _Counted:
    """Counts answers for `/metrics`, by known paths only: others could be made up without end."""

    def __init__(self, app: ASGIApp, work: Work) -> None:
        self._app = app
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope["path"] if scope["path"] in KNOWN_PATHS else "other"
                self._work.metrics.count(path, int(str(message["status"])))
            await send(message)

        await self._app(scope, receive, counted)


KNOWN_PATHS: Final = frozenset(
    {"/", "/page.js", "/page.css", "/healthz", "/metrics", "/openapi.json"}
    | {"/v1/models", "/v1/segment", "/v1.0/removebg"}
)
