"""Models of one's own in a notebook or a script, without a package around them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dis_core.errors import BadRequest
from dis_core.model_spec import ModelSpec, WeightsFile
from dis_core.protocols import Placement
from dis_core.registry import manager as registry

if TYPE_CHECKING:
    from dis_core.protocols import CompanionLoader, DepthLoader, MatteLoader

_EXAMPLE: Final = 'use `ModelSpec(name="mine", summary="...", license="...", commercial_use="yes")`'


def register_model(
    spec: ModelSpec,
    *,
    loader: MatteLoader | CompanionLoader | DepthLoader,
    weights: str | os.PathLike[str],
    overwrite: bool = False,
) -> None:
    """Let this process know a model of your own: `Pipeline(model="mine")`, `segment(..., model="mine")`, `list_models`.

    `spec` needs no more than a name, a summary, a license and what it says of commercial use. `loader` is called as
    `loader(weights, placement=..., estimate_depth=...)` when the model is first needed and returns a segmenter, such as
    `dis_core.plugins.SquareSegmenter`; for a spec with the task "depth", as `loader(weights, placement=...)`.
    `weights` is the path of a file, which the loader is given. `overwrite` allows a model that was registered before
    to be replaced, as when a cell of a notebook runs again; a pipeline loads it anew then. Threads may call this at
    any time. Other processes, the daemon among them, know nothing of it: for these, put the model into a package.

    Raises BadRequest if another model has the name, there is no such file, or the loader cannot be called so; and
    UnknownModel if the models that it needs do not exist.
    """
    if not isinstance(spec, ModelSpec):
        raise BadRequest(f"a model is registered by its ModelSpec, not by a {type(spec).__name__}", hint=_EXAMPLE)
    if not spec.name or any(character.isspace() for character in spec.name):
        raise BadRequest(f"{spec.name!r} cannot be a model's name", hint='use a name without spaces, such as "mine"')
    refuse_uncallable(spec, loader)
    for name in spec.needed:
        registry.find_model(name)
    file = checked_weights(weights)
    own = WeightsFile(None, file.name, path=str(file))
    registry.add_model(replace(spec, weights=own, load=loader), overwrite=overwrite)


def checked_weights(weights: str | os.PathLike[str]) -> Path:
    """The whole path of a file of weights, good in whatever folder the program is later. Raises BadRequest."""
    try:
        file = Path(weights).expanduser().absolute()
    except TypeError:
        raise BadRequest(
            f"the weights are given by their path, not by {weights!r}", hint='use `weights="mine.safetensors"`'
        ) from None
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise BadRequest(f"the file of weights {what}: {file}", hint="give the path of the file that the loader reads")
    return file


def refuse_uncallable(spec: ModelSpec, loader: Callable[..., object]) -> None:
    """Raises BadRequest if the loader cannot be called as loaders are."""
    wanted = "loader(weights, placement=...)"
    given: dict[str, object] = {"placement": Placement("cpu")}
    if spec.task == "matte":
        wanted, given["estimate_depth"] = "loader(weights, placement=..., estimate_depth=...)", None
    if spec.companions:
        wanted, given["companions"] = f"{wanted[:-1]}, companions=...)", {}
    problem = BadRequest(f"the loader of {spec.name!r} cannot be called as {wanted}", hint=f"define it so: {wanted}")
    if not callable(loader):
        raise problem
    try:
        inspect.signature(loader).bind(Path(), **given)
    except TypeError as error:
        raise problem from error
    except ValueError:  # something built in, which does not tell its arguments
        return
