"""A stand-in for the Hugging Face Hub on 127.0.0.1: the few requests that a download makes, and the ways they go wrong.

It answers `HEAD` and `GET /{repo}/resolve/{revision}/{filename}` with the headers that the Hub sends (X-Repo-Commit,
X-Linked-Etag, X-Linked-Size), knows ranges, and announces no Xet storage. Everything it was asked is in `requests`.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import constants

from dis_core.environment import CERTIFICATES, PROXIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    start: int | None
    """The first byte of the range that was asked for; None where the whole file was."""
    with_token: bool = False


@dataclass
class Faults:
    """What servers, proxies and filters do wrong.

    `page` is a web page that answers everything, with the status `page_status` and nothing that marks an answer of the
    Hub. `announced_size` and `content_length` are sent in place of the right ones; `without_length` sends none, and
    then the end of the connection is the end of the content. `compresses` is a proxy that does so although it is asked
    not to. `byte_pause_s` lets content drip, a byte at a time, `bytes_per_s` lets it trickle.
    `ignores_ranges` sends the whole file whatever is asked for, and `wrong_ranges` a part one byte further on.
    `expired_token` refuses every request that has a token. `location` redirects all requests to what may be no address.
    """

    page: bytes = b""
    page_status: int = 200
    announced_size: int | None = None
    content_length: int | None = None
    without_length: bool = False
    compresses: bool = False
    byte_pause_s: float = 0.0
    bytes_per_s: int | None = None
    ignores_ranges: bool = False
    wrong_ranges: bool = False
    expired_token: bool = False
    location: str = ""


@dataclass
class FakeHub:
    """What the server has and how it misbehaves; may be changed while it runs.

    `files` is by path, "repo/file". `cuts` holds, for the next answers with content, after how many bytes the
    connection is cut. `damages` is how many answers with content have their last byte changed. `refusal` is
    (status, X-Error-Code). `etag`, if not empty, is sent in place of a file's SHA-256. `elsewhere` is the address of
    the host to which requests for files are sent on, as the Hub sends them to its storage. `faults` are those of odd
    servers and of what stands between the Hub and its users.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    damages: int = 0
    refusal: tuple[int, str] | None = None
    with_commit: bool = True
    etag: str = ""
    commit: str = COMMIT
    elsewhere: str = ""
    faults: Faults = field(default_factory=lambda: Faults())
    requests: list[Request] = field(default_factory=list)

    def downloads(self) -> list[Request]:
        """The requests for content, oldest first."""
        return [request for request in self.requests if request.method == "GET"]


@contextmanager
def run_fake_hub() -> Iterator[FakeHub]:
    """A stand-in that serves from its own thread until the block ends."""
    fake_hub = FakeHub()

    class Handler(_Handler):
        hub = fake_hub

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake_hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake_hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def run_silent_host() -> Iterator[str]:
    """The address of a host that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def unused_address() -> str:
    """The address of a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def clean_environment(home: Path, endpoint: str, **more: str) -> dict[str, str]:
    """An environment in which a child process keeps everything under `home` and takes `endpoint` for the Hub."""
    kept = {
        name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ
    }
    return {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_RUNTIME_DIR": str(home),
        "HF_HOME": str(home / "hub"),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(CHECKOUT),
        # But for one of torch 2.5, the lowest version that is allowed, when it ends.
        "PYTHONWARNINGS": "error,ignore:Implicitly cleaning up:ResourceWarning",
        "LC_ALL": "C.UTF-8",
        **more,
    }


def use_home(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Let this process keep everything under `home`, and know no Hub."""
    for name in (*PROXIES, *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)  # messages name those that are set
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    for name in ("cache", "data", "state"):
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(home / name))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub" / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    use_hub(monkeypatch, unused_address())


def use_hub(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Point the Hub client of this process, which read its environment when it was imported, at another Hub."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


def run_small_network(
    home: Path, endpoint: str, *arguments: str, files_of_at_most: int | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Obtain (or adopt) the small model in a process of its own, as a user's program would.

    Under a limit on file sizes, writing beyond it fails as writing to a full disk does.
    """

    def limit() -> None:
        import resource

        assert files_of_at_most is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (files_of_at_most, files_of_at_most))

    return subprocess.run(
        [sys.executable, "-m", "tests.fakes.small_network", *arguments],
        env=clean_environment(home, endpoint, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=limit if files_of_at_most is not None else None,  # Windows knows neither
    )


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Keep quiet; `requests` is the log."""

    def _answer(self) -> None:
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else None
        self.hub.requests.append(Request(self.command, self.path, start, "Authorization" in self.headers))
        repo, _, rest = self.path.strip("/").partition("/resolve/")
        content = self.hub.files.get(f"{repo}/{rest.partition('/')[2]}")
        faults = self.hub.faults
        if faults.page:
            self._send(faults.page_status, {"Content-Type": "text/html; charset=utf-8"}, faults.page)
        elif faults.expired_token and "Authorization" in self.headers:
            self._send(401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b"")
        elif faults.location:
            self._send(302, {"Location": faults.location}, b"")
        elif self.hub.refusal is not None or content is None:
            status, code = self.hub.refusal or (404, "EntryNotFound")
            self._send(status, {"X-Error-Code": code, "X-Repo-Commit": COMMIT}, b"")
        elif start is not None and start >= len(content):
            self._send(416, {}, b"")
        else:
            self._send_file(content, None if faults.ignores_ranges else start)

    def _send_file(self, content: bytes, start: int | None) -> None:
        faults = self.hub.faults
        digest = self.hub.etag or hashlib.sha256(content).hexdigest()
        size = len(content) if faults.announced_size is None else faults.announced_size
        headers = {"ETag": f'"{digest}"', "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(size)}
        if self.hub.with_commit:
            headers["X-Repo-Commit"] = self.hub.commit
        if self.hub.elsewhere:
            self._send(302, {**headers, "Location": self.hub.elsewhere + self.path}, b"")
            return
        if start is not None:
            start += faults.wrong_ranges
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if self.command == "GET" and self.hub.damages:
            self.hub.damages -= 1
            content = content[:-1] + bytes([content[-1] ^ 255])
        body = content[start or 0 :]
        if faults.compresses and self.command == "GET":
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body)
        self._send(200 if start is None else 206, headers, body)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        faults = self.hub.faults
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if faults.without_length and body:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            wrong = faults.content_length if body and self.command == "GET" else None
            self.send_header("Content-Length", str(len(body) if wrong is None else wrong))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.cuts and body:
            self.wfile.write(body[: self.hub.cuts.pop(0)])
            self.close_connection = True
            return
        if faults.byte_pause_s:
            self._drip(body, 1, faults.byte_pause_s)
            return
        if faults.bytes_per_s is not None:
            self._drip(body, faults.bytes_per_s // 10, 0.1)
            return
        self.wfile.write(body)

    def _drip(self, body: bytes, size: int, pause_s: float) -> None:
        with suppress(OSError):  # who has lost patience has gone
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                time.sleep(pause_s)
