"""What to say of a result: a line for people, or an event for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dis_core.cli.hints import with_options
from dis_core.cli.planning import STANDARD_STREAM
from dis_core.cli.terminal import ProgressStyle, say, say_event, say_path

if TYPE_CHECKING:
    from dis_core.errors import DisError
    from dis_core.jobs.job import Job, JobResult
    from dis_core.protocols import Refinement


LEAST_LOADING_S = 0.1
"""Less is not worth a word."""


def show_failure(job: Job, error: DisError, progress: ProgressStyle) -> None:
    """Say to a program that an image failed; people get a list at the end."""
    if progress == "json":
        say_event("error", input=job.name, code=error.code, message=error.message, hint=with_options(error.hint))


def show_result(job: Job, result: JobResult, seconds: float, progress: ProgressStyle) -> None:
    """Say where the result is, which model made it on which device, and what the user should know about it.

    Loading torch and the model is told apart, because it happens once.
    """
    loading_s = min(result.loading_s, seconds)
    if progress == "json":
        say_event(
            "result",
            input=job.name,
            output=str(job.destination or STANDARD_STREAM),
            model=result.model,
            device=result.device,
            seconds=round(seconds - loading_s, 3),
            loading_seconds=round(loading_s, 3),
            refinement=None if result.refinement is None else describe_refinement(result.refinement),
            remarks=[with_options(remark) for remark in result.remarks],
        )
        return
    for remark in result.remarks:
        say(f"dis-core: {job.name}: {with_options(remark)}")
    if job.destination is not None:
        say_path(job.destination)
    model = result.model.partition("@")[0]
    refined = "" if result.refinement is None else refinement_in_words(result.refinement)
    loading = f", after loading for {loading_s:.1f} s" if loading_s >= LEAST_LOADING_S else ""
    say(f"dis-core: {job.name}: done by {model} on {result.device} in {seconds - loading_s:.1f} s{refined}{loading}")


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
        "reason": refinement.reason,
        "seconds": round(refinement.seconds, 3),
    }


def refinement_in_words(refinement: Refinement) -> str:
    """What refining did, as the end of a line; empty if it did nothing."""
    if refinement.method == "none":
        return ""
    reason = f" (auto: {refinement.reason})" if refinement.reason else ""
    return f", {refinement.seconds:.1f} s of it for {looks_in_words(refinement)}{reason}"


def looks_in_words(refinement: Refinement) -> str:
    """By what a matte became finer."""
    looks = {"taken": ["a closer look"], "rejected": ["a closer look that was rejected"]}.get(
        refinement.closer_look, []
    )
    rejected = refinement.tiles_rejected
    if refinement.method in ("larger", "matting") and refinement.levels:
        looks.append("a larger look" + (" that was rejected" if rejected else ""))
    elif refinement.levels:
        looks.append(f"{refinement.tiles_run} tiles" + (f", {rejected} of them rejected" if rejected else ""))
    return " and ".join([*looks, "matting" if refinement.method == "matting" else "edges"][:2])
