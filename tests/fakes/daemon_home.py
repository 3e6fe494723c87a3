"""A home with a daemon of its own for tests: real processes, and none of them is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from dis_core.daemon import client, endpoint
from dis_core.daemon.client import DaemonConnection
from tests.fakes.fake_hub import clean_environment, unused_address

FLOWER = Path(__file__).parents[2] / "examples" / "flower.jpg"
QUICK = ("--model", "dis-lite", "--device", "cpu", "--quality", "draft", "--refine", "none")
SLOW = ("--model", "dis-lite", "--device", "cpu", "--quality", "best", "--refine", "tiles")
TIMEOUT_S = 60.0


@dataclass
class DaemonHome:
    """`folder` holds everything; commands run in `folder / "work"`, in which there are a.png and large.png."""

    folder: Path
    environment: dict[str, str]
    children: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def runtime(self) -> Path:
        return self.folder / "dis-core"

    def run(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[Any]:  # as subprocess.run has them
        """Run a command to its end."""
        options: dict[str, Any] = {"text": True, "capture_output": True, **more}
        return subprocess.run(
            self._command(arguments), cwd=self.work, env=self.environment, timeout=120, check=False, **options
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and go on."""
        child = subprocess.Popen(
            self._command(arguments),
            cwd=self.work,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.children.append(child)
        return child

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "dis_core", *arguments]

    def status(self) -> dict[str, Any] | None:
        """What the daemon says of itself, asked without a process in between."""
        connection = self.connect()
        if connection is None:
            return None
        try:
            return dict(next(connection.ask("status"))["status"])
        except client.ConnectionLost:
            return None
        finally:
            connection.close()

    def connect(self) -> DaemonConnection | None:
        return client.find_daemon(self.runtime)

    def pid(self) -> int:
        found = endpoint.read_endpoint(self.runtime)
        assert found is not None
        return found.pid

    def seconds_of_work(self) -> float:
        """How long the daemon has had a processor so far, with all its threads; Linux only."""
        after_name = Path(f"/proc/{self.pid()}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        give_up_at = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < give_up_at, f"waited in vain: {what}"
            time.sleep(0.02)

    def has_daemon(self) -> bool:
        """Whether a process holds the lock."""
        if not self.runtime.exists():
            return False
        with endpoint.locked(self.runtime) as is_free:
            return not is_free

    def kill_daemon(self) -> None:
        """End it as the system does when memory runs out: without a word."""
        os.kill(self.pid(), signal.SIGKILL)
        self.wait_for(lambda: not self.has_daemon(), "the daemon to be dead")

    def log(self) -> str:
        return (self.folder / "state" / "dis-core" / "log" / "daemon.log").read_text(encoding="utf-8")


@contextmanager
def daemon_home(folder: Path, **more: str) -> Iterator[DaemonHome]:
    """A home in which no daemon runs, neither at first nor at the end."""
    home = DaemonHome(folder, clean_environment(folder, unused_address(), **more))
    home.work.mkdir()
    with Image.open(FLOWER) as flower:
        flower.resize((320, 214)).save(home.work / "a.png")
        flower.resize((1600, 1067)).save(home.work / "large.png")
    try:
        yield home
    finally:
        for child in home.children:
            child.kill()
            child.communicate()
        connection = home.connect()
        if connection is not None:
            list(_until_lost(connection))
            connection.close()
        if home.has_daemon():
            home.wait_for(lambda: not home.has_daemon(), "the daemon to leave")


def _until_lost(connection: DaemonConnection) -> Iterator[object]:
    try:
        yield from connection.ask("stop", when="now")
    except client.ConnectionLost:
        return


def events_of(shown: str) -> list[dict[str, Any]]:
    """The JSON lines that a command printed."""
    return [json.loads(line) for line in shown.splitlines()]
