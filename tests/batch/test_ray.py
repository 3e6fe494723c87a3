"""Batches on a Ray cluster: nothing is lost or done twice, whoever is killed."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dis_core.batch.manifest import read_manifest
from dis_core.cli.main import run
from dis_core.jobs.job import MaskStyle
from dis_core.prompts import SegmentOptions
from tests.fakes import bright_plugin
from tests.fakes.bright_squares import bright_square

ray = pytest.importorskip("ray", reason="Ray has no wheels for this Python")
pytest.importorskip("ray.data")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("bright_models"),
    # Ray leaves open files and sockets to the collector, and warns of its own future.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
]

ROOT = Path(__file__).parents[2]
COUNT = 40
TINY = int(os.environ.get("DIS_TEST_TINY_IMAGES", "200"))
"""How many images the test of memory takes; 2000 shows more, in minutes."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster on this machine with four logical CPUs, whose workers know the bright model."""
    plugin = bright_plugin.install(tmp_path_factory.mktemp("plugin"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{plugin}{os.pathsep}{ROOT}")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)  # else it keeps one in the home folder
        patch.setenv("RAY_worker_niceness", "0")  # else they wait for all else on the machine
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(
            address="local",
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=200_000_000,
        )
        yield ray.get_runtime_context().gcs_address
        ray.shutdown()
    for number, handler in handlers.items():  # Ray puts one of its own there, which ends the process
        signal.signal(number, handler)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder with 40 photos in two folders below photos/, three of them broken."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(1)
    for number in range(COUNT):
        path = tmp_path / "photos" / str(number % 2) / f"photo {number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (100 + number, 100, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        if number % 13 == 5:
            path.write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    return tmp_path


CUT = ["--model", "bright", "--device", "cpu"]


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*-cutout.png")}


def ended(manifest: Path) -> Counter[str]:
    """How often the manifest says of each image that it is over."""
    lines = manifest.read_text().splitlines() if manifest.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    return Counter(row["path"] for row in rows if row.get("status") in ("done", "failed"))


def wait_for(manifest: Path, *, images: int, process: subprocess.Popen[str] | None = None) -> None:
    give_up_at = time.monotonic() + 800
    while sum(ended(manifest).values()) < images and time.monotonic() < give_up_at:
        assert process is None or process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)


def start_batch(cluster: str, *arguments: str) -> subprocess.Popen[str]:
    """`dis-core batch photos out` on the cluster, in a process of its own."""
    command = [sys.executable, "-m", "tests.fakes.bright_command", "batch", "photos", "out", *CUT, *arguments]
    return subprocess.Popen([*command, "--ray", cluster], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_driver_that_is_killed_goes_on_and_every_image_is_done_once(cluster: str, photos: Path) -> None:
    assert run(["cutout", "photos", "--recursive", "-o", "whole", *CUT]) == 1
    driver = start_batch(cluster, "--actors", "2")
    wait_for(Path("out/manifest.jsonl"), images=6, process=driver)
    driver.kill()
    driver.communicate()
    before = sum(ended(Path("out/manifest.jsonl")).values())

    status = run(["batch", "photos", "out", *CUT, "--actors", "2", "--ray", cluster])

    assert 6 <= before < COUNT
    assert status == 1
    assert files_in(Path("out")) == files_in(Path("whole"))
    assert set(ended(Path("out/manifest.jsonl")).values()) == {1}
    assert len(ended(Path("out/manifest.jsonl"))) == COUNT
    failed = [row for row in read_manifest(Path("out/manifest.jsonl")).rows.values() if row.status == "failed"]
    assert ([row.code for row in failed], len(failed)) == (["NoImage"] * 3, 3)


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def actor_processes() -> list[int]:
    """The processes of the actors of this cluster that have a model; Ray's own process starts them, and we that."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        process = int(path.parent.name)
        try:
            if b"JobWorker" in path.read_bytes() and parent_of(parent_of(process)) == os.getpid():
                found.append(process)
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
def test_an_actor_that_is_killed_costs_nothing(cluster: str, photos: Path) -> None:
    others = set(actor_processes())
    driver = start_batch(cluster, "--actors", "1")
    wait_for(Path("out/manifest.jsonl"), images=4, process=driver)
    (actor,) = set(actor_processes()) - others
    os.kill(actor, signal.SIGKILL)

    _, said = driver.communicate(timeout=600)

    assert (driver.returncode, "3 of 40 failed" in said) == (1, True), said
    assert set(ended(Path("out/manifest.jsonl")).values()) == {1}
    assert len(files_in(Path("out"))) == COUNT - 3


def png(height: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(bright_square(height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_webdataset_in_and_webdataset_out_have_equal_keys(cluster: str, tmp_path: Path) -> None:
    from dis_core.ray import cut_out

    with tarfile.open(tmp_path / "in.tar", "w") as tar:
        for number in range(12):
            data = b"broken" if number == 5 else png(40 + number)
            for name, content in ((f"{number:03d}.jpg", data), (f"{number:03d}.json", b"{}")):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    options = SegmentOptions(model="bright", device="cpu")

    dataset = ray.data.read_webdataset(str(tmp_path / "in.tar"), decoder=None)
    made = cut_out(dataset, columns=["jpg"], rows="samples", style=MaskStyle(), options=options)
    made.write_webdataset(str(tmp_path / "out"), encoder=None)

    found: dict[str, bytes] = {}
    for path in (tmp_path / "out").iterdir():
        with tarfile.open(path) as tar:
            found |= {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]  # all files
    assert {name.partition(".")[0] for name in found} == {f"{number:03d}" for number in range(12)}
    assert sorted(name for name in found if name.startswith("005")) == ["005.error.json", "005.jpg", "005.json"]
    assert json.loads(found["005.error.json"])["code"] == "NoImage"
    assert Image.open(io.BytesIO(found["007.matte.png"])).size == (60, 47)


def test_broken_images_are_rows_with_codes_in_their_order(cluster: str) -> None:
    from dis_core.ray import cut_out

    images = [b"broken" if number % 7 == 3 else png(40 + number) for number in range(30)]
    ray.data.DataContext.get_current().execution_options.preserve_order = True

    items = [{"id": number, "bytes": data} for number, data in enumerate(images)]
    dataset = ray.data.from_items(items, override_num_blocks=6)
    rows: list[dict[str, Any]] = cut_out(
        dataset, actors=2, options=SegmentOptions(model="bright", device="cpu")
    ).take_all()

    assert [row["id"] for row in rows] == list(range(30))
    assert [row["id"] for row in rows if row["error_code"] == "NoImage"] == [3, 10, 17, 24]
    assert all((row["result"] is None) == (row["error_code"] is not None) for row in rows)
    assert all("bytes" not in row for row in rows)


def test_tars_go_to_actors_whole(cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for shard in range(3):
        with tarfile.open(f"in-{shard}.tar", "w") as tar:
            for number in range(3):
                info = tarfile.TarInfo(f"{number}.png")
                content = png(40 + number)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    assert run(["batch", "in-{0..2}.tar", "whole", *CUT]) == 0

    assert run(["batch", "in-{0..2}.tar", "out", *CUT, "--actors", "2", "--ray", cluster]) == 0

    for shard in range(3):
        assert Path(f"out/in-{shard}.tar").read_bytes() == Path(f"whole/in-{shard}.tar").read_bytes()
    statuses = Counter(row.status for row in read_manifest(Path("out/manifest.jsonl")).rows.values())
    assert statuses == {"done": 9, "whole": 3}


def test_a_missing_model_ends_the_run_in_words(cluster: str, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["batch", "photos", "out", "--model", "nonesuch", "--ray", cluster]) == 1

    assert "nonesuch" in capsys.readouterr().err


def memory_of(process: int) -> int:
    """Of a process, in kilobytes, without what it shares with others."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="looks for memory in /proc")
def test_very_many_tiny_images_take_no_more_memory_than_some(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number in range(TINY):
        (tmp_path / f"photos/{number}.png").write_bytes(png(32 + number % 7))
    others = set(actor_processes())
    driver = start_batch(cluster, "--actors", "1", "--progress", "none")
    manifest = Path("out/manifest.jsonl")
    wait_for(manifest, images=TINY // 4, process=driver)
    watched = [driver.pid, *(set(actor_processes()) - others)]
    early = [memory_of(process) for process in watched]
    wait_for(manifest, images=TINY - TINY // 10, process=driver)
    late = [memory_of(process) for process in watched]

    driver.communicate(timeout=600)

    assert driver.returncode == 0
    assert len(watched) == 2
    for before, after in zip(early, late, strict=True):
        assert after < 1.1 * before + 20_000, f"{early} became {late} kB"
