"""The dialog of the plug-in in a real GIMP 3, on a screen that nobody sees."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

import dis_core
from tests.fakes.fake_hub import run_fake_hub
from tests.hosts.conftest import QUICK
from tests.hosts.gimp_pictures import SELECT, GimpPicture
from tests.hosts.gimp_program import wait_for_process, wait_until_none, write_gimp_command
from tests.hosts.gimp_screen import PATIENCE_S, Screen
from tests.hosts.pictures import dark_with, plane

EMBEDDED = Path(dis_core.__file__).parent / "embedded"
BOX = (150, 100, 200, 150)


def test_the_dialog_runs_with_what_it_shows_and_one_undo_takes_it_back(window: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(window.gimp, tmp_path, "window")
    canvas.show(dark_with(BOX, width=500, height=350))
    canvas.call("open_window")
    main = window.wait_for_window("GNU Image Manipulation Program|GIMP")

    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive", model="bright")
    window.wait_for_window("Select Subject")
    window.picture(tmp_path / "dialog.png")
    window.answer("Select Subject", "Return")
    told = window.gimp.receive(answer)

    assert told["status"] == "success", told
    assert np.array_equal(canvas.selection(), plane(BOX, width=500, height=350))
    window.picture(tmp_path / "selection.png")
    window.press(main, "ctrl+z")
    assert canvas.call("selection_is_empty")


def test_what_the_dialog_was_left_with_is_used_again(window: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(window.gimp, tmp_path, "again")
    canvas.show(dark_with(BOX, width=500, height=350))
    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive", model="bright", grow=0)
    window.answer("Select Subject", "Return")
    assert window.gimp.receive(answer)["status"] == "success"
    canvas.select(np.zeros((350, 500), np.uint8))

    again = window.gimp.call("run", name=canvas.name, procedure=SELECT, run_mode="with_last_vals")

    # Without the last values it would be the model that comes with dis-core, which is not as exact.
    assert again["status"] == "success", again
    assert np.array_equal(canvas.selection(), plane(BOX, width=500, height=350))


def test_one_entry_selects_as_the_last_time_without_a_dialog(window: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(window.gimp, tmp_path, "last")
    canvas.show(dark_with(BOX, width=500, height=350))
    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive", model="bright", grow=0)
    window.answer("Select Subject", "Return")
    assert window.gimp.receive(answer)["status"] == "success"
    canvas.select(np.zeros((350, 500), np.uint8))

    again = window.gimp.call("run", name=canvas.name, procedure=f"{SELECT}-again", run_mode="interactive")

    assert again["status"] == "success", again
    assert np.array_equal(canvas.selection(), plane(BOX, width=500, height=350))


def test_escape_in_the_dialog_cancels(window: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(window.gimp, tmp_path, "escape")
    canvas.show(dark_with(BOX, width=500, height=350))

    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive", model="bright")
    window.answer("Select Subject", "Escape")

    assert window.gimp.receive(answer)["status"] == "cancel"
    assert canvas.call("selection_is_empty")


def test_cancel_in_the_status_bar_ends_the_work(window: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(window.gimp, tmp_path, "working")
    canvas.show(dark_with(BOX, width=500, height=350))
    canvas.call("open_window")
    window.wait_for_window("Untitled")
    idle = window.settled(tmp_path / "idle.png")
    answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive")
    window.choose_model("Home", *["Down"] * 4)  # endless, the last of those that are here
    window.answer("Select Subject", "alt+o")
    wait_for_process("--model endless", window.gimp.home)
    time.sleep(3)
    working = window.picture(tmp_path / "working.png")

    # What is new at the bottom of the window ends with the button.
    rows, columns = np.nonzero((working != idle).any(axis=2))
    bottom = rows > rows.max() - 30
    window.do("xdotool", "mousemove", str(columns[bottom].max() - 15), str(int(np.median(rows[bottom]))), "click", "1")

    assert window.gimp.receive(answer)["status"] == "cancel"
    assert canvas.call("selection_is_empty")
    wait_until_none("--model endless", window.gimp.home)


def test_the_dialog_frees_the_memory_of_the_model_that_is_kept(window: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(window.gimp, tmp_path, "kept")
    canvas.show(dark_with(BOX, width=500, height=350))
    write_gimp_command(window.gimp.home, {**QUICK, "segment_options": ["--warm"]})
    try:
        canvas.run(model="dis-lite")
        assert json.loads(window.gimp.daemon("status", "--json"))["models"]
        answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive")
        dialog = window.wait_for_window("Select Subject")

        ends = time.monotonic() + PATIENCE_S
        while json.loads(window.gimp.daemon("status", "--json")) is not None:
            assert time.monotonic() < ends
            window.press(dialog, "alt+e")  # it appears when dis-core has said what it keeps

        window.answer("Select Subject", "Escape")
        assert window.gimp.receive(answer)["status"] == "cancel"
    finally:
        write_gimp_command(window.gimp.home, QUICK)


def test_a_missing_model_is_downloaded_if_the_painter_agrees(window: Screen, tmp_path: Path) -> None:
    canvas = GimpPicture(window.gimp, tmp_path, "missing")
    canvas.show(dark_with(BOX, width=500, height=350))
    with run_fake_hub() as hub:
        hub.files["someone/absent/model.safetensors"] = (EMBEDDED / "dis-lite.safetensors").read_bytes()
        online = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"}
        write_gimp_command(window.gimp.home, {**QUICK, "environment": {**QUICK["environment"], **online}})

        for key, status in (("Escape", "cancel"), ("Return", "success")):
            answer = window.gimp.send("run", name=canvas.name, procedure=SELECT, run_mode="interactive")
            window.choose_model("End")
            window.answer("Select Subject", "alt+o")
            window.wait_for_window("^Download Model$")
            window.picture(tmp_path / "question.png")
            assert not hub.downloads()
            window.answer("^Download Model$", key)
            assert window.gimp.receive(answer)["status"] == status

    assert np.array_equal(canvas.selection(), plane(BOX, width=500, height=350))
