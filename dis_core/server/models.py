"""Which models a request may name: those that are on this machine. A request never starts a download."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from dis_core.errors import DisError, did_you_mean
from dis_core.model_spec import ModelSpec
from dis_core.prompts import SegmentOptions
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import DEFAULT_MODEL
from dis_core.registry.catalog import accepted_prompts
from dis_core.registry.prompt_networks import NONE
from dis_core.registry.requirements import missing_packages
from dis_core.registry.selection import is_all_here, model_on_this_machine, refuse_noncommercial
from dis_core.server.answers import Refused, refusal_of
from dis_core.weights.store import find_installed

logger = logging.getLogger(__name__)


def default_model(wanted: str | None) -> str:
    """The model of a server: the one that is wanted, or else the full one if it is here, or else the embedded one.

    Raises UnknownModel, WeightsMissing.
    """
    name = model_on_this_machine(wanted)
    if wanted is None and name != DEFAULT_MODEL:
        logger.warning(
            "the full model %r is not on this machine; using the built-in model %r instead. To get the full one, run: "
            "dis-core fetch %s",
            DEFAULT_MODEL,
            name,
            DEFAULT_MODEL,
        )
    return name


def refuse_absent(options: SegmentOptions) -> None:
    """Raises Refused for a model that is unknown, not on this machine, or not for what it is named as."""
    known = {spec.name: spec for spec in registry.models().values()}
    prompt_model = None if options.prompt_model == NONE else options.prompt_model
    for name in (options.model, options.depth_model, prompt_model):
        if name is not None and name not in known and not any(name in spec.aliases for spec in known.values()):
            raise Refused(
                422, "unknown_model", f"unknown model {name[:60]!r}{did_you_mean(name, known)}", "see /v1/models"
            )
    try:
        missing = next(iter(_absent(options, prompt_model)), None)
    except DisError as error:
        raise refusal_of(error) from None
    if missing is None:
        return
    hint = "whoever runs the server can fetch it; see /v1/models"
    raise Refused(422, "model_not_installed", f"the model {missing[:60]!r} is not on the server", hint)


def _absent(options: SegmentOptions, prompt_model: str | None) -> Iterator[str]:
    """The models that a request names and that are not here."""
    if options.model is not None and not is_all_here(options.model, depth_model=options.depth_model):
        yield options.model
    if prompt_model is not None and find_installed(registry.find_prompt_model(prompt_model)) is None:
        yield prompt_model


def looks_at_depth(options: SegmentOptions) -> bool:
    """Whether the model has a depth map to show."""
    return options.model is not None and registry.find_matte_model(options.model).depth_model is not None


def list_models(default: str, *, accept_noncommercial: bool) -> list[dict[str, Any]]:
    """What clients may know about the models that find subjects: no path, and nothing about this machine else."""
    specs = [spec for spec in registry.models().values() if spec.task == "matte"]
    return [_described(spec, default, accept_noncommercial) for spec in specs]


def _described(spec: ModelSpec, default: str, accept_noncommercial: bool) -> dict[str, Any]:  # noqa: FBT001 - a value
    is_here = is_all_here(spec.name, depth_model=None) and not missing_packages(spec)
    is_allowed = accept_noncommercial or _is_commercial(spec)
    return {
        "name": spec.name,
        "summary": spec.summary,
        "license": spec.license,
        "commercial_use": spec.commercial_use,
        "prompts": list(spec.prompts),
        "accepts": list(accepted_prompts(spec)),
        "embedded": spec.embedded,
        "installed": is_here,
        "usable": is_here and is_allowed,
        "default": spec.name == default,
    }


def _is_commercial(spec: ModelSpec) -> bool:
    from dis_core.errors import LicenseNotAccepted

    parts = [spec, *registry.companions_of(spec)]
    if spec.depth_model is not None:
        parts.append(registry.find_depth_model(spec.depth_model))
    try:
        refuse_noncommercial(*parts)
    except LicenseNotAccepted:
        return False
    return True
