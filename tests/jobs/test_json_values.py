"""Jobs and results as JSON: they come out as they went in, and nothing else is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dis_core.geometry import Box, Points
from dis_core.images.framing import Framing
from dis_core.jobs.job import CutoutStyle, Job, JobResult, MaskStyle
from dis_core.jobs.json_values import InvalidValue, from_json_value, to_json_value
from dis_core.prompts import SegmentOptions
from dis_core.protocols import RefinedLevel, Refinement
from tests.fakes.any_json import ANYTHING

JOB = Job(
    source=Path("/images/Höhe.jpg"),
    destination=Path("/results/\udce4.png"),  # a name that is no UTF-8, as Python holds it
    format="png",
    style=CutoutStyle(bgimage=Path("/images/sea.jpg"), crop=True, framing=Framing((30, 40), 7, 0.08)),
    options=SegmentOptions(
        model="pdfnet",
        roi=Box(1, 2, 30, 40),
        boxes=(Box(1, 2, 3, 4),),
        points=Points(((0.5, 2.0),), ((3.0, 4.0),)),
        depth=Path("/images/depth.png"),
    ),
)
RESULT = JobResult("pdfnet@1", "cpu", Refinement("tiles", 1, "taken", (RefinedLevel((9, 8), 1, 2, 3, 4),)), ("a", "b"))


def sent(value: object) -> Any:
    """As it arrives in another process."""
    return json.loads(json.dumps(to_json_value(value)))


def test_jobs_and_results_arrive_as_they_were_sent() -> None:
    assert from_json_value(Job, sent(JOB)) == JOB
    assert from_json_value(JobResult, sent(RESULT)) == RESULT


def test_fields_that_only_a_newer_program_knows_are_ignored_and_missing_ones_have_their_default() -> None:
    plain = sent(JOB)
    plain["sparkle"] = 3
    del plain["style"]["framing"]["margin_px"]

    job = from_json_value(Job, plain)

    assert isinstance(job.style, CutoutStyle)
    assert job.style.framing == Framing((30, 40), 0, 0.08)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["format"], "exe", "Job.format"),
        (["overwrite"], 1, "Job.overwrite"),
        (["source"], "a\0b", "Job.source"),
        (["source"], "", "Job.source"),
        (["options", "roi"], [1, 2, 3], "Job.options.roi"),
        (["options", "roi"], [1, 2, 3, 4.5], "Job.options.roi"),
        (["options", "max_tiles"], True, "Job.options.max_tiles"),
        (["style"], {"kind": "mask", "bits": 9}, "Job.style.bits"),
        (["style"], "cutout", "Job.style"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_its_name(path: list[str], value: object, named: str) -> None:
    plain = sent(JOB)
    inner = plain
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value

    with pytest.raises(InvalidValue, match=named):
        from_json_value(Job, plain)


def test_a_mask_is_no_cutout() -> None:
    job = from_json_value(Job, {**sent(JOB), "style": sent(MaskStyle(bits=16))})

    assert job.style == MaskStyle(bits=16)


@settings(max_examples=200, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(sorted(sent(JOB))), ANYTHING, max_size=3))
def test_whatever_is_sent_is_an_order_or_refused(changes: dict[str, object]) -> None:
    try:
        job = from_json_value(Job, {**sent(JOB), **changes})
    except InvalidValue:
        return

    assert from_json_value(Job, sent(job)) == job
