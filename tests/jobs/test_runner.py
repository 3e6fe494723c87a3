"""What of a job's failures comes back as a result, and what ends them all."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dis_core.errors import OutputExists, OutputFailed
from dis_core.jobs.job import Job, JobFailure, MaskStyle
from dis_core.jobs.runner import JobRunner
from dis_core.pipeline import Pipeline
from dis_core.progress import ignore
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
