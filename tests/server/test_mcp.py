"""The MCP server, asked by the official SDK's own client: in this process, and as the command over its streams."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from PIL import Image

from dis_core.errors import BadRequest
from dis_core.jobs.runner import JobRunner
from dis_core.prompts import SegmentOptions
from dis_core.server.folders import checked_folders
from dis_core.server.mcp_server import mcp_server
from tests.fakes.bright_squares import bright_square
from tests.fakes.daemon_home import FLOWER
from tests.fakes.fake_hub import clean_environment, unused_address
from tests.fakes.locked_folders import run_python

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from dis_core.jobs.job import Job, JobFailure, JobResult
    from dis_core.progress import Report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """a.png, black with a white square, and beside the folder an outside.png."""
    inside = tmp_path / "inside"
    inside.mkdir()
    Image.fromarray(bright_square()).save(inside / "a.png")
    Image.fromarray(bright_square()).save(tmp_path / "outside.png")
    return inside


def asked(folder: Path, *calls: tuple[str, dict[str, Any]], told: list[float] | None = None) -> list[CallToolResult]:
    """The answers to several calls of tools, one after the other."""

    async def note(progress: float, total: float | None, message: str | None) -> None:
        if told is not None:
            told.append(progress)

    async def ask() -> list[CallToolResult]:
        server = mcp_server(checked_folders([folder]), JobRunner(), SegmentOptions(device="cpu"))
        async with Client(server) as client:
            return [await client.call_tool(name, values, progress_callback=note) for name, values in calls]

    return anyio.run(ask)


def text_of(result: CallToolResult) -> str:
    return " ".join(getattr(part, "text", "") for part in result.content)


@pytest.mark.usefixtures("bright_models")
def test_a_cutout_is_written_beside_the_image_with_progress(folder: Path) -> None:
    told: list[float] = []

    (answer,) = asked(folder, ("cut_out", {"image": "a.png", "model": "bright"}), told=told)

    assert not answer.is_error, text_of(answer)
    assert answer.structured_content is not None
    assert answer.structured_content["output"] == str(folder / "a-cutout.png")
    cutout = np.asarray(Image.open(folder / "a-cutout.png"))
    assert np.array_equal(cutout[..., 3] == 255, bright_square()[..., 0] > 128)
    assert told == sorted(told)
    assert len(told) > 2


@pytest.mark.usefixtures("bright_models")
def test_a_mask_takes_boxes_and_an_output(folder: Path) -> None:
    box = [0, 0, 8, 8]  # in which nothing is bright

    empty, whole = asked(
        folder,
        ("make_mask", {"image": "a.png", "model": "bright-where-told", "boxes": [box], "output": "empty.png"}),
        ("make_mask", {"image": "a.png", "model": "bright", "output": "sub.tif"}),
    )

    assert not whole.is_error, text_of(whole)
    assert np.asarray(Image.open(folder / "sub.tif")).max() == 255
    assert not empty.is_error, text_of(empty)
    assert np.asarray(Image.open(folder / "empty.png")).max() == 0
    assert empty.structured_content is not None
    assert empty.structured_content["remarks"], "that nothing was found must be told"


@pytest.mark.usefixtures("bright_models")
@pytest.mark.parametrize("path", ["../outside.png", "link.png", "linked/outside.png", "/etc/hostname"])
@pytest.mark.parametrize("which", ["image", "output"])
def test_nothing_outside_of_the_folders_is_read_or_written(folder: Path, path: str, which: str) -> None:
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    (folder / "linked").symlink_to(folder.parent)
    before = (folder.parent / "outside.png").read_bytes()
    values = {"image": "a.png", "model": "bright", "overwrite": True, which: path}

    (answer,) = asked(folder, ("cut_out", values))

    assert answer.is_error
    assert "outside of the folders that may be used" in text_of(answer)
    assert (folder.parent / "outside.png").read_bytes() == before
    assert not (folder / "a-cutout.png").exists()


@pytest.mark.usefixtures("bright_models")
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"image": "missing.png", "model": "bright"}, "missing.png"),
        ({"image": "a.png", "model": "brihgt"}, "brihgt"),
        ({"image": "a.png", "model": "birefnet"}, "run: dis-core fetch birefnet"),
        ({"image": "a.png", "model": "bright", "output": "a.png", "overwrite": True}, "is the image itself"),
        ({"image": "a.png", "model": "bright", "output": "b.gif"}, "is not an output format"),
        ({"image": "a.png", "model": "bright", "output": "b.jpg"}, "give `background`"),
        ({"image": "a.png", "model": "bright", "background": "whit"}, "whit"),
        ({"image": "a.png", "model": "bright-where-told", "points": [[900, 2]]}, "outside the image"),
        ({"image": "a\0.png", "model": "bright"}, "not a path"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(folder: Path, values: dict[str, Any], says: str) -> None:
    before = sorted(folder.iterdir()), (folder / "a.png").read_bytes()

    (answer,) = asked(folder, ("cut_out", values))

    assert answer.is_error
    assert says in text_of(answer)
    assert (sorted(folder.iterdir()), (folder / "a.png").read_bytes()) == before


@pytest.mark.usefixtures("bright_models")
def test_a_result_that_exists_stays_unless_it_may_be_overwritten(folder: Path) -> None:
    (folder / "a-mask.png").write_bytes(b"mine")

    (refused,) = asked(folder, ("make_mask", {"image": "a.png", "model": "bright"}))
    kept = (folder / "a-mask.png").read_bytes()
    (replaced,) = asked(folder, ("make_mask", {"image": "a.png", "model": "bright", "overwrite": True}))

    assert refused.is_error
    assert kept == b"mine"
    assert not replaced.is_error, text_of(replaced)


def test_models_are_listed_with_those_that_are_here(folder: Path) -> None:
    (answer,) = asked(folder, ("list_models", {}))

    assert answer.structured_content is not None
    here = {model["name"]: model["here"] for model in answer.structured_content["result"]}
    assert here["dis-lite"] is True
    assert here["pdfnet"] is False


class UntilStopped:
    """A runner whose jobs go on until they are stopped; `stopped` counts them, and `most` how many ran at once."""

    def __init__(self) -> None:
        self.running = self.most = self.stopped = 0

    def run(self, _job: Job, report: Report) -> JobResult | JobFailure:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            while True:
                anyio.from_thread.run(anyio.sleep, 0.01)
                report(0.5, "segmenting")
        finally:
            self.running -= 1
            self.stopped += 1


def test_a_client_that_cancels_ends_the_work_and_the_next_one_gets_its_turn(folder: Path) -> None:
    runner = UntilStopped()

    async def ask() -> None:
        server = mcp_server(checked_folders([folder]), runner, SegmentOptions())  # type: ignore[arg-type]
        async with Client(server) as client:
            for _ in range(2):
                with anyio.move_on_after(0.5):
                    await client.call_tool("cut_out", {"image": "a.png"})
            with anyio.fail_after(10):
                while runner.stopped < 2:
                    await anyio.sleep(0.01)

    anyio.run(ask)

    assert (runner.stopped, runner.most, runner.running) == (2, 1, 0)


def test_folders_must_exist(tmp_path: Path) -> None:
    for wrong in ([], [tmp_path / "missing"], [FLOWER]):
        with pytest.raises(BadRequest):
            checked_folders(wrong)


@pytest.mark.slow
def test_the_command_serves_on_its_streams_and_makes_what_cutout_makes(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path / "home", unused_address())
    photo = tmp_path / "flower.jpg"
    photo.write_bytes(FLOWER.read_bytes())

    async def ask() -> list[CallToolResult]:
        command = ["-m", "dis_core", "mcp", str(tmp_path), "--device", "cpu"]
        server = StdioServerParameters(command=sys.executable, args=command, env=environment)
        async with Client(stdio_client(server)) as client:
            return [await client.call_tool("cut_out", {"image": "flower.jpg"}) for _ in range(2)]

    first, second = anyio.run(ask)
    by_command = run_python(
        *("-m", "dis_core", "cutout", str(photo), "-o", str(tmp_path / "other.png"), "--device", "cpu"),
        environment=environment,
    )

    assert not first.is_error, text_of(first)
    assert second.is_error, "the result exists by then"
    assert by_command.returncode == 0, by_command.stderr
    assert (tmp_path / "flower-cutout.png").read_bytes() == (tmp_path / "other.png").read_bytes()
