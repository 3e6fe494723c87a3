"""A Debian in a folder, which `.ci/editor-chroot` makes, for editors that are newer than this system's.

A program there runs in a mount namespace: what is mounted for it is gone with it. It sees the whole system below /host,
and the tests' temporary folder at its own place: a child that enters /host first is the dis-core of the tests, with the
same names for the same files.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

BUILD = ".ci/editor-chroot"
HOST = "/host"
ENTER_HOST = ["/usr/sbin/chroot", HOST]


def in_chroot(root: Path, command: list[str], also: Sequence[Path] = ()) -> list[str]:
    """A command line that runs another one in that Debian, with what it needs of the system around mounted there.

    `also` are more folders of the system around, which it sees at their own places.
    """
    places = [shlex.quote(str(path)) for path in also]
    inside, folder = shlex.quote(str(root)), shlex.quote(tempfile.gettempdir())
    steps = [
        f"mkdir -p {inside}{HOST} {inside}{folder}",
        f"mount --rbind {folder} {inside}{folder}",
        *(f"mkdir -p {inside}{place} && mount --bind {place} {inside}{place}" for place in places),
        f"mount --rbind / {inside}{HOST}",
        f"mount --rbind /proc {inside}/proc",
        f"mount --rbind /dev {inside}/dev",
        f"exec /usr/sbin/chroot {inside} {shlex.join(command)}",
    ]
    return ["unshare", "--mount", "sh", "-c", " && ".join(steps)]


def missing_namespace() -> str:
    """What keeps `in_chroot` from working here, in words; empty if nothing does."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "an editor in a folder runs in a mount namespace, which only root may make"
    return ""


def entering_host(command: list[str]) -> list[str]:
    """A command line for a program in that Debian that starts one of the system around."""
    return command if command[: len(ENTER_HOST)] == ENTER_HOST else [*ENTER_HOST, *command]
