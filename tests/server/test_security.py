"""Who may ask what, and what hostile requests cost: what SECURITY.md and docs/how-to/serve.md promise."""

from __future__ import annotations

import os
import random
import socket
import struct
import sys
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
from starlette.testclient import TestClient

from dis_core.cli.commands.serve import read_token
from dis_core.cli.main import run
from dis_core.images.decoded import TooManyPixels, most_pixels
from dis_core.images.picture import encode, gray_picture
from dis_core.images.reading import read_picture
from dis_core.server.app import Settings, make_app
from tests.fakes.fake_hub import FakeHub
from tests.fakes.open_files import count_open_files
from tests.fakes.served import Served, png, two_halves

PHOTO = png(two_halves())
TOKEN = "0123456789abcdef0123"

MANY = int(os.environ.get("DIS_TEST_SERVE_REQUESTS", "45"))
"""How many images are cut out to see whether memory grows; 500 before a release."""


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "evil@127.0.0.1",
        "127.0.0.1/.evil.com",
        "[::1]x",
        "localhost:evil",
        "localhost:80:80",
        "[localhost]",
        "::1",
        "127.0.0.1#",
        "127.0.0.1 x",
        "[::1%25x]",
        "localhost:",
        "127.1",
    ],
)
def test_a_page_whose_name_was_made_to_point_here_is_refused(server: Served, host: str) -> None:
    answer = server.get("/v1/models", headers={"Host": host})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7000", "127.0.0.1", "192.168.1.5:7000", "[::1]:7000"])
def test_numbers_and_localhost_are_names_of_this_machine(server: Served, host: str) -> None:
    assert server.get("/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
    ids=str,
)
def test_pages_of_other_sites_may_not_ask(server: Served, headers: dict[str, str]) -> None:
    answer = server.post("/v1.0/removebg", files={"image_file": PHOTO}, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "cross_origin")


def test_no_answer_allows_other_origins_or_sets_a_cookie(server: Served) -> None:
    for answer in (server.get("/"), server.removebg(PHOTO), requests.options(f"{server.url}/v1/segment", timeout=20)):
        names = [name.lower() for name in answer.headers]
        assert not [name for name in names if name.startswith("access-control") or name == "set-cookie"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in names


def test_without_the_token_only_the_page_and_its_health_are_shown() -> None:
    client = TestClient(make_app(Settings(token=TOKEN)), base_url="http://localhost")

    open_ones = [client.get(path).status_code for path in ("/", "/page.js", "/page.css", "/healthz")]
    closed = [client.get(path).status_code for path in ("/v1/models", "/metrics", "/openapi.json", "/else")]
    posted = [client.post(path).status_code for path in ("/v1/segment", "/v1.0/removebg", "/")]

    assert open_ones == [200] * 4
    assert closed == [403] * 4
    assert posted == [403, 403, 405]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Api-Key": TOKEN}, 200),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"X-Api-Key": TOKEN[:-1]}, 403),
        ({"X-Api-Key": ""}, 403),
        ({"X-Api-Key": "é"}, 403),
        ({"Authorization": "Bearer"}, 403),
    ],
    ids=str,
)
def test_the_token_is_sent_as_a_key_or_as_a_bearer(headers: dict[str, str], status: int) -> None:
    client = TestClient(make_app(Settings(token=TOKEN)), base_url="http://localhost")

    assert client.get("/openapi.json", headers=list(_raw(headers))).status_code == status


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])  # noqa: S104 - refused
def test_an_address_that_others_reach_needs_a_token_or_the_word_insecure(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["serve", "--host", host, "--port", "0"])

    shown = capsys.readouterr().err
    assert status == 1
    assert "could use this server" in shown
    assert "--token-file" in shown
    assert "--insecure" in shown


@pytest.mark.parametrize("text", ["", "short", "x" * 15, "ü" * 20, "a b\nc" * 10])
def test_a_token_that_can_be_guessed_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text(text, encoding="utf-8")

    status = run(["serve", "--token-file", str(tmp_path / "token"), "--port", "0"])

    assert status == 1
    assert "can be guessed or cannot be sent" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_token_that_others_may_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN, encoding="utf-8")

    path.chmod(0o600)
    assert read_token(path) == TOKEN
    assert not caplog.records
    path.chmod(0o640)
    assert read_token(path) == TOKEN

    assert "chmod 600" in caplog.text
    assert TOKEN not in caplog.text


def test_a_token_file_that_is_not_there_stops_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--token-file", str(tmp_path / "none"), "--port", "0"]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_no_request_starts_a_download(server: Served, hub: FakeHub) -> None:
    before = list(hub.requests)

    for model in ("pdfnet", "birefnet", "isnet", "dis-sam"):
        answer = server.segment(PHOTO, {"model": model})
        assert answer.status_code == 422, answer.text

    assert hub.requests == before


