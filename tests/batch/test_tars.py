"""Tars in webdataset's naming: the same keys in and out, whatever is in them, and nothing half."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.batch.manifest import read_manifest
from dis_core.cli.main import run
from dis_core.jobs.claims import claimed
from tests.fakes import bright_model
from tests.fakes.bright_squares import bright_square
from tests.fakes.killed_commands import kill_after_manifest_rows, run_to_end

pytestmark = pytest.mark.usefixtures("bright_models")

BRIGHT = ["--model", "bright", "--device", "cpu"]


def png(height: int = 40, width: int = 60) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(bright_square(height, width)).save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            tar.addfile(info, io.BytesIO(data))


def files_of(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]  # all are files


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder with in/a-000.tar and in/a-001.tar."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    samples = {"x/1.png": png(), "x/1.cls": b"7", "x/2.jpg": b"no photo", "x/2.json": b"{}", "only.txt": b"hello"}
    write_tar(tmp_path / "in/a-000.tar", samples)
    write_tar(tmp_path / "in/a-001.tar", {"3.PNG": png(50), "3.seg.png": png(), "4.png": png(60)})
    return tmp_path


def batch(*arguments: str) -> int:
    return run(["batch", "in/a-{000..001}.tar", "out", *BRIGHT, *arguments])


def images_seen() -> int:
    count = sum(len(model.seen) for model in bright_model.loaded)
    bright_model.loaded.clear()
    return count


def test_cutouts_take_the_place_of_images_and_all_else_is_kept(shards: Path) -> None:
    assert batch() == 1

    first, second = files_of(Path("out/a-000.tar")), files_of(Path("out/a-001.tar"))
    assert list(first) == ["x/1.png", "x/1.cls", "x/2.jpg", "x/2.json", "x/2.error.json", "only.txt"]
    assert (first["x/1.cls"], first["x/2.jpg"], first["only.txt"]) == (b"7", b"no photo", b"hello")
    assert json.loads(first["x/2.error.json"])["code"] == "NoImage"
    assert list(second) == ["3.png", "3.seg.png", "4.png"]
    assert second["3.seg.png"] == png()
    assert Image.open(io.BytesIO(first["x/1.png"])).mode == "RGBA"


def test_masks_stand_beside_their_images(shards: Path) -> None:
    batch("--mask")

    second = files_of(Path("out/a-001.tar"))
    assert list(second) == ["3.PNG", "3.matte.png", "3.seg.png", "4.png", "4.matte.png"]
    assert second["3.PNG"] == png(50)
    assert Image.open(io.BytesIO(second["3.matte.png"])).size == (60, 50)


def test_a_result_takes_no_name_that_another_file_of_the_sample_has(shards: Path) -> None:
    write_tar(Path("in/a-001.tar"), {"5.jpg": png(), "5.png": b"a label"})

    batch()

    assert list(files_of(Path("out/a-001.tar"))) == ["5.cutout.png", "5.png"]
    assert files_of(Path("out/a-001.tar"))["5.png"] == b"a label"


# It leaves the file open that it has read.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_what_is_written(shards: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    batch()

    found = list(webdataset.WebDataset("out/a-001.tar", shardshuffle=False, empty_check=False))

    assert [sample["__key__"] for sample in found] == ["3", "4"]
    assert found[1]["png"].startswith(b"\x89PNG")


def test_the_manifest_knows_each_image(shards: Path) -> None:
    batch()

    rows = read_manifest(Path("out/manifest.jsonl")).rows
    assert {path: row.status for path, row in rows.items()} == {
        "a-000.tar": "whole",
        "a-000.tar/x/1": "done",
        "a-000.tar/x/2": "failed",
        "a-001.tar": "whole",
        "a-001.tar/3": "done",
        "a-001.tar/4": "done",
    }
    assert len(rows["a-000.tar/x/1"].sha256) == 64


def test_what_is_whole_is_not_done_again(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch()
    before = Path("out/a-000.tar").read_bytes()
    images_seen()

    assert batch() == 1

    assert images_seen() == 0
    assert Path("out/a-000.tar").read_bytes() == before
    assert "4 images: 3 done, 1 failed (NoImage 1)" in capsys.readouterr().err


def test_changed_settings_make_all_tars_again(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch()
    images_seen()

    batch("--bgcolor", "red")

    assert images_seen() == 3
    assert "doing a-000.tar again: bgcolor was not set, now red" in capsys.readouterr().err
    assert Image.open(io.BytesIO(files_of(Path("out/a-001.tar"))["4.png"])).mode == "RGB"


def test_what_failed_in_a_tar_is_retried_alone(shards: Path) -> None:
    batch()
    others = files_of(Path("out/a-000.tar"))
    healed = {name: png(70) if name == "x/2.jpg" else data for name, data in others.items()}
    write_tar(Path("healed.tar"), healed)
    with Path("out/manifest.jsonl").open("a") as file:  # as if we had written it
        whole = {"path": "a-000.tar", "status": "whole", "output_size": Path("healed.tar").stat().st_size}
        row = read_manifest(Path("out/manifest.jsonl")).rows["a-000.tar"]
        file.write(json.dumps({**json.loads(row.line()), **whole}) + "\n")
    Path("healed.tar").replace("out/a-000.tar")
    images_seen()

    assert batch("--retry-failed") == 0

    after = files_of(Path("out/a-000.tar"))
    assert images_seen() == 1
    assert list(after) == ["x/1.png", "x/1.cls", "x/2.png", "x/2.json", "only.txt"]
    assert after["x/1.png"] == others["x/1.png"]
    assert read_manifest(Path("out/manifest.jsonl")).rows["a-000.tar/x/2"].status == "done"


def test_a_tar_of_somebody_else_is_kept(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/a-000.tar").write_bytes(b"mine")

    assert batch() == 1

    assert Path("out/a-000.tar").read_bytes() == b"mine"
    assert "a-000.tar already exists" in capsys.readouterr().err
    assert Path("out/a-001.tar").exists()


def test_a_tar_that_another_program_makes_is_left_to_it(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    with claimed(Path("out/a-000.tar")):
        assert batch() == 1

    assert "another program makes out/a-000.tar" in capsys.readouterr().err
    assert [path.name for path in Path("out").glob("*.tar")] == ["a-001.tar"]


def test_a_kill_between_the_tar_and_its_row_costs_nothing(shards: Path) -> None:
    batch()
    manifest = Path("out/manifest.jsonl")
    lines = manifest.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not ('"whole"' in line and "a-001.tar" in line)]
    manifest.write_text("".join(kept))
    images_seen()

    batch()

    assert images_seen() == 0
    assert read_manifest(manifest).rows["a-001.tar"].status == "whole"


def test_an_older_tar_of_the_same_size_is_not_taken_for_the_new_one(shards: Path) -> None:
    batch()
    manifest = Path("out/manifest.jsonl")
    manifest.write_text(
        "".join(line for line in manifest.read_text().splitlines(keepends=True) if '"whole"' not in line)
    )
    status = Path("out/a-001.tar").stat()
    os.utime("out/a-001.tar", ns=(status.st_atime_ns, status.st_mtime_ns - 5_000_000_000))
    images_seen()

    batch()

    assert images_seen() == 2


@pytest.mark.parametrize("kept", [0, 100, 700, -1500])
def test_a_damaged_tar_fails_alone_and_leaves_no_tar_of_results(
    shards: Path, capsys: pytest.CaptureFixture[str], kept: int
) -> None:
    whole = Path("in/a-000.tar")
    whole.write_bytes(whole.read_bytes()[: kept if kept >= 0 else 1500])

    assert batch() == 1

    assert "a-000.tar" in capsys.readouterr().err
    assert not Path("out/a-000.tar").exists()
    assert Path("out/a-001.tar").exists()


def test_a_compressed_tar_is_read(shards: Path) -> None:
    with tarfile.open("in/b.tgz", "w:gz") as tar:
        info = tarfile.TarInfo("9.png")
        info.size = len(png())
        tar.addfile(info, io.BytesIO(png()))

    assert run(["batch", "in/*.tgz", "out", *BRIGHT]) == 0

    assert list(files_of(Path("out/b.tar"))) == ["9.png"]


def test_a_key_that_comes_twice_is_noted_twice(shards: Path) -> None:
    write_tar(Path("in/a-001.tar"), {"3.png": png(), "4.png": png(), "3.jpg": png()})

    batch()

    rows = read_manifest(Path("out/manifest.jsonl")).rows
    assert {path for path in rows if path.startswith("a-001.tar/")} == {"a-001.tar/3", "a-001.tar/4", "a-001.tar/3#2"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("in/a.zip", "is not a folder, a tar or a Parquet file"),
        ("in/missing-*.tar", "there is no file in/missing-*.tar"),
        ("in/{0..99999999}.tar", "stands for too many names"),
        ("s3://bucket/photos/", "dis_core.ray.cut_out works on what Ray reads"),
    ],
)
def test_a_source_that_is_none_is_refused_in_words(
    shards: Path, capsys: pytest.CaptureFixture[str], source: str, said: str
) -> None:
    assert run(["batch", source, "out", *BRIGHT]) == 1

    assert said in capsys.readouterr().err


def test_results_never_go_over_their_sources(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("in/a-000.tar").read_bytes()

    assert run(["batch", "in/a-000.tar", "in", *BRIGHT, "--overwrite"]) == 1

    assert "is also one of the inputs" in capsys.readouterr().err
    assert Path("in/a-000.tar").read_bytes() == before


@pytest.mark.slow
def test_a_tar_that_was_killed_in_the_middle_goes_on_behind_the_last_image(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    files: dict[str, bytes] = {}
    for number in range(20):
        buffer = io.BytesIO()
        Image.fromarray(generator.integers(0, 256, (400 + 10 * number, 400, 3), np.uint8)).save(buffer, "PNG")
        files |= {f"{number}.png": buffer.getvalue(), f"{number}.txt": b"t"}
    write_tar(tmp_path / "in.tar", {**files, "7.jpg": b"broken"})
    assert run_to_end(["batch", "in.tar", "whole", *BRIGHT], tmp_path) == 1

    command = ["batch", "in.tar", "out", *BRIGHT]
    done = kill_after_manifest_rows(command, tmp_path, tmp_path / "out/manifest.jsonl", rows=8)
    assert not (tmp_path / "out/in.tar").exists()
    assert run_to_end(command, tmp_path) == 1

    assert 8 <= done < 20
    assert (tmp_path / "out/in.tar").read_bytes() == (tmp_path / "whole/in.tar").read_bytes()
    lines = map(json.loads, (tmp_path / "out/manifest.jsonl").read_text().splitlines())
    ended = [row["path"] for row in lines if row.get("status") in ("done", "failed")]
    assert len(ended) == len(set(ended)) == 21
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []
