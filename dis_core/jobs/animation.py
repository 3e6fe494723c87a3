"""An animation frame by frame: each is cut out by itself, and the results become an animation again."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from dis_core.jobs.job import Job
from dis_core.progress import Report, span

if TYPE_CHECKING:
    from dis_core.images.animation import Animation
    from dis_core.images.formats import AnimationFormat
    from dis_core.jobs.outputs import MakeResult
    from dis_core.matte.matte import Matte
    from dis_core.pipeline import Pipeline


def run_animation(
    job: Job, kind: AnimationFormat, animation: Animation, pipeline: Pipeline, make_result: MakeResult, report: Report
) -> tuple[Matte, tuple[str, ...]]:
    """Make the result of every frame and write them; the last matte, and what the user should know.

    Raises what reading, segmenting and writing raise.
    """
    from dis_core.files import make_folder, refuse_taken
    from dis_core.images.animation_writer import AnimationWriter
    from dis_core.images.picture import write_encoded

    if job.destination is not None and not job.overwrite:
        refuse_taken(job.destination)  # before the work of all frames
    writer = AnimationWriter(kind, plays=animation.plays)
    remarks: dict[str, None] = {}
    loading_s = 0.0
    for number, frame in enumerate(animation.frames):
        of_frame = span(report, 0.95 * number / animation.count, 0.95 * (number + 1) / animation.count)
        matte = pipeline.segment_with(frame.picture, job.options, report=_named(of_frame, number, animation.count))
        loading_s += matte.loading_s  # only the first frame waits for the model
        result = make_result(matte)
        remarks |= dict.fromkeys((*frame.picture.remarks, *result.remarks, *matte.remarks))
        if matte.bounds() is None:
            remarks["no subject was found in some frames"] = None
        writer.add(replace(frame, picture=result))
    report(0.95, "writing")
    if job.destination is not None:
        make_folder(job.destination.parent)
    write_encoded(writer.file(), job.destination or sys.stdout.buffer, overwrite=job.overwrite)
    return replace(matte, loading_s=loading_s), (f"all {animation.count} frames were done", *remarks, *writer.remarks)


def _named(report: Report, number: int, count: int) -> Report:
    return lambda fraction, doing: report(fraction, f"frame {number + 1} of {count}: {doing}")
