"""`--manifest`, `--shard` and `--files-from`: runs over very many images that can stop, go on and be shared."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from dis_core.batch.manifest import read_manifest
from dis_core.batch.rows import Row
from dis_core.cli.main import run
from tests.fakes import bright_model
from tests.fakes.bright_squares import bright_cutout, bright_square

pytestmark = pytest.mark.usefixtures("bright_models")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder with photos/a.png, photos/b.png, photos/deeper/c.png, and photos/broken.jpg."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "deeper").mkdir(parents=True)
    for name in ("a", "b", "deeper/c"):
        Image.fromarray(bright_square()).save(tmp_path / "photos" / f"{name}.png")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"not a photo")
    return tmp_path / "photos"


def cut_photos(*arguments: str) -> int:
    return bright_cutout("photos", "--recursive", "-o", "out", "--manifest", "m.jsonl", *arguments)


def rows() -> dict[str, Row]:
    return read_manifest(Path("m.jsonl")).rows


def images_seen() -> int:
    """How many images the model has looked at since the last call."""
    count = sum(len(model.seen) for model in bright_model.loaded)
    bright_model.loaded.clear()
    return count


def touch_later(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 5_000_000_000))


def test_a_manifest_says_what_became_of_each_image(photos: Path) -> None:
    assert cut_photos() == 1

    found = rows()
    done, failed = found["deeper/c.png"], found["broken.jpg"]
    assert sorted(found) == ["a.png", "b.png", "broken.jpg", "deeper/c.png"]
    assert (done.status, done.model.partition("@")[0], done.megapixels) == ("done", "bright", 0.002)
    assert done.size == (photos / "deeper/c.png").stat().st_size
    assert done.mtime_ns == (photos / "deeper/c.png").stat().st_mtime_ns
    assert Path(done.output) == Path("out/deeper/c-cutout.png")
    assert done.output_size == Path(done.output).stat().st_size
    assert (failed.status, failed.code) == ("failed", "NoImage")
    assert "broken.jpg is not an image" in failed.message


def test_a_second_run_does_nothing_and_still_fails_for_what_failed(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_photos()
    images_seen()

    assert cut_photos() == 1

    said = capsys.readouterr().err
    assert images_seen() == 0
    assert "skipping 3 images that are done" in said
    assert "4 images: 3 done, 1 failed (NoImage 1)" in said
    assert "1 of 4 failed" in said


def test_what_failed_is_retried_alone(photos: Path) -> None:
    cut_photos()
    Image.fromarray(bright_square()).save(photos / "new.png")
    broken = photos / "broken.jpg"
    before = broken.stat()
    images_seen()

    assert cut_photos("--retry-failed") == 1
    assert (images_seen(), Path("out/new-cutout.png").exists()) == (0, False)

    Image.fromarray(bright_square()).save(broken, "PNG")
    os.utime(broken, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cut_photos("--retry-failed") == 0

    assert (images_seen(), rows()["broken.jpg"].status) == (1, "done")


def test_a_failed_image_that_was_replaced_is_done_without_being_asked(photos: Path) -> None:
    cut_photos()
    Image.fromarray(bright_square()).save(photos / "broken.jpg", "PNG")

    assert cut_photos() == 0


def test_images_that_have_changed_are_done_again(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut_photos()
    images_seen()
    touch_later(photos / "a.png")

    cut_photos()

    assert images_seen() == 1
    assert "doing 1 images again: the images have changed" in capsys.readouterr().err


def test_changed_settings_are_told_and_everything_is_done_again(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_photos()
    images_seen()

    cut_photos("--bgcolor", "red", "--refine", "none")

    assert images_seen() == 3
    assert "doing 4 images again: refine was auto, now none; bgcolor was not set, now red" in capsys.readouterr().err
    assert Image.open("out/a-cutout.png").convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_another_model_is_told_and_everything_is_done_again(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut_photos()

    cut_photos("--model", "bright-where-told", "--box", "20,10,20,20")

    assert "the model was bright@" in capsys.readouterr().err
    assert rows()["a.png"].model.startswith("bright-where-told@")


def test_a_new_background_in_the_same_file_counts_as_changed(photos: Path) -> None:
    Image.new("RGB", (9, 9), "red").save("background.png")
    cut_photos("--bgimage", "background.png")
    images_seen()
    Image.new("RGB", (9, 9), "blue").save("background.png")

    cut_photos("--bgimage", "background.png")

    assert images_seen() == 3


def test_results_that_are_gone_are_made_again(photos: Path) -> None:
    cut_photos()
    images_seen()
    Path("out/b-cutout.png").unlink()

    cut_photos()

    assert (images_seen(), Path("out/b-cutout.png").exists()) == (1, True)


def test_a_result_that_somebody_has_worked_on_is_kept(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut_photos()
    Path("out/b-cutout.png").write_bytes(b"retouched")

    cut_photos("--refine", "none")

    assert Path("out/b-cutout.png").read_bytes() == b"retouched"
    assert "skipping 1 images that have results of other runs" in capsys.readouterr().err


def test_results_of_other_runs_are_kept_and_counted(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/a-cutout.png").write_bytes(b"mine")

    cut_photos()

    assert Path("out/a-cutout.png").read_bytes() == b"mine"
    assert "4 images: 2 done, 1 failed (NoImage 1), 1 skipped" in capsys.readouterr().err


def test_an_image_at_work_when_the_program_was_killed_is_done_again_over_its_result(photos: Path) -> None:
    cut_photos()
    with Path("m.jsonl").open("a") as file:
        file.write('{"path": "a.png", "status": "begun", "output": "out/a-cutout.png"}\n')
    Path("out/a-cutout.png").write_bytes(b"from before the kill")
    unfinished = Path("out/.dis-core-0123456789abcdef-a-cutout.png.part")
    others = Path("out/.dis-core-0123456789abcdef-b-cutout.png.part")
    unfinished.touch()
    others.touch()

    cut_photos()

    assert (unfinished.exists(), others.exists()) == (False, True)
    assert rows()["a.png"].status == "done"
    assert Path("out/a-cutout.png").stat().st_size == Path("out/b-cutout.png").stat().st_size


def test_a_result_that_could_not_be_written_is_tried_again_in_the_next_run(photos: Path) -> None:
    Path("out/deeper").mkdir(parents=True)
    Path("out/deeper/c-cutout.png").mkdir()
    cut_photos("--overwrite")
    assert rows()["deeper/c.png"].code == "OutputFailed"
    Path("out/deeper/c-cutout.png").rmdir()

    cut_photos()

    assert rows()["deeper/c.png"].status == "done"


def test_a_folder_of_images_can_move_between_two_runs(photos: Path) -> None:
    cut_photos()
    images_seen()
    photos.rename("elsewhere")

    bright_cutout("elsewhere/", "--recursive", "-o", "out", "--manifest", "m.jsonl")

    assert images_seen() == 0


def test_a_result_keeps_its_name_when_an_image_comes_that_would_have_got_it(photos: Path) -> None:
    (photos / "broken.jpg").unlink()
    cut_photos()
    shutil.copy(photos / "a.png", photos / "a.bmp")

    assert cut_photos() == 0

    assert (Path(rows()["a.png"].output).name, Path(rows()["a.bmp"].output).name) == (
        "a-cutout.png",
        "a-bmp-cutout.png",
    )


def test_shards_do_every_image_once_and_their_manifests_merge(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "broken.jpg").unlink()
    for number in range(12):
        shutil.copy(photos / "a.png", photos / f"more{number}.png")
    names = [f"m{number}.jsonl" for number in (1, 2, 3)]

    for number, name in enumerate(names, 1):
        shard = ["--shard", f"{number}/3", "--manifest", name]
        assert bright_cutout("photos", "--recursive", "-o", "out", *shard) == 0

    assert images_seen() == 15
    assert run(["manifest", "merge", *names, "-o", "m.jsonl"]) == 0
    assert len(rows()) == 15
    assert sum(len(read_manifest(Path(name)).rows) for name in names) == 15
    assert cut_photos() == 0
    assert images_seen() == 0


def test_the_summary_for_programs_has_rates_and_failures_by_code(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_photos("--progress", "json")

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (summary,) = [event for event in events if event["event"] == "summary"]
    assert (summary["images"], summary["done"], summary["failed"], summary["left"]) == (4, 3, 1, 0)
    assert summary["failures"] == {"NoImage": 1}
    assert summary["images_per_second"] == pytest.approx(4 / summary["run_seconds"], rel=0.1)
    assert summary["megapixels_per_second"] > 0
    assert events[-1]["event"] == "error"


def test_show_sums_up_and_lists_what_failed(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut_photos()
    capsys.readouterr()

    assert run(["manifest", "show", "m.jsonl"]) == 0
    assert "4 images: 3 done, 1 failed (NoImage 1)" in capsys.readouterr().out
    assert run(["manifest", "show", "--json", "m.jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["failures"] == {"NoImage": 1}
    assert run(["manifest", "show", "--failed", "m.jsonl"]) == 0
    assert capsys.readouterr().out.startswith("broken.jpg\tNoImage\t")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_a_list_on_standard_input_is_done_and_its_tree_is_kept(
    photos: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    names = [b"photos/a.png", b"photos/deeper/c.png", os.fsencode(photos / "b.png"), b"photos/a.png", b""]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(end.join(names))))
    null = ["--null"] if end == b"\0" else []

    assert bright_cutout("--files-from", "-", *null, "-o", "out", "--manifest", "m.jsonl") == 0

    assert sorted(map(str, Path("out").rglob("*.png"))) == [
        "out/photos/a-cutout.png",
        "out/photos/b-cutout.png",
        "out/photos/deeper/c-cutout.png",
    ]
    assert sorted(rows()) == ["photos/a.png", "photos/b.png", "photos/deeper/c.png"]


def test_files_from_elsewhere_keep_their_whole_path(
    photos: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    monkeypatch.chdir(other)
    Path("list").write_text(f"{photos}/a.png\n{photos}/deeper/../deeper/c.png\n")

    assert bright_cutout("--files-from", "list", "-o", "out") == 0

    inside = Path("out", *photos.parts[1:])
    assert (inside / "a-cutout.png").exists()
    assert (inside / "deeper/c-cutout.png").exists()


def test_without_a_folder_for_results_those_of_a_list_go_beside_their_images(photos: Path) -> None:
    Path("list").write_text("photos/a.png\nphotos/missing.png\n")

    assert bright_cutout("--files-from", "list") == 1
    assert bright_cutout("--files-from", "list") == 1  # the one that is done is skipped

    assert (photos / "a-cutout.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["photos", "--null"], "--null does nothing without --files-from"),
        (["photos", "--files-from", "list"], "images and --files-from contradict each other"),
        (["photos", "--retry-failed"], "--retry-failed does nothing without --manifest"),
        (["photos", "--manifest", "m", "--watch"], "--watch does not work with a list, a manifest or a shard"),
        (["photos", "--manifest", "m", "--warm"], "--warm does not work with --manifest"),
        (["photos/a.png", "--manifest", "m", "-o", "-"], "results cannot go to standard output"),
        (["-", "--manifest", "m"], "an image from standard input cannot be one of many"),
        (["photos", "--shard", "0/4"], "add 1 to a number that begins at 0"),
        (["--files-from", "missing"], "the list missing cannot be read"),
        (["--files-from", "list"], "there are no names in the list"),
        (["--files-from", "nuls"], "end with NUL characters"),
        (["--files-from", "-", "--stop-at-eof"], "the list cannot come from standard input"),
        ([], "Missing argument"),
        (["photos", "--manifest", "photos/a.png"], "photos/a.png is not a manifest"),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(
    photos: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    Path("list").write_text("\n")
    Path("nuls").write_bytes(b"a\0b\0")

    assert bright_cutout(*arguments) == 1

    assert said in capsys.readouterr().err
    assert not Path("m").exists()
