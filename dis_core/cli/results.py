"""What is said of a result: a line for people, or an event for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dis_core.cli.planning import STANDARD_STREAM, JobPaths
from dis_core.cli.terminal import ProgressStyle, say, say_event, say_path

if TYPE_CHECKING:
    from dis_core.errors import DisError
    from dis_core.jobs.job import JobResult
    from dis_core.protocols import Refinement


def tell_failure(job: JobPaths, error: DisError, progress: ProgressStyle) -> None:
    """Tell a program that an image failed; people get a list at the end."""
    if progress == "json":
        say_event("error", input=job.name, code=error.code, message=error.message, hint=error.hint)


def tell_result(job: JobPaths, receipt: JobResult, seconds: float, progress: ProgressStyle) -> None:
    """Say where the result is, which model and device made it, and what the user should know about it."""
    if progress == "json":
        say_event(
            "result",
            input=job.name,
            output=str(job.destination or STANDARD_STREAM),
            model=receipt.model,
            device=receipt.device,
            seconds=round(seconds, 3),
            refinement=None if receipt.refinement is None else describe_refinement(receipt.refinement),
            remarks=list(receipt.remarks),
        )
        return
    for remark in receipt.remarks:
        say(f"dis-core: {job.name}: {remark}")
    if job.destination is not None:
        say_path(job.destination)
    model = receipt.model.partition("@")[0]
    refined = "" if receipt.refinement is None else refinement_in_words(receipt.refinement)
    say(f"dis-core: {job.name}: done by {model} on {receipt.device} in {seconds:.1f} s{refined}")


def describe_refinement(refinement: Refinement) -> dict[str, object]:
    """What refining did, for programs."""
    return {
        "method": refinement.method,
        "closer_look": refinement.closer_look,
        "levels": len(refinement.levels),
        "tiles_run": refinement.tiles_run,
        "tiles_skipped": refinement.tiles_skipped,
        "tiles_rejected": refinement.tiles_rejected,
        "tiles_over_limit": refinement.tiles_over_limit,
        "seconds": round(refinement.seconds, 3),
    }


def refinement_in_words(refinement: Refinement) -> str:
    """What refining did, for the end of a line; nothing if it did nothing."""
    if not refinement.levels:
        return ""
    rejected = f", {refinement.tiles_rejected} of them rejected" if refinement.tiles_rejected else ""
    return f", {refinement.seconds:.1f} s of it for {refinement.tiles_run} tiles{rejected}"
