"""Who may ask, and how slowly: what every request passes before it is looked at."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dis_core.daemon.logs import describe_bug
from dis_core.server.answers import Refused, bug
from dis_core.server.forms import too_large
from dis_core.server.limits import Limits

OPEN_PATHS: Final = ("/", "/page.js", "/page.css", "/healthz")
"""What is shown without a token: the page, which asks for it, and that the server is alive."""

DRAIN_S: Final = 3.0
"""How long a body is still taken after it was refused: who is sending it would not read the answer otherwise."""

HOST: Final = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<bracketed>[0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")
"""A name or an address in numbers, and a port: nothing that programs could read in different ways."""

SAFE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}

logger = logging.getLogger(__name__)


class Guard:
    """Lets requests through to `app` that come from who may ask, and whose body is neither too large nor too slow.

    `hosts` are the names by which the server may be called, beside "localhost" and addresses in numbers: a page from
    another site, whose name was made to point here, sends that name. `token` is what has to be sent, if anything.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], token: str | None, limits: Limits) -> None:
        self._app = app
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._token = token
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the start and the end of the server."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        body, has_begun = _Body(receive, self._limits), False

        async def send_safely(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._refuse_strangers(scope, headers)
            body.refuse_announced(headers)
            await self._app(scope, body.receive, send_safely)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Refused as refused:
            if has_begun:
                raise
            await body.drain()
            await refused.response()(scope, receive, send_safely)
        except Exception as error:  # the edge of the server: a bug must cost one answer
            logger.error("%s", describe_bug(error))
            if has_begun:
                raise
            await bug().response()(scope, receive, send_safely)

    def _refuse_strangers(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._is_own_name(host):
            raise Refused(403, "host_not_allowed", f"this server is not called {host[:100]!r}", "see --allow-host")
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        is_visit = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        if _is_elsewhere(origin, host) or (site not in ("none", "same-origin") and not is_visit):
            raise Refused(403, "cross_origin", "pages of other sites may not ask this server")
        if self._token is not None and scope["path"] not in OPEN_PATHS:
            given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                raise Refused(403, "auth_failed", "the API key is missing or wrong", "send it as X-Api-Key")

    def _is_own_name(self, host: str) -> bool:
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"] or found["bracketed"]
        try:
            is_number = ipaddress.ip_address(name).version == (4 if found["name"] else 6)
        except ValueError:
            is_number = False
        return is_number or (found["name"] or "").lower() in self._hosts


def _is_elsewhere(origin: str | None, host: str) -> bool:
    try:
        return origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    except ValueError:  # it is no address at all
        return True


class _Body:
    """The body of a request, as long as it is small and quick enough."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._bytes = 0
        self._is_complete = False
        self._started = asyncio.get_running_loop().time()

    def refuse_announced(self, headers: Headers) -> None:
        """Raises Refused if the body will be too large."""
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._limits.body_bytes:
            raise too_large(self._limits)

    async def receive(self) -> Message:
        """The next part. Raises Refused if there are too many bytes, or too few in the time they took."""
        if self._is_complete:
            return await self._receive()
        limits = self._limits
        allowed_s = min(limits.headers_s + self._bytes / limits.slowest_bytes_per_s, limits.body_s)
        left_s = self._started + allowed_s - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), max(left_s, 0.001))
        except asyncio.TimeoutError:
            raise Refused(408, "too_slow", "the request came too slowly", "send it again") from None
        self._bytes += len(message.get("body", b""))
        self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        if self._bytes > limits.body_bytes:
            raise too_large(limits)
        return message

    async def drain(self) -> None:
        """Take what is still sent, for a moment and up to the largest body."""

        async def take() -> None:
            taken = 0
            while not self._is_complete and taken < self._limits.body_bytes:
                message = await self._receive()
                taken += len(message.get("body", b""))
                self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)

        try:
            await asyncio.wait_for(take(), DRAIN_S)
        except asyncio.TimeoutError:
            return
