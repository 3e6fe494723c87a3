"""Clients that never finish: uvicorn with our protocol, in this process, and with limits of moments."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from dis_core.server.answers import Refused
from dis_core.server.guards import Guard
from dis_core.server.limits import Limits
from dis_core.server.queue import Uploads
from dis_core.server.running import protocol_for

LIMITS = Limits(headers_s=0.4, unread_s=0.4, slowest_bytes_per_s=100_000)
PATIENCE_S = 10.0


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Take the whole body and send 64 MB, or 5."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    count = 5 if scope["path"] == "/small" else 64
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(count):
        await send({"type": "http.response.body", "body": bytes(1_000_000), "more_body": number < count - 1})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with serving(LIMITS) as address:
        yield address


@contextlib.contextmanager
def serving(limits: Limits) -> Iterator[tuple[str, int]]:
    guarded = Guard(app, hosts=(), token=None, limits=limits)
    config = uvicorn.Config(guarded, http=protocol_for(limits), lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()[:2]
    server.should_exit = True
    thread.join()


def seconds_until_closed(connection: socket.socket) -> tuple[float, bytes]:
    """How long the server keeps a connection, and what it sends."""
    connection.settimeout(PATIENCE_S)
    started, said = time.monotonic(), bytearray()
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(1 << 20):
            said += chunk
    return time.monotonic() - started, bytes(said)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: loc"], ids=["nothing", "half of the headers"])
def test_headers_that_do_not_come_close_the_connection(address: tuple[str, int], sent: bytes) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(sent)

        took_s, said = seconds_until_closed(connection)

    assert said == b""
    assert 0.2 < took_s < PATIENCE_S - 1


def test_headers_that_drip_do_not_keep_it_open(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        with dripping(connection, b"X: y\r\n"):
            took_s, said = seconds_until_closed(connection)

    assert said == b""
    assert took_s < PATIENCE_S - 1


def test_a_body_that_drips_is_answered_408(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        with dripping(connection, b"x"):
            _, said = seconds_until_closed(connection)

    assert said.startswith(b"HTTP/1.1 408")
    assert b"too_slow" in said


def test_a_body_may_take_only_so_long_in_all() -> None:
    limits = Limits(slowest_bytes_per_s=1, body_s=0.5)
    with serving(limits) as address, socket.create_connection(address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        with dripping(connection, b"x" * 10):
            took_s, said = seconds_until_closed(connection)

    assert said.startswith(b"HTTP/1.1 408")
    assert took_s < PATIENCE_S - 1


def test_a_body_in_very_many_pieces_is_refused_before_it_keeps_others_waiting(address: tuple[str, int]) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(address) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(head + b"1\r\nx\r\n" * 500_000)

        started = time.process_time()
        _, said = seconds_until_closed(connection)

    assert b" 200 " not in said
    assert time.process_time() - started < 0.5, "the server runs in this process"


def test_a_large_body_in_ordinary_pieces_is_taken(address: tuple[str, int]) -> None:
    head = b"POST /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(address) as connection:
        connection.sendall(head + (b"200\r\n" + bytes(512) + b"\r\n") * 5000 + b"0\r\n\r\n")

        _, said = seconds_until_closed(connection)

    assert said.startswith(b"HTTP/1.1 200")
    assert len(said) > 5_000_000


def test_one_address_sends_only_a_few_bodies_at_once() -> None:
    uploads = Uploads(16, 4)
    with contextlib.ExitStack() as running:
        for client in (*["192.168.1.5"] * 4, *["127.0.0.1"] * 8):
            running.enter_context(uploads.place(client))

        with pytest.raises(Refused) as refused, uploads.place("192.168.1.5"):
            pass
        with uploads.place("192.168.1.6"):
            pass

    assert (refused.value.status, refused.value.retry_after_s) == (429, 1)
    with uploads.place("192.168.1.5"):
        pass


@contextlib.contextmanager
def dripping(connection: socket.socket, drop: bytes) -> Iterator[None]:
    """Send a drop again and again until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=drip, args=(connection, stop, drop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def drip(connection: socket.socket, stop: threading.Event, drop: bytes) -> None:
    with contextlib.suppress(OSError):
        while not stop.wait(0.05):
            connection.sendall(drop)


def test_an_answer_that_is_not_read_is_given_up() -> None:
    limits = Limits(unread_s=0.4, slowest_bytes_per_s=4_000_000)  # 0.65 s at most, however much the kernel takes
    with serving(limits) as address, socket.create_connection(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1.2)

        _, said = seconds_until_closed(connection)

    assert len(said) < 40_000_000


def test_an_answer_that_is_read_too_slowly_is_given_up_although_it_is_read() -> None:
    limits = Limits(unread_s=1.0, slowest_bytes_per_s=20_000_000)
    with serving(limits) as address, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50_000)
        connection.connect(address)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        started, said = time.monotonic(), 0
        with contextlib.suppress(ConnectionResetError):
            while (chunk := connection.recv(20_000)) and time.monotonic() - started < PATIENCE_S:
                said += len(chunk)
                time.sleep(0.01)

    assert time.monotonic() - started < PATIENCE_S - 1
    assert said < 40_000_000


def test_a_quick_client_gets_everything(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(b"GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

        _, said = seconds_until_closed(connection)

    assert len(said) > 5_000_000
