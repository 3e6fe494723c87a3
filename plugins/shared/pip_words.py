"""What pip and uv print while they install, in words for a painter."""

from __future__ import annotations

import re
from typing import Sequence

from .events import Failed

UNPACKING = "unpacking"

_FETCHING = re.compile(
    r"\s*(?:Collecting|Downloading|Using cached|Building|Prepared) +(?:\S+/)?([A-Za-z0-9._-]*[A-Za-z])"
)
_INSTALLING = re.compile(r"\s*(?:Installing collected packages|Prepared \d+|Installing wheels)")
_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Name or service not known|Temporary failure in name|getaddrinfo failed"
    r"|Failed to establish a new connection|ConnectTimeout|Network is unreachable|ReadTimeout|[Rr]ead timed out"
    r"|Connection refused|ProxyError|dns error|error sending request|Could not connect|Connection reset|IncompleteRead"
)
_CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|SSLError|invalid peer certificate")
_NO_VERSION = re.compile(r"No matching distribution found for (\S+)|Could not find a version that satisfies .* (\S+)")


def doing_in(line: str) -> str:
    """What is being done, because of a line that was printed; empty if the line does not say."""
    if _INSTALLING.match(line):
        return UNPACKING
    fetching = _FETCHING.match(line)
    if fetching is None:
        return ""
    name = re.split(r"[-=<>\[]\d|-\d", fetching.group(1))[0].replace("_", "-")
    return f"downloading {name}"


def failure_in(lines: Sequence[str], folder: str) -> Failed:
    """Why pip or uv failed, because of all that it printed; `folder` is where it was to install to, as text."""
    printed = "\n".join(lines)
    if "No space left on device" in printed or "not enough space on the disk" in printed or "os error 28" in printed:
        return disk_full(folder)
    if _CERTIFICATE.search(printed):
        return Failed(
            "NoNetwork",
            "the address of the packages could not be verified (certificate)",
            "a program that watches the network may be in between; ask who looks after this computer",
        )
    if _NO_NETWORK.search(printed):
        return Failed("NoNetwork", "pypi.org cannot be reached", "check the connection to the internet, then try again")
    missing = _NO_VERSION.search(printed)
    if missing:
        name = missing.group(1) or missing.group(2)
        return Failed("NoPackage", f"no package {name} for this system was found", "another version of Python may help")
    return Failed("InstallFailed", f"the packages could not be installed: {last_words(lines)}")


def disk_full(folder: str) -> Failed:
    """The disk was full on the way."""
    return Failed("DiskFull", f"the disk with {folder} is full", "make room there, then try again")


def last_words(lines: Sequence[str]) -> str:
    """The line that helps most: the last error, or else the last line."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if re.match(r"(ERROR|error|×|\w*Error)\b", line)]
    return (errors or said or ["there was no message"])[-1]
