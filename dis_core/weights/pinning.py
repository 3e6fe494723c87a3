"""Commits and checksums that are known second-hand: what is asked in their place, and the words if they are wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dis_core.errors import BadRequest, HubUnreachable, WeightsCorrupt, WeightsMissing

if TYPE_CHECKING:
    from dis_core.model_spec import ModelSpec, WeightsFile

BRANCH: Final = "main"
"""The branch with the newest files."""


def is_second_hand(weights: WeightsFile) -> bool:
    """Whether its pin is only known from other projects."""
    return weights.repo is not None and weights.pin_source == "second-hand"


def newest(weights: WeightsFile) -> WeightsFile:
    """The current version of the file on the branch."""
    return replace(weights, revision=BRANCH, sha256=None, size_bytes=None)


def refuse_unless_second_hand(spec: ModelSpec) -> None:
    """Raises BadRequest for weights that are not on the Hub, or whose pin is verified or missing."""
    if is_second_hand(spec.weights):
        return
    if spec.weights.is_embedded:
        raise BadRequest(f"{spec.name} is built in, so the Hub has no newer file", hint="leave out --trust-new")
    if spec.weights.repo is None:
        raise BadRequest(
            f"the weights of {spec.name} are not on the Hub",
            hint=f"download {spec.weights.filename} from {spec.weights.homepage}, then run: "
            f"dis-core fetch {spec.name} --from FILE",
        )
    if spec.weights.sha256 is None:
        raise BadRequest(
            f"{spec.name} has no pinned checksum: its first download is recorded instead",
            hint=f"to use what the Hub has now: dis-core fetch --again {spec.name}",
        )
    raise BadRequest(
        f"the file of {spec.name} is pinned to a verified checksum; no other file is accepted",
        hint="if the Hub has a different file, please report it; a newer version of dis-core may know it",
    )


def other_file(spec: ModelSpec, expected: str, found: str) -> WeightsCorrupt:
    """The error for a file on the Hub that is not the expected one, with the way on, if there is one."""
    weights = spec.weights
    begins = f"its SHA-256 should start with {expected[:12]}, but starts with {found[:12]}"
    if is_second_hand(weights) and expected == weights.sha256:
        return WeightsCorrupt(
            f"{weights.filename} of {weights.repo} is not the expected file: {begins}. The expected checksum is only "
            "known from other projects and may be wrong",
            hint=f"look at https://huggingface.co/{weights.repo}; to use the file that is there now: "
            f"dis-core fetch --trust-new {spec.name}",
        )
    return WeightsCorrupt(
        f"{weights.filename} of {weights.repo} has changed on the Hub: {begins}",
        hint="" if weights.sha256 == expected else f"if you trust the new one: dis-core fetch --again {spec.name}",
    )


def not_there(spec: ModelSpec, error: WeightsMissing) -> WeightsMissing:
    """The error for a file that the Hub does not give; where the commit is only known second-hand, that may be why."""
    weights = spec.weights
    if isinstance(error, HubUnreachable) or not is_second_hand(weights):
        return error
    return WeightsMissing(
        f"{error.message} (commit {weights.revision[:12]}, which is only known from other projects)",
        hint=f"to use what the branch {BRANCH} has now: dis-core fetch --trust-new {spec.name}; or: {error.hint}",
    )
