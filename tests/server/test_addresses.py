"""Images from addresses: only where it was allowed, and nothing inside of this network can be reached that way."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dis_core.server.addresses import fetch, is_public
from dis_core.server.answers import Refused
from dis_core.server.limits import Limits

LIMITS: Final = Limits(file_bytes=1000)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "feff::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1"),
    ],
)
def test_addresses_inside_of_a_network_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


class Site(http.server.BaseHTTPRequestHandler):
    """A site with an image, a redirect, and a file that is too large."""

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]  # put there below
        if self.path == "/drips":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"y")
                time.sleep(0.1)
            return
        content = b"y" * 2000 if self.path == "/large" else b"an image"
        self.send_response(302 if self.path == "/redirect" else 200)
        self.send_header("Location", "http://127.0.0.1/secret")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[http.server.HTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as running:
        running.seen = []  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def on_port_80(site: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch) -> http.server.HTTPServer:
    """The site, which stands for whatever listens at port 80 of an address."""
    import socket

    real = socket.create_connection
    asked: list[object] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        asked.append(address)
        return real(("127.0.0.1", site.server_port), timeout)

    monkeypatch.setattr("dis_core.server.addresses.socket.create_connection", connect)
    site.seen = []  # type: ignore[attr-defined]
    site.asked = asked  # type: ignore[attr-defined]
    return site


def get(url: str, destination: Path, *answers: str, hosts: tuple[str, ...] = ("pictures.example",)) -> None:
    found = [list(answer.split()) for answer in answers or ("93.184.215.14",)]
    fetch(url, destination, hosts=hosts, limits=LIMITS, resolve=lambda *_: found.pop(0))


def test_an_image_comes_from_a_host_that_is_allowed(on_port_80: http.server.HTTPServer, tmp_path: Path) -> None:
    get("http://pictures.example/a.png?size=1", tmp_path / "image")

    assert (tmp_path / "image").read_bytes() == b"an image"
    assert on_port_80.seen == [("/a.png?size=1", "pictures.example")]  # type: ignore[attr-defined]


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    on_port_80: http.server.HTTPServer, tmp_path: Path
) -> None:
    get("http://pictures.example/a.png", tmp_path / "image", "93.184.215.14", "127.0.0.1")

    assert on_port_80.asked == [("93.184.215.14", 80)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "answers", ["127.0.0.1", "10.0.0.1", "::1", "93.184.215.14 192.168.0.1", "169.254.169.254", ""]
)
def test_names_that_stand_for_addresses_inside_are_refused(
    answers: str, on_port_80: http.server.HTTPServer, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="was not fetched"):
        fetch(
            "http://pictures.example/a.png",
            tmp_path / "image",
            hosts=("pictures.example",),
            limits=LIMITS,
            resolve=lambda *_: answers.split(),
        )

    assert on_port_80.seen == []  # type: ignore[attr-defined]


def test_redirects_are_not_followed(on_port_80: http.server.HTTPServer, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        get("http://pictures.example/redirect", tmp_path / "image")

    assert "redirects are not followed" in refused.value.detail
    assert len(on_port_80.seen) == 1  # type: ignore[attr-defined]


def test_what_is_too_large_is_not_kept(on_port_80: http.server.HTTPServer, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        get("http://pictures.example/large", tmp_path / "image")

    assert refused.value.status == 413


def test_a_host_that_drips_is_given_up(on_port_80: http.server.HTTPServer, tmp_path: Path) -> None:
    started = time.monotonic()

    with pytest.raises(Refused) as refused:
        fetch(
            "http://pictures.example/drips",
            tmp_path / "image",
            hosts=("pictures.example",),
            limits=LIMITS,
            resolve=lambda *_: ["93.184.215.14"],
            seconds=0.4,
        )

    assert "takes too long" in refused.value.detail
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://pictures.example/a", "gopher://pictures.example/", "pictures.example/a", "x"),
        *("http://other.example/a.png", "http://pictures.example.evil.example/", "http://evil@pictures.example/"),
        *("http://pictures.example:22/", "http://pictures.example:99999/", "http://[::1/", "http://127.0.0.1/"),
        *("http://pictures.example/a\r\nX-Evil: 1", "http://pictures.example/ä", "http://2130706433/"),
    ],
)
def test_other_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        get(url, tmp_path / "image")

    assert refused.value.status == 400


def test_nothing_is_allowed_by_default(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not fetch"):
        get("http://pictures.example/a.png", tmp_path / "image", hosts=())
