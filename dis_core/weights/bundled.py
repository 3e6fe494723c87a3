"""Weights that were installed with a package, dis-core's own or a plug-in's: where they are, and what brought them."""

from __future__ import annotations

import functools
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core import __version__

if TYPE_CHECKING:
    from dis_core.model_spec import ModelSpec


def embedded_path(spec: ModelSpec) -> Path:
    """Where the file of a model lies that was installed with its weights, or registered with the user's own."""
    if spec.weights.path is not None:
        return Path(spec.weights.path)
    package = spec.weights.package
    folder = Path(__file__).parents[1] / "embedded" if package is None else Path(str(resources.files(package)))
    return folder / spec.weights.filename


def comes_with(spec: ModelSpec) -> str:
    """The name of what brings the weights."""
    return spec.weights.package or "dis-core"


def version_of_carrier(spec: ModelSpec) -> str:
    """The version of what brings the weights; "own" for the user's own file."""
    if spec.weights.path is not None:
        return "own"
    return __version__ if spec.weights.package is None else _version_of(spec.weights.package)


@functools.cache
def _version_of(package: str) -> str:
    """The version of the distribution that an importable package was installed with."""
    found = metadata.packages_distributions().get(package.partition(".")[0])
    return metadata.version(found[0]) if found else "not-installed"