def bomb(width: int, height: int, *, bits: int = 8) -> bytes:
    """A valid PNG of gray zeros: a thousandth of its pixels in bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width * bits // 8)) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["image_file", "bg_image_file"])
def test_an_image_that_claims_more_pixels_than_allowed_is_not_decoded(server: Served, name: str) -> None:
    files = {"image_file": PHOTO, name: bomb(20_000, 2_000)}

    answer = server.post("/v1.0/removebg", files=files)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "resolution_too_high"), answer.text
    assert "1 megapixel" in answer.text


@pytest.mark.parametrize(("bits", "status"), [(8, 422), (16, 413)])
def test_pixels_of_16_bits_count_twice(server: Served, bits: int, status: int) -> None:
    answer = server.removebg(bomb(900, 900, bits=bits))

    assert answer.status_code == status, answer.text
    assert status == 422 or "0.5 megapixels" in answer.text


@pytest.mark.parametrize("ending", ["pgm", "tif", "jxl"])
def test_other_formats_of_16_bits_count_twice_too(ending: str) -> None:
    gray = np.zeros((900, 900), np.uint16)
    whole = {
        "pgm": lambda: b"P5 900 900 65535\n" + gray.tobytes(),
        "tif": lambda: encode(gray_picture(gray.astype(np.float32), bits=16, name="it"), format="tiff"),
        "jxl": lambda: bytes(pytest.importorskip("imagecodecs").jpegxl_encode(gray, lossless=True)),
    }[ending]()

    with most_pixels(1_000_000), pytest.raises(TooManyPixels, match=r"0\.5 megapixels"):
        read_picture(whole)
    with most_pixels(2_000_000):
        assert read_picture(whole).size == (900, 900)


def test_files_and_bodies_that_are_too_large_are_refused(server: Served) -> None:
    def endless() -> object:
        for _ in range(200):
            yield bytes(100_000)

    large = server.removebg(bytes(2_100_000))
    announced = server.post("/v1.0/removebg", data=bytes(7_000_000), headers={"Content-Type": "application/json"})
    streamed = server.post("/v1.0/removebg", data=endless(), headers={"Content-Type": "application/json"})

    for answer in (large, announced, streamed):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "file_too_large")


def test_forms_of_very_many_parts_are_refused(server: Served) -> None:
    fields = server.post("/v1.0/removebg", files=[(f"f{i}", (None, "x")) for i in range(5000)])
    files = server.post("/v1.0/removebg", files=[(f"f{i}", b"x") for i in range(5000)])
    encoded = server.post("/v1.0/removebg", data={f"f{i}": "x" for i in range(5000)})

    assert [answer.status_code for answer in (fields, files, encoded)] == [400, 400, 400]


def test_fields_that_are_far_too_long_are_refused(server: Served) -> None:
    long = server.removebg(PHOTO, roi="1 " * 1_000_000)
    points = {"model": "bright-where-told", "points": {"subject": [[1e9, 1e9]] * 1800}}
    many = server.segment(PHOTO, points)

    assert (long.status_code, long.json()["errors"][0]["title"]) == (400, "'roi' is far too long")
    assert (many.status_code, many.json()["errors"][0]["code"]) == (400, "invalid_parameters"), many.text


def talk(server: Served, data: bytes, limit_s: float = 5.0) -> bytes:
    """Send bytes, say that there are no more, and return what comes back."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port or 80), timeout=limit_s) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1000)
        except OSError:
            return b""


def malformed(source: random.Random) -> bytes:
    """A request that is wrong in one of many ways."""
    boundary = b'--b\r\nContent-Disposition: form-data; name="image_file"; filename="../../x"\r\n\r\n'
    body = boundary + PHOTO + b"\r\n--b--\r\n"
    head = b"POST /v1.0/removebg HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    way = source.randrange(8)
    if way == 0:
        return source.randbytes(source.randrange(1, 400))
    if way == 1:
        return whole[: source.randrange(len(whole))]
    if way == 2:
        place = source.randrange(len(whole) - 20)
        return whole[:place] + source.randbytes(8) + whole[place + 8 :]
    if way == 3:
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + source.choice([b"-1\r\n", b"fffffffffff\r\nx", b"zz\r\n"])
    if way == 4:
        return head + b"Content-Length: " + source.choice([b"-5", b"99999999999999999999", b"1e3"]) + b"\r\n\r\n"
    if way == 5:
        return b"GET /" + source.randbytes(30).hex().encode() * source.randrange(1, 900) + b" HTTP/1.1\r\n\r\n"
    if way == 6:
        return head + b"X-Long: " + b"y" * source.randrange(1, 60_000) + b"\r\n\r\n"
    return head + b"Content-Length: 9\r\n\r\n--b\r\n\r\n\r\n"


def growth(before: dict[int, int], after: dict[int, int]) -> int:
    """By how many bytes a process has grown, of those that were there before: the one that has grown most."""
    return max(after[number] - before[number] for number in before if number in after)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_thousand_malformed_requests_cost_nothing_but_their_answers(server: Served) -> None:
    source = random.Random(7)  # noqa: S311 - it keeps no secret
    assert server.removebg(PHOTO).status_code == 200
    starts, memory = server.metric("dis_core_network_starts_total"), server.memory_bytes()
    opened = count_open_files(server.process.pid)

    answers = [talk(server, malformed(source)) for _ in range(1000)]

    assert not [answer for answer in answers if answer.startswith(b"HTTP/1.1 5")]
    server.wait_for(lambda: server.metric("dis_core_queue_length") == 0, "the queue to be empty")
    assert server.removebg(PHOTO).status_code == 200
    assert server.metric("dis_core_network_starts_total") == starts
    server.wait_for(lambda: not server.files(), "all files to be gone")
    server.wait_for(lambda: count_open_files(server.process.pid) <= opened + 3, "connections to be closed")
    assert growth(memory, server.memory_bytes()) < 25_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_memory_stays_flat_over_many_images(server: Served) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (250, 350, 3), np.uint8)
    large = png(noise)

    def work(count: int) -> dict[int, int]:
        for number in range(count):
            assert server.removebg(large if number % 2 else PHOTO, format="webp").status_code == 200
        return server.memory_bytes()

    before = work(MANY // 3)
    after = work(MANY)

    assert growth(before, after) < 25_000_000
    server.wait_for(lambda: not server.files(), "all files to be gone")
