"""The plug-in as it is installed: each run is a process of its own, and one daemon keeps the model for all of them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.hosts.gimp_pictures import SELECT, GimpPicture
from tests.hosts.gimp_program import GimpProgram, prepare_gimp_home, running_gimp, wait_for_process
from tests.hosts.pictures import flower

TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def gimp(gimp_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GimpProgram]:
    """A GIMP whose plug-in starts what `dis-core plugin install` wrote."""
    home = prepare_gimp_home(tmp_path_factory.mktemp("gimp-warm") / "home")
    with running_gimp(home) as program:
        yield program


@pytest.fixture
def canvas(gimp: GimpProgram, tmp_path: Path, request: pytest.FixtureRequest) -> GimpPicture:
    canvas = GimpPicture(gimp, tmp_path, request.node.name)
    canvas.show(flower(900, 600))
    return canvas


def process_that_works(gimp: GimpProgram) -> int:
    """The daemon's process identifier, as soon as it is in the middle of a picture."""
    ends = time.monotonic() + TIMEOUT_S
    while time.monotonic() < ends:
        status = json.loads(gimp.daemon("status", "--json") or "null")
        if status and status["doing"].startswith(("segmenting", "refining")):
            return int(status["pid"])
    raise AssertionError("no daemon has begun to work")


def test_processes_after_each_other_are_served_by_one_daemon(gimp: GimpProgram, canvas: GimpPicture) -> None:
    canvas.run(model="dis-lite")
    selected = canvas.selection()
    canvas.run(model="dis-lite", region="everywhere")

    status = json.loads(gimp.daemon("status", "--json"))
    assert np.array_equal(canvas.selection(), selected)
    assert status["done"] == 2
    assert "dis-lite" in status["models"]


def test_a_daemon_that_is_killed_under_gimp_is_replaced_unseen(gimp: GimpProgram, canvas: GimpPicture) -> None:
    canvas.run(model="dis-lite", quality="best")
    expected = canvas.selection()
    answer = gimp.send("run", name=canvas.name, procedure=SELECT, model="dis-lite", quality="best", region="everywhere")
    killed = process_that_works(gimp)

    os.kill(killed, signal.SIGKILL)

    assert gimp.receive(answer)["status"] == "success"
    assert np.array_equal(canvas.selection(), expected)
    assert json.loads(gimp.daemon("status", "--json"))["pid"] != killed


def test_a_plug_in_that_gimp_kills_stops_the_daemons_work_too(gimp: GimpProgram, canvas: GimpPicture) -> None:
    answer = gimp.send("run", name=canvas.name, procedure=SELECT, model="dis-lite", quality="best")
    process_that_works(gimp)

    os.kill(wait_for_process("dis-select-subject.py", gimp.home), signal.SIGKILL)

    assert gimp.receive(answer)["status"] != "success"
    ends = time.monotonic() + TIMEOUT_S
    while json.loads(gimp.daemon("status", "--json"))["doing"] and time.monotonic() < ends:
        pass
    assert not json.loads(gimp.daemon("status", "--json"))["doing"]
    assert canvas.call("selection_is_empty")


def test_gimps_model_is_loaded_while_the_pixels_are_read(
    gimp: GimpProgram, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    gimp.daemon("stop")
    canvas = GimpPicture(gimp, tmp_path, request.node.name)
    image = flower(90, 60)
    image[..., 3] = 0
    canvas.show(image)

    # Only reading the pixels shows that there is nothing to look at, so no run follows that could start the daemon.
    assert "all pixels are transparent" in canvas.refusal(SELECT, model="dis-lite")

    ends = time.monotonic() + TIMEOUT_S
    while (
        "dis-lite" not in (status := json.loads(gimp.daemon("status", "--json") or "null") or {"models": []})["models"]
    ):
        assert time.monotonic() < ends
    assert status["done"] == 0


def test_the_daemon_stays_as_long_as_was_chosen_and_goes_soon_after_gimp(
    gimp_is_here: None, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    home = prepare_gimp_home(tmp_path / "home")
    with running_gimp(home) as gimp:
        canvas = GimpPicture(gimp, tmp_path, request.node.name)
        canvas.show(flower(90, 60))
        canvas.run(model="dis-lite", keep=3)
        assert 60 < json.loads(gimp.daemon("status", "--json"))["leaves_in_s"] <= 180

        (home / "mail" / "quit").touch()
        gimp.process.wait(timeout=TIMEOUT_S)

        ends = time.monotonic() + TIMEOUT_S
        while json.loads(gimp.daemon("status", "--json")) is not None:
            assert time.monotonic() < ends
