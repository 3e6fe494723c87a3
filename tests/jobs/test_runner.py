"""What of a job's failures comes back as a result, and what ends them all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from dis_core.errors import DiskFull, OutputExists, OutputFailed
from dis_core.images import picture as pictures
from dis_core.images.picture import Picture
from dis_core.jobs.job import Job, JobFailure, JobResult, MaskStyle
from dis_core.jobs.runner import JobRunner
from dis_core.matte.matte import Matte
from dis_core.pipeline import Pipeline
from dis_core.progress import Report, ignore
from dis_core.prompts import SegmentOptions


@pytest.fixture
def job(tmp_path: Path) -> Job:
    source = tmp_path / "a.png"
    Image.new("RGB", (40, 30), "teal").save(source)
    options = SegmentOptions(model="dis-lite", device="cpu", refine="none")
    return Job(source, tmp_path / "a-mask.png", "png", MaskStyle(), options)


def test_a_result_that_is_there_already_is_the_failure_of_one_image(job: Job) -> None:
    runner = JobRunner()
    runner.run(job, ignore)

    again = runner.run(job, ignore)

    assert isinstance(again, JobFailure)
    assert isinstance(again.error, OutputExists)


def test_weights_that_cannot_be_saved_end_all_jobs(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OutputFailed("the weights could not be saved")

    monkeypatch.setattr(Pipeline, "segment_with", fail)

    with pytest.raises(OutputFailed, match="weights"):
        JobRunner().run(job, ignore)


def animated(job: Job) -> Job:
    assert job.source is not None
    frames = [Image.new("RGB", (40, 30), color) for color in ("teal", "red")]
    frames[0].save(job.source, save_all=True, append_images=frames[1:])
    return replace(job, animation="png")


def test_an_animation_that_finds_no_room_ends_all_jobs(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(pictures, "write_encoded", fail)

    with pytest.raises(DiskFull):
        JobRunner().run(animated(job), ignore)


def test_an_animation_that_cannot_be_written_is_the_failure_of_one_image(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OutputFailed("not here")

    monkeypatch.setattr(pictures, "write_encoded", fail)

    assert isinstance(JobRunner().run(animated(job), ignore), JobFailure)


def test_an_animation_tells_how_long_its_first_frame_waited_for_the_model(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment, waits = Pipeline.segment_with, [1000.0, 0.0]

    def waiting(pipeline: Pipeline, picture: Picture, options: SegmentOptions, *, report: Report) -> Matte:
        return replace(segment(pipeline, picture, options, report=report), loading_s=waits.pop(0))

    monkeypatch.setattr(Pipeline, "segment_with", waiting)

    outcome = JobRunner().run(animated(job), ignore)

    assert isinstance(outcome, JobResult)
    assert outcome.loading_s >= 1000
