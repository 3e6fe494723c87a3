"""Which models there are, and what is known about each, for programs that let somebody choose."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Literal

from dis_core.model_spec import ModelSpec, NetworkSpec, PromptKind
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import DEFAULT_PROMPT_MODEL
from dis_core.registry.requirements import missing_packages
from dis_core.weights.store import find_installed


@dataclass(frozen=True)
class ModelInfo:
    """What is known about a model that makes mattes.

    `download_bytes` is the size of its weights on the Hub, or None if they come with a package or are not known.
    `is_here` says whether they are on this machine. `prompts` are the kinds, "box" and "points", of which it needs at
    least one; `accepts` are those that it can be given, alone, on this machine. `network` is what the network that
    `load_network` gives takes and answers.
    """

    name: str
    summary: str
    license: str
    commercial_use: Literal["yes", "no", "conditional"]
    is_here: bool
    download_bytes: int | None
    prompts: tuple[str, ...]
    missing_packages: tuple[str, ...]
    accepts: tuple[str, ...] = ()
    network: NetworkSpec | None = None


def list_models(pattern: str = "*") -> list[str]:
    """The names of the models that make mattes, such as "birefnet-lite"; `pattern` may have `*` and `?`."""
    return [
        spec.name
        for spec in registry.models().values()
        if spec.task == "matte" and fnmatch.fnmatchcase(spec.name, pattern)
    ]


def model_info(name: str) -> ModelInfo:
    """What is known about one model; nothing is downloaded. Raises UnknownModel."""
    spec = registry.find_matte_model(name)
    return ModelInfo(
        name=spec.name,
        summary=spec.summary,
        license=spec.license,
        commercial_use=spec.commercial_use,
        is_here=find_installed(spec) is not None,
        download_bytes=None if spec.weights.is_embedded else spec.weights.size_bytes,
        prompts=spec.prompts,
        missing_packages=missing_packages(spec),
        accepts=accepted_prompts(spec),
        network=spec.network,
    )


def prompt_model_of(spec: ModelSpec) -> str | None:
    """The model that finds for this one what is at a point; None if it does so itself, or makes no mattes."""
    return DEFAULT_PROMPT_MODEL if spec.task == "matte" and not spec.prompts else None


def accepted_prompts(spec: ModelSpec) -> tuple[PromptKind, ...]:
    """The kinds of prompts that a model can be given, alone, on this machine; none for what makes no mattes.

    Every model that takes no prompts can be shown what is around a box, and what the prompt network finds at a point.
    """
    if spec.task != "matte":
        return ()
    network = registry.models().get(DEFAULT_PROMPT_MODEL)
    has_network = network is not None and find_installed(network) is not None
    return spec.prompts or (("box", "points") if has_network else ("box",))
