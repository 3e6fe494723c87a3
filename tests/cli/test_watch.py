"""`--watch`: results appear for images that appear, each once, until the command is stopped."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.cli import arrivals, watching
from dis_core.cli.main import run
from tests.fakes.bright_model import loaded
from tests.fakes.bright_squares import bright_square

pytestmark = [
    pytest.mark.usefixtures("bright_models"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals are sent to one thread"),
]

GIVE_UP_AFTER_S = 60.0

SETTLED_AFTER_S = 0.1

pauses: list[float] = []
"""When the watcher began to wait, because there was nothing to do."""

Steps = Callable[[], None]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder that is watched, in the working folder, with less waiting than people need."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watching, "INTERVAL_S", 0.02)
    monkeypatch.setattr(arrivals, "SETTLED_AFTER_S", SETTLED_AFTER_S)
    monkeypatch.setattr(watching, "pause", noted_pause)
    for module in (arrivals, watching):
        monkeypatch.setattr(module, "PATIENCE_S", 1.0)
    (tmp_path / "photos").mkdir()
    return Path("photos")


def encoded(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(bright_square()).save(file, kind, quality=95)
    return file.getvalue()


def size_of(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        width, height = image.size
    return width, height


def watch(steps: Steps, *arguments: str, command: str = "cutout") -> int:
    """Watch in this thread while the steps are taken in another one, then press Ctrl-C; the exit status."""
    failures: list[BaseException] = []
    is_over = threading.Event()
    main = threading.get_ident()

    def take_steps() -> None:
        try:
            until(lambda: is_over.is_set() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler)
            steps()
            looked_again()
        except BaseException as failure:  # noqa: BLE001 - it is raised again in the test's own thread
            failures.append(failure)
        if not is_over.is_set():
            signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=take_steps)
    thread.start()
    try:
        return run([command, "--watch", "-m", "bright", "--device", "cpu", *arguments])
    finally:
        is_over.set()
        thread.join()
        if failures:
            raise failures[0]


def until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + GIVE_UP_AFTER_S
    while not is_so():
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.02)


def appears(*paths: Path) -> None:
    until(lambda: all(path.exists() for path in paths))


def noted_pause(seconds: float) -> None:
    pauses.append(time.monotonic())
    time.sleep(seconds)


def looked_again() -> None:
    """Wait until the watcher has seen all there is, and has nothing to do."""
    settled = time.monotonic() + 3 * SETTLED_AFTER_S
    until(lambda: bool(pauses) and pauses[-1] > settled)


def nothing() -> None:
    """Only begin: the first look comes at once."""
    looked_again()


def test_results_appear_for_images_that_appear_with_a_model_that_is_loaded_once(
    photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def steps() -> None:
        (photos / "a.png").write_bytes(encoded())
        appears(photos / "a-cutout.png")
        (photos / "b.jpg").write_bytes(encoded("JPEG"))
        (photos / "c.jpg").write_bytes(encoded("JPEG"))
        appears(photos / "b-cutout.png", photos / "c-cutout.png")

    before = len(loaded)

    assert watch(steps, "photos") == 130

    told = capfd.readouterr()
    assert sorted(told.out.split()) == [f"photos/{name}-cutout.png" for name in "abc"]
    assert "watching photos" in told.err
    assert "stopped; 3 results were written" in told.err
    assert len(loaded) - before == 1
    assert len(list(photos.iterdir())) == 6  # no claims, nothing unfinished


def test_what_is_done_is_not_done_again_after_a_restart_and_what_came_meanwhile_is(
    photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (photos / "a.png").write_bytes(encoded())
    watch(lambda: appears(photos / "a-cutout.png"), "photos")
    made_ns = (photos / "a-cutout.png").stat().st_mtime_ns
    (photos / "b.png").write_bytes(encoded())
    capfd.readouterr()

    watch(lambda: appears(photos / "b-cutout.png"), "photos")

    assert (photos / "a-cutout.png").stat().st_mtime_ns == made_ns
    told = capfd.readouterr()
    assert "skipping 1 images that have results already" in told.err
    assert told.out.split() == ["photos/b-cutout.png"]
    assert len(list(photos.iterdir())) == 4


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("way", ["grows", "is filled", "stalls near its end"])
def test_a_file_that_is_being_copied_is_left_until_it_is_complete(
    kind: str, way: str, photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, file = encoded(kind), photos / f"a.{kind.lower()}"
    parts = 5

    def steps() -> None:
        with file.open("wb") as copy:
            if way == "is filled":  # as some programs do that know the size
                copy.truncate(len(data))
            for part in range(parts):
                piece = data[len(data) * part // parts : len(data) * (part + 1) // parts]
                copy.write(piece if way != "stalls near its end" or part < parts - 1 else piece[:-1])
                copy.flush()
                time.sleep(0.07)
            if way == "stalls near its end":
                time.sleep(0.4)
                copy.write(data[-1:])
        appears(photos / "a-cutout.png")

    watch(steps, "photos")

    told = capfd.readouterr()
    assert "damaged" not in told.err
    assert "missing" not in told.err
    with Image.open(photos / "a-cutout.png") as image:
        assert np.asarray(image)[15:25, 25:35].min() > 240
        assert image.size == (60, 40)


def test_a_bad_file_is_told_once_and_tried_again_when_it_changes(
    photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def steps() -> None:
        (photos / "bad.png").write_bytes(b"this is no image")
        (photos / "good.png").write_bytes(encoded())
        appears(photos / "good-cutout.png")
        time.sleep(1.5)
        (photos / "bad.png").write_bytes(encoded())
        appears(photos / "bad-cutout.png")

    assert watch(steps, "photos") == 130

    told = capfd.readouterr()
    assert told.err.count("photos/bad.png: cannot") + told.err.count("bad.png is not") <= 1
    assert sum("bad.png" in line and "done by" not in line for line in told.err.splitlines()) == 1
    assert "2 results were written\n" in told.err  # and none failed in the end


def test_failures_are_counted_in_the_summary(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (photos / "bad.png").write_bytes(b"this is no image")

    watch(lambda: time.sleep(1.6), "photos")

    assert "0 results were written, and 1 failed" in capfd.readouterr().err


def test_results_are_not_cut_out_again_when_their_images_are_taken_away(
    photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def steps() -> None:
        (photos / "a.png").write_bytes(encoded())
        appears(photos / "a-cutout.png")
        (photos / "a.png").unlink()
        looked_again()

    watch(steps, "photos")
    assert "passed over" not in capfd.readouterr().err
    watch(nothing, "photos")

    assert [path.name for path in photos.iterdir()] == ["a-cutout.png"]
    assert "a-cutout.png: passed over, because results are named so" in capfd.readouterr().err


def test_temporary_and_hidden_names_are_left_out(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = (".hidden.png", "~a.png", "a.tmp.png", "a.png.part", "a.jpg.crdownload")

    def steps() -> None:
        for name in names:
            (photos / name).write_bytes(encoded())
        looked_again()
        (photos / "a.png.part").rename(photos / "z.png")
        appears(photos / "z-cutout.png")

    watch(steps, "photos")

    assert {path.name for path in photos.iterdir()} == {*names, "z.png", "z-cutout.png"} - {"a.png.part"}
    assert "passed over" not in capfd.readouterr().err


def test_an_image_that_cannot_be_read_is_named_once(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (photos / "raw.nef").write_bytes(b"raw")
    (photos / "list.txt").write_text("a list")

    watch(nothing, "photos")

    assert capfd.readouterr().err.count("raw.nef: passed over") == 1


def test_folders_inside_are_watched_too_and_their_tree_is_kept_but_the_results_are_not_watched(photos: Path) -> None:
    def steps() -> None:
        (photos / "deep" / "er").mkdir(parents=True)
        (photos / "deep" / "er" / "a.png").write_bytes(encoded())
        (photos / "a.png").write_bytes(encoded())
        appears(photos / "out" / "deep" / "er" / "a-mask.png", photos / "out" / "a-mask.png")
        (photos / "out" / "mine.png").write_bytes(encoded())
        looked_again()

    watch(steps, "photos", "-r", "-o", "photos/out", command="mask")

    assert len(list((photos / "out").rglob("*.png"))) == 3


def test_without_recursive_folders_inside_are_left_alone(photos: Path) -> None:
    (photos / "deep").mkdir()
    (photos / "deep" / "a.png").write_bytes(encoded())

    watch(nothing, "photos")

    assert len(list(photos.rglob("*.png"))) == 1


def test_a_folder_may_go_and_come_back(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def steps() -> None:
        (photos / "a.png").write_bytes(encoded())
        appears(photos / "a-cutout.png")
        photos.rename("elsewhere")
        looked_again()
        assert not photos.exists()  # it is not made anew
        (Path("elsewhere") / "b.png").write_bytes(encoded())
        Path("elsewhere").rename(photos)
        appears(photos / "b-cutout.png")

    assert watch(steps, "photos") == 130

    told = capfd.readouterr().err
    assert told.count("the folder photos cannot be read") == 1
    assert told.count("the folder photos can be read again") == 1
    assert told.count("done by") == 2


def test_images_of_one_name_keep_their_results_also_after_a_restart(photos: Path) -> None:
    def steps() -> None:
        (photos / "b.png").write_bytes(encoded())
        appears(photos / "b-cutout.png")
        (photos / "b.jpg").write_bytes(encoded("JPEG"))  # whose name comes first
        appears(photos / "b-jpg-cutout.png")

    watch(steps, "photos")
    (photos / "b.webp").write_bytes(encoded("WEBP"))
    (photos / "b.png").chmod(0o600)  # which makes it look as if it came last
    before = {path.name: path.stat() for path in photos.iterdir()}

    watch(lambda: appears(photos / "b-webp-cutout.png"), "photos")

    after = {path.name: path.stat() for path in photos.iterdir()}
    assert after.keys() - before.keys() == {"b-webp-cutout.png"}
    assert all(after[name].st_mtime_ns == before[name].st_mtime_ns for name in before)


def test_an_image_that_changes_keeps_its_result_unless_it_may_be_replaced(
    photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dark = np.zeros((50, 50, 3), np.uint8)

    def steps() -> None:
        (photos / "a.png").write_bytes(encoded())
        appears(photos / "a-cutout.png")
        Image.fromarray(dark).save(photos / "a.png")
        looked_again()

    watch(steps, "photos")
    assert size_of(photos / "a-cutout.png") == (60, 40)
    assert capfd.readouterr().err.count("newer than the result, which was kept") == 1

    def again() -> None:
        until(lambda: size_of(photos / "a-cutout.png") == (50, 50))
        looked_again()

    watch(again, "photos", "--overwrite")
    assert capfd.readouterr().err.count("done by") == 1

    watch(nothing, "photos", "--overwrite")
    assert "done by" not in capfd.readouterr().err


def test_programs_get_a_line_when_it_begins_and_one_for_each_image(
    photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (photos / "a.png").write_bytes(encoded())
    (photos / "b.png").write_bytes(b"no image")

    watch(lambda: time.sleep(1.8), "photos", "--progress", "json")

    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line for line in lines if line["event"] == "watching"] == [{"event": "watching", "folders": ["photos"]}]
    assert [line["input"] for line in lines if line["event"] == "result"] == ["photos/a.png"]
    errors = [line for line in lines if line["event"] == "error"]
    assert [error.get("input") for error in errors] == ["photos/b.png", None]
    assert errors[-1]["code"] == "Cancelled"


def test_results_that_cannot_be_written_now_are_tried_again(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watching, "_AGAIN_AFTER_S", 0.2)
    Path("out").mkdir()

    def steps() -> None:
        Path("out").rmdir()
        Path("out").write_text("in the way")
        (photos / "a.png").write_bytes(encoded())
        looked_again()
        looked_again()
        Path("out").unlink()
        appears(Path("out") / "a-cutout.png")

    watch(steps, "photos", "-o", "out")

    told = capfd.readouterr().err
    assert sum("could not be written" in line for line in told.splitlines()) == 1
    assert "1 result was written\n" in told


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["photos/a.png"], "--watch is for folders"),
        (["-"], "--watch is for folders"),
        (["nowhere/"], "nowhere/ cannot be watched"),
        (["nowhere"], "nowhere cannot be watched"),
        (["photos", "-o", "-"], "standard output"),
        (["photos", "-o", "photos/a.png"], "needs a folder"),
        (["photos", "--depth", "d.png"], "--depth"),
        (["photos", "--format", "jpeg"], "JPEG cannot hold a transparent background"),
        (["photos", "--bgcolor", "blurple"], "blurple"),
        (["photos", "--size", "10x10", "--margin", "5"], "no room"),
        (["photos", "--device", "toaster"], "toaster"),
        (["photos", "--keep-alive", "5m"], "--keep-alive"),
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(
    arguments: list[str], expected: str, photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (photos / "a.png").write_bytes(encoded())

    assert run(["cutout", "--watch", "-m", "bright", *arguments]) == 1

    assert expected in capfd.readouterr().err
    assert len(list(photos.iterdir())) == 1


def test_a_copy_of_a_folder_is_no_news(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (photos / "a.png").write_bytes(encoded())
    watch(lambda: appears(photos / "a-cutout.png"), "photos")
    shutil.move(photos, "old")
    shutil.copytree("old", photos)  # with the times of the content, in any order
    capfd.readouterr()

    watch(nothing, "photos", "--overwrite")

    told = capfd.readouterr().err
    assert "skipping 1 images" in told
    assert "done by" not in told
    assert os.listdir(photos)  # noqa: PTH208
