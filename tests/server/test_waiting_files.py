"""What lies on the disk while requests wait, and while their answers are sent: an application in this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.types import Message

from dis_core.images.picture import encode, gray_picture
from dis_core.jobs.job import Job, JobResult
from dis_core.progress import Report
from dis_core.prompts import SegmentOptions
from dis_core.server.answers import Refused
from dis_core.server.app import FETCHES, Server, Settings
from dis_core.server.children import ChildProcess
from dis_core.server.network import Network, run_jobs
from dis_core.server.private import LOCK
from dis_core.server.work import CODECS
from tests.fakes.served import png, two_halves

HEAD = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="x"\r\n\r\n'
FIELDS = ((b"image_file", png(two_halves())), (b"bg_image_file", png(two_halves())))
BODY = b"".join(HEAD % name + data + b"\r\n" for name, data in FIELDS) + b"--b--\r\n"
HEADERS = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=b")]
AT_ONCE = 10
LIMIT_S = 60.0


class SlowNetwork(Network):
    """Says that everything is the subject, when it is told to; and starts no process."""

    def __init__(self) -> None:
        super().__init__(SegmentOptions(), limit_s=LIMIT_S)
        self.child = ChildProcess(run_jobs)
        self.may_go_on = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        yield

    async def run(self, job: Job, report: Report) -> JobResult:
        await self.may_go_on.wait()
        matte = gray_picture(np.ones((60, 80), np.float32), bits=16, name="everything")
        assert job.destination is not None
        job.destination.write_bytes(encode(matte, format="tiff"))
        return JobResult("all@1", "cpu")


async def ask(
    server: Server,
    seen_while_sending: list[Path],
    folder: Path,
    body: bytes = BODY,
    headers: Sequence[tuple[bytes, bytes]] = HEADERS,
    client: str = "127.0.0.1",
) -> int:
    """One request; notes what lies in the folder as soon as the answer begins. Returns its status."""
    statuses: list[int] = []
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.sleep(LIMIT_S)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            seen_while_sending.extend(found for found in folder.rglob("*") if found.is_file())

    scope = {"type": "http", "method": "POST", "path": "/v1.0/removebg", "query_string": b"", "headers": headers}
    await server.router({**scope, "client": (client, 1)}, receive, send)
    return statuses[0]


def files(folder: Path, ending: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix == ending and path.name != "matte.tif"]


async def until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.05)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the private folder of the server is made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def run(story: Callable[[Server, SlowNetwork], Coroutine[Any, Any, None]]) -> None:
    """Let a story happen on a server."""

    async def with_server() -> None:
        server = Server(Settings(SegmentOptions(model="dis-lite")))
        network = server.work.network = SlowNetwork()
        async with server.work.running():
            await story(server, network)

    asyncio.run(with_server())


def test_images_wait_as_they_were_sent(folder: Path) -> None:
    async def story(server: Server, network: SlowNetwork) -> None:
        asking = [asyncio.create_task(ask(server, [], folder)) for _ in range(AT_ONCE)]
        await until(lambda: len(files(folder, ".tif")) >= 2 * (CODECS + 1))
        await asyncio.sleep(0.5)  # in which others would be decoded too
        decoded = files(folder, ".tif")
        network.may_go_on.set()

        assert await asyncio.gather(*asking) == [200] * AT_ONCE
        assert len(decoded) == 2 * (CODECS + 1), "an image and a background each"

    run(story)


def test_only_the_result_is_kept_while_an_answer_is_read(folder: Path) -> None:
    async def story(server: Server, network: SlowNetwork) -> None:
        network.may_go_on.set()
        seen = list[Path]()

        assert await ask(server, seen, folder) == 200
        assert {path.name for path in seen} == {"result", LOCK}

    run(story)


def test_hosts_that_do_not_answer_keep_no_threads_from_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end, asked = threading.Event(), []

    def fetch(url: str, destination: Path, **_: object) -> None:
        asked.append(url)
        may_end.wait(LIMIT_S)
        destination.write_bytes(png(two_halves()))

    async def story(server: Server, network: SlowNetwork) -> None:
        network.may_go_on.set()
        body, headers = b'{"image_url": "http://a/b"}', [(b"content-type", b"application/json")]
        asking = [asyncio.create_task(ask(server, [], folder, body, headers)) for _ in range(16)]
        try:
            await until(lambda: len(asked) >= FETCHES)
            await asyncio.wait_for(asyncio.to_thread(len, "read"), 5)
        finally:
            may_end.set()
        assert await asyncio.gather(*asking) == [200] * 16

    # As few threads for everybody else as on a small machine, however many this one has.
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("dis_core.server.addresses.fetch", fetch)
    run(story)


def test_the_address_of_a_client_counts_for_its_uploads(folder: Path) -> None:
    async def story(server: Server, network: SlowNetwork) -> None:
        network.may_go_on.set()
        with contextlib.ExitStack() as uploading:
            for _ in range(server.work.limits.uploads_each):
                uploading.enter_context(server.work.uploads.place("192.168.1.5"))

            with pytest.raises(Refused, match="your address"):
                await ask(server, [], folder, client="192.168.1.5")
            assert await ask(server, [], folder, client="192.168.1.6") == 200

    run(story)
