"""Results, depth maps and backgrounds of jobs: what is written first, and what is read once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.errors import NoImage, OutOfMemory, OutputFailed
from dis_core.images import reading
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, JobResult, MaskStyle
from dis_core.jobs.runner import JobRunner
from dis_core.pipeline import Pipeline
from dis_core.progress import ignore
from dis_core.prompts import SegmentOptions
from tests.fakes.bright_squares import bright_square

pytestmark = pytest.mark.usefixtures("bright_models")

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """The cutout of a white square."""
    Image.fromarray(bright_square()).save(tmp_path / "a.png")
    options = SegmentOptions(model="bright", device="cpu", refine="none")
    return Job(tmp_path / "a.png", tmp_path / "cut.png", "png", CutoutStyle(), options, overwrite=True)


def done(runner: JobRunner, job: Job) -> JobResult:
    outcome = runner.run(job, ignore)
    assert isinstance(outcome, JobResult)
    return outcome


# Depth maps


def with_depth(job: Job, destination: Path) -> Job:
    assert job.source is not None
    depth = job.source.with_name("d.png")
    Image.fromarray(np.tile(np.arange(60, dtype=np.uint8), (40, 1))).save(depth)
    return replace(
        job, options=replace(job.options, model="bright-with-depth", depth=depth), depth_destination=destination
    )


def test_the_depth_map_lies_beside_the_result(job: Job, tmp_path: Path) -> None:
    done(JobRunner(), with_depth(job, tmp_path / "cut-depth.png"))

    with Image.open(tmp_path / "cut-depth.png") as depth:
        assert (depth.size, depth.mode) == ((60, 40), "I;16")
    assert (tmp_path / "cut.png").exists()


def test_there_is_no_result_without_its_depth_map(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    outcome = JobRunner().run(with_depth(job, tmp_path / "file" / "cut-depth.png"), ignore)

    assert isinstance(outcome, JobFailure)
    assert isinstance(outcome.error, OutputFailed)
    assert not (tmp_path / "cut.png").exists()


# Backgrounds


def plain(path: Path, color: tuple[int, int, int]) -> Path:
    Image.new("RGB", (60, 40), color).save(path)
    return path


def on_background(job: Job, background: Path) -> Job:
    return replace(job, style=CutoutStyle(bgimage=background))


def corner(job: Job) -> tuple[int, ...]:
    assert job.destination is not None
    with Image.open(job.destination) as result:
        return tuple(np.asarray(result)[0, 0, :3].tolist())


def test_a_background_that_is_replaced_by_one_of_the_same_size_and_time_is_read_again(job: Job, tmp_path: Path) -> None:
    runner, background, other = JobRunner(), plain(tmp_path / "b.bmp", RED), plain(tmp_path / "other.bmp", BLUE)
    status = background.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))

    done(runner, on_background(job, background))
    first = corner(job)
    other.replace(background)
    done(runner, on_background(job, background))

    assert (first, corner(job)) == (RED, BLUE)


def test_a_background_that_is_written_over_by_one_of_the_same_size_is_read_again(job: Job, tmp_path: Path) -> None:
    runner, background, other = JobRunner(), plain(tmp_path / "b.bmp", RED), plain(tmp_path / "other.bmp", BLUE)
    number, time_ns = background.stat().st_ino, background.stat().st_mtime_ns

    done(runner, on_background(job, background))
    first = corner(job)
    background.write_bytes(other.read_bytes())
    os.utime(background, ns=(time_ns, time_ns + 1_000_000))
    done(runner, on_background(job, background))

    assert background.stat().st_ino == number
    assert (first, corner(job)) == (RED, BLUE)


def test_another_background_is_another_background(job: Job, tmp_path: Path) -> None:
    runner = JobRunner()
    colors = []

    for background in (plain(tmp_path / "b.bmp", RED), plain(tmp_path / "c.bmp", BLUE), tmp_path / "b.bmp"):
        done(runner, on_background(job, background))
        colors.append(corner(job))

    assert colors == [RED, BLUE, RED]


def test_a_background_that_has_not_changed_is_read_once(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    read_picture = reading.read_picture

    def noting(source: Path) -> object:
        read.append(source)
        return read_picture(source)

    monkeypatch.setattr(reading, "read_picture", noting)
    runner, background = JobRunner(), plain(tmp_path / "b.bmp", RED)

    for _ in range(3):
        done(runner, on_background(job, background))

    assert read.count(background) == 1


# Other outcomes


def test_a_mask_is_the_gray_matte_also_after_a_cutout_on_a_background(job: Job, tmp_path: Path) -> None:
    runner = JobRunner()
    done(runner, on_background(job, plain(tmp_path / "b.bmp", RED)))

    done(runner, replace(job, style=MaskStyle()))

    assert job.destination is not None
    with Image.open(job.destination) as mask:
        assert mask.mode == "L"
        assert np.array_equal(np.asarray(mask), bright_square()[..., 0])


def test_an_image_that_is_not_there_is_the_failure_of_one_image(job: Job, tmp_path: Path) -> None:
    outcome = JobRunner().run(replace(job, source=tmp_path / "nothing.png"), ignore)

    assert isinstance(outcome, JobFailure)
    assert isinstance(outcome.error, NoImage)


def test_too_little_memory_for_one_image_is_its_failure(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Pipeline, "segment_with", fail)

    outcome = JobRunner().run(job, ignore)

    assert isinstance(outcome, JobFailure)
    assert isinstance(outcome.error, OutOfMemory)
    assert "smaller image" in outcome.error.hint


def test_progress_of_a_job_never_falls_and_stays_within_its_bounds(job: Job) -> None:
    told: list[float] = []

    JobRunner().run(job, lambda fraction, _: told.append(fraction))

    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] <= 1
