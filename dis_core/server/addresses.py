"""Fetching an image from an address that a client names: only from hosts that whoever runs the server has named.

Even then nothing inside of this network can be reached through it: the name must stand for public addresses only, the
connection goes to the very address that was looked at, and redirects are not followed.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from dis_core.server.answers import Refused
from dis_core.server.limits import Limits

FETCH_S: Final = 20.0
"""How long fetching one image may take in all."""

CHUNK_BYTES: Final = 1 << 16

Resolve = Callable[[str, int], Collection[str]]
"""The addresses in numbers that a host's name stands for."""


def addresses_of(host: str, port: int) -> list[str]:
    """What the system's resolver says. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach, or is, what has that address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an address is one of the internet, and not of this machine, this network, or something special."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if inner:
            return is_public(str(inner))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.is_site_local:  # given up long ago, and still routed inside of some networks
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def fetch(
    url: str,
    destination: Path,
    *,
    hosts: Collection[str],
    limits: Limits,
    resolve: Resolve = addresses_of,
    may_ask: Callable[[str], bool] = is_public,
    seconds: float = FETCH_S,
) -> None:
    """Fetch what is at an address into a file, within so many seconds. Raises Refused."""
    parts = _checked(url, hosts)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    try:
        found = list(resolve(host, port))
        if not found or not all(may_ask(address) for address in found):
            raise _refused(f"{host} does not stand for a public address")
        connection = _Pinned(host, port, address=found[0], is_secure=parts.scheme == "https")
        # One that sends a letter now and then would keep every read alone from taking too long.
        timer = threading.Timer(seconds, connection.give_up)
        timer.daemon = True
        timer.start()
        try:
            _download(connection, parts, destination, limits)
        finally:
            timer.cancel()
            connection.close()
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise _refused(f"{host} did not send the image") from error


def _checked(url: str, hosts: Collection[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("it is not an address") from None
    if parts.scheme not in ("http", "https") or parts.username or parts.password or not url.isascii():
        raise _refused("only plain http and https addresses are fetched")
    if (parts.hostname or "").lower() not in hosts:
        hint = "send the image itself" if not hosts else f"allowed are: {', '.join(sorted(hosts))}"
        raise Refused(400, "url_not_allowed", "this server does not fetch images from there", hint)
    if port not in (None, 80, 443):
        raise _refused("only the ports of http and https are asked")
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise _refused("it is not an address")
    return parts


def _download(connection: _Pinned, parts: SplitResult, destination: Path, limits: Limits) -> None:
    connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    size = 0
    with connection.getresponse() as answer, destination.open("xb") as file:
        if answer.status != 200:
            raise _refused(f"its host answered with status {answer.status}; redirects are not followed")
        while chunk := answer.read1(CHUNK_BYTES):
            size += len(chunk)
            if size > limits.file_bytes:
                raise Refused(413, "file_too_large", f"the image is larger than {limits.file_bytes / 1e6:g} MB")
            file.write(chunk)
        if answer.length or connection.is_given_up:
            raise _refused("it takes too long to fetch, or ended too early")


def _refused(why: str) -> Refused:
    return Refused(400, "failed_to_fetch_image", "the image's address was not fetched", why)


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked; asking for the name again could give another one."""

    def __init__(self, host: str, port: int, *, address: str, is_secure: bool) -> None:
        super().__init__(host, port, timeout=5.0)
        self.is_given_up = False
        self._socket: socket.socket | None = None  # `sock` is forgotten before all of the answer is read
        self._address = address
        self._is_secure = is_secure

    def give_up(self) -> None:
        """Let whoever waits for it wait no longer; called from another thread."""
        self.is_given_up = True
        with contextlib.suppress(OSError):  # it may be closed already
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def connect(self) -> None:
        """Connect, and check the certificate against the name."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._is_secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self._socket = self.sock
