"""Serving the application with uvicorn, to clients that are in no hurry too, but not to those that never finish."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from typing import Any, Final, Literal

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dis_core.errors import BadRequest, DisError
from dis_core.server.app import Settings, make_app
from dis_core.server.limits import Limits

KEEP_ALIVE_S: Final = 15

NOISY: Final = ("uvicorn.error", "python_multipart")
"""Loggers that have a warning for each damaged request: strangers could fill a disk with them."""

MOST_HEADER_BYTES: Final = 32_768

MOST_SMALL_PIECES: Final = 1000
"""How many parts of a body may be as small as they like."""

MOST_CREDITED_BYTES: Final = 1_000_000
"""So much of what waits to be read gives its reader more time. More would let a large answer wait for hours."""


def listen(host: str, port: int) -> socket.socket:
    """A socket at that address. Raises BadRequest if it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadRequest(
            f"cannot serve at {host}, port {port}: {reason}", hint="another program may use it; choose another `port`"
        ) from error


def run(settings: Settings, listening: socket.socket, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; what is being done is finished first. `ready` gets the address of the page."""
    limits = settings.limits
    config = uvicorn.Config(
        make_app(settings),
        http=protocol_for(limits),
        ws="none",
        loop="asyncio",
        lifespan="on",
        limit_concurrency=limits.connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(limits.stopping_s),
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    # When it has ended, uvicorn sends itself the signal that ended it: to these.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        host, port = listening.getsockname()[:2]
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        server = uvicorn.Server(config)
        with contextlib.suppress(SystemExit):  # how it ends if it cannot start
            server.run(sockets=[listening])
        if not server.started:
            raise DisError("the server could not start", hint="the lines above say why")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class FewPieces(h11.Connection):
    """Takes a body in a thousand pieces, and one more for each so many bytes: it takes as long as for large ones."""

    def __init__(self, bytes_per_piece: int) -> None:
        super().__init__(h11.SERVER, MOST_HEADER_BYTES)
        self._bytes_per_piece = bytes_per_piece
        self._bytes = self._pieces = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """What was sent next. Raises RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._bytes = self._pieces = 0
        elif isinstance(event, h11.Data):
            self._bytes += len(event.data)
            self._pieces += 1
            if self._pieces > MOST_SMALL_PIECES + self._bytes // self._bytes_per_piece:
                raise h11.RemoteProtocolError("the body comes in too many pieces")
        return event


def protocol_for(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's protocol, which closes connections whose headers do not come or whose answer is not read."""

    class ImpatientProtocol(H11Protocol):
        _headers_due: asyncio.TimerHandle | None = None
        _reading_due: asyncio.TimerHandle | None = None
        _patience_s = limits.unread_s  # for this answer; who reads slowly but steadily uses it up too
        _paused_at = 0.0

        def connection_made(self, transport: Any) -> None:  # as in uvicorn
            super().connection_made(transport)
            self.conn = FewPieces(limits.bytes_per_piece)
            self._headers_due = self.loop.call_later(limits.headers_s, transport.abort)

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            is_between = before is None or before.response_complete
            if is_between and self._headers_due is None:
                self._headers_due = self.loop.call_later(limits.headers_s, self.transport.abort)
            super().data_received(data)
            if self.cycle is not before:
                self._cancel("_headers_due")
                self._patience_s = limits.unread_s

        def send_400_response(self, msg: str) -> None:
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                super().send_400_response(msg)
            else:  # it has been answered already
                self.transport.abort()

        def pause_writing(self) -> None:
            super().pause_writing()
            waiting = min(self.transport.get_write_buffer_size(), MOST_CREDITED_BYTES)
            self._patience_s += waiting / limits.slowest_bytes_per_s
            self._paused_at = self.loop.time()
            self._reading_due = self.loop.call_later(self._patience_s, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._patience_s -= self.loop.time() - self._paused_at
            self._cancel("_reading_due")

        def _cancel(self, name: Literal["_headers_due", "_reading_due"]) -> None:
            timer: asyncio.TimerHandle | None = getattr(self, name)
            if timer is not None:
                timer.cancel()
            setattr(self, name, None)

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel("_headers_due")
            self._cancel("_reading_due")
            super().connection_lost(exc)

    return ImpatientProtocol
