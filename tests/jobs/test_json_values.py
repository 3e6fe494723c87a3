"""Orders and receipts as JSON: what is put in comes out, and nothing else is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dis_core.geometry import Box, Points
from dis_core.jobs.job import CutoutStyle, Job, JobResult, MaskStyle
from dis_core.jobs.json_values import NotPlain, from_plain, to_plain
from dis_core.prompts import SegmentOptions
from dis_core.protocols import RefinedLevel, Refinement
from tests.fakes.any_json import ANYTHING

ORDER = Job(
    source=Path("/images/Höhe.jpg"),
    destination=Path("/results/\udce4.png"),  # a name that is no UTF-8, as Python holds it
    format="png",
    style=CutoutStyle(bgimage=Path("/images/sea.jpg"), crop=True, crop_margin=7),
    segmenting=SegmentOptions(
        model="pdfnet",
        roi=Box(1, 2, 30, 40),
        boxes=(Box(1, 2, 3, 4),),
        points=Points(((0.5, 2.0),), ((3.0, 4.0),)),
        depth=Path("/images/depth.png"),
    ),
)
RECEIPT = JobResult("pdfnet@1", "cpu", Refinement("tiles", 1, "taken", (RefinedLevel((9, 8), 1, 2, 3, 4),)), ("a", "b"))


def sent(value: object) -> Any:
    """As it arrives in another process."""
    return json.loads(json.dumps(to_plain(value)))


def test_orders_and_receipts_arrive_as_they_were_sent() -> None:
    assert from_plain(Job, sent(ORDER)) == ORDER
    assert from_plain(JobResult, sent(RECEIPT)) == RECEIPT


def test_fields_that_only_a_newer_program_knows_are_ignored_and_missing_ones_have_their_default() -> None:
    plain = sent(ORDER)
    plain["sparkle"] = 3
    del plain["style"]["crop_margin"]

    job = from_plain(Job, plain)

    assert isinstance(job.style, CutoutStyle)
    assert job.style.crop_margin == 0


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["format"], "exe", "Job.format"),
        (["overwrite"], 1, "Job.overwrite"),
        (["source"], "a\0b", "Job.source"),
        (["source"], "", "Job.source"),
        (["segmenting", "roi"], [1, 2, 3], "Job.segmenting.roi"),
        (["segmenting", "roi"], [1, 2, 3, 4.5], "Job.segmenting.roi"),
        (["segmenting", "max_tiles"], True, "Job.segmenting.max_tiles"),
        (["style"], {"kind": "mask", "bits": 9}, "Job.style.bits"),
        (["style"], "cutout", "Job.style"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_its_name(path: list[str], value: object, named: str) -> None:
    plain = sent(ORDER)
    inner = plain
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value

    with pytest.raises(NotPlain, match=named):
        from_plain(Job, plain)


def test_a_mask_is_no_cutout() -> None:
    job = from_plain(Job, {**sent(ORDER), "style": sent(MaskStyle(bits=16))})

    assert job.style == MaskStyle(bits=16)


@settings(max_examples=200, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(sorted(sent(ORDER))), ANYTHING, max_size=3))
def test_whatever_is_sent_is_an_order_or_refused(changes: dict[str, object]) -> None:
    try:
        job = from_plain(Job, {**sent(ORDER), **changes})
    except NotPlain:
        return

    assert from_plain(Job, sent(job)) == job
