"""Several programs on one folder: no result is made twice, and what a killed one had claimed is free again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from PIL import Image

from dis_core import files
from dis_core.errors import DiskFull, OutputFailed
from dis_core.jobs import claims
from dis_core.jobs.claims import claimed, claimed_in_turn, in_turn
from dis_core.jobs.job import Job, MaskStyle
from dis_core.prompts import SegmentOptions
from tests.fakes.bright_squares import bright_cutout, bright_square
from tests.fakes.fake_hub import clean_environment, unused_address
from tests.fakes.holding import held_by_another

HOLD = """
import sys, time
from pathlib import Path
from dis_core.jobs.claims import claimed
with claimed(Path(sys.argv[1])) as is_ours:
    print(is_ours, flush=True)
    time.sleep(120)
"""


def claimed_by_another(result: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """Another process has claimed the result, until it is killed or the block ends."""
    return held_by_another(HOLD, result, says="True")


def hidden_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def job_for(result: Path, *, overwrite: bool = False) -> Job:
    return Job(Path("a.png"), result, "png", MaskStyle(), SegmentOptions(), overwrite=overwrite)


def test_a_claim_is_there_only_while_it_is_held(tmp_path: Path) -> None:
    with claimed(tmp_path / "a.png") as is_ours:
        held = hidden_in(tmp_path)

    assert is_ours
    assert len(held) == 1
    assert hidden_in(tmp_path) == []


def test_one_program_at_a_time_has_a_claim(tmp_path: Path) -> None:
    with claimed_by_another(tmp_path / "a.png"), claimed(tmp_path / "a.png") as is_ours:
        assert not is_ours

    with claimed(tmp_path / "a.png") as is_ours:
        assert is_ours


def test_another_spelling_of_a_name_is_the_same_claim(tmp_path: Path) -> None:
    with claimed_by_another(tmp_path / "a.png"), claimed(tmp_path / "A.PNG") as is_ours:
        assert not is_ours


def test_a_killed_program_leaves_its_claim_free(tmp_path: Path) -> None:
    with claimed_by_another(tmp_path / "a.png") as other:
        other.kill()
        other.wait()

        with claimed(tmp_path / "a.png") as is_ours:
            assert is_ours

    assert hidden_in(tmp_path) == []


def test_a_claim_whose_file_was_removed_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, locks = files.try_to_lock, 0

    def lose_the_first(descriptor: int, file: Path) -> bool:
        nonlocal locks
        locks += 1
        if locks == 1:
            file.unlink()  # as its holder does when it is done
        return lock(descriptor, file)

    monkeypatch.setattr(claims, "try_to_lock", lose_the_first)

    with claimed(tmp_path / "a.png") as is_ours:
        held = hidden_in(tmp_path)

    assert is_ours
    assert locks == 2
    assert len(held) == 1


def test_where_there_are_no_locks_every_job_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, file: Path) -> bool:
        raise OutputFailed(f"{file}: no locks available")

    monkeypatch.setattr(claims, "try_to_lock", refuse)

    with claimed(tmp_path / "a.png") as is_ours:
        assert is_ours

    assert hidden_in(tmp_path) == []


def test_folders_that_were_made_for_a_claim_go_with_it_unless_they_are_used(tmp_path: Path) -> None:
    with claimed(tmp_path / "unused" / "deep" / "a.png"):
        pass
    with claimed(tmp_path / "used" / "deep" / "a.png"):
        (tmp_path / "used" / "deep" / "a.png").write_bytes(b"")

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.png", "deep", "used"]


def test_a_full_disk_ends_all_jobs_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(claims, "_open", fail)

    with pytest.raises(DiskFull):
        next(in_turn([job_for(tmp_path / "a.png")], []))


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_another_program_makes_meanwhile_is_not_made_again(tmp_path: Path, overwrite: bool) -> None:
    jobs = [job_for(tmp_path / name, overwrite=overwrite) for name in ("a.png", "b.png", "c.png")]
    if overwrite:
        (tmp_path / "b.png").write_bytes(b"old")
    elsewhere: list[Job] = []
    ours = []

    for job in in_turn(jobs, elsewhere):
        ours.append(job)
        files.write_atomically(tmp_path / "b.png", b"theirs", overwrite=True)

    assert [job.written[0].name for job in ours] == ["a.png", "c.png"]
    assert elsewhere == [jobs[1]]


def test_a_claim_outlasts_the_next_ones_until_it_is_closed(tmp_path: Path) -> None:
    jobs = [job_for(tmp_path / name) for name in ("a.png", "b.png")]

    (_, first), (_, second) = claimed_in_turn(jobs, [])

    held = len(hidden_in(tmp_path))
    first.close()
    after_the_first = hidden_in(tmp_path)
    second.close()
    assert held == 2
    assert after_the_first == [claims.claim_file(tmp_path / "b.png").name]
    assert hidden_in(tmp_path) == []


def test_what_was_claimed_comes_again_at_the_end(tmp_path: Path) -> None:
    jobs = [job_for(tmp_path / name) for name in ("a.png", "b.png")]
    elsewhere: list[Job] = []
    ours = []

    with claimed_by_another(tmp_path / "a.png") as other:
        for job in in_turn(jobs, elsewhere):
            ours.append(job)
            other.kill()
            other.wait()

    assert ours == [jobs[1], jobs[0]]
    assert elsewhere == []


@pytest.mark.usefixtures("bright_models")
class TestCommands:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        for name in ("a.png", "b.png"):
            Image.fromarray(bright_square()).save(name)
        return tmp_path

    @pytest.mark.parametrize("options", [[], ["--overwrite"]])
    def test_a_folder_is_shared(self, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
        with claimed_by_another(Path("out/a-cutout.png")):
            status = bright_cutout(".", "-o", "out", *options)

        assert status == 0
        assert [path.name for path in Path("out").glob("*.png")] == ["b-cutout.png"]
        assert "skipping 1 images that another program has done or is doing now" in capsys.readouterr().err

    def test_a_named_file_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        with claimed_by_another(Path("a-cutout.png")):
            status = bright_cutout("a.png")

        assert status == 1
        assert "another program makes a-cutout.png" in capsys.readouterr().err
        assert not Path("a-cutout.png").exists()

    def test_a_named_file_is_overwritten_in_any_case(self) -> None:
        with claimed_by_another(Path("a-cutout.png")):
            status = bright_cutout("a.png", "--overwrite")

        assert status == 0
        assert Path("a-cutout.png").exists()


@pytest.mark.slow
def test_two_programs_share_a_folder_and_a_third_does_what_killed_ones_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number:02}" for number in range(12)]
    for name in names:
        Image.fromarray(bright_square(400, 600)).save(tmp_path / f"{name}.png")
    command = [sys.executable, "-m", "dis_core", "mask", str(tmp_path), "-m", "dis-lite", "--progress", "json"]

    def start() -> subprocess.Popen[str]:
        environment = clean_environment(tmp_path, unused_address())
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    def results_of(program: subprocess.Popen[str]) -> list[str]:
        events = map(json.loads, program.communicate(timeout=250)[0].splitlines())
        return [Path(event["output"]).name for event in events if event["event"] == "result"]

    killed = start()
    limit = time.monotonic() + 120
    while not list(tmp_path.glob("*-mask.png")) and time.monotonic() < limit:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    results_of(killed)
    left = [name for name in names if not (tmp_path / f"{name}-mask.png").exists()]
    assert 0 < len(left) < len(names)

    both = [start(), start()]
    made = [results_of(program) for program in both]

    assert [program.returncode for program in both] == [0, 0]
    assert sorted(made[0] + made[1]) == [f"{name}-mask.png" for name in left]
    assert not list(tmp_path.glob(".dis-core-*.claim"))
