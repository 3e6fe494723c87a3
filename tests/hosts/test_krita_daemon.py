"""The plug-in as it is installed: a daemon keeps the model, and its end in the middle of a run ends nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.hosts.conftest import home_with_plugin
from tests.hosts.krita_program import QUIT_S, KritaProgram, running_krita
from tests.hosts.pictures import KritaPicture, flower

TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def krita(krita_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KritaProgram]:
    """A Krita whose plug-in starts what `dis-core plugin install` wrote."""
    home = home_with_plugin(tmp_path_factory.mktemp("warm") / "home")
    with running_krita(home, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1") as program:
        yield program


@pytest.fixture
def picture(krita: KritaProgram, tmp_path: Path, request: pytest.FixtureRequest) -> KritaPicture:
    picture = KritaPicture(krita, tmp_path, request.node.name)
    picture.show(flower(900, 600))
    return picture


def process_that_works(krita: KritaProgram) -> int:
    """The daemon's process identifier, as soon as it is in the middle of a picture."""
    ends = time.monotonic() + TIMEOUT_S
    while time.monotonic() < ends:
        status = json.loads(krita.daemon("status", "--json") or "null")
        if status and status["doing"].startswith(("segmenting", "refining")):
            return int(status["pid"])
    raise AssertionError("no daemon has begun to work")


def test_runs_after_each_other_are_made_by_one_daemon(krita: KritaProgram, picture: KritaPicture) -> None:
    first = picture.run(model="dis-lite")
    selected = picture.selection()
    again = picture.run(model="dis-lite")

    status = json.loads(krita.daemon("status", "--json"))
    assert first["messages"] == again["messages"] == ["Subject selected by dis-lite"]
    assert np.array_equal(picture.selection(), selected)
    assert status["done"] == 2
    assert "dis-lite" in status["models"]


def test_a_daemon_that_is_killed_in_the_middle_is_replaced_unseen(krita: KritaProgram, picture: KritaPicture) -> None:
    picture.run(model="dis-lite", quality="best")
    expected = picture.selection()
    picture.call("undo")
    krita.call("start", action="dis_select_subject", model="dis-lite", quality="best")
    killed = process_that_works(krita)

    os.kill(killed, signal.SIGKILL)

    assert krita.call("wait_for_message")["messages"] == ["Subject selected by dis-lite"]
    assert np.array_equal(picture.selection(), expected)
    assert json.loads(krita.daemon("status", "--json"))["pid"] != killed


def test_stopping_stops_the_daemons_work_too(krita: KritaProgram, picture: KritaPicture) -> None:
    krita.call("start", action="dis_select_subject", model="dis-lite", quality="best")
    process_that_works(krita)

    krita.call("click", button="dis_stop")

    assert krita.call("wait_for_message")["messages"] == ["Stopped. Nothing was changed"]
    ends = time.monotonic() + TIMEOUT_S
    while json.loads(krita.daemon("status", "--json"))["doing"] and time.monotonic() < ends:
        pass
    assert not json.loads(krita.daemon("status", "--json"))["doing"]
    assert not picture.has_selection()


def test_the_docker_tells_of_the_memory_that_is_kept_and_frees_it(krita: KritaProgram, picture: KritaPicture) -> None:
    krita.call("show_docker")
    picture.run(model="dis-lite", keep_min=3)

    said = krita.call("wait_for_kept")

    assert re.fullmatch(r"dis-lite stays ready: \d\.\d GB of memory", said)
    assert 60 < json.loads(krita.daemon("status", "--json"))["leaves_in_s"] <= 180
    krita.call("free_kept")
    assert krita.daemon("status", "--json").strip() == "null"


def test_the_model_is_loaded_while_the_pixels_are_read(krita: KritaProgram, picture: KritaPicture) -> None:
    krita.daemon("stop")
    picture.show(None, width=120, height=80)

    # Only reading the pixels shows that there is nothing to look at, so no run follows that could start the daemon.
    assert "all pixels are transparent" in picture.run(model="dis-lite", source="picture")["messages"][0]

    ends = time.monotonic() + TIMEOUT_S
    while (
        "dis-lite" not in (status := json.loads(krita.daemon("status", "--json") or "null") or {"models": []})["models"]
    ):
        assert time.monotonic() < ends
    assert status["done"] == 0


def test_the_daemon_goes_soon_after_krita(krita: KritaProgram, picture: KritaPicture) -> None:
    picture.run(model="dis-lite")
    assert json.loads(krita.daemon("status", "--json"))["leaves_in_s"] > 300

    krita.call("quit_krita")
    krita.process.wait(timeout=QUIT_S)

    ends = time.monotonic() + TIMEOUT_S
    while json.loads(krita.daemon("status", "--json")) is not None:
        assert time.monotonic() < ends
