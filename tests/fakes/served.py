"""`dis-core serve` as a process for tests, in a home of its own, with the models of `served_plugin`."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
from numpy.typing import NDArray
from PIL import Image

from dis_core.server.private import LOCK
from tests.fakes import served_plugin
from tests.fakes.fake_hub import CHECKOUT, clean_environment, unused_address

STARTS_WITHIN_S = 60.0
TIMEOUT_S = 60.0


@dataclass
class Served:
    """A server that runs: its address without the last slash, its process, and where its temporary files are."""

    url: str
    process: subprocess.Popen[str]
    temporary: Path
    environment: dict[str, str]

    def post(self, path: str, **more: Any) -> requests.Response:  # as requests has them
        """Ask for something, as a program that is no browser."""
        return requests.post(self.url + path, timeout=TIMEOUT_S, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=TIMEOUT_S, **more)

    def removebg(self, image: bytes, **fields: str) -> requests.Response:
        """A cutout by the form of remove.bg."""
        return self.post("/v1.0/removebg", files={"image_file": image}, data=fields)

    def segment(self, image: bytes, options: dict[str, Any] | None = None, **fields: str) -> requests.Response:
        """A result by our own form."""
        data = {**fields, "options": json.dumps(options or {})}
        return self.post("/v1/segment", files={"image": image}, data=data)

    def metric(self, name: str) -> float:
        """One of the numbers at /metrics; 0 if it is not there."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return 0.0 if found is None else float(found[1])

    def children(self) -> list[int]:
        """The processes that do the work; Linux only."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        numbers = [int(number) for number in path.read_text(encoding="ascii").split()]
        return [number for number in numbers if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes()]

    def memory_bytes(self) -> dict[int, int]:
        """Of the server and each of its processes."""
        numbers = (self.process.pid, *self.children())
        pages = {n: int(Path(f"/proc/{n}/statm").read_text(encoding="ascii").split()[1]) for n in numbers}
        return {number: count * os.sysconf("SC_PAGE_SIZE") for number, count in pages.items()}

    def files(self) -> list[Path]:
        """What lies in its private folder."""
        found = []
        for folder in self.temporary.glob("dis-core-serve-*"):
            for place, folders, files in os.walk(folder):  # which minds nothing that vanishes meanwhile
                found += [Path(place) / name for name in (*folders, *files) if name != LOCK]
        return found

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        give_up_at = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < give_up_at, f"waited in vain: {what}"
            time.sleep(0.02)


@contextmanager
def served(folder: Path, *options: str, **more: str) -> Iterator[Served]:
    """A server on a free port, for as long as the block takes."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    path = os.pathsep.join([str(CHECKOUT), served_plugin.install(folder / "site")])
    environment = clean_environment(
        folder, unused_address(), **{"PYTHONPATH": path, "TMPDIR": str(temporary), "TMP": str(temporary), **more}
    )
    command = [sys.executable, "-m", "dis_core", "serve", "--port", "0", "--device", "cpu", *options]
    process = subprocess.Popen(command, env=environment, cwd=folder, text=True, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"serving at (http://\S+)/ with", line)
        assert found is not None, line + process.stderr.read()
        server = Served(found[1], process, temporary, environment)
        server.wait_for(lambda: is_up(server), "the server to be up")
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


def is_up(server: Served) -> bool:
    try:
        return server.get("/healthz").status_code == 200
    except requests.ConnectionError:
        return False


def two_halves(height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    """A picture whose right half is bright, and so the subject to the models of `bright_model`."""
    pixels = np.full((height, width, 3), 20, np.uint8)
    pixels[:, width // 2 :] = (250, 240, 200)
    return pixels


def with_box(box: tuple[int, int, int, int], height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    """A dark picture with a bright box (left, top, right, bottom) in it."""
    pixels = np.full((height, width, 3), 20, np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = (250, 240, 200)
    return pixels


def png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)
