"""The plug-in manager, and models by name: the built-in ones come in through the same hook as anybody else's."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Sequence
from importlib import metadata
from typing import Any, TypeVar, cast

import pluggy

from dis_core import hookspecs
from dis_core.errors import BadRequest, PluginProblem, UnknownModel, refuse_unknown
from dis_core.model_spec import ModelSpec, RefinerSpec
from dis_core.protocols import Placement
from dis_core.registry import builtin_models
from dis_core.registry import builtin_refiners as builtin_refiners
from dis_core.registry.other_names import suggestion_for

logger = logging.getLogger(__name__)

_LIST = "to see all models, run: dis-core models"

_TASKS = {
    "matte": "cuts out subjects",
    "depth": "estimates depth",
    "prompt": "finds what is pointed at, for other models,",
    "part": "is part of other models",
}
"""What a model of each task does, in words."""

Named = TypeVar("Named", ModelSpec, RefinerSpec)


@functools.cache
def manager() -> pluggy.PluginManager:
    """The one plug-in manager, with the built-in models and all installed plug-ins.

    A plug-in that cannot be imported is reported once and left out. Raises PluginProblem for an unknown hook.
    """
    plugins = pluggy.PluginManager(hookspecs.NAMESPACE)
    plugins.add_hookspecs(hookspecs)
    plugins.register(builtin_models, name="dis-core")
    plugins.register(builtin_refiners, name="dis-core's refiners")
    for entry_point in metadata.entry_points(group=hookspecs.NAMESPACE):
        name = f"{entry_point.dist.name}:{entry_point.name}" if entry_point.dist else entry_point.name
        try:
            plugins.register(entry_point.load(), name=name)
        except Exception as error:  # a plug-in may fail in any way, and must not take the program with it
            logger.warning("the plug-in %s could not be loaded and is ignored: %s", name, error)
            logger.info("where it failed", exc_info=True)
    try:
        plugins.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginProblem(f"a plug-in implements an unknown hook: {error}", hint="update or remove it") from None
    return plugins


def models() -> dict[str, ModelSpec]:
    """All models by name, in the order shown to users; those registered in this process are the last.

    Raises PluginProblem if two plug-ins offer one name.
    """
    return {**offered_models(), **_own}


@functools.cache
def offered_models() -> dict[str, ModelSpec]:
    """The models of dis-core and of plug-ins. Raises as `models` does."""
    return _by_name(manager().hook.dis_register_models.get_hookimpls(), "model")


@functools.cache
def refiners() -> dict[str, RefinerSpec]:
    """All refiners by name.

    Raises PluginProblem if two plug-ins offer one name.
    """
    return _by_name(manager().hook.dis_register_refiners.get_hookimpls(), "refiner")


_own: dict[str, ModelSpec] = {}
"""What was registered in this process. It is replaced as a whole, so that other threads may read it meanwhile."""

_changes = threading.Lock()


def add_model(spec: ModelSpec, *, overwrite: bool) -> None:
    """Let a model be known in this process; `overwrite` allows it to take the place of one that was added before.

    Raises BadRequest if another model has one of its names.
    """
    global _own
    with _changes:
        others = {**offered_models(), **{name: one for name, one in _own.items() if not overwrite or name != spec.name}}
        taken = {name: one.name for one in others.values() for name in _names_of(one)}
        for name in _names_of(spec):
            if name in taken:
                own = taken[name] in _own
                raise BadRequest(
                    f"there is already a model called {name!r}",
                    hint="use another name" + (", or `overwrite=True`" if own and taken[name] == spec.name else ""),
                )
        _own = {**_own, spec.name: spec}


def _by_name(implementations: Sequence[pluggy.HookImpl], kind: str) -> dict[str, Named]:
    found: dict[str, Named] = {}
    offered_by: dict[str, str] = {}
    for implementation in implementations:
        offered: Any = implementation.function()  # pluggy does not know what its hooks return
        for spec in offered:
            if isinstance(spec, ModelSpec) and not spec.loader:
                raise PluginProblem(
                    f"the model {spec.name!r} of {implementation.plugin_name} names no loader",
                    hint="update or remove that plug-in",
                )
            for name in _names_of(spec):
                if name in offered_by:
                    raise PluginProblem(
                        f"both {offered_by[name]} and {implementation.plugin_name} offer a {kind} called {name!r}",
                        hint="remove one of the two plug-ins",
                    )
                offered_by[name] = implementation.plugin_name
            found[spec.name] = spec
    return found


def _names_of(spec: ModelSpec | RefinerSpec) -> tuple[str, ...]:
    return (spec.name, *spec.aliases) if isinstance(spec, ModelSpec) else (spec.name,)


def find_model(name: str) -> ModelSpec:
    """The model called `name`, or that has it for an alias.

    Raises UnknownModel naming those that exist.
    """
    known = models()
    name = next((spec.name for spec in known.values() if name in spec.aliases), name)
    if name not in known:
        matte_models = [spec.name for spec in known.values() if spec.task == "matte"]
        suggestion = suggestion_for(name, known)
        message = f"unknown model {name!r}" + (f"; {suggestion}" if suggestion else "")
        raise UnknownModel(message, hint=f"choose one of: {', '.join(matte_models)}")
    return known[name]


def find_matte_model(name: str) -> ModelSpec:
    """The model called `name`, which must be one that makes mattes.

    Raises UnknownModel.
    """
    return _find_for("matte", name, otherwise="cannot cut out a subject")


def find_depth_model(name: str) -> ModelSpec:
    """The model called `name`, which must be one that estimates depth.

    Raises UnknownModel.
    """
    return _find_for("depth", name, otherwise="cannot estimate depth")


def find_prompt_model(name: str) -> ModelSpec:
    """The model called `name`, which must be one that finds what is pointed at.

    Raises UnknownModel.
    """
    return _find_for("prompt", name, otherwise="is no prompt model")


def _find_for(task: str, name: str, *, otherwise: str) -> ModelSpec:
    """The model called `name`, which must be one for that task; `otherwise` says what the others lack."""
    spec = find_model(name)
    if spec.task != task:
        raise UnknownModel(f"{name!r} {_TASKS[spec.task]} and {otherwise}", hint=_LIST)
    return spec


def companions_of(spec: ModelSpec) -> tuple[ModelSpec, ...]:
    """The models whose weights a model takes along. Raises UnknownModel if one is not offered by anybody."""
    return tuple(map(find_model, spec.companions))


def find_refiner(name: str) -> RefinerSpec:
    """The refiner called `name`.

    Raises BadRequest naming those that exist.
    """
    known = refiners()
    if name not in known:
        refuse_unknown("refiner", name, ["none", *known, "auto"])
        raise BadRequest(f"{name!r} is not a refiner", hint=f"choose one of: {', '.join(known)}")
    return known[name]


def choose_placement_by_plugin(requested: str) -> Placement | None:
    """What the first plug-in that chooses a device says, or None."""
    return cast("Placement | None", manager().hook.dis_choose_placement(requested=requested))
